"""Which types of columns a column may change to so that every value stays what it was. Pure."""

import re

# Each holds all values of those before it.
_LADDERS = (("smallint", "integer", "bigint", "numeric"), ("real", "double precision"))
_SIZED = re.compile(r"(character varying|bit varying)(?:\((\d+)\))?")
_NUMERIC = re.compile(r"numeric\((\d+),(-?\d+)\)")
# A vector without a declared dimension takes those of every dimension.
_VECTOR = re.compile(r"(.*\b(?:vector|halfvec|sparsevec))\(\d+\)")


def widens(before: str, after: str) -> bool:
    """Whether the second type, by its name with modifiers, holds every value of the first one unchanged.

    >>> [widens("character varying(10)", after) for after in ("character varying(20)", "text", "character varying(5)")]
    [True, True, False]
    >>> widens("integer", "bigint"), widens("bigint", "integer"), widens("numeric(5,2)", "numeric(9,2)")
    (True, False, True)
    >>> widens("numeric(5,2)", "numeric(9,3)"), widens("public.vector(3)", "public.vector")
    (False, True)
    """
    if any(before in ladder and after in ladder[ladder.index(before) :] for ladder in _LADDERS):
        return True
    if (was := _SIZED.fullmatch(before)) is not None:
        if after == "text":
            return was[1] == "character varying"
        now = _SIZED.fullmatch(after)
        return now is not None and now[1] == was[1] and (now[2] is None or int(now[2]) >= int(was[2] or 1 << 30))
    if before == "text":
        return after == "character varying"
    if (digits := _NUMERIC.fullmatch(before)) is not None:
        more = _NUMERIC.fullmatch(after)
        return after == "numeric" or (more is not None and more[2] == digits[2] and int(more[1]) >= int(digits[1]))
    vector = _VECTOR.fullmatch(before)
    return vector is not None and vector[1] == after
