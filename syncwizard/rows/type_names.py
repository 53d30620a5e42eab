"""Names of types as a catalogue writes them, and what users' types are called at the destination. Pure."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from syncwizard.task.names import quote

_NAME = r'(?:"(?:[^"]|"")+"|[^".\[\]]+)'
_QUALIFIED = re.compile(rf"({_NAME})\.({_NAME})((?:\[\])*)")


class TypeName(NamedTuple):
    """A type outside pg_catalog, without quotes."""

    schema: str
    name: str


def named_type(text: str) -> TypeName | None:
    """The type, or the one of an array's elements, where it has a schema; None for those of pg_catalog.

    >>> named_type('sales."my state"[]')
    TypeName(schema='sales', name='my state')
    >>> named_type("timestamp with time zone") is None
    True
    """
    found = _QUALIFIED.fullmatch(text)
    return None if found is None else TypeName(_bare(found[1]), _bare(found[2]))


def moved_type(text: str, moved: Mapping[TypeName, TypeName]) -> str:
    """The type under the name that it has elsewhere.

    >>> moved_type("sales.state[]", {TypeName("sales", "state"): TypeName("EU", "state")})
    '"EU".state[]'
    """
    found = _QUALIFIED.fullmatch(text)
    target = None if found is None else moved.get(TypeName(_bare(found[1]), _bare(found[2])))
    if found is None or target is None:
        return text
    schema, name = (
        part if _bare(part) == new else quote(new) for part, new in zip(found.groups()[:2], target, strict=True)
    )
    return f"{schema}.{name}{found[3]}"


def _bare(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part
