"""JSON."""

import re

from syncwizard.rows.etl.catalogue.function import Argument, Function, Given, Refused, quoted, template, text
from syncwizard.rows.etl.types import BOOLEAN, JSON, TEXT, Type

_JSON = Argument("json", "json")
_PATH = text("path", constant=True)
_STEP = re.compile(r"([^.\[\]]+)|\[(-?\d+)\]")


def path_of(given: Given, argument: int = 1) -> str:
    """A path such as `a.b[0]` as PostgreSQL takes it. Raises Refused.

    >>> path_of(Given("", TEXT, True, "a.b[0].c"))
    "ARRAY['a', 'b', '0', 'c']::text[]"
    """
    path = str(given.value)
    steps = _STEP.findall(path)
    # Everything is a step, a dot or a bracket.
    rest = _STEP.sub("", path)
    if not steps or rest.strip("."):
        raise Refused(f'"{path}" is no path: write keys and positions as in a.b[0].c', argument)
    return f"ARRAY[{', '.join(quoted(key or position) for key, position in steps)}]::text[]"


def _set(given: list[Given]) -> tuple[str, Type]:
    value = f"coalesce(to_jsonb({given[2].sql}), 'null'::jsonb)"
    return f"jsonb_set({given[0].sql}, {path_of(given[1])}, {value})", JSON


DOCUMENTS: tuple[Function, ...] = (
    Function(
        "json_select",
        (_JSON, _PATH),
        lambda given: (f"{given[0].sql} #>> {path_of(given[1])}", TEXT),
        "the value at a path, as a text",
        'json_select(json_parse("{\\"a\\": [1, \\"x\\"]}"), "a[1]")',
        "x",
    ),
    Function(
        "json_get",
        (_JSON, _PATH),
        lambda given: (f"{given[0].sql} #> {path_of(given[1])}", JSON),
        "the value at a path, as JSON",
        'json_get(json_parse("{\\"a\\": [1, \\"x\\"]}"), "a")',
        '[1, "x"]',
    ),
    Function(
        "json_has",
        (_JSON, _PATH),
        lambda given: (f"({given[0].sql} #> {path_of(given[1])}) IS NOT NULL", BOOLEAN),
        "there is something at the path",
        'json_has(json_parse("{\\"a\\": null}"), "a")',
        "t",
    ),
    Function(
        "json_set",
        (_JSON, _PATH, Argument("value")),
        _set,
        "with a value put at the path",
        'json_set(json_parse("{\\"a\\": 1}"), "b", "x")',
        '{"a": 1, "b": "x"}',
    ),
    Function(
        "json_remove",
        (_JSON, _PATH),
        lambda given: (f"{given[0].sql} #- {path_of(given[1])}", JSON),
        "without what is at the path",
        'json_remove(json_parse("{\\"a\\": 1, \\"b\\": 2}"), "b")',
        '{"a": 1}',
    ),
    Function(
        "json_parse",
        (text("text"),),
        template("{0}::jsonb", JSON),
        "a text as JSON",
        'json_parse("[1,2]")',
        "[1, 2]",
    ),
    Function(
        "json_type",
        (_JSON,),
        template("jsonb_typeof({0})", TEXT),
        "object, array, string, number, boolean or null",
        'json_type(json_parse("[]"))',
        "array",
    ),
)
