"""The child of the full stage: copies the chunks it is given, one at a time, each with its completion row."""

import time

import msgspec
import psycopg

from syncwizard.errors import EndpointError
from syncwizard.postgres.copying import ChunkRange, begin_snapshot, copy_chunk, has_read, is_current, is_snapshot_lost
from syncwizard.postgres.destination.chunks import Copies
from syncwizard.postgres.destination.session import prepare_writing
from syncwizard.postgres.session.connection import Connection, is_plain
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import as_ours, translated
from syncwizard.stages.context import Channel, open_session
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec

RENAMED = "it was renamed at the source during the copy"


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """`snapshot`: exported by the session that created the pair's slot."""

    spec: TaskSpec
    secrets: Handover
    snapshot: str


class CopyChunk(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Copy this chunk, and answer with ChunkCopied or ChunkStale."""

    generation: int
    chunk: int
    range: ChunkRange


class Finish(msgspec.Struct, frozen=True, tag=True):
    """Nothing more to copy."""


class ChunkProgress(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """How far the chunk at hand is."""

    rows: int
    bytes: int


class ChunkCopied(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """The chunk is committed at the destination, by this worker or by one that died after it."""

    rows: int
    bytes: int
    seconds: float


class ChunkStale(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Nothing was committed: the table's copy must begin again, or has begun again already."""

    reason: str


ToChild = CopyChunk | Finish
FromChild = ChunkProgress | ChunkCopied | ChunkStale


def run(assignment: Assignment, channel: Channel) -> None:
    """Copies until told to finish. Raises EndpointError when an end fails, TaskFailed when it refuses."""
    source = open_session(assignment.spec, assignment.secrets, "source", "copy", autocommit=True)
    destination = open_session(assignment.spec, assignment.secrets, "destination", "copy", autocommit=True)
    with translated("destination", "preparing to write"):
        prepare_writing(destination)
        plain = is_plain(destination)
    with translated("source", "preparing to read"):
        plain = plain and is_plain(source)
        set_encoding(shared_encoding(source, destination), source, destination)
    while True:
        frame = channel.receive(None)
        if isinstance(frame, CopyChunk):
            answer = _copy(assignment, source, destination, frame, channel, plain=plain)
            # Not after an error: the source may be in the middle of its COPY then, and this process ends anyway.
            with translated("source", "leaving the snapshot"):
                source.execute("ROLLBACK")
            channel.send(answer)
        elif isinstance(frame, Finish):
            break
    source.close()
    destination.close()


def _copy(
    assignment: Assignment,
    source: Connection,
    destination: Connection,
    task: CopyChunk,
    channel: Channel,
    *,
    plain: bool,
) -> ChunkCopied | ChunkStale:
    spec = assignment.spec
    assert spec.id is not None
    part = task.range
    copies = Copies(destination, spec.id)
    started = time.monotonic()
    try:
        begin_snapshot(source, assignment.snapshot)
    except psycopg.Error as error:
        if not is_snapshot_lost(error):
            raise as_ours(error, "source", f"copying {part.source}") from error
        raise EndpointError(
            "the snapshot of the copy is gone",
            end="source",
            transient=True,
            detail=" ".join(str(error).split()),
        ) from error
    try:
        destination.execute("BEGIN")
        if not copies.claim_chunk(part.source, task.generation, task.chunk):
            destination.execute("ROLLBACK")
            return ChunkStale(reason="its copy was begun again")
        copied = copy_chunk(
            source,
            destination,
            part,
            lambda rows, size: channel.send(ChunkProgress(rows=rows, bytes=size)),
            plain=plain,
        )
        if not has_read(source, part.oid):
            destination.execute("ROLLBACK")
            return ChunkStale(reason=RENAMED)
        if not is_current(source, part.oid):
            destination.execute("ROLLBACK")
            return ChunkStale(reason="it was rewritten at the source during the copy (rewrite, VACUUM FULL, TRUNCATE)")
        copies.fill_chunk(part.source, task.generation, task.chunk, copied.rows, copied.bytes)
        destination.execute("COMMIT")
    except psycopg.errors.UndefinedTable as error:
        if not _failed(source):
            raise as_ours(error, "destination", f"copying {part.source}") from error
        destination.execute("ROLLBACK")
        return ChunkStale(reason=RENAMED)
    except psycopg.errors.UniqueViolation as error:
        destination.execute("ROLLBACK")
        if error.diag.schema_name != "syncwizard":
            raise as_ours(error, "destination", f"copying {part.source}") from error
        rows, size = copies.read_chunk(part.source, task.generation, task.chunk)
        return ChunkCopied(rows=rows, bytes=size, seconds=0.0)
    except psycopg.Error as error:
        raise as_ours(error, "source" if _failed(source) else "destination", f"copying {part.source}") from error
    return ChunkCopied(rows=copied.rows, bytes=copied.bytes, seconds=time.monotonic() - started)


def _failed(connection: Connection) -> bool:
    """Whether it was this session whose statement failed or whose server went away."""
    return connection.broken or connection.info.transaction_status in (
        psycopg.pq.TransactionStatus.INERROR,
        psycopg.pq.TransactionStatus.UNKNOWN,
    )
