"""One filter, or one choice of operations, for many tables: what each of them gets, and which cannot have it. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from syncwizard.rows.as_typed import TableShape, filter_problem
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.where import named_columns
from syncwizard.task.drafting.table_edit import OPERATIONS
from syncwizard.task.names import TableName
from syncwizard.task.objects import Operation, TableObject


class OfBatch(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the batch: its entry by now, and its columns, none where they are not known."""

    entry: TableObject
    shape: TableShape

    @property
    def name(self) -> TableName:
        """The source's."""
        return self.shape.name


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """A table and its new entry. `before`, `after`: what was and will be, in words. `skipped`: why it stays as it is;
    `problem`: why nothing can be taken."""

    table: TableName
    before: str
    after: str
    entry: TableObject
    skipped: str = ""
    problem: str = ""


def filtered(tables: Iterable[OfBatch], text: str) -> list[Edited]:
    """The tables whose filter would be another; an empty text takes it away. One without a column of the condition is
    skipped.

    >>> shape = TableShape(name=TableName("s", "t"), columns={"id": "int"})
    >>> [found] = filtered([OfBatch(entry=TableObject(table="t"), shape=shape)], "region = 'eu'")
    >>> found.skipped, found.entry == TableObject(table="t")
    ('has no column region', True)
    """
    where = text.strip().removesuffix(";").rstrip() or None
    try:
        names = named_columns(where) if where is not None else frozenset[str]()
    except ScriptError:
        # What is wrong with the text itself stands at each table.
        names = frozenset()
    found = []
    # Thousands of tables have few shapes; a text that names a table is another one for each.
    fine: set[tuple[tuple[str, str], ...]] = set()
    for each in tables:
        before = each.entry.where or "all rows"
        missing = sorted(name for name in names if each.shape.columns and name not in each.shape.columns)
        if missing:
            skipped = f"has no column {', '.join(missing)}"
            found.append(Edited(table=each.name, before=before, after=before, entry=each.entry, skipped=skipped))
        elif where != each.entry.where:
            shape = tuple(each.shape.columns.items())
            problem = filter_problem(where or "", each.shape) if shape and shape not in fine else ""
            if not problem and "." not in (where or ""):
                fine.add(shape)
            entry = msgspec.structs.replace(each.entry, where=where)
            found.append(
                Edited(table=each.name, before=before, after=where or "all rows", entry=entry, problem=problem)
            )
    return found


def operating(
    tables: Iterable[OfBatch], chosen: Collection[str], inherited: Mapping[str, Sequence[Operation] | None]
) -> list[Edited]:
    """The tables whose operations would be others. `inherited`: what their schemas say, None for all.

    >>> shape = TableShape(name=TableName("s", "t"), columns={})
    >>> [found] = operating([OfBatch(entry=TableObject(table="t"), shape=shape)], ["insert"], {"s": None})
    >>> found.before, found.after, found.entry.operations
    ('all operations', 'insert', ['insert'])
    """
    found = []
    for each in tables:
        of_schema = inherited.get(each.name.schema) or OPERATIONS
        wanted = [operation for operation in OPERATIONS if operation in chosen]
        own = None if set(wanted) == set(of_schema) else wanted
        if own != each.entry.operations:
            found.append(
                Edited(
                    table=each.name,
                    before=_words(each.entry.operations or of_schema),
                    after=_words(wanted),
                    entry=msgspec.structs.replace(each.entry, operations=own),
                )
            )
    return found


def _words(operations: Sequence[str]) -> str:
    missing = [each for each in OPERATIONS if each not in operations]
    if not missing:
        return "all operations"
    if len(missing) < len(operations):
        return f"all but {', '.join(missing)}"
    return ", ".join(operations) or "no operation"
