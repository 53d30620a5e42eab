"""The tree of a script, each node with its line and column (both from 1)."""

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import msgspec


class Place(NamedTuple):
    """Where in the script something stands."""

    line: int
    column: int


class ScriptError(Exception):
    """What is wrong in a script, and where; `remedy` is what to write instead."""

    def __init__(self, message: str, place: Place, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.place = place
        self.remedy = remedy

    def __str__(self) -> str:
        text = f"line {self.place.line}, column {self.place.column}: {self.message}"
        return f"{text}: {self.remedy}" if self.remedy else text


class Constant(msgspec.Struct, frozen=True):
    """A number, a text, true, false or null."""

    value: int | Decimal | str | bool | None
    place: Place


class Column(msgspec.Struct, frozen=True):
    """A column by its name at the source."""

    name: str
    place: Place


class Variable(msgspec.Struct, frozen=True):
    """`__TB__` and its like."""

    name: str
    place: Place


class Call(msgspec.Struct, frozen=True):
    """A function with its arguments; `named` are those given as `name=value`."""

    function: str
    arguments: tuple["Node", ...]
    named: tuple[tuple[str, "Node"], ...]
    place: Place


Node = Constant | Column | Variable | Call


def shown(node: Node) -> str:
    """The node as it is written.

    >>> place = Place(1, 1)
    >>> print(shown(Call("e_set", (Column("a", place), Constant("x", place)), (), place)))
    e_set(`a`, "x")
    """
    match node:
        case Column(name):
            return f"`{name}`"
        case Variable(name):
            return name
        case Constant(value):
            text = str(value)
            return (
                f'"{text}"'
                if isinstance(value, str)
                else {"True": "true", "False": "false", "None": "null"}.get(text, text)
            )
        case Call(function, arguments, named):
            parts = [*map(shown, arguments), *(f"{name}={shown(value)}" for name, value in named)]
            return f"{function}({', '.join(parts)})"


def walk(node: Node) -> Iterator[Node]:
    """The node and everything below it."""
    yield node
    if isinstance(node, Call):
        for argument in (*node.arguments, *(value for _, value in node.named)):
            yield from walk(argument)
