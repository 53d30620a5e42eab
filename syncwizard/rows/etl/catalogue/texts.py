"""Texts, hashes and encodings."""

import hashlib

from syncwizard.rows.etl.catalogue.function import (
    Argument,
    Function,
    Given,
    Refused,
    integer,
    quoted,
    template,
    text,
)
from syncwizard.rows.etl.types import BOOLEAN, INTEGER, SALT, TEXT, TEXT_ARRAY, Type

_TEXT = text("text")
_BLANK = "E' \\t\\n\\r\\f'"


def _stripped(function: str) -> Function:
    name, about, gives = {
        "btrim": ("str_strip", "at both ends", "a"),
        "ltrim": ("str_lstrip", "at the beginning", "a--"),
        "rtrim": ("str_rstrip", "at the end", "--a"),
    }[function]

    def build(given: list[Given]) -> tuple[str, Type]:
        return f"{function}({given[0].sql}, {given[1].sql if len(given) > 1 else _BLANK})", TEXT

    return Function(
        name,
        (_TEXT, text("characters", optional=True)),
        build,
        f"without these characters {about}; without blanks where none are given",
        f'{name}("--a--", "-")',
        gives,
    )


def _formatted(given: list[Given]) -> tuple[str, Type]:
    parts = str(given[0].value).split("{}")
    if len(parts) != len(given):
        raise Refused(f"the format has {len(parts) - 1} places {{}} for {len(given) - 1} values", 0)
    pieces = [f"{quoted(parts[0])}::text"]
    for value, after in zip(given[1:], parts[1:], strict=True):
        pieces += [f"coalesce({value.sql}::text, '')", f"{quoted(after)}::text"]
    return " || ".join(pieces), TEXT


def _joined(given: list[Given]) -> tuple[str, Type]:
    return f"concat_ws({', '.join(f'{each.sql}::text' for each in given)})", TEXT


def _concatenated(given: list[Given]) -> tuple[str, Type]:
    return " || ".join(f"coalesce({each.sql}::text, '')" for each in given), TEXT


def _split(given: list[Given]) -> tuple[str, Type]:
    if len(given) == 2:
        return f"string_to_array({given[0].sql}, {given[1].sql})", TEXT_ARRAY
    return f"split_part({given[0].sql}, {given[1].sql}, {given[2].sql}::integer + 1)", TEXT


def _substring(given: list[Given]) -> tuple[str, Type]:
    start = f"greatest({given[1].sql}, 0)::integer + 1"
    if len(given) == 2:
        return f"substr({given[0].sql}, {start})", TEXT
    return f"substr({given[0].sql}, {start}, greatest({given[2].sql}, 0)::integer)", TEXT


def _after(value: str, marker: str) -> str:
    return (
        f"CASE WHEN strpos({value}, {marker}) = 0 THEN ''"
        f" ELSE substr({value}, strpos({value}, {marker}) + char_length({marker})) END"
    )


def _before(value: str, marker: str) -> str:
    return f"left({value}, greatest(strpos({value}, {marker}) - 1, 0))"


def _between(given: list[Given]) -> tuple[str, Type]:
    value, begin, end = (each.sql for each in given)
    rest = f"(SELECT {_before('r.rest', end)} FROM (SELECT {_after(value, begin)} AS rest OFFSET 0) AS r)"
    return rest, TEXT


def _masked(given: list[Given]) -> tuple[str, Type]:
    """`start` and `end` from 0, both included."""
    value, start, end, mask = (each.sql for each in given)
    first = f"greatest({start}, 0)::integer"
    last = f"greatest({end}, greatest({start}, 0) - 1)::integer"
    covered = f"greatest(least({last}, char_length({value}) - 1) - {first} + 1, 0)"
    return f"left({value}, {first}) || repeat({mask}, {covered}) || substr({value}, {last} + 2)", TEXT


def _tail(given: list[Given]) -> tuple[str, Type]:
    value, length, mask = (each.sql for each in given)
    kept = f"greatest(char_length({value}) - greatest({length}, 0), 0)::integer"
    return f"left({value}, {kept}) || repeat({mask}, char_length({value}) - {kept})", TEXT


def _salted(hashed: str) -> "Function":
    name = hashed

    def build(given: list[Given]) -> tuple[str, Type]:
        value = f"{given[0].sql}::text"
        if len(given) > 1:
            value = f"{given[1].sql} || {value}"
        if hashed == "md5":
            return f"md5({value})", TEXT
        return f"encode(sha256(convert_to({value}, 'UTF8')), 'hex')", TEXT

    aliases = {"md5": ("md5_encoding",), "sha256": ("sha256_encoding",)}[hashed]
    return Function(
        name,
        (Argument("value"), Argument("salt", "salt", optional=True)),
        build,
        'the hash of its text in hexadecimal digits, `secret("env:NAME")` put before it as a salt',
        f'{name}("a")',
        hashlib.new(hashed, b"a").hexdigest(),
        aliases=aliases,
    )


def setting_of(form: str) -> str:
    """The session setting that holds a secret: its value is never part of a statement.

    >>> setting_of("env:SALT")
    'syncwizard.secret_287e094b7bcf'
    """
    return "syncwizard.secret_" + hashlib.sha256(form.encode()).hexdigest()[:12]


def _secret(given: list[Given]) -> tuple[str, Type]:
    form = str(given[0].value)
    if not (form.startswith("env:") and form.removeprefix("env:").isidentifier()):
        raise Refused("a secret is kept in an environment variable: env:NAME", 0)
    return f"current_setting({quoted(setting_of(form))})", SALT


_POSITION = (_TEXT, text("part"))


TEXTS: tuple[Function, ...] = (
    Function("str_lower", (_TEXT,), template("lower({0})", TEXT), "in small letters", 'str_lower("Ab")', "ab"),
    Function("str_upper", (_TEXT,), template("upper({0})", TEXT), "in capitals", 'str_upper("Ab")', "AB"),
    Function("str_title", (_TEXT,), template("initcap({0})", TEXT), "capitals first", 'str_title("a bc")', "A Bc"),
    Function("str_reverse", (_TEXT,), template("reverse({0})", TEXT), "backwards", 'str_reverse("abc")', "cba"),
    Function(
        "str_concat",
        (Argument("value", many=True),),
        _concatenated,
        "one behind the other; NULL is empty",
        'str_concat("a", null, 1)',
        "a1",
    ),
    Function(
        "str_join",
        (text("separator"), Argument("value", many=True)),
        _joined,
        "with a separator between; NULLs are left out",
        'str_join("-", "a", null, 1)',
        "a-1",
    ),
    Function(
        "str_format",
        (text("format", constant=True), Argument("value", many=True)),
        _formatted,
        "each {} of the format is a value",
        'str_format("{}: {}", "a", 1)',
        "a: 1",
    ),
    Function(
        "str_replace",
        (_TEXT, text("part"), text("by")),
        template("replace({0}, {1}, {2})", TEXT),
        "every occurrence replaced",
        'str_replace("a-b-c", "-", "+")',
        "a+b+c",
    ),
    Function(
        "str_translate",
        (_TEXT, text("from"), text("to")),
        template("translate({0}, {1}, {2})", TEXT),
        "character by character",
        'str_translate("12.345,6", ".,", ",.")',
        "12,345.6",
    ),
    _stripped("btrim"),
    _stripped("ltrim"),
    _stripped("rtrim"),
    Function(
        "str_lpad",
        (_TEXT, integer("length"), text("fill")),
        template("lpad({0}, greatest({1}, char_length({0}))::integer, {2})", TEXT),
        "filled at the left up to a length, never cut",
        'str_lpad("7", 3, "0")',
        "007",
    ),
    Function(
        "str_rpad",
        (_TEXT, integer("length"), text("fill")),
        template("rpad({0}, greatest({1}, char_length({0}))::integer, {2})", TEXT),
        "filled at the right up to a length, never cut",
        'str_rpad("long", 3, ".")',
        "long",
    ),
    Function(
        "str_zfill",
        (_TEXT, integer("length")),
        template("lpad({0}, greatest({1}, char_length({0}))::integer, '0')", TEXT),
        "zeros before it up to a length",
        'str_zfill("42", 5)',
        "00042",
    ),
    Function(
        "str_contains",
        _POSITION,
        template("strpos({0}, {1}) > 0", BOOLEAN),
        "the part is in it",
        'str_contains("abc", "b")',
        "t",
    ),
    Function(
        "str_startswith",
        _POSITION,
        template('left({0}, char_length({1})) = {1} COLLATE "C"', BOOLEAN),
        "the part is its beginning",
        'str_startswith("abc", "ab")',
        "t",
    ),
    Function(
        "str_endswith",
        _POSITION,
        template('right({0}, char_length({1})) = {1} COLLATE "C"', BOOLEAN),
        "the part is its end",
        'str_endswith("abc", "ab")',
        "f",
    ),
    Function(
        "str_count",
        _POSITION,
        template(
            "(char_length({0}) - char_length(replace({0}, {1}, '')))::bigint / nullif(char_length({1}), 0)", INTEGER
        ),
        "how often the part is in it",
        'str_count("banana", "an")',
        "2",
    ),
    Function(
        "str_find",
        _POSITION,
        template("strpos({0}, {1})::bigint - 1", INTEGER),
        "where the part is first, from 0; -1: nowhere",
        'str_find("banana", "an")',
        "1",
    ),
    Function(
        "str_rfind",
        _POSITION,
        template(
            "CASE WHEN strpos({0}, {1}) = 0 THEN -1 ELSE char_length({0}) - char_length({1}) + 1"
            " - strpos(reverse({0}), reverse({1})) END::bigint",
            INTEGER,
        ),
        "where the part is last, from 0; -1: nowhere",
        'str_rfind("banana", "an")',
        "3",
    ),
    Function("str_isdigit", (_TEXT,), template("{0} ~ '^[0-9]+$'", BOOLEAN), "only digits", 'str_isdigit("12a")', "f"),
    Function(
        "str_isalpha", (_TEXT,), template("{0} ~ '^[[:alpha:]]+$'", BOOLEAN), "only letters", 'str_isalpha("ab")', "t"
    ),
    Function(
        "str_split",
        (_TEXT, text("separator"), integer("position", optional=True)),
        _split,
        "the part at a position, from 0, or all of them as an array",
        'str_split("a,b,c", ",", 1)',
        "b",
    ),
    Function(
        "str_substring",
        (_TEXT, integer("start"), integer("length", optional=True)),
        _substring,
        "from a position on, from 0",
        'str_substring("abcdef", 2, 3)',
        "cde",
    ),
    Function(
        "str_substring_after",
        (_TEXT, text("marker")),
        template(_after("{0}", "{1}"), TEXT),
        "what follows the first marker; empty where there is none",
        'str_substring_after("a=b=c", "=")',
        "b=c",
        aliases=("substring_after",),
    ),
    Function(
        "str_substring_before",
        (_TEXT, text("marker")),
        template(_before("{0}", "{1}"), TEXT),
        "what is before the first marker; empty where there is none",
        'str_substring_before("a=b=c", "=")',
        "a",
        aliases=("substring_before",),
    ),
    Function(
        "str_substring_between",
        (_TEXT, text("begin"), text("end")),
        _between,
        "what is between two markers",
        'str_substring_between("a[b]c", "[", "]")',
        "b",
        aliases=("substring_between",),
    ),
    Function(
        "str_mask",
        (_TEXT, integer("start"), integer("end"), text("mask")),
        _masked,
        "characters from start to end, from 0 and both included, covered",
        'str_mask("18712341111", 3, 6, "*")',
        "187****1111",
    ),
    Function(
        "str_mask_tail",
        (_TEXT, integer("length"), text("mask")),
        _tail,
        "the last characters covered",
        'str_mask_tail("4111222233334444", 4, "x")',
        "411122223333xxxx",
        aliases=("tail_replace_string_field",),
    ),
)

ENCODINGS: tuple[Function, ...] = (
    _salted("md5"),
    _salted("sha256"),
    Function(
        "secret",
        (text("form", constant=True),),
        _secret,
        "a secret of the environment, as a salt for `md5` and `sha256` alone",
        "",
        None,
    ),
    Function(
        "base64_encoding",
        (_TEXT,),
        template("replace(encode(convert_to({0}, 'UTF8'), 'base64'), E'\\n', '')", TEXT),
        "its bytes in UTF-8 as Base64",
        'base64_encoding("héllo")',
        "aMOpbGxv",
    ),
    Function(
        "base64_decoding",
        (_TEXT,),
        template("convert_from(decode({0}, 'base64'), 'UTF8')", TEXT),
        "the text of Base64",
        'base64_decoding("aMOpbGxv")',
        "héllo",
    ),
)
