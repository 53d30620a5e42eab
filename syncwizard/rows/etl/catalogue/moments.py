"""Dates and times. Sessions of both ends are in UTC (rule 15), and so is what is written without a time zone."""

from syncwizard.rows.etl.catalogue.function import (
    Argument,
    Function,
    Given,
    Refused,
    integer,
    number,
    quoted,
    template,
    text,
)
from syncwizard.rows.etl.types import BOOLEAN, DATE, INTEGER, NUMERIC, TEXT, TIMESTAMP, TIMESTAMPTZ, Type

UNITS = ("second", "minute", "hour", "day", "week", "month", "quarter", "year")
_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_PARTS = (*UNITS, "dow", "doy", "epoch", "millisecond")

# What strftime writes, in the patterns of to_char.
_PATTERNS = {
    "Y": "YYYY",
    "y": "YY",
    "m": "MM",
    "d": "DD",
    "H": "HH24",
    "I": "HH12",
    "M": "MI",
    "S": "SS",
    "f": "US",
    "p": "AM",
    "j": "DDD",
    "b": "Mon",
    "B": "FMMonth",
    "a": "Dy",
    "A": "FMDay",
    "u": "ID",
    "V": "IW",
    "G": "IYYY",
}

_MOMENT = Argument("time", "moment")
_UNIT = text("unit", constant=True)
_FORMAT = text("format", constant=True)


def pattern(format_: str, argument: int) -> str:
    """The pattern of to_char and to_timestamp for a format of strftime. Raises Refused.

    >>> pattern("%Y-%m-%dT%H:%M", 1)
    'YYYY"-"MM"-"DD"T"HH24":"MI'
    """
    found: list[str] = []
    plain = ""
    rest = iter(format_)
    for character in rest:
        letter = next(rest, "") if character == "%" else ""
        if character != "%" or letter == "%":
            plain += character
            continue
        if letter not in _PATTERNS:
            raise Refused(f"%{letter} is no part of a format", argument)
        found += [_plain(plain), _PATTERNS[letter]]
        plain = ""
    return "".join([*found, _plain(plain)])


def _plain(words: str) -> str:
    escaped = words.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"' if words else ""


def _unit(given: Given, argument: int, among: tuple[str, ...] = UNITS) -> str:
    unit = str(given.value)
    if unit not in among:
        raise Refused(f'"{unit}" is no unit: use {", ".join(among)}', argument)
    return unit


def _zoned(given: Given) -> str:
    return given.sql if given.type.family == "timestamptz" else f"{given.sql}::timestamptz"


def _as_given(sql: str, given: Given) -> tuple[str, Type]:
    """A result in the type of the argument; of NULL a timestamp with time zone."""
    if given.type.family == "date":
        return f"({sql})::date", DATE
    return sql, given.type if given.type.family != "null" else TIMESTAMPTZ


def _truncated(given: list[Given]) -> tuple[str, Type]:
    unit = _unit(given[1], 1)
    value = f"{given[0].sql}::timestamp" if given[0].type.family == "date" else given[0].sql
    if given[0].type.family == "null":
        value = _zoned(given[0])
    return _as_given(f"date_trunc({quoted(unit)}, {value})", given[0])


def _added(given: list[Given]) -> tuple[str, Type]:
    unit = _unit(given[2], 2)
    step = "3 months" if unit == "quarter" else f"1 {unit}"
    value = _zoned(given[0]) if given[0].type.family == "null" else given[0].sql
    moved = f"{value} + {given[1].sql}::double precision * '{step}'::interval"
    if given[0].type.family == "date" and unit in ("second", "minute", "hour"):
        return moved, TIMESTAMP
    return _as_given(moved, given[0])


def _difference(given: list[Given]) -> tuple[str, Type]:
    unit = _unit(given[2], 2)
    one, other = _zoned(given[0]), _zoned(given[1])
    if unit in _SECONDS:
        return f"trunc(extract(epoch FROM {one} - {other})::numeric / {_SECONDS[unit]})::bigint", INTEGER
    age = f"age({one}, {other})"
    months = f"(extract(year FROM {age}) * 12 + extract(month FROM {age}))::bigint"
    return f"{months} / {_MONTHS[unit]}", INTEGER


def _part(given: list[Given]) -> tuple[str, Type]:
    unit = _unit(given[1], 1, _PARTS)
    return f"extract({unit} FROM {given[0].sql})::numeric", NUMERIC


def _written(given: list[Given]) -> tuple[str, Type]:
    if len(given) == 1:
        return f"{given[0].sql}::text", TEXT
    return f"to_char({given[0].sql}, {quoted(pattern(str(given[1].value), 1))})", TEXT


def _read(given: list[Given]) -> tuple[str, Type]:
    if len(given) == 1:
        return f"{given[0].sql}::timestamptz", TIMESTAMPTZ
    return f"to_timestamp({given[0].sql}, {quoted(pattern(str(given[1].value), 1))})", TIMESTAMPTZ


def _in_zone(given: list[Given]) -> tuple[str, Type]:
    return f"{_zoned(given[0])} AT TIME ZONE {given[1].sql}", TIMESTAMP


def _epoch(given: list[Given], factor: int) -> tuple[str, Type]:
    return f"floor(extract(epoch FROM {_zoned(given[0])})::numeric * {factor})::bigint", INTEGER


MOMENTS: tuple[Function, ...] = (
    Function(
        "dt_now",
        (),
        template("statement_timestamp()", TIMESTAMPTZ),
        "when the row is copied or applied",
        "op_is_not_null(dt_now())",
        "t",
        stable=True,
    ),
    Function(
        "dt_now_millis",
        (),
        template("floor(extract(epoch FROM statement_timestamp())::numeric * 1000)::bigint", INTEGER),
        "the same, in milliseconds since 1970",
        "op_gt(dt_now_millis(), 0)",
        "t",
        stable=True,
    ),
    Function(
        "dt_today",
        (),
        template("statement_timestamp()::date", DATE),
        "the day of it, in UTC",
        "op_is_not_null(dt_today())",
        "t",
        stable=True,
    ),
    Function(
        "dt_date",
        (_MOMENT,),
        template("{0}::date", DATE),
        "its day",
        'dt_date(ct_timestamp("2026-11-29 10:00"))',
        "2026-11-29",
    ),
    Function(
        "dt_parse",
        (text("text"), text("format", constant=True, optional=True)),
        _read,
        "a timestamp with time zone out of a text, by a format as of strftime",
        'dt_parse("29.11.2026 10:00", "%d.%m.%Y %H:%M")',
        "2026-11-29 10:00:00+00",
        aliases=("dt_strptime",),
    ),
    Function(
        "dt_str",
        (_MOMENT, text("format", constant=True, optional=True)),
        _written,
        "as a text, by a format as of strftime",
        'dt_str(ct_timestamp("2026-11-29 10:05"), "%d/%m/%Y at %H:%M")',
        "29/11/2026 at 10:05",
        aliases=("dt_strftime",),
    ),
    Function(
        "dt_truncate",
        (_MOMENT, _UNIT),
        _truncated,
        f"the beginning of its {', '.join(UNITS)}",
        'dt_truncate(ct_timestamp("2026-11-29 10:05"), "month")',
        "2026-11-01 00:00:00",
    ),
    Function(
        "dt_add",
        (_MOMENT, integer("amount"), _UNIT),
        _added,
        "so many units later",
        'dt_add(ct_date("2026-01-31"), 1, "month")',
        "2026-02-28",
    ),
    Function(
        "dt_diff",
        (_MOMENT, Argument("other", "moment"), _UNIT),
        _difference,
        "whole units from the other to it",
        'dt_diff(ct_date("2026-11-29"), ct_date("2026-11-01"), "week")',
        "4",
    ),
    Function(
        "dt_part",
        (_MOMENT, _UNIT),
        _part,
        "a unit of it as a number; also dow, doy, epoch, millisecond",
        'dt_part(ct_date("2026-11-29"), "doy")',
        "333",
    ),
    Function(
        "dt_astimezone",
        (_MOMENT, text("zone")),
        _in_zone,
        "what clocks of a zone show then",
        'dt_astimezone(ct_timestamptz("2026-07-01 10:00+00"), "Europe/Berlin")',
        "2026-07-01 12:00:00",
    ),
    Function(
        "dt_totimestamp",
        (_MOMENT,),
        lambda given: _epoch(given, 1),
        "seconds since 1970",
        'dt_totimestamp(ct_timestamptz("2026-11-29 00:00+00"))',
        "1795910400",
    ),
    Function(
        "dt_totimestamp_millis",
        (_MOMENT,),
        lambda given: _epoch(given, 1000),
        "milliseconds since 1970",
        'dt_totimestamp_millis(ct_timestamptz("1970-01-01 00:00:01.5+00"))',
        "1500",
    ),
    Function(
        "dt_fromtimestamp",
        (number("seconds"),),
        template("to_timestamp({0}::double precision)", TIMESTAMPTZ),
        "of seconds since 1970",
        "dt_fromtimestamp(0)",
        "1970-01-01 00:00:00+00",
    ),
    Function(
        "dt_fromtimestamp_millis",
        (number("milliseconds"),),
        template("to_timestamp({0}::double precision / 1000)", TIMESTAMPTZ),
        "of milliseconds since 1970",
        "dt_fromtimestamp_millis(1500)",
        "1970-01-01 00:00:01.5+00",
    ),
    Function(
        "dt_parsetimestamp",
        (text("text"),),
        template("floor(extract(epoch FROM {0}::timestamptz)::numeric)::bigint", INTEGER),
        "seconds since 1970 out of a text",
        'dt_parsetimestamp("2026-11-29 00:00+00")',
        "1795910400",
    ),
    Function(
        "dt_parsetimestamp_millis",
        (text("text"),),
        template("floor(extract(epoch FROM {0}::timestamptz)::numeric * 1000)::bigint", INTEGER),
        "milliseconds since 1970 out of a text",
        'dt_parsetimestamp_millis("1970-01-01 00:00:02+00")',
        "2000",
    ),
    Function(
        "dt_isfinite",
        (_MOMENT,),
        template("isfinite({0})", BOOLEAN),
        "is not infinity",
        'dt_isfinite(ct_date("infinity"))',
        "f",
    ),
)
