"""The destination as stages ask it: one session of one task, with a part for each thing that is there.

Statements stay in the modules of the parts; stages name what they want and hold no session of their own.
"""

import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, Self

from syncwizard.postgres.captured import Member, Progress
from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.aside import Aside
from syncwizard.postgres.destination.batches import BatchWriter
from syncwizard.postgres.destination.chunks import Copies
from syncwizard.postgres.destination.database import Database
from syncwizard.postgres.destination.dead_letters import DeadLetters
from syncwizard.postgres.destination.definitions import Definitions
from syncwizard.postgres.destination.followed import Followed
from syncwizard.postgres.destination.indexes import Indexes
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.destination.quarantine import Quarantine
from syncwizard.postgres.destination.quarantining import Quarantining
from syncwizard.postgres.destination.redefining import Redefining
from syncwizard.postgres.destination.redefining_members import Captured, Look
from syncwizard.postgres.destination.routes import RouteCompiler, Source
from syncwizard.postgres.destination.serial import FetchRow, SerialApplier
from syncwizard.postgres.destination.session import follow_configuration, hold_task, prepare_writing
from syncwizard.postgres.destination.tables import Tables
from syncwizard.postgres.sequences import Sequences
from syncwizard.postgres.session.connection import Connection
from syncwizard.rows.changes import Piece, Redefinition, Route
from syncwizard.structure.definition import Definition
from syncwizard.structure.table import Table
from syncwizard.task.events import ChangeQuarantined, DefinitionDecided, RowDecided
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec


class Destination:
    """One session at the destination, for one task; a context manager that closes it.

    - `ledger`: how far the task is, and what it captures (rules 3, 4)
    - `dead_letters`: rows for which a script failed
    - `copies`: the copies of its tables and their chunks (rule 10)
    - `aside`: its tables whose changes are not applied
    - `definitions`: those of its plan; `followed`: those of its tables that are followed
    - `indexes`, `sequences`, `tables`, `database`: what there is, whichever task it belongs to
    - `connection`: for what is done to sessions of either end: cancelling, encodings, COPY
    """

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self.connection = connection
        self.ledger = Ledger(connection, task_id)
        self.copies = Copies(connection, task_id)
        self.aside = Aside(connection, task_id)
        self.definitions = Definitions(connection, task_id)
        self.followed = Followed(connection, task_id)
        self.indexes = Indexes(connection)
        self.sequences = Sequences(connection)
        self.tables = Tables(connection)
        self.database = Database(connection)
        self.dead_letters = DeadLetters(connection, task_id)
        self.quarantine = Quarantine(connection, task_id)
        self._task_id = task_id

    def __enter__(self) -> Self:
        self.connection.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.__exit__(kind, error, trace)

    def close(self) -> None:
        """Ends the session."""
        self.connection.close()

    def transaction(self) -> AbstractContextManager[Any]:
        """A transaction around what is asked inside the block."""
        return self.connection.transaction()

    # Sessions ------------------------------------------------------------------------------------------------------

    def hold(self, owner: int) -> None:
        """Takes the task's advisory lock for this session, and makes the destination ready for this engine.

        Ends the sessions that earlier ones left behind, and brings an older layout to the newest. `owner` is a number
        of the engine's own. Raises Fenced when another engine holds the lock, LayoutNewer.
        """
        hold_task(self.connection, self._task_id, owner)

    def prepare_writing(self) -> bool:
        """Switches triggers and foreign keys off for the session where its account may; whether it may (rule 15)."""
        return prepare_writing(self.connection)

    def may_prepare_writing(self) -> bool:
        """Whether the account may switch triggers and foreign keys off; leaves the session as it was in that."""
        allowed = self.prepare_writing()
        if allowed:
            self.connection.execute("RESET session_replication_role")
        return allowed

    def follow_configuration(self) -> None:
        """Lets the session's commits wait for what the server's configuration says from now on."""
        follow_configuration(self.connection)

    # Rows ----------------------------------------------------------------------------------------------------------

    def read_routes(
        self,
        schemas: Iterable[str],
        selected: Sequence[Table],
        members: Iterable[Member],
        mapping: Mapping,
        source: Source,
        left_out: Callable[[TableName, str], None],
        *,
        recoded: bool,
        spec: TaskSpec,
        source_database: str,
    ) -> RouteCompiler:
        """Where rows of the source go, by the destination's catalogue as it is now; see RouteCompiler."""
        compiler = RouteCompiler(
            self.connection,
            schemas,
            selected,
            self.copies.read_pairs(),
            source,
            left_out,
            mapping,
            members,
            recoded=recoded,
            spec=spec,
            source_database=source_database,
            aside=frozenset(name for event in self.aside.read() for name in event.names),
        )
        compiler.read()
        return compiler

    def redefining(
        self,
        spec: TaskSpec,
        known: dict[int, Definition],
        mapping: Mapping,
        routes: RouteCompiler,
        look: Look,
        members: Captured,
        decided: Sequence[DefinitionDecided],
    ) -> Redefining:
        """What follows captured commands, for the routes of the same session; see Redefining."""
        return Redefining(self.connection, self._task_id, spec, known, mapping, routes, look, members, decided)

    def writer(
        self,
        progress: Progress,
        *,
        sync_point: int,
        serial_until: int,
        fetch: FetchRow,
        committed: Callable[[list[Piece]], None],
        careful: Callable[[str], None],
        dead: Callable[[Route, str], None] | None = None,
        decided: RowDecided | None = None,
        quarantined: Callable[[ChangeQuarantined], None],
        redefine: Callable[[Redefinition], None] | None = None,
    ) -> BatchWriter:
        """What writes batches with their position, for the epoch of the progress; see BatchWriter and SerialApplier.

        After the encoding of the session was chosen.
        """
        applier = Applier(self.connection, self._task_id, progress.epoch, progress.applied_lsn, redefine)
        quarantining = Quarantining(self.connection, self._task_id, applier, decided, quarantined)
        serial = SerialApplier(applier, self.connection, sync_point, fetch, dead, quarantining)
        return BatchWriter(applier, serial, serial_until, committed, careful)
