"""Regular expressions, in the syntax of PostgreSQL."""

from syncwizard.rows.etl.catalogue.function import Function, Given, integer, template, text
from syncwizard.rows.etl.types import BOOLEAN, TEXT, TEXT_ARRAY, Type

_TEXT = text("text")
_PATTERN = text("pattern")


def _selected(given: list[Given]) -> tuple[str, Type]:
    value, wanted = given[0].sql, given[1].sql
    if len(given) == 2:
        # A pattern in parentheses as a whole: its own groups do not matter then.
        return f"(regexp_match({value}, '(' || {wanted} || ')'))[1]", TEXT
    return f"(regexp_match({value}, {wanted}))[{given[2].sql}::integer]", TEXT


PATTERNS: tuple[Function, ...] = (
    Function(
        "regex_match",
        (_TEXT, _PATTERN),
        template("{0} ~ {1}", BOOLEAN),
        "the pattern is found in it",
        r'regex_match("ab12", "^[a-z]+\d+$")',
        "t",
    ),
    Function(
        "regex_select",
        (_TEXT, _PATTERN, integer("group", optional=True)),
        _selected,
        "what the pattern finds first, or a group of it",
        r'regex_select("id=42;id=7", "id=(\d+)", 1)',
        "42",
    ),
    Function(
        "regex_replace",
        (_TEXT, _PATTERN, text("by")),
        template("regexp_replace({0}, {1}, {2}, 'g')", TEXT),
        r"everything that is found replaced; `\1` is a group",
        r'regex_replace("a1b22", "\d+", "#")',
        "a#b#",
    ),
    Function(
        "regex_findall",
        (_TEXT, _PATTERN),
        template("ARRAY(SELECT f.m[1] FROM regexp_matches({0}, '(' || {1} || ')', 'g') AS f (m))", TEXT_ARRAY),
        "all that is found, as an array",
        r'regex_findall("a1b22", "\d+")',
        "{1,22}",
    ),
    Function(
        "regex_split",
        (_TEXT, _PATTERN),
        template("regexp_split_to_array({0}, {1})", TEXT_ARRAY),
        "the parts between what is found, as an array",
        r'regex_split("a, b;c", "[,;]\s*")',
        "{a,b,c}",
    ),
)
