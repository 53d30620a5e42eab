"""The child of the full stage: copies the chunks it is given, one at a time, each with its completion row."""

import time
import uuid

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.careful_copy import find_failing
from syncwizard.postgres.copier import ChunkBegunAgain, ChunkIsIn, Copier, CopiesApart, TableChanged
from syncwizard.postgres.copying import ChunkRange
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import to_do
from syncwizard.stages.context import Channel, open_session
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.throttling import pace_of


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot`: exported by the session that created the pair's slot. `folder`: where the limits of the task are;
    empty for none."""

    spec: TaskSpec
    secrets: Handover
    snapshot: str
    folder: str = ""

    @property
    def task_id(self) -> uuid.UUID:
        """The task's id; every task that runs has one."""
        if self.spec.id is None:
            raise ValueError("the task has no id yet")
        return self.spec.id


class CopyChunk(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Copy this chunk, and answer with ChunkCopied or ChunkStale."""

    generation: int
    chunk: int
    range: ChunkRange


class CopyTables(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Copy these tables, each of one chunk, in one transaction; answer with TablesCopied, or TablesApart."""

    generations: list[int]
    ranges: list[ChunkRange]


class Finish(msgspec.Struct, frozen=True, tag=True):
    """Nothing more to copy."""


class ChunkProgress(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """How far the chunk at hand is."""

    rows: int
    bytes: int


class ChunkCopied(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The chunk is committed at the destination, by this worker or by one that died after it. `dead_letters`: rows of
    it for which a script failed."""

    rows: int
    bytes: int
    seconds: float
    dead_letters: int = 0


class ChunkStale(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Nothing was committed: the table's copy must begin again, or has begun again already."""

    reason: str


class TablesCopied(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The tables are committed at the destination, with so many rows and bytes each, in the order given."""

    copied: list[tuple[int, int]]


class TablesApart(msgspec.Struct, frozen=True, tag=True):
    """Nothing was committed: they have to be copied one by one."""


ToChild = CopyChunk | CopyTables | Finish
FromChild = ChunkProgress | ChunkCopied | ChunkStale | TablesCopied | TablesApart


def run(assignment: Assignment, channel: Channel) -> None:
    """Copies until Finish. Raises EndpointError when an end fails, TaskFailed when it refuses."""
    source = open_session(assignment.spec, assignment.secrets, "source", "copy")
    session = open_session(assignment.spec, assignment.secrets, "destination", "copy")
    pace = pace_of(assignment.folder, "full")
    copier = Copier(source, Destination(session, assignment.task_id), assignment.snapshot, pace)
    while True:
        frame = channel.receive(None)
        if isinstance(frame, CopyChunk):
            channel.send(_copy(copier, frame, channel, assignment))
        elif isinstance(frame, CopyTables):
            channel.send(_copy_together(copier, frame))
        elif isinstance(frame, Finish):
            break
    source.close()
    session.close()


def _with_row(failed: TaskFailed, part: ChunkRange, assignment: Assignment) -> TaskFailed:
    """The failure with the row and the part of the script that it comes of, where it does."""
    if part.projected is None or not failed.sqlstate.startswith("22"):
        return failed
    with (
        open_session(assignment.spec, assignment.secrets, "source", "lookup") as source,
        translated("source", "looking for the row"),
    ):
        found = find_failing(source, part)
    if found is None:
        return failed
    key, where = found
    return TaskFailed(
        failed.title,
        detail=f"{failed.detail}; in {where}, for the row {key}",
        where=failed.where,
        remedy=to_do("correct the script in the task file, or set advanced.etl_errors: dead-letter", then="resume"),
        sqlstate=failed.sqlstate,
    )


def _copy_together(copier: Copier, task: CopyTables) -> TablesCopied | TablesApart:
    try:
        copied = copier.copy_together(task.ranges, task.generations)
    except CopiesApart:
        return TablesApart()
    return TablesCopied(copied=[(each.rows, each.bytes) for each in copied])


def _copy(copier: Copier, task: CopyChunk, channel: Channel, assignment: Assignment) -> ChunkCopied | ChunkStale:
    started = time.monotonic()
    try:
        copied = copier.copy(
            task.range,
            task.generation,
            task.chunk,
            lambda rows, size: channel.send(ChunkProgress(rows=rows, bytes=size)),
        )
    except TaskFailed as failed:
        raise _with_row(failed, task.range, assignment) from failed
    except (ChunkBegunAgain, TableChanged) as stale:
        return ChunkStale(reason=str(stale))
    except ChunkIsIn as found:
        return ChunkCopied(rows=found.rows, bytes=found.size, seconds=0.0)
    return ChunkCopied(
        rows=copied.rows,
        bytes=copied.bytes,
        seconds=time.monotonic() - started,
        dead_letters=copied.dead_letters,
    )
