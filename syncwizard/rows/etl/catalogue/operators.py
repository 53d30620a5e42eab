"""Comparison, logic, NULL, arithmetic and casts."""

from syncwizard.rows.etl.catalogue.function import (
    Argument,
    Build,
    Function,
    Given,
    Refused,
    integer,
    number,
    template,
    text,
)
from syncwizard.rows.etl.types import (
    BOOLEAN,
    BYTES,
    DATE,
    FLOAT,
    INTEGER,
    JSON,
    NUMERIC,
    TEXT,
    TIMESTAMP,
    TIMESTAMPTZ,
    UUID,
    Type,
    common,
)

_VALUE = Argument("value")
_OTHER = Argument("other", same=True)
_CONDITION = Argument("condition", "boolean")
_NUMBERS = (number("number"), number("number"))


def _compared(given: list[Given], *, at: int = 1) -> tuple[str, str]:
    """Two values as they are compared. Texts by their bytes: the orders of both ends' collations may differ."""
    one, other = given[0], given[at]
    if "text" in (one.type.family, other.type.family):
        return f'{one.sql}::text COLLATE "C"', f'{other.sql}::text COLLATE "C"'
    if "json" in (one.type.family, other.type.family):
        return f"{one.sql}::jsonb", f"{other.sql}::jsonb"
    return one.sql, other.sql


def _comparison(operator: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        return f" {operator} ".join(_compared(given)), BOOLEAN

    return build


def _in(join: str, operator: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        pairs = (_compared(given, at=at) for at in range(1, len(given)))
        return f" {join} ".join(f"({one} {operator} {other})" for one, other in pairs), BOOLEAN

    return build


def _between(given: list[Given]) -> tuple[str, Type]:
    value, low = _compared(given)
    _, high = _compared(given, at=2)
    return f"{value} >= {low} AND {value} <= {high}", BOOLEAN


def _joined(operator: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        return f" {operator} ".join(each.sql for each in given), BOOLEAN

    return build


def _as(given: list[Given], first: int = 0, *, number: bool = False) -> tuple[list[str], Type]:
    """The values from `first` on, in the type that holds them all; NULLs alone are texts or numbers."""
    found = given[first].type
    for at in range(first + 1, len(given)):
        both = common(found, given[at].type)
        if both is None:
            raise Refused(f"{given[at].type.name} and {found.name} have no type in common", at)
        found = both
    if found.family == "null":
        found = NUMERIC if number else TEXT
    return [f"{each.sql}::{found.name}" for each in given[first:]], found


def _if(given: list[Given]) -> tuple[str, Type]:
    (yes, no), result = _as(given, 1)
    return f"CASE WHEN {given[0].sql} THEN {yes} ELSE {no} END", result


def _of_all(function: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        values, result = _as(given)
        return f"{function}({', '.join(values)})", result

    return build


def _extreme(function: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        values, result = _as(given)
        order = ' COLLATE "C"' if result.family == "text" else ""
        return f"{function}({', '.join(value + order for value in values)})", result

    return build


def _arithmetic(operator: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        values, result = _as(given, number=True)
        return f" {operator} ".join(values), result

    return build


def _divided(given: list[Given]) -> tuple[str, Type]:
    result = FLOAT if any(each.type.family == "float" for each in given) else NUMERIC
    return " / ".join(f"{each.sql}::{result.name}" for each in given), result


def _divided_down(given: list[Given]) -> tuple[str, Type]:
    (one, other), result = _as(given, number=True)
    if result.family == "float":
        return f"floor({one} / {other})", result
    quotient = f"div({one}, {other})" if result.family == "decimal" else f"{one} / {other}"
    return f"{quotient} - CASE WHEN {one} % {other} <> 0 AND ({one} < 0) <> ({other} < 0) THEN 1 ELSE 0 END", result


def _modulo(given: list[Given]) -> tuple[str, Type]:
    if any(each.type.family == "float" for each in given):
        return f"mod({given[0].sql}::numeric, {given[1].sql}::numeric)", NUMERIC
    (one, other), result = _as(given, number=True)
    return f"mod({one}, {other})", result


def _power(given: list[Given]) -> tuple[str, Type]:
    result = FLOAT if any(each.type.family == "float" for each in given) else NUMERIC
    return f"power({given[0].sql}::{result.name}, {given[1].sql}::{result.name})", result


def _round(given: list[Given]) -> tuple[str, Type]:
    digits = f"{given[1].sql}::integer" if len(given) > 1 else "0"
    return f"round({given[0].sql}::numeric, {digits})", NUMERIC


def _same(function: str) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        return function.format(given[0].sql), given[0].type

    return build


def _length(given: list[Given]) -> tuple[str, Type]:
    family = given[0].type.family
    if family == "array":
        return f"cardinality({given[0].sql})::bigint", INTEGER
    if family == "json":
        return f"jsonb_array_length({given[0].sql}::jsonb)::bigint", INTEGER
    if family in ("text", "null"):
        return f"char_length({given[0].sql}::text)::bigint", INTEGER
    raise Refused(f"{given[0].type.name} has no length: a text, an array or a JSON array has", 0)


def _to_integer(given: list[Given]) -> tuple[str, Type]:
    # By way of numeric, which rounds half away from zero, as an assignment of PostgreSQL does.
    value = given[0]
    if value.type.family == "boolean":
        return f"{value.sql}::integer::bigint", INTEGER
    if value.type.family in ("integer", "decimal"):
        return f"{value.sql}::bigint", INTEGER
    return f"{value.sql}::text::numeric::bigint", INTEGER


def _to_boolean(given: list[Given]) -> tuple[str, Type]:
    value = given[0]
    if value.type.family in ("integer", "decimal", "float"):
        return f"{value.sql} <> 0", BOOLEAN
    return f"{value.sql}::text::boolean", BOOLEAN


def _through_text(result: Type) -> Build:
    def build(given: list[Given]) -> tuple[str, Type]:
        if given[0].type.family in ("date", "timestamp", "timestamptz"):
            return f"{given[0].sql}::{result.name}", result
        return f"{given[0].sql}::text::{result.name}", result

    return build


_MANY = Argument("value", many=True, same=True)
_THEN = (Argument("then", same=True), Argument("else", same=True))

CONDITIONS: tuple[Function, ...] = (
    Function("op_eq", (_VALUE, _OTHER), _comparison("="), "equal", "op_eq(1, 1.0)", "t"),
    Function("op_ne", (_VALUE, _OTHER), _comparison("<>"), "not equal", 'op_ne("a", "A")', "t"),
    Function("op_gt", (_VALUE, _OTHER), _comparison(">"), "greater", "op_gt(2, 1.5)", "t"),
    Function("op_ge", (_VALUE, _OTHER), _comparison(">="), "greater or equal", "op_ge(2, 2)", "t"),
    Function("op_lt", (_VALUE, _OTHER), _comparison("<"), "less; texts by their bytes", 'op_lt("B", "a")', "t"),
    Function("op_le", (_VALUE, _OTHER), _comparison("<="), "less or equal", "op_le(2, 1)", "f"),
    Function("op_in", (_VALUE, _MANY), _in("OR", "="), "equal to one of the others", "op_in(3, 1, 2, 3)", "t"),
    Function("op_not_in", (_VALUE, _MANY), _in("AND", "<>"), "equal to none of the others", "op_not_in(3, 1, 3)", "f"),
    Function(
        "op_between",
        (_VALUE, Argument("low", same=True), Argument("high", same=True)),
        _between,
        "from low to high, both included",
        "op_between(2, 1, 2)",
        "t",
    ),
    Function(
        "op_and",
        (Argument("condition", "boolean", many=True),),
        _joined("AND"),
        "all hold",
        "op_and(true, op_gt(1, 2))",
        "f",
    ),
    Function(
        "op_or", (Argument("condition", "boolean", many=True),), _joined("OR"), "one holds", "op_or(false, true)", "t"
    ),
    Function("op_not", (_CONDITION,), template("NOT {0}", BOOLEAN), "does not hold", "op_not(false)", "t"),
    Function("op_is_null", (_VALUE,), template("{0} IS NULL", BOOLEAN), "is NULL", "op_is_null(null)", "t"),
    Function(
        "op_is_not_null", (_VALUE,), template("{0} IS NOT NULL", BOOLEAN), "is not NULL", "op_is_not_null(1)", "t"
    ),
    Function("op_if", (_CONDITION, *_THEN), _if, "one of two values", 'op_if(op_gt(60, 59), "A", "B")', "A"),
    Function(
        "op_coalesce", (_MANY,), _of_all("coalesce"), "the first that is not NULL", "op_coalesce(null, 2, 3)", "2"
    ),
    Function("op_ifnull", (_VALUE, _OTHER), _of_all("coalesce"), "the other where NULL", 'op_ifnull(null, "-")', "-"),
    Function("op_nullif", (_VALUE, _OTHER), _of_all("nullif"), "NULL where equal", 'op_nullif("", "")', None),
)

ARITHMETIC: tuple[Function, ...] = (
    Function("op_add", _NUMBERS, _arithmetic("+"), "the sum", "op_add(1, 2.5)", "3.5"),
    Function("op_sub", _NUMBERS, _arithmetic("-"), "the difference", "op_sub(1, 3)", "-2"),
    Function("op_mul", _NUMBERS, _arithmetic("*"), "the product", "op_mul(3, 4)", "12"),
    Function("op_div_true", _NUMBERS, _divided, "the quotient", "op_div_true(1, 4)", "0.25000000000000000000"),
    Function("op_div_floor", _NUMBERS, _divided_down, "the quotient, rounded down", "op_div_floor(-7, 2)", "-4"),
    Function("op_mod", _NUMBERS, _modulo, "the remainder, with the sign of the first", "op_mod(-7, 2)", "-1"),
    Function("op_pow", _NUMBERS, _power, "the power", "op_pow(1.5, 2)", "2.2500000000000000"),
    Function("op_neg", (number("number"),), _same("- {0}"), "the negative", "op_neg(5)", "-5"),
    Function("op_abs", (number("number"),), _same("abs({0})"), "without its sign", "op_abs(-5)", "5"),
    Function(
        "op_ceil", (number("number"),), template("ceil({0}::numeric)", NUMERIC), "rounded up", "op_ceil(1.2)", "2"
    ),
    Function(
        "op_floor",
        (number("number"),),
        template("floor({0}::numeric)", NUMERIC),
        "rounded down",
        "op_floor(-1.2)",
        "-2",
    ),
    Function(
        "op_round",
        (number("number"), integer("digits", optional=True)),
        _round,
        "rounded, half away from zero",
        "op_round(2.345, 2)",
        "2.35",
    ),
    Function("op_max", (_MANY,), _extreme("GREATEST"), "the greatest, NULLs left out", "op_max(1, 3, 2)", "3"),
    Function("op_min", (_MANY,), _extreme("LEAST"), "the least, NULLs left out", "op_min(1, 3, 2)", "1"),
    Function("op_sum", (number("number", many=True),), _arithmetic("+"), "the sum of all", "op_sum(1, 2, 3)", "6"),
    Function("op_len", (_VALUE,), _length, "characters of a text, elements of an array", 'op_len("naïve")', "5"),
    Function(
        "op_slice",
        (text("text"), integer("start"), integer("end")),
        template("substr({0}, greatest({1}, 0)::integer + 1, greatest({2} - greatest({1}, 0), 0)::integer)", TEXT),
        "from start up to, not including, end, both from 0",
        'op_slice("abcdef", 1, 3)',
        "bc",
    ),
    Function(
        "op_index",
        (text("text"), integer("position")),
        template("nullif(substr({0}, greatest({1}, 0)::integer + 1, 1), '')", TEXT),
        "the character at a position, from 0",
        'op_index("abc", 2)',
        "c",
    ),
)

CASTS: tuple[Function, ...] = (
    Function(
        "ct_int",
        (_VALUE,),
        _to_integer,
        "an integer, rounded",
        'ct_int("99.99")',
        "100",
        aliases=("cast_string_to_long",),
    ),
    Function("ct_float", (_VALUE,), _through_text(FLOAT), "a double precision number", 'ct_float("1.5e3")', "1500"),
    Function("ct_numeric", (_VALUE,), _through_text(NUMERIC), "an exact number", 'ct_numeric("1.50")', "1.50"),
    Function(
        "ct_str",
        (_VALUE,),
        template("{0}::text", TEXT),
        "a text",
        "ct_str(1.50)",
        "1.50",
        aliases=("cast_long_to_string",),
    ),
    Function("ct_bool", (_VALUE,), _to_boolean, "a boolean; numbers: not 0", 'ct_bool("yes")', "t"),
    Function("ct_date", (_VALUE,), _through_text(DATE), "a date", 'ct_date("2026-11-29")', "2026-11-29"),
    Function(
        "ct_timestamp",
        (_VALUE,),
        _through_text(TIMESTAMP),
        "a timestamp without time zone",
        'ct_timestamp("2026-11-29 10:00")',
        "2026-11-29 10:00:00",
    ),
    Function(
        "ct_timestamptz",
        (_VALUE,),
        _through_text(TIMESTAMPTZ),
        "a timestamp with time zone; UTC where none is given",
        'ct_timestamptz("2026-11-29 10:00+02")',
        "2026-11-29 08:00:00+00",
    ),
    Function(
        "ct_uuid",
        (_VALUE,),
        _through_text(UUID),
        "a UUID",
        'ct_uuid("A0EEBC999C0B4EF8BB6D6BB9BD380A11")',
        "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
    ),
    Function("ct_json", (_VALUE,), template("to_jsonb({0})", JSON), "the value as JSON", 'ct_json("a")', '"a"'),
    Function(
        "ct_bytes",
        (text("text"),),
        template("convert_to({0}, 'UTF8')", BYTES),
        "bytes in UTF-8",
        'ct_bytes("a")',
        "\\x61",
    ),
)
