"""The JSON Schema of the task file: it takes what the program takes, and marks the mistakes an editor can see."""

import json
import re
import typing
from pathlib import Path
from typing import Any, get_type_hints

import jsonschema
import msgspec
import pytest
import yaml

from syncwizard import manual
from syncwizard.client.task_schema import task_schema
from syncwizard.stages.precheck import item_names
from syncwizard.task import file
from syncwizard.task.specification import TaskSpec
from tests.support.commands import syncwizard

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
EXAMPLES = [
    yaml.safe_load(block)
    for text in (README, *map(manual.read, manual.NAMES))
    for block in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    if "\nversion: 1\n" in f"\n{block}"
]
SHORT = """
version: 1
name: kb
source: {database: kb}
destination: {database: kb}
objects: [{schema: public}]
"""


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return task_schema()


def mistakes(schema: dict[str, Any], data: Any) -> list[str]:
    """Where the data breaks the schema, as paths."""
    found = jsonschema.Draft202012Validator(schema).iter_errors(data)
    return sorted(".".join(map(str, each.absolute_path)) or each.validator for each in found)


def test_the_command_prints_a_schema_without_a_file() -> None:
    printed = json.loads(syncwizard("check", "--schema").stdout)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed == json.loads(msgspec.json.encode(task_schema()))


def test_every_example_of_the_manual_fits(schema: dict[str, Any]) -> None:
    assert len(EXAMPLES) >= 4
    # As JSON has it, where ids are texts.
    assert [mistakes(schema, json.loads(json.dumps(each, default=str))) for each in EXAMPLES] == [[]] * len(EXAMPLES)


def test_what_the_program_writes_fits(schema: dict[str, Any]) -> None:
    written = file.dump(file.parse(SHORT, Path("kb.yaml")))
    assert mistakes(schema, yaml.safe_load(written)) == []


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"version": 2}, "version"),
        ({"destinaton": {}}, "additionalProperties"),
        ({"source": {"database": "kb", "password": "hunter2"}}, "source.password"),
        ({"source": {"database": "kb", "encryption": {"mode": "prefer"}}}, "source.encryption.mode"),
        ({"advanced": {"retry": {"connection_minutes": 5}}}, "advanced.retry.connection_minutes"),
        ({"precheck": {"ignore": ["wal-levle"]}}, "precheck.ignore.0"),
        ({"objects": [{"schema": "public", "tables": [{"name": "a"}]}]}, "objects.0.tables.0"),
    ],
)
def test_a_mistake_is_marked_where_it_is(schema: dict[str, Any], change: dict[str, Any], where: str) -> None:
    data = yaml.safe_load(SHORT)
    assert mistakes(schema, data) == []
    assert mistakes(schema, data | change) == [where]


def test_a_version_must_be_given(schema: dict[str, Any]) -> None:
    data = yaml.safe_load(SHORT)
    del data["version"]
    assert mistakes(schema, data) == ["required"]


def structs_of(kind: Any) -> set[type[msgspec.Struct]]:
    """What a type hint leads to, directly."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {kind}
    return {found for inner in typing.get_args(kind) for found in structs_of(inner)}


def structs_below(kind: type[msgspec.Struct]) -> set[type[msgspec.Struct]]:
    """All that a task file is decoded into."""
    found, wanted = set(), {kind}
    while wanted:
        found |= (new := wanted)
        wanted = {each for one in new for hint in get_type_hints(one).values() for each in structs_of(hint)} - found
    return found


def test_every_key_that_is_read_is_in_the_schema_and_no_other(schema: dict[str, Any]) -> None:
    read = {
        each.__name__: {field.encode_name for field in msgspec.structs.fields(each)} for each in structs_below(TaskSpec)
    }
    assert len(read) > 20
    assert {name: set(part["properties"]) for name, part in schema["$defs"].items() if "properties" in part} == read


def test_every_key_says_what_it_is_for(schema: dict[str, Any]) -> None:
    silent = {
        (name, key)
        for name, part in schema["$defs"].items()
        for key, each in part.get("properties", {}).items()
        if not each.get("description") and "$ref" not in str(each)
    }
    assert silent == set()
    assert schema["$defs"]["IgnoredItem"]["properties"]["item"]["enum"] == item_names()
