"""A definition that a plan leaves out."""

import msgspec


class SkippedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that is left out, why, and the statements that would make it, in their order."""

    kind: str
    name: str
    reason: str
    texts: tuple[str, ...] = ()
