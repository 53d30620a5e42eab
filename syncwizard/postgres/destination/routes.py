"""Compiles routes: where the rows of a source relation go, by what key, with which types (rules 8 and 13)."""

from collections.abc import Callable, Iterable

from syncwizard.errors import TaskFailed
from syncwizard.postgres.catalog import Index, Table, read_tables
from syncwizard.postgres.connection import Connection
from syncwizard.postgres.queries import query
from syncwizard.postgres.source.heartbeat import HEARTBEAT_TABLE
from syncwizard.rows.changes import Route, RouteColumn
from syncwizard.rows.pgoutput import RelationMessage
from syncwizard.task.events import TableName

# Asks the source which partitioned table a relation belongs to (itself when it is none).
FindRoot = Callable[[TableName], TableName]


class RouteCompiler:
    """Knows the destination's tables. `pairs` gives the pair LSN of each copied table and partitioned table."""

    def __init__(
        self, connection: Connection, schemas: Iterable[str], pairs: dict[TableName, int], find_root: FindRoot
    ) -> None:
        self._connection = connection
        self._schemas = list(schemas)
        self._pairs = pairs
        self._find_root = find_root
        self.tables: dict[TableName, Table] = {}
        self._operators: dict[int, list[str]] = {}

    def read(self) -> None:
        """Reads the destination's catalogue. On the apply session, outside a pipeline."""
        self.tables = {table.name: table for table in read_tables(self._connection, self._schemas, sizes=False)}
        self._operators = dict(self._connection.execute(query("catalog_key_operators"), (self._schemas,)).fetchall())

    def compile(self, message: RelationMessage) -> Route:
        """The route of a relation. Raises TaskFailed when the destination has no place for it."""
        source = TableName(message.schema, message.name)
        if (source.schema, source.name) == HEARTBEAT_TABLE:
            return Route(source=source, target=source, columns=(), key=(), heartbeat=True)
        table = self.tables.get(source)
        root = table.root if table is not None else self._find_root(source)
        shared = table is None
        if table is None:
            table = self.tables.get(root)
        if table is None:
            raise TaskFailed(
                f"table {source} is not at the destination",
                where="destination",
                remedy="create it there as it is at the source, or take it out of the task, then resume",
            )
        index = table.apply_key(name for name, identity, _, _ in message.columns if identity)
        names = [name for name, _, _, _ in message.columns]
        return Route(
            source=source,
            target=table.name,
            columns=self._columns(source, table, index, names),
            key=tuple(names.index(column) for column in index.columns) if index else (),
            pair_lsn=self._pairs.get(source, self._pairs.get(root, 0)),
            full=message.replica_identity == "f",
            partitioned=table.partitioned,
            shared=shared,
        )

    def _columns(
        self, source: TableName, table: Table, index: Index | None, names: list[str]
    ) -> tuple[RouteColumn, ...]:
        known = {column.name: column for column in table.columns}
        missing = [name for name in names if name not in known]
        if missing:
            raise TaskFailed(
                f"column {missing[0]} of {source} is not at the destination",
                where=f"destination {table.name}",
                remedy=f"add the column to {table.name} at the destination as it is at the source, then resume",
            )
        equals = dict(zip(index.columns, self._operators[index.oid], strict=True)) if index else {}
        return tuple(
            RouteColumn(
                name=name,
                type_name=known[name].type_name,
                identity_always=known[name].identity == "a",
                generated=bool(known[name].generated),
                equal=equals.get(name, "OPERATOR(pg_catalog.=)"),
            )
            for name in names
        )


def binary_stream(source: Iterable[Table], destination: dict[TableName, Table]) -> bool:
    """Whether the stream may be binary: no selected column holds an OID with a local meaning, and every column
    has the same type at both ends (rule 14)."""
    for table in source:
        there = destination.get(table.name)
        types = {column.name: column.type_name for column in there.columns} if there else {}
        for column in table.stored_columns:
            if column.reg or types.get(column.name, column.type_name) != column.type_name:
                return False
    return True
