"""Compiles routes: where the rows of a source relation go, by what key, with which types (rules 8 and 13)."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from syncwizard.errors import SourceChanged, TaskFailed
from syncwizard.postgres.captured import HEARTBEAT_TABLE, Member
from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.remedies import or_else, resync, to_do
from syncwizard.rows.changes import Route, RouteColumn
from syncwizard.rows.pgoutput import Postponed, RelationMessage
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Index, Table, TypeFacts, ValueType, apply_key
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName


class Source(NamedTuple):
    """What the source is asked, in the receiver's thread.

    `wait_for`: waits until its catalogue knows what a transaction has done. `find_root`: which partitioned table a
    relation, by OID, belongs to: itself when it is none, None when it is gone. `find_types`: leaves out those gone.
    """

    wait_for: Callable[[int], None]
    find_root: Callable[[int], TableName | None]
    find_types: Callable[[list[int]], dict[int, TypeFacts]]


# Of a type that is gone.
DROPPED = ValueType("of a dropped type", "")


class TypesDiffer(Exception):
    """A column comes with another type than the destination's: its bytes would mean something else (rule 14)."""


class NoPlace(TaskFailed):
    """The destination lacks a table or a column of the source."""


class RouteCompiler:
    """Knows the destination's tables. `selected` are the source's as the catalogue has them now; `pairs` gives the pair
    LSN of each copied table and partitioned table; `mapping` tells where the source's names go.

    `members`: what is captured, by the names it was captured under, which the mapping is asked for.
    `binary`: values come in binary, so that the types of both ends must be the same. `left_out` is called with a
    relation that has no place at the destination and needs none, and why.
    """

    def __init__(
        self,
        connection: Connection,
        schemas: Iterable[str],
        selected: Iterable[Table],
        pairs: dict[TableName, int],
        source: Source,
        left_out: Callable[[TableName, str], None],
        mapping: Mapping,
        members: Iterable[Member] = (),
    ) -> None:
        self._mapping = mapping
        self._members = {member.relation: member for member in members}
        self._captured = {member.table: member for member in members}
        self._source = source
        self._left_out = left_out
        self.binary = True
        self._types: dict[int, TypeFacts] = {}
        self._connection = connection
        self._schemas = list(schemas)
        self._selected = {table.name: table for table in selected}
        self._pairs = pairs
        self.tables: dict[TableName, Table] = {}
        self._operators: dict[int, list[str]] = {}

    def read(self) -> None:
        """Reads the destination's catalogue. On the apply session, outside a pipeline."""
        self.tables = {table.name: table for table in read_tables(self._connection, self._schemas, sizes=False)}
        self._operators = dict(self._connection.execute(query("catalog_key_operators"), (self._schemas,)).fetchall())

    def compile(self, message: RelationMessage, transaction: int) -> Route | Postponed | None:
        """The route of a relation in a transaction; None for one that is gone, or is none of the task's any more, and
        has no place at the destination; Postponed where it has none, but was copied since.

        Raises TaskFailed when the destination has no place for one that exists, TypesDiffer.
        """
        # Otherwise what the transaction has created would pass for what is gone.
        self._source.wait_for(transaction)
        try:
            return self._compile(message)
        except NoPlace as error:
            root = self._source.find_root(message.oid)
            if root is not None and (message.oid in self._members or root in self._selected):
                pair_lsn = self._pairs.get(self._captured_as(message), self._pairs.get(root, 0))
                # What it was like before its copy need not fit.
                return Postponed(error, pair_lsn)
            why = "was dropped at the source" if root is None else "is no table of this task any more"
            self._left_out(TableName(message.schema, message.name), why)
            return None

    def _compile(self, message: RelationMessage) -> Route:
        if (message.schema, message.name) == HEARTBEAT_TABLE:
            name = TableName(*HEARTBEAT_TABLE)
            return Route(source=name, target=name, columns=(), key=(), heartbeat=True)
        source = self._captured_as(message)
        table = self.tables.get(self._mapping.table(source))
        known = self._selected.get(source)
        root = known.root if known is not None else self._source.find_root(message.oid) or source
        shared = table is None
        if table is None:
            table = self.tables.get(self._mapping.table(root))
        if table is None:
            raise NoPlace(
                f"table {self._mapping.table(source)} is not at the destination",
                where="destination",
                remedy=to_do("create it there as it is at the source, or take it out of the task", then="resume"),
            )
        index = self._apply_key(message, source, root, table)
        columns = self._columns(source, table, index, [name for name, _, _, _ in message.columns])
        names = [column.name for column in columns]
        text = frozenset(range(len(columns)))
        if self.binary:
            types = self._types_of(message)
            self._compare_types(source, columns, types, table)
            # In a binary stream, too, a value whose type cannot be sent so comes as text.
            text = frozenset(at for at, facts in enumerate(types) if facts is None or not facts.binary)
        return Route(
            source=source,
            target=table.name,
            columns=columns,
            key=tuple(names.index(column) for column in index.columns) if index else (),
            pair_lsn=self._pairs.get(source, self._pairs.get(root, 0)),
            full=message.replica_identity == "f",
            partitioned=table.partitioned,
            shared=shared,
            text=text,
        )

    def _captured_as(self, message: RelationMessage) -> TableName:
        """The name whose table takes the rows: what was renamed goes on where it began.

        Raises SourceChanged when the name belongs to another relation that is captured.
        """
        if (member := self._members.get(message.oid)) is not None:
            return member.table
        name = TableName(message.schema, message.name)
        other = self._captured.get(name)
        if other is None or (root := self._source.find_root(other.relation)) is None:
            return name
        listed = other.oid is not None
        if not listed and not any(member.table == root for member in self._members.values() if member.oid is not None):
            # A partition that was detached: it is captured no more, and the tree goes on under its name.
            return name
        raise SourceChanged(
            f"changes come of a relation named {name}, and another one was captured under that name",
            detail=f"OID {message.oid}, was {other.relation}",
            where="source",
            remedy=or_else(to_do("name the tables at the source as they were", then="resume"), resync(tables=[name])),
        )

    def _types_of(self, message: RelationMessage) -> list[TypeFacts | None]:
        """The types at the time of the change, which need not be those of today's catalogue; None when gone."""
        unknown = [oid for _, _, oid, _ in message.columns if oid not in self._types]
        if unknown:
            self._types.update(self._source.find_types(unknown))
        return [self._types.get(oid) for _, _, oid, _ in message.columns]

    def _apply_key(self, message: RelationMessage, source: TableName, root: TableName, table: Table) -> Index | None:
        """The key that the old rows of the message's time can be found by."""
        sent = {self._mapping.column(source, name) for name, identity, _, _ in message.columns if identity}
        known = self._selected.get(source) or self._selected.get(root)
        if known is not None and (index := apply_key(renamed(known, self._mapping), table, sent)) is not None:
            return index
        # The identity is an index that the source had then, which need not be there any more.
        unique = sent if message.replica_identity in ("d", "i") else None
        return next(
            (
                index
                for index in table.keys(sent)
                if known is None or (set(index.columns) == unique and not any(index.collations))
            ),
            None,
        )

    def _compare_types(
        self, source: TableName, columns: Iterable[RouteColumn], types: list[TypeFacts | None], table: Table
    ) -> None:
        known = {column.name: column for column in table.columns}
        for routed, facts in zip(columns, types, strict=True):
            column = known[routed.name]
            here = DROPPED if facts is None else facts.type
            if here != column.type and not column.generated:
                raise TypesDiffer(
                    f"column {routed.source} of {source} is {here} at the source and {column.type} at the destination"
                )
            if facts is not None and facts.textual:
                raise TypesDiffer(f"column {routed.source} of {source}, which is {here}, means nothing in binary form")

    def _columns(
        self, source: TableName, table: Table, index: Index | None, names: list[str]
    ) -> tuple[RouteColumn, ...]:
        known = {column.name: column for column in table.columns}
        targets = self._mapping.column_names(source, names)
        missing = [name for name in targets if name not in known]
        if missing:
            raise NoPlace(
                f"column {missing[0]} of {table.name} is not at the destination",
                where=f"destination {table.name}",
                remedy=to_do(
                    f"add the column to {table.name} at the destination as it is at the source", then="resume"
                ),
            )
        equals = dict(zip(index.columns, self._operators[index.oid], strict=True)) if index else {}
        return tuple(
            RouteColumn(
                source=own,
                name=name,
                type_name=known[name].type.name,
                identity_always=known[name].identity == "a",
                generated=bool(known[name].generated),
                equal=equals.get(name, "OPERATOR(pg_catalog.=)"),
            )
            for own, name in zip(names, targets, strict=True)
        )


def binary_stream(source: Iterable[Table]) -> bool:
    """Whether the stream may be binary: every selected column can be sent so, and means the same there (rule 14)."""
    return not any(column.textual for table in source for column in table.stored_columns)
