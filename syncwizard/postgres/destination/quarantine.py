"""The destination's record of changes of rows that it refused, and that were left out or edited by a decision."""

import uuid
from collections.abc import Collection, Sequence

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.events import ChangeQuarantined
from syncwizard.task.facts import RefusedChange
from syncwizard.task.names import TableName
from syncwizard.task.quarantine import Settled

Keys = list[dict[str, str | None]]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """An unsettled record: its number, the first one of its row, and the keys of the change."""

    number: int
    head: int
    keys: Keys


class Quarantine:
    """That of one task. Tables are named as at the source."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def open_tables(self) -> set[TableName]:
        """The tables that have unsettled records."""
        rows = self._connection.execute(
            "SELECT DISTINCT schema_name, table_name FROM syncwizard.quarantine"
            " WHERE task_id = %s AND settled_at IS NULL",
            (self._task_id,),
        )
        return {TableName(schema, name) for schema, name in rows}

    def find(self, table: TableName, keys: Keys) -> int | None:
        """The first unsettled record of the row that has, or had, one of these keys."""
        row = self._connection.execute(
            "SELECT coalesce(q.follows, q.number) FROM syncwizard.quarantine q"
            " WHERE q.task_id = %s AND q.schema_name = %s AND q.table_name = %s AND q.settled_at IS NULL"
            " AND EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(q.row_keys) AS k (key)"
            " WHERE k.key = ANY (%s::text[]::jsonb[])) ORDER BY q.number LIMIT 1",
            (self._task_id, table.schema, table.name, [_json(key) for key in keys]),
        ).fetchone()
        return None if row is None else int(row[0])

    def add(
        self,
        table: TableName,
        change: RefusedChange,
        *,
        reason: str,
        sqlstate: str,
        by: str,
        follows: int | None = None,
        edited: dict[str, str | None] | None = None,
    ) -> int:
        """Keeps a change, whole; its number. In the transaction that goes on without it."""
        row = self._connection.execute(
            query("quarantine_add"),
            {
                "task_id": self._task_id,
                "schema": table.schema,
                "table": table.name,
                "target": change.table,
                "operation": change.kind,
                "keys": _json(change.keys),
                "old": _json(change.old),
                "new": _json(change.new),
                "edited": None if edited is None else _json(edited),
                "lsn": change.lsn,
                "reason": reason,
                "sqlstate": sqlstate,
                "follows": follows,
                "by": by,
            },
        ).fetchone()
        assert row is not None
        return int(row[0])

    def read(self, after: int) -> list[ChangeQuarantined]:
        """The records beyond a number, in their order."""
        rows = self._connection.execute(query("quarantine_read"), (self._task_id, after)).fetchall()
        return [_event(row) for row in rows]

    def count_on(self, after: int) -> None:
        """Lets numbers go on behind this one: a destination that was set back would give those of former records."""
        self._connection.execute(
            "SELECT pg_catalog.setval('syncwizard.quarantine_number_seq', %s)"
            " FROM syncwizard.quarantine_number_seq WHERE last_value < %s",
            (after, after),
        )

    def read_open(self, table: TableName) -> list[Record]:
        """The unsettled records of a table."""
        rows = self._connection.execute(
            "SELECT number, coalesce(follows, number), row_keys::text FROM syncwizard.quarantine"
            " WHERE task_id = %s AND schema_name = %s AND table_name = %s AND settled_at IS NULL ORDER BY number",
            (self._task_id, table.schema, table.name),
        )
        return [
            Record(number=number, head=head, keys=msgspec.json.decode(keys, type=Keys)) for number, head, keys in rows
        ]

    def settle(self, heads: Collection[int], upto: int, reason: Settled) -> None:
        """Both ends have the same rows again, as far as these records, with those that follow them, go: up to the
        number `upto`, for others may have come since."""
        self._connection.execute(
            "UPDATE syncwizard.quarantine SET settled_at = pg_catalog.now(), settled = %s"
            " WHERE task_id = %s AND coalesce(follows, number) = ANY (%s) AND number <= %s AND settled_at IS NULL",
            (reason, self._task_id, list(heads), upto),
        )

    def settle_copied(self, tables: Sequence[TableName]) -> None:
        """The tables are copied again, and have what the source has. In the caller's transaction."""
        self._connection.execute(
            "UPDATE syncwizard.quarantine SET settled_at = pg_catalog.now(), settled = 'copied'"
            " WHERE task_id = %s AND settled_at IS NULL"
            " AND (schema_name, table_name) IN (SELECT * FROM unnest(%s::text[], %s::text[]))",
            (self._task_id, [table.schema for table in tables], [table.name for table in tables]),
        )

    def settled_heads(self, among: Collection[int]) -> dict[int, Settled]:
        """Which of these first records are settled with all that follow them, and why."""
        rows = self._connection.execute(
            "SELECT number, settled FROM syncwizard.quarantine q WHERE task_id = %s AND number = ANY (%s)"
            " AND NOT EXISTS (SELECT FROM syncwizard.quarantine f WHERE f.task_id = q.task_id"
            " AND coalesce(f.follows, f.number) = q.number AND f.settled_at IS NULL)",
            (self._task_id, list(among)),
        )
        return dict(rows.fetchall())


def _json(values: object) -> str:
    return msgspec.json.encode(values).decode()


def _event(row: tuple[object, ...]) -> ChangeQuarantined:
    number, schema, table, target, kind, lsn, keys, edited, reason, sqlstate, by, follows = row
    return ChangeQuarantined(
        number=int(str(number)),
        table=TableName(str(schema), str(table)),
        target=str(target),
        kind=str(kind),
        lsn=str(lsn),
        keys=msgspec.json.decode(str(keys), type=Keys),
        edited=bool(edited),
        reason=str(reason),
        sqlstate=str(sqlstate),
        by=str(by),
        follows=int(str(follows)),
    )
