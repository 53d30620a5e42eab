"""The statements that write the rows of one route: single-row with parameters, and set-based from staging.

Every parameter and staged column is cast to the destination's type by its qualified name, and compared by the
operator of the key's index: with an empty search_path nothing else would be found or meant.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Protocol, TypeVar

from psycopg import sql

from syncwizard.rows.changes import Route
from syncwizard.rows.misfits import Spared
from syncwizard.task.names import TableName

Positions = tuple[int, ...]
Text = TypeVar("Text", bytes, bytes | None)


def stage_name(number: int) -> sql.Identifier:
    """The temporary table with this number."""
    return sql.Identifier("pg_temp", f"syncwizard_stage_{number}")


def create_stage(number: int, route: Route, positions: Positions, codec: str = "utf-8") -> bytes:
    """A temporary table for the columns at `positions`; those that arrive as text are staged as text."""
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(
            sql.Identifier(f"c{at}"),
            sql.SQL("pg_catalog.text" if at in route.text else route.columns[at].type_name),
        )
        for at in positions
    )
    statement = sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS")
    return statement.format(sql.Identifier(f"syncwizard_stage_{number}"), columns).as_string(None).encode(codec)


def copy_into_stage(number: int) -> bytes:
    """COPY into the temporary table."""
    return sql.SQL("COPY {} FROM STDIN (FORMAT binary)").format(stage_name(number)).as_bytes(None)


def empty_stage(number: int) -> bytes:
    """Empties the temporary table within a transaction that fills it twice."""
    return sql.SQL("TRUNCATE {}").format(stage_name(number)).as_bytes(None)


class Texts(Protocol):
    """What keeps the texts it has composed, in Python's `codec`."""

    codec: str
    texts: dict[tuple[object, ...], bytes | None]


def once(build: Callable[..., Text]) -> Callable[..., Text]:
    """Keeps the text per object and arguments: composing it costs more than sending it."""

    @wraps(build)
    def text(self: "Texts", *arguments: object, **options: object) -> Text:
        key = (build.__name__, arguments, tuple(options.items()))
        if key not in self.texts:
            built = build(self, *arguments, **options)
            self.texts[key] = built if built is None else built.decode().encode(self.codec)
        return self.texts[key]  # type: ignore[return-value]

    return text


class RouteStatements:
    """Texts for one route, in Python's `codec`. Parameters and staged columns are numbered by the source's column
    positions."""

    def __init__(self, route: Route, codec: str = "utf-8") -> None:
        self.route = route
        self.codec = codec
        self.texts: dict[tuple[object, ...], bytes | None] = {}
        self.everything: Positions = route.written
        self._table = sql.Identifier(route.target.schema, route.target.name)
        # A table's own rows only, not those of tables that inherit from it; a partitioned root has none itself.
        self._rows: sql.Composable = self._table if route.partitioned else sql.SQL("ONLY {}").format(self._table)
        self._address = sql.SQL("(tableoid, ctid)" if route.partitioned else "ctid")

    def addressed(self, known: Positions) -> Positions:
        """The known columns and the key, in order: a generated column may be part of the key, but is never set."""
        return tuple(sorted({*known, *self.route.key}))

    # Single rows -----------------------------------------------------------------------------------------------

    @once
    def insert(self) -> bytes:
        """Parameters: every column."""
        return self._insert(self._values(self._parameters(self.everything)), upsert=False)

    @once
    def upsert(self) -> bytes:
        """Parameters: every column."""
        return self._insert(self._values(self._parameters(self.everything)), upsert=True)

    @once
    def update(self, known: Positions) -> bytes | None:
        """Parameters: those of `addressed(known)`. None when nothing but the key is known."""
        positions = self.addressed(known)
        parameters = dict(zip(positions, self._parameters(positions), strict=True))
        assignments = [
            sql.SQL("{} = {}").format(self._column(at), parameters[at]) for at in known if self._settable(at)
        ]
        if not assignments:
            return None
        return (
            sql.SQL("UPDATE {} AS t SET {} WHERE {}")
            .format(self._rows, sql.SQL(", ").join(assignments), self._key_equals(parameters))
            .as_bytes(None)
        )

    @once
    def delete(self) -> bytes:
        """Parameters: the key columns in the key's order."""
        parameters = dict(zip(self.route.key, self._parameters(self.route.key), strict=True))
        return sql.SQL("DELETE FROM {} AS t WHERE {}").format(self._rows, self._key_equals(parameters)).as_bytes(None)

    @once
    def move(self, known: Positions) -> bytes:
        """Deletes by the old key and inserts what is known, the rest from the deleted row.

        Parameters: the old key's columns in the key's order, then the known columns.
        """
        old = dict(zip(self.route.key, self._parameters(self.route.key), strict=True))
        new = dict(zip(known, self._parameters(known, after=len(self.route.key)), strict=True))
        values = [new[at] if at in new else self._gone(at) for at in self.everything]
        return self._moved(old, sql.SQL("SELECT {} FROM gone").format(sql.SQL(", ").join(values)))

    # Sets ------------------------------------------------------------------------------------------------------

    @once
    def copy_in(self) -> bytes:
        """COPY straight into the table, every column; for routes without text columns."""
        return sql.SQL("COPY {}{} FROM STDIN (FORMAT binary)").format(self._table, self._column_list()).as_bytes(None)

    @once
    def staged_insert(self, number: int, *, upsert: bool) -> bytes:
        """Inserts the stage, every column."""
        return self._insert(
            sql.SQL("SELECT {} FROM {} AS s").format(
                sql.SQL(", ").join(map(self._staged, self.everything)), stage_name(number)
            ),
            upsert=upsert,
        )

    @once
    def staged_insert_missing(self, number: int) -> bytes:
        """Inserts the rows of the stage whose key is not there; any other conflict is an error."""
        rows = self._insert(
            sql.SQL("SELECT {} FROM {} AS s").format(
                sql.SQL(", ").join(map(self._staged, self.everything)), stage_name(number)
            ),
            upsert=False,
        )
        arbiter = sql.SQL(", ").join(map(self._column, self.route.key))
        return rows + sql.SQL(" ON CONFLICT ({}) DO NOTHING").format(arbiter).as_bytes(None)

    @once
    def staged_update(self, number: int, known: Positions) -> bytes | None:
        """Updates by the stage, which holds the known columns; None when nothing but the key is known."""
        assignments = [
            sql.SQL("{} = {}").format(self._column(at), self._staged(at)) for at in known if self._settable(at)
        ]
        if not assignments:
            return None
        return (
            sql.SQL("UPDATE {} AS t SET {} FROM {} AS s WHERE {}")
            .format(self._rows, sql.SQL(", ").join(assignments), stage_name(number), self._staged_key())
            .as_bytes(None)
        )

    @once
    def staged_delete(self, number: int) -> bytes:
        """Deletes by the stage, which holds the key's columns."""
        return (
            sql.SQL("DELETE FROM {} AS t USING {} AS s WHERE {}")
            .format(self._rows, stage_name(number), self._staged_key())
            .as_bytes(None)
        )

    @once
    def staged_move(self, number: int, known: Positions) -> bytes:
        """As `move` with the known columns in the stage, which holds one row. Parameters: the old key's columns."""
        old = dict(zip(self.route.key, self._parameters(self.route.key), strict=True))
        values = [
            self._staged(at) if at in known else sql.SQL("gone.{}").format(self._column(at)) for at in self.everything
        ]
        rows = sql.SQL("SELECT {} FROM gone, {} AS s").format(sql.SQL(", ").join(values), stage_name(number))
        return self._moved(old, rows)

    def truncated(self, spared: Mapping[TableName, frozenset[TableName]]) -> bytes:
        """The table as TRUNCATE names it; `spared` as in Truncation. Raises Spared where it would empty the rows of
        other partitions."""
        route = self.route
        if route.shared and route.root is not None and (others := spared.get(route.root)):
            raise Spared(
                route.root,
                route.tree | others | {route.source},
                f"{route.source} was truncated and {min(others)} was not, and {route.target} holds rows of both",
            )
        return self._rows.as_bytes(None)

    # Parts -----------------------------------------------------------------------------------------------------

    def _column(self, at: int) -> sql.Identifier:
        return sql.Identifier(self.route.columns[at].name)

    def _column_list(self) -> sql.Composable:
        """The written columns in parentheses; nothing for a table without any, which COPY takes as it is."""
        if not self.everything:
            return sql.SQL("")
        return sql.SQL(" ({})").format(sql.SQL(", ").join(map(self._column, self.everything)))

    def _settable(self, at: int) -> bool:
        return at not in self.route.key and not self.route.columns[at].identity_always

    def _parameters(self, positions: Iterable[int], after: int = 0) -> list[sql.Composable]:
        return [
            sql.SQL(f"${number}::{self.route.columns[at].type_name}") for number, at in enumerate(positions, after + 1)
        ]

    def _staged(self, at: int) -> sql.Composable:
        return sql.SQL("s.{}").format(sql.Identifier(f"c{at}")) + self._cast(at)

    def _cast(self, at: int) -> sql.SQL:
        """What a staged column needs behind it: nothing unless it is staged as text."""
        return sql.SQL(f"::{self.route.columns[at].type_name}" if at in self.route.text else "")

    def _gone(self, at: int) -> sql.Composable:
        return sql.SQL("gone.{}").format(self._column(at))

    def _staged_key(self) -> sql.Composable:
        return self._key_equals({at: self._staged(at) for at in self.route.key})

    def _key_equals(self, values: dict[int, sql.Composable]) -> sql.Composable:
        return sql.SQL(" AND ").join(
            sql.SQL("t.{} " + self.route.columns[at].equal + " {}").format(self._column(at), values[at])
            for at in self.route.key
        )

    def _values(self, parameters: Sequence[sql.Composable]) -> sql.Composable:
        return sql.SQL("VALUES ({})").format(sql.SQL(", ").join(parameters))

    def _insert(self, rows: sql.Composable, *, upsert: bool) -> bytes:
        if not self.everything:
            # A table without columns that could be written: all its rows are alike.
            return sql.SQL("INSERT INTO {} DEFAULT VALUES").format(self._table).as_bytes(None)
        text = sql.SQL("INSERT INTO {}{} OVERRIDING SYSTEM VALUE {}").format(self._table, self._column_list(), rows)
        if upsert:
            arbiter = sql.SQL(", ").join(map(self._column, self.route.key))
            changed = [at for at in self.everything if self._settable(at)]
            action: sql.Composable = sql.SQL("DO NOTHING")
            if changed:
                action = sql.SQL("DO UPDATE SET {}").format(
                    sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(self._column(at)) for at in changed)
                )
            text += sql.SQL(" ON CONFLICT ({}) {}").format(arbiter, action)
        return text.as_bytes(None)

    def _moved(self, old: dict[int, sql.Composable], rows: sql.Composable) -> bytes:
        gone = sql.SQL("WITH gone AS (DELETE FROM {} AS t WHERE {} RETURNING t.*) ")
        return gone.format(self._rows, self._key_equals(old)).as_bytes(None) + self._insert(rows, upsert=True)
