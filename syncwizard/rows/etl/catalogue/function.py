"""What a function of the language is: arguments, SQL, result, and an example that is checked against a server."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from syncwizard.rows.etl.types import INTEGER, NUMERIC, TEXT, Kind, Type


class Argument(msgspec.Struct, frozen=True):
    """`constant`: a literal is needed, because the SQL depends on it. `optional` ones come last; `many`: the last one,
    any number of them from `least` on. `same`: comparable with the first argument."""

    name: str
    kind: Kind = "any"
    constant: bool = False
    optional: bool = False
    many: bool = False
    least: int = 1
    same: bool = False


class Given(msgspec.Struct, frozen=True):
    """An argument as it was given: its SQL, its type, and its value where it is a constant."""

    sql: str
    type: Type
    constant: bool = False
    value: Any = None


# Makes the SQL and the type of a call; raises Refused.
Build = Callable[[list[Given]], tuple[str, Type]]


class Refused(Exception):
    """A call whose arguments are of the right kind, and still mean nothing; `argument` is the number of the bad one."""

    def __init__(self, message: str, argument: int) -> None:
        super().__init__(message)
        self.message = message
        self.argument = argument


class Function(msgspec.Struct, frozen=True):
    """`example`: a call; `gives`: what PostgreSQL prints for it (None: NULL). `stable`: its result depends on when it
    is evaluated."""

    name: str
    arguments: tuple[Argument, ...]
    build: Build
    about: str
    example: str
    gives: str | None
    aliases: tuple[str, ...] = ()
    stable: bool = False

    @property
    def signature(self) -> str:
        """The arguments as people write them: `str_join(separator, text, …)`."""
        parts = []
        for argument in self.arguments:
            if argument.many:
                parts.append(f"{argument.name}, …")
            else:
                parts.append(f"[{argument.name}]" if argument.optional else argument.name)
        return f"{self.name}({', '.join(parts)})"


def template(sql: str, result: Type) -> Build:
    """A call that is always the same SQL; `{0}` is the first argument, in parentheses where it has to be."""

    def build(given: list[Given]) -> tuple[str, Type]:
        return sql.format(*(each.sql for each in given)), result

    return build


def text(name: str, **more: Any) -> Argument:
    """An argument that is a text."""
    return Argument(name, "text", **more)


def number(name: str, **more: Any) -> Argument:
    """An argument that is a number."""
    return Argument(name, "number", **more)


def integer(name: str, **more: Any) -> Argument:
    """An argument that is an integer."""
    return Argument(name, "integer", **more)


def literal(value: int | Decimal | str | bool | None) -> tuple[str, Type]:
    r"""A constant as SQL, and its type.

    >>> literal("it's")[0], literal(-5)[0], literal(None)[0]
    ("'it''s'::text", '(-5)::bigint', 'NULL')
    """
    if value is None:
        return "NULL", Type("text", "null")
    if isinstance(value, bool):
        return ("true" if value else "false"), Type("boolean", "boolean")
    if isinstance(value, int):
        # Parentheses: a cast binds stronger than the sign.
        kind = INTEGER if -(2**63) <= value < 2**63 else NUMERIC
        return (f"({value})::{kind.name}" if value < 0 else f"{value}::{kind.name}"), kind
    if isinstance(value, Decimal):
        return f"({value})::numeric", NUMERIC
    return f"{quoted(value)}::text", TEXT


def quoted(value: str) -> str:
    r"""A text as a literal of SQL, whatever standard_conforming_strings says.

    >>> print(quoted("it's"), quoted("a\\b"))
    'it''s' E'a\\b'
    """
    doubled = value.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"
