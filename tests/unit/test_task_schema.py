"""The JSON Schema of the task file: it takes what the program takes, and marks the mistakes an editor can see."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import pytest
import yaml

from syncwizard import manual
from syncwizard.client.task_schema import task_schema
from syncwizard.stages.precheck import item_names
from syncwizard.task import file
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


def test_every_key_says_what_it_is_for(schema: dict[str, Any]) -> None:
    parts = schema["$defs"]
    for name in ("TaskSpec", "Endpoint", "SchemaObjects", "TableObject", "Retry"):
        # Groups of keys are described key by key.
        keys = {
            key: each
            for key, each in parts[name]["properties"].items()
            if key not in ("synchronization", "advanced", "precheck")
        }
        assert [key for key, each in keys.items() if not each.get("description")] == [], name
    assert parts["IgnoredItem"]["properties"]["item"]["enum"] == item_names()
