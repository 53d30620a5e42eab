"""Casts: pg_dump leaves them out of a dump of schemas, so they are made from the catalogue; pure."""

from collections.abc import Iterable

import msgspec

from syncwizard.structure.skipped import SkippedStatement
from syncwizard.structure.statements import Statement
from syncwizard.structure.wanted import Wishes
from syncwizard.task.names import FunctionName, ObjectName, TableName


class Cast(msgspec.Struct, frozen=True):
    """A cast with the statement that makes it, and what of its types and function is the user's own."""

    name: str
    text: str
    types: tuple[ObjectName, ...] = ()
    function: FunctionName | None = None


def with_casts(kept: list[Statement], casts: Iterable[Cast], wishes: Wishes) -> list[Statement]:
    """The kept statements with each cast behind the last of those that make its types and its function."""
    behind: dict[int, list[Statement]] = {}
    for cast in casts:
        if not why_without(cast, wishes):
            last = max((number for number, each in enumerate(kept) if _is_for(each, cast)), default=-1)
            statement = Statement(kind="cast", text=cast.text, name=ObjectName("", cast.name), optional=True)
            behind.setdefault(last, []).append(statement)
    found = behind.get(-1, [])
    for number, statement in enumerate(kept):
        found += [statement, *behind.get(number, [])]
    return found


def without_casts(casts: Iterable[Cast], wishes: Wishes) -> list[SkippedStatement]:
    """The casts that cannot be made, with the reason."""
    return [
        SkippedStatement(kind="cast", name=cast.name, reason=reason, texts=(cast.text,))
        for cast in casts
        if (reason := why_without(cast, wishes))
    ]


def why_without(cast: Cast, wishes: Wishes) -> str:
    """What of its types and its function is not synchronized; empty where all of it is."""
    needs = wishes.needs
    for name in cast.types:
        if name not in needs.types and TableName(name.schema, name.name) not in needs.all_tables:
            return f"it needs type {name}, which is not synchronized"
    if cast.function is not None and cast.function not in needs.functions:
        return f"it needs function {cast.function}, which is not synchronized"
    return ""


def _is_for(statement: Statement, cast: Cast) -> bool:
    if statement.kind == "function":
        return statement.function == cast.function
    return statement.kind in ("type", "table") and statement.name in cast.types
