"""What a stage is given: the specification, connections, the journal, cancellation, and child processes."""

import os
import queue
import random
import threading
import time
import uuid
import weakref
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

import msgspec

from syncwizard.errors import Cancelled, End
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection, connect
from syncwizard.postgres.session.salts import set_salts
from syncwizard.rows.changes import Beat
from syncwizard.task.events import Event
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.mapping import Mapping
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.state import TaskState

# Streams of a full copy where the task file says no number: more than one for each processor would only take turns.
COPY_WORKERS = min(4, max(2, os.cpu_count() or 1))


def copy_workers(spec: TaskSpec) -> int:
    """How many processes of this machine copy at once."""
    given = spec.advanced.copy_workers
    return COPY_WORKERS if given == "auto" else given


def index_workers(spec: TaskSpec) -> int:
    """How many sessions of the destination build keys and indexes at once, while nothing is applied."""
    given = spec.advanced.index_workers
    # A server does not say over SQL how many processors it has.
    return COPY_WORKERS if given == "auto" else given


class Cancellation:
    """Set once, when the task is to pause; stages check it between steps and wait on it instead of sleeping.

    `whole`: the task's, where this one also ends an attempt that is followed by another.
    """

    def __init__(self, whole: Self | None = None) -> None:
        self._whole = whole
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Asks everything to stop."""
        self._event.set()
        for callback in self._callbacks:
            callback()

    @property
    def cancelled(self) -> bool:
        """Whether a pause was asked for."""
        return self._event.is_set()

    @property
    def for_another_attempt(self) -> bool:
        """Whether it is set, and the same work goes on at once in another attempt."""
        return self.cancelled and self._whole is not None and not self._whole.cancelled

    def on_cancel(self, callback: Callable[[], None]) -> None:
        """Calls `callback` (from another thread) when cancelled, or now if that is past."""
        self._callbacks.append(callback)
        if self.cancelled:
            callback()

    def check(self) -> None:
        """Raises Cancelled when a pause was asked for."""
        if self.cancelled:
            raise Cancelled

    def wait(self, seconds: float) -> None:
        """Waits, and raises Cancelled as soon as a pause is asked for."""
        if self._event.wait(seconds):
            raise Cancelled


class Channel(Protocol):
    """The child's end of the pipe to its engine."""

    def send(self, frame: msgspec.Struct) -> None:
        """Sends a frame to the engine."""

    def receive(self, timeout: float | None) -> Any | None:
        """The next frame from the engine, None after `timeout` seconds."""


class Child(Protocol):
    """A child process that takes an assignment and answers with frames. Its death shows as EOFError on receive."""

    @property
    def pid(self) -> int: ...

    def send(self, frame: msgspec.Struct) -> None:
        """Sends a frame; raises BrokenPipeError when the child is dead."""

    def receive(self, timeout: float | None) -> Any | None:
        """The next frame, None after `timeout` seconds; EOFError when the child is gone."""

    def fileno(self) -> int:
        """For select: readable when a frame may be waiting."""

    def kill(self) -> None:
        """Ends the process at once and reaps it."""


class Spawn(Protocol):
    """Starts a child of a kind: `copy` or `apply`."""

    def __call__(self, kind: str, assignment: msgspec.Struct) -> Child: ...


class NotHeld(Exception):
    """The applier did not come to a halt: it is not at work, in the middle of a large transaction, or was replaced."""


class Applying:
    """The one applier of an engine. `attach`, `detach` and `answer` belong to the stage that owns the child; everything
    else to the thread that orders. One order at a time."""

    def __init__(self) -> None:
        self._child: Child | None = None
        self._answers: queue.SimpleQueue[msgspec.Struct | None] = queue.SimpleQueue()
        self._ordering = threading.Lock()
        self._attached = threading.Event()

    def attach(self, child: Child) -> None:
        """A child applies from now on."""
        self._child = child
        self._attached.set()

    def detach(self) -> None:
        """The child is gone; an order that waits for its answer ends."""
        self._child = None
        self._attached.clear()
        self._answers.put(None)

    def answer(self, frame: msgspec.Struct) -> None:
        """Passes on what the child answers."""
        self._answers.put(frame)

    @property
    def at_work(self) -> bool:
        """Whether a child applies."""
        return self._attached.is_set()

    def wait(self, seconds: float) -> bool:
        """Waits until a child applies; False when there is none after so many seconds."""
        return self._attached.wait(seconds)

    def send(self, frame: msgspec.Struct) -> None:
        """Sends a frame that needs no answer. Raises NotHeld where no child is at work."""
        child = self._child
        if child is None:
            raise NotHeld("no changes are being applied at present")
        try:
            child.send(frame)
        except BrokenPipeError as error:
            raise NotHeld("the applier ended") from error

    def ask(self, frame: msgspec.Struct, seconds: float, accept: Callable[[msgspec.Struct], bool]) -> msgspec.Struct:
        """The child's answer to a frame, the first that `accept` takes or that ends the holding.

        Raises NotHeld where none comes in so many seconds, or the child ends.
        """
        deadline = time.monotonic() + seconds
        with self._ordering:
            while not self._answers.empty():
                self._answers.get_nowait()
            self.send(frame)
            while True:
                try:
                    answer = self._answers.get(timeout=max(0.0, deadline - time.monotonic()))
                except queue.Empty:
                    raise NotHeld(f"the applier did not halt within {seconds:.0f} s") from None
                if answer is None:
                    raise NotHeld("the applier ended")
                if accept(answer):
                    return answer


class Sessions:
    """The sessions that stages opened in this process, for the thread that has to end them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: dict[End, weakref.WeakSet[Connection]] = {
            "source": weakref.WeakSet(),
            "destination": weakref.WeakSet(),
        }

    def add(self, end: End, connection: Connection) -> None:
        """Notes one; it is forgotten when it is referred to nowhere else."""
        with self._lock:
            self._opened[end].add(connection)

    def at(self, end: End) -> list[Connection]:
        """Those at one end that are not closed."""
        with self._lock:
            return [connection for connection in self._opened[end] if not connection.closed]


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """A moment of the source: commits from `lsn` on are not in `snapshot`, all before are (DESIGN rule 10).

    The snapshot lives as long as `holder`, the replication session that created the slot, stays untouched. `beat`: the
    heartbeat that was written after a snapshot that is later than the task's slot.
    """

    lsn: str
    snapshot: str
    holder: Connection
    beat: Beat | None = None


class HeldPair:
    """The pair of a run, and the only owner of its session: whichever copy of the context it was made in, its end is
    everyone's. While it is held no row that dies at the source can be vacuumed away.
    """

    def __init__(self) -> None:
        self._pair: Pair | None = None

    @property
    def pair(self) -> Pair | None:
        """The pair, None when none is held."""
        return self._pair

    def hold(self, pair: Pair) -> Pair:
        """Takes the pair over; the one before ends."""
        self.close()
        self._pair = pair
        return pair

    def close(self) -> None:
        """Ends the session and with it the snapshot, and a slot that was temporary."""
        pair, self._pair = self._pair, None
        if pair is not None:
            pair.holder.close()


class Record(Protocol):
    """Appends events to the journal."""

    def __call__(self, *events: Event) -> None:
        """All of them or none; durable when it returns."""


class Context(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Handed to every stage's `run(context)`. It is copied, so what changes in a run is in objects that copies share.

    `record` appends events to the journal, all of them or none, and returns after they are durable; `state` is the
    reduced journal; `sample` reports figures that may be dropped. `folder` is the task's state directory. `held` has a
    pair from `capture`, when that created the slot in this very run, until `full` (or the run) ends. `applying` reaches
    the applier while there is one. `owner` tells this engine's sessions at the destination from those of another one.
    """

    spec: TaskSpec
    secrets: Handover
    folder: Path
    record: Record
    state: Callable[[], TaskState]
    sample: Callable[[Sample], None]
    cancellation: Cancellation
    spawn: Spawn
    held: HeldPair = msgspec.field(default_factory=HeldPair)
    sessions: Sessions = msgspec.field(default_factory=Sessions)
    applying: Applying = msgspec.field(default_factory=Applying)
    owner: int = msgspec.field(default_factory=lambda: random.getrandbits(62))

    @property
    def pair(self) -> Pair | None:
        """The pair that is held at present."""
        return self.held.pair

    @property
    def task_id(self) -> uuid.UUID:
        """The task's id, which every task that reached a stage has."""
        if self.spec.id is None:
            raise ValueError("the task has no id yet")
        return self.spec.id

    @cached_property
    def mapping(self) -> Mapping:
        """Where the names of the source go at the destination."""
        # Once for each context: it goes through every table that the task describes, and is asked for each of them.
        return Mapping.of(self.spec)

    def endpoint(self, end: End) -> Endpoint:
        """The specification of an end."""
        return self.spec.source if end == "source" else self.spec.destination

    def password(self, end: End) -> str | None:
        """The password of an end, None where libpq finds it."""
        return self.secrets.source if end == "source" else self.secrets.destination

    def connect(self, end: End, part: str, *, replication: bool = False, autocommit: bool = True) -> Connection:
        """A session at one end; `part` says in pg_stat_activity what it is for."""
        connection = open_session(self.spec, self.secrets, end, part, replication=replication, autocommit=autocommit)
        self.sessions.add(end, connection)
        return connection

    def destination(self, part: str) -> Destination:
        """The destination over a session of its own, which ends with the `with` block; `part` as in `connect`."""
        return Destination(self.connect("destination", part), self.task_id)


def open_session(
    spec: TaskSpec,
    secrets: Handover,
    end: End,
    part: str,
    *,
    replication: bool = False,
    autocommit: bool = True,
) -> Connection:
    """A session at one end of the task, named `syncwizard <id> <part>`; for stages and their children alike."""
    name = f"syncwizard {spec.short_id} {part}" if spec.id else f"syncwizard {part}"
    source = end == "source"
    session = connect(
        spec.source if source else spec.destination,
        end=end,
        application_name=name,
        password=secrets.source if source else secrets.destination,
        key_password=secrets.source_key if source else secrets.destination_key,
        replication=replication,
        autocommit=autocommit,
    )
    if not replication:
        set_salts(session, secrets.salts)
    return session
