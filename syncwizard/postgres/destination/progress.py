"""The destination's own record of each task: the engine that may write, the position, the chunks (rules 3, 4, 10)."""

import uuid
from collections.abc import Iterable
from typing import Literal

import msgspec
from psycopg import sql

from syncwizard.errors import Fenced
from syncwizard.postgres.captured import CreatedSlot, Member, Progress, Publication, SystemIdentity, Traits
from syncwizard.postgres.destination.layout import SCHEMA_LOCK, check_layout, ensure_layout, migrate_layout
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.task.names import TableName

SCHEMA_MARK = "syncwizard: progress of synchronization tasks"

# Not there; of another program; without its tables yet; of an account whose tables this one may not read; usable.
SchemaState = Literal["missing", "foreign", "empty", "closed", "usable"]


# Those with rows of a task, its progress last.
TASK_TABLES = (
    "dead_letters",
    "quarantine",
    "aside",
    "statements",
    "chunks",
    "tables",
    "members",
    "followed",
    "definitions_followed",
    "progress",
)


class Ledger:
    """What the destination records of one task."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def ensure_layout(self) -> None:
        """Creates the schema `syncwizard` or brings it to the newest layout. Raises LayoutNewer."""
        ensure_layout(self._connection)

    def read_schema(self) -> SchemaState:
        """What there is under the name `syncwizard`, as the session's account may see it."""
        found = self._read_mark()
        if found is None:
            return "missing"
        if found[0] != SCHEMA_MARK:
            return "foreign"
        if not scalar(self._connection, "SELECT pg_catalog.to_regclass('syncwizard.progress') IS NOT NULL"):
            return "empty"
        readable = "SELECT pg_catalog.has_table_privilege('syncwizard.progress', 'SELECT')"
        return "usable" if scalar(self._connection, readable) else "closed"

    def _read_mark(self) -> tuple[str | None] | None:
        """The comment on the schema; None where there is no schema."""
        return self._connection.execute(
            "SELECT pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace"
            " WHERE nspname = 'syncwizard'"
        ).fetchone()

    def check_layout(self) -> None:
        """Raises LayoutNewer where the schema `syncwizard` was made by a newer version."""
        check_layout(self._connection)

    def register(
        self,
        task_name: str,
        slot: CreatedSlot,
        identity: SystemIdentity,
        publication: Publication,
    ) -> None:
        """Inserts the task's progress row: nothing is applied yet, the stream begins at the slot's position.

        Replaces a row of the same task only where nothing was applied under it.
        """
        with self._connection.transaction():
            self._connection.execute(
                query("progress_register"),
                {
                    "task_id": self._task_id,
                    "task_name": task_name,
                    "slot": slot.name,
                    "system_identifier": identity.system_identifier,
                    "timeline": identity.timeline,
                    "source_database": identity.database,
                    "lsn": slot.lsn,
                    "publication_oid": publication.oid,
                    "publication_xmin": publication.xmin,
                    "publication_owner": publication.owner,
                },
            )
            self._write_members(publication)

    def register_again(
        self,
        order: uuid.UUID,
        publication: Publication,
        created: tuple[CreatedSlot, SystemIdentity] | None,
    ) -> None:
        """Notes that what the resynchronization `order` needs at the source is made, and shuts out earlier sessions.

        `created` is a new slot, from whose position the stream begins; without one it goes on where it was. In the
        caller's transaction. Raises Fenced when the destination knows nothing of the task.
        """
        values = {
            "task_id": self._task_id,
            "order": order,
            "oid": publication.oid,
            "xmin": publication.xmin,
            "owner": publication.owner,
        }
        if self._connection.execute(query("progress_register_again"), values).rowcount != 1:
            raise Fenced("the destination has no progress of this task any more", where="destination")
        if created is not None:
            slot, identity = created
            position = {
                "task_id": self._task_id,
                "slot": slot.name,
                "system_identifier": identity.system_identifier,
                "timeline": identity.timeline,
                "source_database": identity.database,
                "lsn": slot.lsn,
            }
            self._connection.execute(query("progress_move"), position)
        self._write_members(publication)

    def _write_members(self, publication: Publication) -> None:
        """Keeps what the publication carries now, in place of what it carried before."""
        self._connection.execute("DELETE FROM syncwizard.members WHERE task_id = %s", (self._task_id,))
        self._connection.execute(
            "INSERT INTO syncwizard.members (task_id, relation, member, schema_name, table_name, traits)"
            " SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])",
            (self._task_id, *_columns(publication.members)),
        )

    def note_members(self, members: Iterable[Member], epoch: int | None = None) -> None:
        """Keeps what some relations are like now; those that are new come to the others.

        With an epoch, which has passed, nothing: the task has begun to capture again.
        """
        self._connection.execute(
            "INSERT INTO syncwizard.members AS m (task_id, relation, member, schema_name, table_name, traits)"
            " SELECT p.task_id, t.*"
            " FROM syncwizard.progress p,"
            " unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[]) AS t"
            " WHERE p.task_id = %s AND p.epoch = coalesce(%s, p.epoch)"
            " ON CONFLICT (task_id, relation) DO UPDATE SET traits = excluded.traits",
            (*_columns(members), self._task_id, epoch),
        )

    def rename_member(self, relation: int, name: TableName) -> Member | None:
        """A relation has another name from here on; the member, if it is one. In the caller's transaction."""
        row = self._connection.execute(
            "UPDATE syncwizard.members SET schema_name = %s, table_name = %s WHERE task_id = %s AND relation = %s"
            " RETURNING member, traits",
            (name.schema, name.name, self._task_id, relation),
        ).fetchone()
        if row is None:
            return None
        traits = msgspec.json.decode(row[1], type=Traits) if row[1] is not None else None
        return Member(relation=relation, oid=row[0], table=name, traits=traits)

    def forget_member(self, relation: int) -> None:
        """A relation is captured no more. In the caller's transaction."""
        self._connection.execute(
            "DELETE FROM syncwizard.members WHERE task_id = %s AND relation = %s", (self._task_id, relation)
        )

    def read_members(self) -> list[Member]:
        """The relations whose changes the task captures, as they were when it began to."""
        return [
            Member(
                relation=relation,
                oid=oid,
                table=TableName(schema, name),
                traits=msgspec.json.decode(traits, type=Traits) if traits is not None else None,
            )
            for relation, oid, schema, name, traits in self._connection.execute(
                "SELECT relation, member, schema_name, table_name, traits FROM syncwizard.members WHERE task_id = %s"
                " ORDER BY schema_name, table_name",
                (self._task_id,),
            )
        ]

    def read(self) -> Progress | None:
        """The task's row; None when there is no row or no schema.

        Brings an older layout to the newest. Raises LayoutNewer.
        """
        if not migrate_layout(self._connection):
            return None
        row = self._connection.execute(query("progress_read"), (self._task_id,)).fetchone()
        return None if row is None else _progress(row)

    def exists(self) -> bool:
        """Whether a schema of any layout has a row of the task."""
        return bool(
            scalar(
                self._connection, "SELECT EXISTS (SELECT FROM syncwizard.progress WHERE task_id = %s)", self._task_id
            )
        )

    def take_epoch(self) -> Progress:
        """Begins an apply session: the next epoch, which shuts out every earlier session.

        Waits for a commit in doubt of an earlier one: it holds the row's lock until the server has decided it.
        Raises Fenced when the destination knows nothing of the task.
        """
        row = self._connection.execute(query("progress_take_epoch"), (self._task_id,)).fetchone()
        if row is None:
            raise Fenced(
                "the destination has no progress of this task",
                where="destination",
                remedy="it was released, or the destination is another database: start a new task",
            )
        return _progress(row)

    def applied_lsn(self) -> str | None:
        """Where the last commit that is applied ends, as the open transaction sees it; None without a row."""
        found = scalar(
            self._connection,
            "SELECT applied_lsn::text FROM syncwizard.progress WHERE task_id = %s",
            self._task_id,
        )
        return None if found is None else str(found)

    def lock_applied(self) -> str | None:
        """As `applied_lsn`; no position moves on until the open transaction ends."""
        found = scalar(
            self._connection,
            "SELECT applied_lsn::text FROM syncwizard.progress WHERE task_id = %s FOR UPDATE",
            self._task_id,
        )
        return None if found is None else str(found)

    def acknowledge(self, epoch: int, lsn: str) -> None:
        """Makes an idle position durable before it is sent to the source. Raises Fenced when the epoch is not ours."""
        if scalar(self._connection, query("progress_acknowledge"), lsn, self._task_id, epoch) != 1:
            raise Fenced("another engine took over this task", where="destination")

    def note_timeline(self, progress: Progress, timeline: int) -> Progress:
        """The source has gone on to this timeline, and nothing is missing: what is compared from here on.

        Raises Fenced when the epoch is not that of the progress.
        """
        changed = self._connection.execute(
            "UPDATE syncwizard.progress SET timeline = %s WHERE task_id = %s AND epoch = %s",
            (timeline, self._task_id, progress.epoch),
        ).rowcount
        if changed != 1:
            raise Fenced("another engine took over this task", where="destination")
        return msgspec.structs.replace(progress, timeline=timeline)

    def note_owner(self, progress: Progress, xmin: int, owner: int) -> Progress:
        """The publication belongs to another owner since the transaction `xmin`: what is compared from here on.

        Raises Fenced when the epoch is not that of the progress.
        """
        changed = self._connection.execute(
            "UPDATE syncwizard.progress SET publication_xmin = %s, publication_owner = %s"
            " WHERE task_id = %s AND epoch = %s",
            (xmin, owner, self._task_id, progress.epoch),
        ).rowcount
        if changed != 1:
            raise Fenced("another engine took over this task", where="destination")
        return msgspec.structs.replace(progress, publication_xmin=xmin, publication_owner=owner)

    def lock(self) -> bool:
        """Takes the session's advisory lock of the task; False when another engine holds it."""
        key = int.from_bytes(self._task_id.bytes[:8], "big", signed=True)
        return bool(scalar(self._connection, "SELECT pg_catalog.pg_try_advisory_lock(%s)", key))

    def forget(self) -> None:
        """Removes what the destination keeps of the task, and the schema with the last task. Our schema only."""
        with self._connection.transaction():
            self._connection.execute(SCHEMA_LOCK)
            if self._read_mark() != (SCHEMA_MARK,):
                return
            for name in TASK_TABLES:
                # An older layout, which is not migrated to be removed, has not all of them.
                if scalar(self._connection, "SELECT pg_catalog.to_regclass(%s) IS NOT NULL", f"syncwizard.{name}"):
                    self._connection.execute(
                        sql.SQL("DELETE FROM {} WHERE task_id = %s").format(sql.Identifier("syncwizard", name)),
                        (self._task_id,),
                    )
            if not scalar(self._connection, "SELECT EXISTS (SELECT FROM syncwizard.progress)"):
                self._connection.execute("DROP SCHEMA syncwizard CASCADE")


def _columns(members: Iterable[Member]) -> tuple[list[object], ...]:
    rows = [
        (
            member.relation,
            member.oid,
            member.table.schema,
            member.table.name,
            msgspec.json.encode(member.traits).decode() if member.traits is not None else None,
        )
        for member in members
    ]
    return tuple([row[at] for row in rows] for at in range(5))


def _progress(row: tuple[object, ...]) -> Progress:
    return msgspec.convert(dict(zip(Progress.__struct_fields__, row, strict=True)), Progress)
