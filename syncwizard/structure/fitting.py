"""Whether the values of one type fit into another, by the types as they are declared; pure.

A narrower type does one of two things: it refuses what does not fit, and the task stops with the row; or it takes the
value and changes it in silence, as numeric(8,2) and timestamp(0) round, and timestamp forgets the zone.
"""

import re
from typing import Literal

Fit = Literal["exact", "refused", "changed"]

_DECLARED = re.compile(r"^(?P<name>[^(]*?)(?:\((?P<modifiers>[^)]*)\))?(?P<rest>[^()]*)$")
_INTEGERS = ("smallint", "integer", "bigint")
_FLOATS = ("real", "double precision")
_TEXTS = ("text", "character varying")
_LENGTHS = ("character varying", "character", "bit varying")
_CLOCKS = ("timestamp", "time", "interval")
# What a clock without a precision keeps.
_CLOCK_DIGITS = 6


def fit(source: str, destination: str) -> Fit:
    """What becomes of values of type `source` in a column of type `destination`, as format_type prints both.

    >>> fit("integer", "bigint"), fit("bigint", "integer"), fit("bigint", "double precision")
    ('exact', 'refused', 'changed')
    >>> fit("numeric(8,2)", "numeric(10,4)"), fit("numeric(10,2)", "numeric(8,2)"), fit("numeric", "numeric(8,2)")
    ('exact', 'refused', 'changed')
    >>> fit("text", "character varying(10)"), fit("jsonb", "text"), fit("vector(3)", "vector(4)")
    ('refused', 'exact', 'refused')
    >>> fit("timestamp without time zone", "timestamp(0) without time zone")
    'changed'
    >>> fit("timestamp with time zone", "timestamp without time zone")
    'changed'
    >>> fit("text", "character(10)"), fit("character(5)", "character(10)"), fit("numeric(10,4)[]", "numeric(10,2)[]")
    ('changed', 'exact', 'changed')
    >>> fit("integer[]", "integer"), fit("integer[]", "bigint[]"), fit("integer[]", "text")
    ('changed', 'exact', 'exact')
    """
    if source == destination:
        return "exact"
    from_name, from_modifiers = _parts(source)
    to_name, to_modifiers = _parts(destination)
    if from_name == to_name and source.endswith("[]") == destination.endswith("[]"):
        return _same_type(from_name, from_modifiers, to_modifiers)
    if to_name in _TEXTS and not to_modifiers and not destination.endswith("[]"):
        return "exact"
    if source.endswith("[]") != destination.endswith("[]"):
        return "changed"
    for ladder in ((*_INTEGERS, "numeric"), _FLOATS):
        if from_name in ladder and to_name in ladder and not to_modifiers:
            return "exact" if ladder.index(from_name) < ladder.index(to_name) else _downward(from_name)
    if from_name in _TEXTS and to_name in _TEXTS:
        return "refused"
    return "changed"


def _downward(name: str) -> Fit:
    """Integers that are too large are refused; fractions are rounded."""
    return "refused" if name in _INTEGERS else "changed"


def _same_type(name: str, source: tuple[int, ...], destination: tuple[int, ...]) -> Fit:
    if not destination:
        return "exact"
    if name == "numeric":
        return _numbers(source, destination)
    if name.startswith(_CLOCKS):
        digits = source[0] if source else _CLOCK_DIGITS
        return "exact" if destination[0] >= digits else "changed"
    if name in _LENGTHS:
        return "exact" if source and destination[0] >= source[0] else "refused"
    return "refused"


def _numbers(source: tuple[int, ...], destination: tuple[int, ...]) -> Fit:
    if not source or destination[1] < source[1]:
        return "changed"
    return "exact" if destination[0] - destination[1] >= source[0] - source[1] else "refused"


def _parts(declared: str) -> tuple[str, tuple[int, ...]]:
    """The name without modifiers, and these.

    >>> _parts("timestamp(3) without time zone"), _parts("numeric(10,2)[]")
    (('timestamp without time zone', (3,)), ('numeric', (10, 2)))
    """
    found = _DECLARED.match(declared.removesuffix("[]"))
    if found is None:
        return declared, ()
    given = (found["modifiers"] or "").split(",")
    numbers = tuple(int(each) for each in given if each.lstrip("-").isdigit())
    return (found["name"] + found["rest"]).strip(), numbers
