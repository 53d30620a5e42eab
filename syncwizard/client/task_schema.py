"""The JSON Schema of the task file, for editors: types from the specification, words from the manual, ranges from the
declared settings, and the names of the precheck's items."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from syncwizard import manual
from syncwizard.client.precheck_items import known_items
from syncwizard.task.specification import SETTINGS, TaskSpec

DIALECT = "https://json-schema.org/draft/2020-12/schema"
ROOT = "TaskSpec"
# Which part of the specification a table of the manual's topic `task-file` describes, by the line before it.
TABLES = {
    "## Keys": ROOT,
    "### Keys of an end": "Endpoint",
    "### Keys of an object list": "SchemaObjects",
    "Keys of a table:": "TableObject",
}
# Where a secret is kept: one that stands in the file itself is marked while it is typed.
SECRET = {"Endpoint": "password", "Encryption": "key_password"}
SECRET_PATTERN = "^(pgpass|keyring|prompt|env:.+)$"


def task_schema() -> dict[str, Any]:
    """The schema, as plain data."""
    schema = msgspec.json.schema(TaskSpec)
    parts: dict[str, Any] = schema["$defs"]
    for part in parts.values():
        # Those are for readers of the code.
        part.pop("description", None)
    # It has a default in the code alone: the file must begin with it.
    parts[ROOT]["required"].insert(0, "version")
    for path, words in _words():
        _property(parts, path)["description"] = words
    for declared in SETTINGS:
        found = _property(parts, (ROOT, *declared.path.split(".")))
        found["description"] = declared.setting.help
        if declared.number:
            found |= {"minimum": declared.setting.low, "maximum": declared.setting.high}
    for name, key in SECRET.items():
        for kind in _kinds(parts[name]["properties"][key]):
            if kind.get("type") == "string":
                kind["pattern"] = SECRET_PATTERN
    _name_items(parts)
    return {"$schema": DIALECT, "title": "Task file of syncwizard", **schema}


def _words() -> list[tuple[tuple[str, ...], str]]:
    """Each key that a table of the manual has, as a path from the part it belongs to, with what the table says."""
    text = manual.read("task-file")
    found = []
    for before, part in TABLES.items():
        table = text.split(f"\n{before}\n\n")[1].split("\n\n")[0]
        for line in table.splitlines()[2:]:
            names, values, *default = (cell.strip() for cell in line.strip("|").split(" | "))
            words = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", values).replace("`", "")
            if default:
                words += f" (default: {default[0].replace('`', '')})"
            found += [((part, *name.split(".")), words) for name in re.findall(r"`([^`]+)`", names)]
    return found


def _property(parts: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The schema of a key, by its path from a part."""
    *above, last = path
    found: dict[str, Any] = _below(parts, tuple(above))["properties"][last]
    return found


def _below(parts: Mapping[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    """The part that a path from another one leads to, through lists."""
    part: dict[str, Any] = parts[path[0]]
    for name in path[1:]:
        kinds = [kind.get("items", kind) for kind in _kinds(part["properties"][name])]
        reference = next(kind["$ref"] for kind in kinds if "$ref" in kind)
        part = parts[reference.rpartition("/")[2]]
    return part


def _kinds(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """What a value may be, one by one."""
    kinds: list[dict[str, Any]] = schema.get("anyOf", [schema])
    return kinds


def _name_items(parts: Mapping[str, Any]) -> None:
    names = known_items()
    parts["IgnoredItem"]["properties"]["item"]["enum"] = names
    for kind in _kinds(parts["PrecheckSettings"]["properties"]["ignore"]["items"]):
        if kind.get("type") == "string":
            kind["enum"] = names
