"""Says what is wrong in a task file: the line, the path, and the nearest valid name."""

import re
import types
import typing
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from syncwizard.errors import TaskFileError
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import did_you_mean
from syncwizard.task.validation import Problem

Step = str | int

# The wordings of msgspec's ValidationError; its path (`$.objects[0].schema`) is left out at the root.
_LOCATED = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>\$.*?)`)?$", re.DOTALL)
_UNKNOWN_FIELD = re.compile(r"contains unknown field `(?P<name>.*)`")
_MISSING_FIELD = re.compile(r"missing required field `(?P<name>.*)`")
_BAD_CHOICE = re.compile(r"Invalid enum value (?P<value>.*)", re.DOTALL)
_BAD_TYPE = re.compile(r"Expected `(?P<expected>.*?)`(?:, got `(?P<found>.*)`)?")
_STEP = re.compile(r"\.(?P<name>[A-Za-z_]\w*)|\[(?P<index>\d+)\]")


def explain(error: msgspec.ValidationError, root: yaml.MappingNode, path: Path) -> TaskFileError:
    """The mistake that msgspec found, as a DBA would want to read it."""
    located = _LOCATED.match(str(error))
    what, where = (located["what"], located["path"] or "$") if located else (str(error), "$")
    steps = parse_path(where)
    if found := _UNKNOWN_FIELD.search(what):
        name = found["name"]
        valid = _fields_of(steps)
        return _mistake(f"unknown name `{name}`", root, path, [*steps, name], _suggest(name, valid))
    if found := _MISSING_FIELD.search(what):
        name = found["name"]
        title = f"`{name}` is missing"
        return _mistake(title, root, path, [*steps, name], f"add `{name}:`")
    if found := _BAD_CHOICE.search(what):
        value = found["value"].strip("'")
        return _mistake(f"`{value}` is not a valid value", root, path, steps, _suggest(value, _choices_of(steps)))
    if found := _BAD_TYPE.search(what):
        return _mistake(_wrong_type(found["expected"], found["found"]), root, path, steps, _quote_hint(found))
    return _mistake(what, root, path, steps, "")


def report(problems: Sequence[Problem], root: yaml.MappingNode, path: Path) -> TaskFileError:
    """The first problem, with the others listed after it."""
    first, *others = problems
    error = _mistake(first.message, root, path, parse_path(f"$.{first.path}"), first.remedy)
    error.detail = "; ".join(f"also {other.path}: {other.message}" for other in others)
    return error


def refuse_duplicate_keys(root: yaml.Node, path: Path) -> None:
    """Raises TaskFileError where a mapping has a key twice: YAML would silently keep the last."""
    waiting = [root]
    # An alias leads to a node that was here before, or even to one around it.
    visited: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in visited:
            continue
        visited.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            waiting += reversed(node.value)
        if isinstance(node, yaml.MappingNode):
            _refuse_duplicates_in(node, path)
            waiting += reversed([value for _, value in node.value])


def _refuse_duplicates_in(node: yaml.MappingNode, path: Path) -> None:
    seen: set[str] = set()
    for key, _ in node.value:
        if str(key.value) in seen:
            raise TaskFileError(
                f"`{key.value}` is given twice", where=f"{path}:{key.start_mark.line + 1}", remedy="keep one"
            )
        seen.add(str(key.value))


def parse_path(text: str) -> list[Step]:
    """The steps of a path.

    >>> parse_path("$.objects[1].tables[0].table")
    ['objects', 1, 'tables', 0, 'table']
    """
    return [found["name"] if found["name"] else int(found["index"]) for found in _STEP.finditer(text)]


def format_path(steps: Iterable[Step]) -> str:
    """The path as it is written in text.

    >>> format_path(["objects", 1, "schema"])
    'objects[1].schema'
    """
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).lstrip(".")


def _mistake(title: str, root: yaml.MappingNode, path: Path, steps: Sequence[Step], remedy: str) -> TaskFileError:
    where = f"{path}:{_line_of(root, steps)}"
    if steps:
        where += f": {format_path(steps)}"
    return TaskFileError(title, where=where, remedy=remedy)


def _line_of(root: yaml.Node, steps: Sequence[Step]) -> int:
    """The line (from 1) of the node at the path, or of the nearest node above it that exists."""
    node, line = root, root.start_mark.line
    for step in steps:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line
            continue
        if not isinstance(node, yaml.MappingNode):
            break
        pair = next(((key, value) for key, value in node.value if key.value == step), None)
        if pair is None:
            break
        line, node = pair[0].start_mark.line, pair[1]
    return line + 1


def _type_at(steps: Sequence[Step]) -> Any:
    """The type the specification has at the path; object where the path leads nowhere."""
    current: Any = TaskSpec
    for step in steps:
        members = _members(current)
        if isinstance(step, int):
            current = next(
                (typing.get_args(member)[0] for member in members if typing.get_origin(member) is list), None
            )
        else:
            struct = next((member for member in members if _is_struct(member)), None)
            current = typing.get_type_hints(struct).get(step) if struct else None
        if current is None:
            return object
    return current


def _members(current: Any) -> tuple[Any, ...]:
    is_union = typing.get_origin(current) in (typing.Union, types.UnionType)
    return typing.get_args(current) if is_union else (current,)


def _is_struct(member: Any) -> bool:
    return isinstance(member, type) and issubclass(member, msgspec.Struct)


def _fields_of(steps: Sequence[Step]) -> list[str]:
    struct = next((member for member in _members(_type_at(steps)) if _is_struct(member)), None)
    return [field.encode_name for field in msgspec.structs.fields(struct)] if struct else []


def _choices_of(steps: Sequence[Step]) -> list[str]:
    members = _members(_type_at(steps))
    return [
        str(value) for member in members if typing.get_origin(member) is Literal for value in typing.get_args(member)
    ]


def _suggest(given: str, valid: Sequence[str]) -> str:
    """
    >>> _suggest("tpye", ["type", "host"])
    'did you mean `type`?'
    >>> _suggest("zzz", ["type", "host"])
    'one of: type, host'
    """
    return did_you_mean(given, valid) or (f"one of: {', '.join(valid)}" if valid else "")


_WORDS = {
    "str": "text",
    "int": "a number",
    "array": "a list",
    "object": "a mapping",
    "null": "nothing",
    "bool": "true/false",
    "float": "a decimal number",
    "date": "a date",
    "datetime": "a date and time",
}


def _wrong_type(expected: str, found: str | None) -> str:
    """
    >>> _wrong_type("int | array", "str")
    'must be a number or a list, not text'
    """
    words = [_WORDS.get(name, name) for name in expected.split(" | ") if name != "null"]
    title = f"must be {' or '.join(words)}"
    return title if found is None else f"{title}, not {_WORDS.get(found, found)}"


def _quote_hint(found: re.Match[str]) -> str:
    """YAML reads `on`, `2024` or `2024-01-01` as something else than text."""
    wants_text = "str" in found["expected"].split(" | ")
    return (
        "put the value in quotes"
        if wants_text and found["found"] in {"int", "bool", "float", "date", "datetime"}
        else ""
    )
