"""The parts of a condition that comparing scalars decides. Each is evaluated in Python, and written as a program that
compiled loops evaluate over the frames (`rows/_sieve.h`):
`tests/unit/test_early_loops.py` holds both to one answer.

A program is in postfix order: each part pushes its answer, and what joins parts takes theirs.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from struct import Struct
from typing import Any

import msgspec

from syncwizard.rows.changes import NULL, Row
from syncwizard.rows.scalars import Kind, numeric_bytes

# The answers of a condition for a row. A column that was not sent, or was not understood, leaves it open.
TRUE, FALSE, UNKNOWN, OPEN = 1, 0, 2, 3

Test = Callable[[Row], int]

_ANSWER, _NULL, _TRUTH = Struct(">cB").pack, Struct(">cHBB").pack, Struct(">cH").pack
_COMPARED, _JOINED = Struct(">cHcBI").pack, Struct(">cH").pack
_INTEGER = Struct(">q").pack
_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1

_COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda one, other: bool(one == other),
    "<>": lambda one, other: bool(one != other),
    "<": lambda one, other: bool(one < other),
    "<=": lambda one, other: bool(one <= other),
    ">": lambda one, other: bool(one > other),
    ">=": lambda one, other: bool(one >= other),
}
# Of a value that is lower, equal, or higher: which of them are true, as bits.
_TAKEN = {"<": 1, "=": 2, ">": 4, "<=": 3, "<>": 5, ">=": 6}
_NOT = {TRUE: FALSE, FALSE: TRUE, UNKNOWN: UNKNOWN, OPEN: OPEN}


class Fixed(msgspec.Struct, frozen=True):
    """One answer for every row."""

    answer: int

    def test(self) -> Test:
        """It as a function of a row."""
        answer = self.answer
        return lambda row: answer

    def program(self) -> bytes:
        """It for compiled loops."""
        return _ANSWER(b"A", self.answer)


class NullTest(msgspec.Struct, frozen=True):
    """IS NULL, IS NOT NULL: `null` and `other` are the answers for a column that is NULL, and that is not."""

    at: int
    null: int
    other: int

    def test(self) -> Test:
        """It as a function of a row."""
        at, null, other = self.at, self.null, self.other

        def test(row: Row) -> int:
            value = row[at]
            return OPEN if value is None else null if value == NULL else other

        return test

    def program(self) -> bytes:
        """It for compiled loops."""
        return _NULL(b"N", self.at, self.null, self.other)


class Compared(msgspec.Struct, frozen=True):
    """A column and a constant, as `kind` reads both."""

    at: int
    kind: Kind
    operator: str
    wanted: Any

    def test(self) -> Test:
        """It as a function of a row."""
        at, wanted, read, compare = self.at, self.wanted, self.kind.read, _COMPARISONS[self.operator]

        def test(row: Row) -> int:
            value = row[at]
            if value is None:
                return OPEN
            if value == NULL:
                return UNKNOWN
            known = read(bytes(value[4:]))
            if known is None:
                return OPEN
            return TRUE if compare(known, wanted) else FALSE

        return test

    def program(self) -> bytes:
        """It for compiled loops."""
        taken = _TAKEN[self.operator]
        match self.kind.form:
            case "n":
                constant = numeric_bytes(Decimal(self.wanted))
            case "?":
                constant = bytes([self.wanted])
            case "=":
                constant = self.wanted
            case _:
                taken, value = _among_integers(taken, self.wanted)
                constant = _INTEGER(value)
        return _COMPARED(b"C", self.at, self.kind.form.encode(), taken, len(constant)) + constant


class Not(msgspec.Struct, frozen=True):
    """The contrary."""

    part: "Part"

    def test(self) -> Test:
        """It as a function of a row."""
        part = self.part.test()
        return lambda row: _NOT[part(row)]

    def program(self) -> bytes:
        """It for compiled loops."""
        return self.part.program() + b"!"


class Joined(msgspec.Struct, frozen=True):
    """AND (`every`) or OR.

    One that is false decides an AND; an unknown one does as well where a filter is asked, but not below a NOT.
    """

    parts: "tuple[Part, ...]"
    every: bool

    def test(self) -> Test:
        """It as a function of a row."""
        parts = [part.test() for part in self.parts]
        decides, otherwise = (FALSE, TRUE) if self.every else (TRUE, FALSE)

        def test(row: Row) -> int:
            found = otherwise
            for part in parts:
                answer = part(row)
                if answer == decides:
                    return decides
                if answer == OPEN or (answer == UNKNOWN and found == otherwise):
                    found = answer
            return found

        return test

    def program(self) -> bytes:
        """It for compiled loops."""
        first, *rest = [part.program() for part in self.parts]
        # Joined one by one, the answers in waiting are as many as parts stand in each other, not beside.
        return first + b"".join(each + (b"&" if self.every else b"|") for each in rest)


Part = Fixed | NullTest | Compared | Not | Joined

UNDECIDED = Fixed(OPEN)


def joined(parts: Sequence[Part], *, every: bool) -> Part:
    """AND or OR of parts, undecided where all of them are."""
    return Joined(tuple(parts), every) if any(part != UNDECIDED for part in parts) else UNDECIDED


def depth(part: Part) -> int:
    """How many answers of its program wait at a time.

    >>> depth(UNDECIDED), depth(Joined((UNDECIDED, UNDECIDED, UNDECIDED), True))
    (1, 2)
    >>> depth(Joined((UNDECIDED, Not(Joined((UNDECIDED, Joined((UNDECIDED, UNDECIDED), True)), False))), True))
    4
    """
    match part:
        case Not():
            return depth(part.part)
        case Joined():
            return max(depth(each) + (at > 0) for at, each in enumerate(part.parts))
    return 1


def _among_integers(taken: int, wanted: Any) -> tuple[int, int]:
    """A comparison with any number as one of integers with an integer of eight bytes.

    >>> _among_integers(1, Decimal("2.5")), _among_integers(2, Decimal("2.5")), _among_integers(6, Decimal("3.0"))
    ((3, 2), (0, 2), (6, 3))
    >>> _among_integers(1, 10**30) == (7, _HIGHEST), _among_integers(5, -(10**30)) == (7, _LOWEST)
    (True, True)
    """
    below = math.floor(wanted)
    if not _LOWEST <= below <= _HIGHEST:
        # Every integer is on the same side of it.
        low = below > _HIGHEST
        return 7 * bool(taken & (1 if low else 4)), _HIGHEST if low else _LOWEST
    if below == wanted:
        return taken, below
    # None is equal; those up to `below` are lower, all others higher.
    return (3 if taken & 1 else 0) | (4 if taken & 4 else 0), below
