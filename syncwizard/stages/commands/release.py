"""Release: removes everything we created at both ends, piece by piece, and lists what could not be removed.

What is there is asked of the servers, not of the journal alone: names follow from the task's id, so a release also
cleans up after a run that died before it could write anything down.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress

from syncwizard.errors import End, EndpointError, SyncwizardError
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.progress import TASK_TABLES
from syncwizard.postgres.dump import remove_secrets
from syncwizard.postgres.session.answering import end_sessions
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.ddl import drop_ddl_capture, drop_statements, joined_identities
from syncwizard.postgres.source.heartbeat import drop_heartbeat
from syncwizard.postgres.source.identity import identities_held, published_elsewhere, restore, restore_statement
from syncwizard.postgres.source.publication import drop_publication
from syncwizard.postgres.source.slot import current_timeline, drop_slot
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.task.events import Noticed, Remainder, ReplicaIdentityChanging, TaskReleased
from syncwizard.task.names import quote
from syncwizard.task.specification import SLOT_PREFIX


class Releasing:
    """One release: the sessions that could be opened, and the statements for what was left over."""

    def __init__(self, context: Context, sessions: dict[End, Connection]) -> None:
        self._context = context
        self._sessions = sessions
        self.left_over: list[Remainder] = []

    @property
    def destination(self) -> Destination | None:
        """The destination, None where no session could be opened."""
        session = self._sessions.get("destination")
        return None if session is None else Destination(session, self._context.task_id)

    def reaches(self, end: End) -> bool:
        """Whether a session of that end is open."""
        return end in self._sessions

    def remove(self, end: End, what: str, statements: Sequence[str], action: Callable[[Connection], object]) -> None:
        """Does one thing at one end; where that fails, `statements` are left to be run by hand."""
        session = self._sessions.get(end)
        if session is None:
            self._leave(end, statements)
            return
        try:
            with translated(end, f"removing {what}"):
                action(session)
        except SyncwizardError as error:
            self._leave(end, statements)
            self._context.record(
                Noticed(level="warning", message=f"could not remove {what} at the {end}: {error}", remedy=error.remedy)
            )

    def _leave(self, end: End, statements: Sequence[str]) -> None:
        self.left_over.append(Remainder(end=end, statements=tuple(statements)))


def run(context: Context) -> str:
    """Removes slot, publication, heartbeat, replica identities and progress; records TaskReleased.

    Works with one end out of reach: what belongs there is listed. Raises EndpointError when none can be reached,
    Fenced when the task runs somewhere else.
    """
    context.held.close()
    with ExitStack() as stack:
        sessions = _open(context, stack)
        releasing = Releasing(context, sessions)
        if releasing.destination is not None:
            with translated("destination", "checking whether the task runs elsewhere"):
                releasing.destination.hold(context.owner)
        _end_sessions(context, sessions)
        _remind_of_former_primary(context, sessions.get("source"))
        _release_source(context, releasing)
        _drop_unfinished_indexes(context, releasing)
        releasing.remove(
            "destination",
            "the progress of the task",
            _forgetting(context),
            lambda session: Destination(session, context.task_id).ledger.forget(),
        )
        _remind_of_role_default(context, releasing)
    remove_secrets(context.folder)
    context.record(TaskReleased(left_over=releasing.left_over))
    return f"{len(releasing.left_over)} things left over" if releasing.left_over else "nothing left over"


def _open(context: Context, stack: ExitStack) -> dict[End, Connection]:
    sessions: dict[End, Connection] = {}
    errors: list[EndpointError] = []
    ends: tuple[End, ...] = ("source", "destination")
    for end in ends:
        try:
            sessions[end] = stack.enter_context(context.connect(end, "release"))
        except EndpointError as error:
            errors.append(error)
            context.record(Noticed(level="warning", message=f"the {end} cannot be reached: {error.detail}"))
    if not sessions:
        raise errors[0]
    return sessions


def _end_sessions(context: Context, sessions: dict[End, Connection]) -> None:
    """A server goes on for a while with what a killed engine asked it for."""
    for end, session in sessions.items():
        with suppress(SyncwizardError), translated(end, "ending sessions of the task"):
            end_sessions(session, context.spec, builds=True)


def _drop_unfinished_indexes(context: Context, releasing: Releasing) -> None:
    """A pause or a kill in the middle of a build leaves an index behind that is kept in step and never used."""
    plan = read_plan(context)
    destination = releasing.destination
    if plan is None or destination is None:
        return
    for statement in plan.of("indexes"):
        index, table = statement.index, statement.table
        if index is None or table is None:
            continue
        with suppress(SyncwizardError), translated("destination", "looking for unfinished indexes"):
            if destination.indexes.state(index, table) != "invalid":
                continue
            releasing.remove(
                "destination",
                f"the unfinished index {index.name} of {table}",
                [f"DROP INDEX CONCURRENTLY {quote(index.schema)}.{quote(index.name)}"],
                lambda session, index=index: Destination(session, context.task_id).indexes.drop(index),  # type: ignore[misc]
            )


def _forgetting(context: Context) -> list[str]:
    """What removes the task's progress, and the schema with the last task."""
    deletions = [f"DELETE FROM syncwizard.{table} WHERE task_id = '{context.task_id}'" for table in TASK_TABLES]
    return [*deletions, _drop_unused("syncwizard.progress", "SCHEMA syncwizard CASCADE")]


def _drop_unused(table: str, what: str) -> str:
    """What drops an object that tasks share, once none has a row in its table."""
    return f"DO $$BEGIN IF NOT EXISTS (SELECT FROM {table}) THEN DROP {what}; END IF; END$$"


def _remind_of_former_primary(context: Context, source: Connection | None) -> None:
    """After a failover the server that was the primary before may come back, with the slot, and keep WAL for it."""
    slot, first = context.state().slot, context.state().first_timeline
    if source is None or slot is None or first is None:
        return
    with suppress(SyncwizardError), translated("source", "reading its timeline"):
        if current_timeline(source) > first:
            context.record(
                Noticed(
                    level="warning",
                    message=f"the source failed over since slot {slot.name} was made: the server that was its primary"
                    " before may still have it, and keep WAL until its disk is full",
                    remedy=to_do(
                        "if that server is used again, also as a standby, drop the slot there",
                        statements=[f"SELECT pg_drop_replication_slot('{slot.name}')"],
                    ),
                )
            )


def _remind_of_role_default(context: Context, releasing: Releasing) -> None:
    """The role's default may have been set by hand so that no triggers fire (DESIGN rule 15)."""
    destination = releasing.destination
    if destination is None:
        return
    user = destination.database.user
    with suppress(SyncwizardError), translated("destination", "reading the role's default"):
        if destination.database.fires_no_triggers():
            context.record(
                Noticed(
                    level="warning",
                    message=f"sessions of {user} at the destination still fire no triggers by default",
                    remedy=to_do(
                        "if that was set for this task, set it back",
                        statements=[f'ALTER ROLE "{user}" RESET session_replication_role'],
                    ),
                )
            )


def _release_source(context: Context, releasing: Releasing) -> None:
    name = context.spec.slot
    releasing.remove(
        "source",
        f"slot {name}",
        [f"SELECT pg_drop_replication_slot('{name}')"],
        lambda session: drop_slot(session, name),
    )
    listed = context.spec.advanced.decoding == "test_decoding"
    releasing.remove(
        "source",
        "the list of tables" if listed else f"publication {name}",
        [
            f"DELETE FROM public.dts_postgres_captured WHERE slot_name = '{name}'",
            _drop_unused("public.dts_postgres_captured", "TABLE public.dts_postgres_captured"),
        ]
        if listed
        else [f"DROP PUBLICATION {name}"],
        lambda session: drop_publication(session, name),
    )
    releasing.remove(
        "source",
        "the heartbeat",
        [
            f"DELETE FROM public.dts_postgres_heartbeat WHERE slot_name = '{name}'",
            _drop_unused("public.dts_postgres_heartbeat", "TABLE public.dts_postgres_heartbeat"),
        ],
        lambda session: drop_heartbeat(session, name),
    )
    joined = _given_identities(context, releasing)
    # The setting may have been another one when the task began.
    if context.spec.advanced.ddl == "follow" or releasing.reaches("source"):
        statements = drop_statements(name)
        releasing.remove(
            "source", "the capture of definitions", statements, lambda session: drop_ddl_capture(session, name)
        )
    # The first record of a table is what the user had.
    changes = {change.table: change for change in reversed([*context.state().identities, *joined])}
    for change in changes.values():
        releasing.remove(
            "source",
            f"the replica identity of {change.table}",
            [restore_statement(change).as_string(None)],
            lambda session, change=change: _restore(context, releasing, session, change),  # type: ignore[misc]
        )


def _given_identities(context: Context, releasing: Releasing) -> list[ReplicaIdentityChanging]:
    """What the source itself has noted of tables that joined; it is gone with the capture of definitions."""
    joined: list[ReplicaIdentityChanging] = []
    if releasing.reaches("source"):
        name = context.spec.slot
        look = "SELECT * FROM dts_ddl.identities"
        releasing.remove(
            "source", "replica identities", [look], lambda session: joined.extend(joined_identities(session, name))
        )
    return joined


def _restore(context: Context, releasing: Releasing, session: Connection, change: ReplicaIdentityChanging) -> None:
    """Puts the identity back, unless a publication that stays needs FULL: the user's UPDATE would fail (rule 6)."""
    with identities_held(session):
        others = published_elsewhere(session, change.table, context.spec.slot)
        if not others:
            restore(session, change, context.cancellation.wait)
            return
    context.record(
        Noticed(level="info", message=f"{change.table} keeps REPLICA IDENTITY FULL, which {', '.join(others)} needs")
    )
    if not any(other.startswith(SLOT_PREFIX) for other in others):
        # A publication that is no task's came after ours; what the table should have is for its owner to decide.
        releasing.left_over.append(
            Remainder(
                end="source",
                statements=(restore_statement(change).as_string(None),),
                note=f"once {others[0]} is dropped",
            )
        )
