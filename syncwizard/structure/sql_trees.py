"""The one door to PostgreSQL's parser: a text of SQL as the parser's tree, however deep it is."""

import functools
from typing import Any


def parse_sql(text: str) -> Any:
    """The parser's tree of the statements. Raises postgast.PgQueryError, also for a tree that cannot be read.

    >>> tree = parse_sql("SELECT " + " || ".join(["'a'"] * 400))
    >>> len(tree.stmts)
    1
    """
    import postgast
    from google.protobuf.message import DecodeError

    _allow_depth()
    try:
        return postgast.parse(text)
    except DecodeError as error:
        raise postgast.PgQueryError(f"nested too deeply to be read: {error}") from error


@functools.cache
def _allow_depth() -> None:
    """Trees come as messages, which by default are read to a depth of 100: a text of fifty `||` is deeper already, and
    PostgreSQL keeps a view of it. The parser itself limits the depth of what it reads to some thousands."""
    try:
        from google._upb import _message
    except ImportError:
        # The other implementations of messages have a limit of their own, or none.
        return
    allow = getattr(_message, "SetAllowOversizeProtos", None)
    if allow is not None:
        allow(True)
