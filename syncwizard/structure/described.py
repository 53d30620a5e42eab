"""What a table was like when its changes were described, where nothing captures commands: from the columns that the
stream names, what is known, and what the source's catalogue has by now (rule 23). Pure."""

from collections.abc import Iterable, Sequence

import msgspec

from syncwizard.structure.definition import ColumnDefinition, Definition
from syncwizard.task.names import TableName


class Unclear(msgspec.Struct, frozen=True, kw_only=True):
    """Why it cannot be said what a table was like."""

    reason: str


def travelling(columns: Iterable[ColumnDefinition]) -> list[str]:
    """The names of those that come in the stream."""
    return [column.name for column in columns if not column.generated]


def at_description(
    known: Definition, now: Definition, described: Sequence[str], name: TableName | None
) -> Definition | Unclear:
    """The definition of a table that the stream describes with other columns, or another name, than it is `known` with.

    `described`: the columns that come, generated ones perhaps among them; `name`: the table's, None where it is that of
    a partition. What no description shows stays as it was: constraints, indexes, defaults, comments.

    >>> a = ColumnDefinition(number=1, name="a", type="int", not_null=False, default=None, generated="",
    ...     identity="", collation=None, missing=None, implied=False, comment=None)
    >>> b = msgspec.structs.replace(a, number=2, name="b")
    >>> one = Definition(relation=1, schema="s", name="t", kind="r", persistence="p", storage=1, related=False,
    ...     columns=[a], constraints=[], indexes=[], comment=None)
    >>> two = msgspec.structs.replace(one, columns=[a, b])
    >>> [column.name for column in at_description(one, two, ["a", "b"], None).columns]
    ['a', 'b']
    >>> at_description(one, two, ["a", "c"], None)
    Unclear(reason='column c is in no definition that is known')
    """
    found: dict[int, ColumnDefinition] = {}
    was = {column.number: column for column in known.columns}
    by_name = {column.name: column for column in known.columns}
    is_now = {column.name: column for column in now.columns}
    for each in described:
        column, before = is_now.get(each), by_name.get(each)
        if column is not None and before is not None and column.number != before.number:
            return Unclear(reason=f"column {each} was dropped and added anew, or took the name of another one")
        column = column or before
        if column is None:
            return Unclear(reason=f"column {each} is in no definition that is known")
        found[column.number] = _as_known(was[column.number], column) if column.number in was else column
    for column in known.columns:
        # They need not come in the stream.
        if column.generated and column.number not in found and column.name in is_now:
            found[column.number] = column
    gone = was.keys() - found.keys()
    changed = msgspec.structs.replace(
        known,
        columns=[found[number] for number in sorted(found)],
        constraints=[part for part in known.constraints if not gone.intersection(part.columns)],
        indexes=[part for part in known.indexes if not gone.intersection(part.columns)],
        leaves=now.leaves,
    )
    return changed if name is None else msgspec.structs.replace(changed, schema=name.schema, name=name.name)


def _as_known(was: ColumnDefinition, now: ColumnDefinition) -> ColumnDefinition:
    return msgspec.structs.replace(was, name=now.name)


def side_by_side(known: Definition, now: Definition) -> str:
    """Both definitions in words."""
    return f"the destination has {_spelled(known)}, the source {_spelled(now)}"


def _spelled(definition: Definition) -> str:
    columns = ", ".join(
        f"{column.name} {column.type}{' NOT NULL' if column.not_null else ''}" for column in definition.columns
    )
    return f"{definition.schema}.{definition.name} ({columns})"
