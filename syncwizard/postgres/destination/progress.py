"""The destination's own record of each task: who may write, how far it is, which chunks are in (rules 3, 4, 10)."""

import uuid
from collections.abc import Iterable

import msgspec

from syncwizard.errors import Fenced
from syncwizard.postgres.captured import CreatedSlot, Member, Progress, Publication, SystemIdentity, Traits
from syncwizard.postgres.destination.layout import SCHEMA_LOCK, migrate_layout
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.remedies import Remedy, to_do
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec

SCHEMA_MARK = "syncwizard: progress of synchronization tasks"


def register(
    connection: Connection,
    spec: TaskSpec,
    slot: CreatedSlot,
    identity: SystemIdentity,
    publication: Publication,
) -> None:
    """Inserts the task's progress row: nothing is applied yet, the stream begins at the slot's position.

    Replaces a row of the same task only where nothing was applied under it.
    """
    assert spec.id is not None
    with connection.transaction():
        connection.execute(
            query("progress_register"),
            {
                "task_id": spec.id,
                "task_name": spec.name,
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
        write_members(connection, spec.id, publication)


def register_again(
    connection: Connection,
    task_id: uuid.UUID,
    order: uuid.UUID,
    publication: Publication,
    created: tuple[CreatedSlot, SystemIdentity] | None,
) -> None:
    """Notes that what the resynchronization `order` needs at the source is made, and shuts out earlier sessions.

    `created` is a new slot, from whose position the stream begins; without one it goes on where it was. In the
    caller's transaction. Raises Fenced when the destination knows nothing of the task.
    """
    values = {
        "task_id": task_id,
        "order": order,
        "oid": publication.oid,
        "xmin": publication.xmin,
        "owner": publication.owner,
    }
    if connection.execute(query("progress_register_again"), values).rowcount != 1:
        raise Fenced("the destination has no progress of this task any more", where="destination")
    if created is not None:
        slot, identity = created
        position = {
            "task_id": task_id,
            "slot": slot.name,
            "system_identifier": identity.system_identifier,
            "timeline": identity.timeline,
            "source_database": identity.database,
            "lsn": slot.lsn,
        }
        connection.execute(query("progress_move"), position)
    write_members(connection, task_id, publication)


def write_members(connection: Connection, task_id: uuid.UUID, publication: Publication) -> None:
    """Keeps what the publication carries now, in place of what it carried before."""
    connection.execute("DELETE FROM syncwizard.members WHERE task_id = %s", (task_id,))
    connection.execute(
        "INSERT INTO syncwizard.members (task_id, relation, member, schema_name, table_name, traits)"
        " SELECT %s, * FROM unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[])",
        (task_id, *_columns(publication.members)),
    )


def note_members(
    connection: Connection, task_id: uuid.UUID, members: Iterable[Member], epoch: int | None = None
) -> None:
    """Keeps what some relations are like now; those that are new come to the others.

    With an epoch, which has passed, nothing: the task has begun to capture again.
    """
    connection.execute(
        "INSERT INTO syncwizard.members AS m (task_id, relation, member, schema_name, table_name, traits)"
        " SELECT p.task_id, t.*"
        " FROM syncwizard.progress p,"
        " unnest(%s::bigint[], %s::bigint[], %s::text[], %s::text[], %s::text[]) AS t"
        " WHERE p.task_id = %s AND p.epoch = coalesce(%s, p.epoch)"
        " ON CONFLICT (task_id, relation) DO UPDATE SET traits = excluded.traits",
        (*_columns(members), task_id, epoch),
    )


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


def read_members(connection: Connection, task_id: uuid.UUID) -> list[Member]:
    """The relations whose changes the task captures, as they were when it began to."""
    return [
        Member(
            relation=relation,
            oid=oid,
            table=TableName(schema, name),
            traits=msgspec.json.decode(traits, type=Traits) if traits is not None else None,
        )
        for relation, oid, schema, name, traits in connection.execute(
            "SELECT relation, member, schema_name, table_name, traits FROM syncwizard.members WHERE task_id = %s"
            " ORDER BY schema_name, table_name",
            (task_id,),
        )
    ]


def read_progress(connection: Connection, task_id: uuid.UUID) -> Progress | None:
    """The task's row; None when there is no row or no schema.

    Brings an older layout to the newest. Raises LayoutNewer.
    """
    if not migrate_layout(connection):
        return None
    row = connection.execute(query("progress_read"), (task_id,)).fetchone()
    return None if row is None else _progress(row)


def has_progress(connection: Connection, task_id: uuid.UUID) -> bool:
    """Whether a schema of any layout has a row of the task."""
    return bool(scalar(connection, "SELECT EXISTS (SELECT FROM syncwizard.progress WHERE task_id = %s)", task_id))


def take_epoch(connection: Connection, task_id: uuid.UUID) -> Progress:
    """Begins an apply session: the next epoch, which shuts out every earlier session.

    Waits for a commit in doubt of an earlier one: it holds the row's lock until the server has decided it.
    Raises Fenced when the destination knows nothing of the task.
    """
    row = connection.execute(query("progress_take_epoch"), (task_id,)).fetchone()
    if row is None:
        raise Fenced(
            "the destination has no progress of this task",
            where="destination",
            remedy=to_do(
                "where the destination is another database, point the task at the one it was started with",
                then="resume",
                otherwise=Remedy(then="new task"),
            ),
        )
    return _progress(row)


def acknowledge(connection: Connection, task_id: uuid.UUID, epoch: int, lsn: str) -> None:
    """Makes an idle position durable before it is sent to the source. Raises Fenced when the epoch is not ours."""
    if scalar(connection, query("progress_acknowledge"), lsn, task_id, epoch) != 1:
        raise Fenced("another engine took over this task", where="destination")


def note_timeline(connection: Connection, task_id: uuid.UUID, progress: Progress, timeline: int) -> Progress:
    """The source has gone on to this timeline, and nothing is missing: what is compared from here on.

    Raises Fenced when the epoch is not that of the progress.
    """
    changed = connection.execute(
        "UPDATE syncwizard.progress SET timeline = %s WHERE task_id = %s AND epoch = %s",
        (timeline, task_id, progress.epoch),
    ).rowcount
    if changed != 1:
        raise Fenced("another engine took over this task", where="destination")
    return msgspec.structs.replace(progress, timeline=timeline)


def note_owner(connection: Connection, task_id: uuid.UUID, progress: Progress, xmin: int, owner: int) -> Progress:
    """The publication belongs to somebody else since the transaction `xmin`: what is compared from here on.

    Raises Fenced when the epoch is not that of the progress.
    """
    changed = connection.execute(
        "UPDATE syncwizard.progress SET publication_xmin = %s, publication_owner = %s"
        " WHERE task_id = %s AND epoch = %s",
        (xmin, owner, task_id, progress.epoch),
    ).rowcount
    if changed != 1:
        raise Fenced("another engine took over this task", where="destination")
    return msgspec.structs.replace(progress, publication_xmin=xmin, publication_owner=owner)


def lock_task(connection: Connection, task_id: uuid.UUID) -> bool:
    """Takes the session's advisory lock of the task; False when another engine holds it."""
    key = int.from_bytes(task_id.bytes[:8], "big", signed=True)
    return bool(scalar(connection, "SELECT pg_catalog.pg_try_advisory_lock(%s)", key))


def forget(connection: Connection, task_id: uuid.UUID) -> None:
    """Removes what the destination keeps of the task, and the schema with the last task. Our schema only."""
    with connection.transaction():
        connection.execute(SCHEMA_LOCK)
        mark = scalar(
            connection,
            "SELECT pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace"
            " WHERE nspname = 'syncwizard'",
        )
        if mark != SCHEMA_MARK:
            return
        connection.execute("DELETE FROM syncwizard.statements WHERE task_id = %s", (task_id,))
        connection.execute("DELETE FROM syncwizard.chunks WHERE task_id = %s", (task_id,))
        connection.execute("DELETE FROM syncwizard.tables WHERE task_id = %s", (task_id,))
        connection.execute("DELETE FROM syncwizard.members WHERE task_id = %s", (task_id,))
        connection.execute("DELETE FROM syncwizard.progress WHERE task_id = %s", (task_id,))
        if not scalar(connection, "SELECT EXISTS (SELECT FROM syncwizard.progress)"):
            connection.execute("DROP SCHEMA syncwizard CASCADE")


def _progress(row: tuple[object, ...]) -> Progress:
    return msgspec.convert(dict(zip(Progress.__struct_fields__, row, strict=True)), Progress)
