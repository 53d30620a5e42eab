"""What the destination's tables are like and whether they hold rows."""

from collections.abc import Iterable, Mapping, Sequence

from psycopg import sql

from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.postgres.destination.chunks import NO_CONDITIONS
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, predicate, quoted, scalar
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName

# Each takes a lock and a piece of the plan.
TABLES_A_STATEMENT = 200
# A millisecond of sorting; what a statement costs beside it is more.
SMALL_BYTES = 1024 * 1024


class Tables:
    """The tables of the destination's database, whichever task they belong to."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, schemas: Iterable[str], *, sizes: bool = True) -> list[Table]:
        """All ordinary and partitioned tables of the schemas; without `sizes` no table's lock is waited for."""
        return read_tables(self._connection, schemas, sizes=sizes)

    def holding_rows(
        self, tables: Iterable[TableName], conditions: Mapping[TableName, str] = NO_CONDITIONS
    ) -> set[TableName]:
        """Those of the tables that have any row, of some only such as meet the predicate of `conditions`; a statement
        for many of them."""
        wanted = list(tables)
        found: set[TableName] = set()
        for begin in range(0, len(wanted), TABLES_A_STATEMENT):
            some = wanted[begin : begin + TABLES_A_STATEMENT]
            looks = [
                sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {} WHERE {})").format(
                    sql.Literal(number), quoted(table.schema, table.name), predicate(conditions.get(table) or "true")
                )
                for number, table in enumerate(some)
            ]
            found.update(some[number] for (number,) in self._connection.execute(sql.SQL(" UNION ALL ").join(looks)))
        return found

    def index_bytes(self, tables: Iterable[int]) -> int:
        """What the indexes of some tables, given by OID, take."""
        text = "SELECT coalesce(sum(pg_catalog.pg_indexes_size(t)), 0)::bigint FROM unnest(%s::bigint[]::oid[]) AS t"
        return int(scalar(self._connection, text, list(tables)))

    def foreign_keys(self, tables: Iterable[int]) -> list[tuple[str, str, str]]:
        """The foreign keys of and to the tables, given by OID: name, table, referenced table."""
        rows = self._connection.execute(query("foreign_keys_of"), {"tables": list(tables)})
        return [(name, table, referenced) for name, table, referenced in rows]

    def small(self, tables: Iterable[TableName]) -> frozenset[TableName]:
        """Those of the tables that any statement has gone through at once."""
        wanted = sorted(set(tables))
        rows = self._connection.execute(
            query("small_tables"),
            ([name.schema for name in wanted], [name.name for name in wanted], SMALL_BYTES),
        )
        return frozenset(TableName(schema, name) for schema, name in rows)

    def analyze(self, tables: Sequence[TableName]) -> None:
        """Collects statistics for the planner, in a transaction for each table."""
        names = [quoted(table.schema, table.name) for table in tables]
        self._connection.execute(sql.SQL("ANALYZE {}").format(sql.SQL(", ").join(names)))
