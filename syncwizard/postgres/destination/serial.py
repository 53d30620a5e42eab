"""Applies a transaction change by change, in source order: the careful way, after a batch failed (rules 9 and 12)."""

from collections.abc import Callable
from typing import Any

import psycopg
from psycopg import sql

from syncwizard.errors import ChangeFailed
from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.dead_letters import is_of_a_row, words_of
from syncwizard.postgres.destination.quarantining import Quarantining
from syncwizard.postgres.destination.refused import describe_change
from syncwizard.postgres.destination.sender import CountMismatch
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import spelled
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.remedies import or_else, to_do
from syncwizard.rows.changes import KIND_NAMES, NULL, Change, Decoded, Redefinition, Route, Row, Statement, Truncation
from syncwizard.rows.etl.values import COMMIT_TIMESTAMP, OPERATION
from syncwizard.rows.fold import Net, fold
from syncwizard.rows.tuples import decoded
from syncwizard.task.facts import RefusedChange
from syncwizard.task.lsn import format_lsn
from syncwizard.task.quarantine import is_of_its_row
from syncwizard.task.refused import RowRefused

CORRECT = to_do("correct the row or table at the destination as the message says: no change is left out")
DECIDE_ROW = to_do("decide about it: syncwizard change TASK applies it with other values, or puts it into quarantine")

# Reads a row at the source by its key: the row, or None when it is gone there too.
FetchRow = Callable[[Route, Row], Row | None]


class SerialApplier:
    """Applies single changes over an Applier.

    `fetch` looks a row up at the source; it is used for changes before `sync_point` only: after it a missing row
    is a difference that must not be papered over. `dead`: with it, rows for which a script fails are set aside, and it
    is called with the route and the reason. `quarantining`: what was decided about a change that fails.
    """

    def __init__(
        self,
        applier: Applier,
        connection: Connection,
        sync_point: int,
        fetch: FetchRow,
        dead: Callable[[Route, str], None] | None = None,
        quarantining: Quarantining | None = None,
    ) -> None:
        self._applier = applier
        self._connection = connection
        self._sync_point = sync_point
        self._fetch = fetch
        self._dead = dead
        self._quarantining = quarantining

    def apply(self, changes: list[Change | Statement], final_lsn: int) -> None:
        """Applies the changes in order inside the open transaction. Raises ChangeFailed that names a bad one."""
        quarantining = self._quarantining
        for change in changes:
            if quarantining is not None and isinstance(change, tuple) and quarantining.concerns(change):
                self._apply_or_quarantine(change, final_lsn, quarantining)
                continue
            try:
                self._apply_carefully(change, final_lsn)
            except (psycopg.Error, _Missing) as error:
                raise self._refused(change, final_lsn, error) from error

    def _apply_carefully(self, change: Change | Statement, final_lsn: int) -> None:
        if self._dead is not None and isinstance(change, tuple) and change[1].projection:
            self._apply_or_set_aside(change, final_lsn, self._dead)
        else:
            self._apply_one(change, final_lsn)

    def _apply_or_quarantine(self, change: Change, final_lsn: int, quarantining: Quarantining) -> None:
        self._applier.savepoint()
        try:
            self._apply_carefully(change, final_lsn)
        except (psycopg.Error, _Missing) as error:
            if isinstance(error, psycopg.Error) and is_connection_loss(error):
                raise
            message, state = words_of(error), error.sqlstate or ""
            try:
                taken = is_of_its_row(state) and quarantining.take(change, final_lsn, message, state)
            except (psycopg.Error, CountMismatch) as again:
                if isinstance(again, psycopg.Error) and is_connection_loss(again):
                    raise
                refused = f"with the values that were edited: {words_of(again)}"
                state = again.sqlstate or "" if isinstance(again, psycopg.Error) else ""
                raise self._failure(change, final_lsn, refused, state) from again
            if not taken:
                raise self._refused(change, final_lsn, error) from error
        else:
            self._applier.release_savepoint()

    def _refused(self, change: Change | Statement, final_lsn: int, error: "psycopg.Error | _Missing") -> Exception:
        """What a failed change ends with; the loss of the session as it is."""
        if isinstance(error, psycopg.Error) and is_connection_loss(error):
            return error
        message = words_of(error)
        of_script = isinstance(error, psycopg.Error) and is_of_a_row(error)
        if of_script and isinstance(change, tuple) and change[1].projection:
            self._applier.roll_back()
            where = self._applier.failing(decoded(change))
            message = f"{message}; in {where}" if where else message
        return self._failure(change, final_lsn, message, error.sqlstate or "")

    def _apply_or_set_aside(self, change: Change, final_lsn: int, dead: Callable[[Route, str], None]) -> None:
        self._applier.savepoint()
        try:
            self._apply_one(change, final_lsn)
        except psycopg.Error as error:
            if not is_of_a_row(error):
                raise
            self._applier.roll_back_to_savepoint()
            noted = self._applier.set_aside(decoded(change), format_lsn(final_lsn), error)
            self._applier.run()
            if noted:
                dead(change[1], words_of(error))

    def _apply_one(self, change: Change | Statement, final_lsn: int) -> None:
        applier = self._applier
        applier.apply(fold([change]))
        try:
            applier.run()
        except CountMismatch as mismatch:
            assert not isinstance(change, Truncation | Redefinition)
            self._missing(change, final_lsn, str(mismatch))

    def _missing(self, change: Change, final_lsn: int, message: str) -> None:
        """An update met no row (a complete one is an upsert and never comes here)."""
        _, route, _, new = known = decoded(change)
        row = None if new is None or not route.key else _keyed_row(known)
        if row is None or (final_lsn >= self._sync_point and not _moves_in(route)):
            raise _Missing(message)
        found = self._fetch(route, row)
        if found is not None:
            self._applier.apply([[Net(route=route, deletes=[], updates={}, inserts=[], upserts=[found])]])
            self._applier.run()
        # Otherwise a later change of the stream removes the row.

    def _failure(self, change: Change | Statement, final_lsn: int, message: str, sqlstate: str) -> ChangeFailed:
        if isinstance(change, Redefinition):
            kind, key, names = change.command.tag, "", "definitions"
        elif isinstance(change, Truncation):
            names = ", ".join(str(route.target) for route in change.routes)
            kind, key = "TRUNCATE", ""
        else:
            kind = KIND_NAMES[change[0]]
            names = str(change[1].target)
            key = describe_key(decoded(change))
        return RowRefused(
            f"{kind} on {names}{key}, committed at {format_lsn(final_lsn)}, cannot be applied",
            detail=message,
            where=f"destination {names}",
            sqlstate=sqlstate,
            change=self._whole(change, final_lsn),
            remedy=or_else(CORRECT, DECIDE_ROW) if isinstance(change, tuple) else CORRECT,
        )

    def _whole(self, change: Change | Statement, final_lsn: int) -> RefusedChange | None:
        """All of a change of a row, after its transaction was rolled back."""
        if not isinstance(change, tuple):
            return None
        self._applier.roll_back()
        return describe_change(self._connection, change, format_lsn(final_lsn))


class _Missing(Exception):
    """An update met no row, and what it leaves open is not to be had."""

    sqlstate = ""


def _moves_in(route: Route) -> bool:
    """Whether rows come to the destination by an update: what is not there was left out before, and the source has
    what the change leaves open (rule 20)."""
    return route.projection is not None and route.projection.projection.kept is None


def describe_key(change: Decoded) -> str:
    """The key of the changed row as text: ` with id = 42`; raw bytes where the value is not readable text."""
    _, route, old, new = change
    row = old if old is not None else new
    positions = route.key or tuple(range(len(route.columns)))[:3]
    if row is None:
        return ""
    parts = []
    for at in positions:
        value = row[at]
        if value is not None:
            parts.append(f"{route.columns[at].name} = {_readable(value, route.columns[at].type_name)}")
    return " with " + ", ".join(parts) if parts else ""


def _readable(value: bytes | memoryview, type_name: str) -> str:
    data = bytes(value[4:])
    if value == NULL:
        return "NULL"
    if type_name in ("bigint", "integer", "smallint") and len(data) in (2, 4, 8):
        return str(int.from_bytes(data, "big", signed=True))
    if type_name == "uuid" and len(data) == 16:
        text = data.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return "\\x" + data.hex()[:64]
    return repr(text) if text.isprintable() else "\\x" + data.hex()[:64]


def _keyed_row(change: Decoded) -> Row:
    """The new row, its key columns taken from the old one where they were not sent."""
    _, route, old, new = change
    assert new is not None
    if old is None:
        return new
    return tuple([old[at] if value is None and at in route.key else value for at, value in enumerate(new)])


def _read(column: str) -> sql.Composable:
    """A column of a row that is read now; of the change that it stands for only its kind is known."""
    if column == OPERATION:
        return sql.SQL("'UPDATE'::pg_catalog.text")
    if column == COMMIT_TIMESTAMP:
        return sql.SQL("NULL::pg_catalog.timestamptz")
    return sql.Identifier(column)


def fetch_row(connection: Connection, route: Route, row: Row) -> Row | None:
    """Reads a row at the source by its new key, in the form the stream would have sent it."""
    columns = sql.SQL(", ").join(
        sql.SQL("NULL::pg_catalog.text")
        if column.left_out
        else sql.SQL("{}::pg_catalog.text" if at in route.text else "{}").format(_read(column.source))
        for at, column in enumerate(route.columns)
    )
    condition = sql.SQL(" AND ").join(
        sql.SQL("{} " + route.columns[at].equal + f" ${number}::" + route.columns[at].type_name).format(
            sql.Identifier(route.columns[at].source)
        )
        for number, at in enumerate(route.key, 1)
    )
    text = sql.SQL("SELECT {} FROM {} WHERE {}").format(
        columns, sql.Identifier(route.source.schema, route.source.name), condition
    )
    values: list[Any] = [bytes((row[at] or NULL)[4:]) for at in route.key]
    formats = [0 if at in route.text else 1 for at in route.key]
    result = connection.pgconn.exec_params(spelled(text, connection), values, None, formats, 1)
    if result.ntuples == 0:
        if result.error_message:
            raise psycopg.OperationalError(result.error_message.decode(errors="replace"))
        return None
    fetched = [result.get_value(0, at) for at in range(len(route.columns))]
    return tuple([NULL if value is None else len(value).to_bytes(4, "big") + value for value in fetched])
