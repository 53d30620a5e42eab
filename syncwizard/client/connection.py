"""A connection to a running engine: commands, and the state kept up to date from its events."""

import select
import socket
import time
import uuid
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from syncwizard.engine import peer
from syncwizard.engine.protocol import (
    PROTOCOL_VERSION,
    Answer,
    Command,
    CommandName,
    Happened,
    Hello,
    Limiting,
    Refused,
    Remembered,
    Request,
    Response,
    Sampled,
    Snapshot,
    Subscribe,
)
from syncwizard.errors import SyncwizardError, TimedOut, UsageError
from syncwizard.remedies import to_do
from syncwizard.task.earlier import of_today
from syncwizard.task.failures import error_from_failure
from syncwizard.task.figures.history import History
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.task.reducer import reduce
from syncwizard.task.state import TaskState
from syncwizard.task.switchover import SwitchoverOrder
from syncwizard.task.verification import VerificationOrder

# An engine answers within 100 ms; so much longer, and it is stuck or the machine is.
ANSWER_SECONDS = 20.0
RECEIVE_BYTES = 256 * 1024

_ELSEWHERE = "set XDG_RUNTIME_DIR to a folder that only you can write to, then pause and resume the task"

_encoder = msgspec.json.Encoder()
_decoder: "msgspec.json.Decoder[Response]" = msgspec.json.Decoder(Response)
# An engine of this protocol writes texts where today's structs are; it can be watched and paused.
BEFORE_REMEDIES = 1


class EngineGone(SyncwizardError):
    """The engine closed the connection or is not there: its journal tells the rest."""


class EngineConnection:
    """One conversation with an engine. `state` and `sample` are current as of the last frame received.

    `history`: the past of the figures as of the subscription, None where it was not asked for, or where the engine is
    of a version that keeps none.
    """

    def __init__(self, path: Path, timeout: float = ANSWER_SECONDS) -> None:
        """Connects; raises EngineGone when no engine listens at `path`, TimedOut without an answer for `timeout`
        seconds, UsageError when the engine is of another version, or another user answers there."""
        self.state = TaskState()
        self.sample = Sample()
        self.history: History | None = None
        self._buffer = bytearray()
        self._passed_over: deque[Response] = deque()
        self.pid = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._connect(path, timeout)
        except SyncwizardError:
            self._socket.close()
            raise

    def _connect(self, path: Path, timeout: float) -> None:
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(str(path))
        except (TimeoutError, BlockingIOError) as error:
            # As many wait as the socket lets wait: it has accepted no connection for long.
            raise _unanswered(path) from error
        except OSError as error:
            raise EngineGone("the engine cannot be reached", where=str(path), detail=str(error)) from error
        self._socket.settimeout(None)
        if not peer.is_same_user(self._socket):
            # A folder where others can write: the engine notices within a second and goes elsewhere.
            raise UsageError("another user answers in place of the engine", where=str(path), remedy=_ELSEWHERE)
        hello = self.receive(timeout)
        if hello is None:
            raise _unanswered(path)
        if not isinstance(hello, Hello):
            raise _foreign("another version of the protocol", "")
        if hello.protocol not in (PROTOCOL_VERSION, BEFORE_REMEDIES):
            spoken = f"version {hello.protocol} of the protocol, and this one version {PROTOCOL_VERSION}"
            raise _foreign(f"{spoken} (it is syncwizard {hello.version})", f" {hello.pid}")
        self.pid = hello.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def subscribe(self, after: int | None = None, *, history: bool = False) -> None:
        """Asks for events, those after the number `after` first, and for the past of the figures; returns once the
        snapshot is here."""
        self._send(Subscribe(after=after, history=history))
        deadline = time.monotonic() + ANSWER_SECONDS
        while not isinstance(self._receive_until(deadline, "subscription"), Snapshot):
            pass

    def command(
        self,
        name: CommandName,
        timeout: float = ANSWER_SECONDS,
        *,
        verification: VerificationOrder | None = None,
        switchover: SwitchoverOrder | None = None,
        throttle: Limiting | None = None,
        tables: Sequence[TableName] = (),
    ) -> Answer:
        """Asks for something and waits for its answer; raises the error of a refusal. `verification`, `switchover`,
        `throttle`, `tables`: as in Command.

        Events that come before the answer are there for the next `receive`.
        """
        request = Command(
            id=uuid.uuid4().hex,
            name=name,
            verification=verification,
            switchover=switchover,
            throttle=throttle,
            tables=list(tables),
        )
        self._send(request)
        deadline = time.monotonic() + timeout
        while True:
            frame = self._receive_until(deadline, name)
            if isinstance(frame, Answer) and frame.id == request.id:
                return frame
            if isinstance(frame, Refused) and frame.id in (request.id, ""):
                raise error_from_failure(frame.failure)
            self._passed_over.append(frame)

    def receive(self, timeout: float | None) -> Response | None:
        """The next frame, None after `timeout` seconds; raises EngineGone when the engine ends."""
        if self._passed_over:
            return self._passed_over.popleft()
        return self._read(timeout)

    def _read(self, timeout: float | None) -> Response | None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while b"\n" not in self._buffer:
            rest = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._socket], [], [], rest)[0]:
                return None
            try:
                data = self._socket.recv(RECEIVE_BYTES)
            except ConnectionError as error:
                raise EngineGone("the engine is gone") from error
            if not data:
                raise EngineGone("the engine is gone")
            self._buffer += data
        line, _, rest_of_buffer = self._buffer.partition(b"\n")
        self._buffer = rest_of_buffer
        try:
            frame = _decoded(line)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _foreign("another version of the protocol", "") from error
        self._follow(frame)
        return frame

    def _receive_until(self, deadline: float, what: str) -> Response:
        frame = self._read(max(0.0, deadline - time.monotonic()))
        if frame is None:
            raise TimedOut(f"the engine did not answer in time ({what})")
        return frame

    def _follow(self, frame: Response) -> None:
        match frame:
            case Snapshot(state=state, sample=sample):
                self.state, self.sample = state, sample
            case Happened(entry=entry) if entry.sequence > self.state.sequence:
                self.state = reduce(self.state, entry.at, entry.sequence, entry.event)
            case Sampled(sample=sample):
                self.sample = sample
            case Remembered(history=history):
                self.history = history

    def _send(self, request: Request) -> None:
        try:
            self._socket.sendall(_encoder.encode(request) + b"\n")
        except ConnectionError as error:
            raise EngineGone("the engine is gone") from error


def _unanswered(path: Path) -> TimedOut:
    return TimedOut(
        "the engine does not answer", where=str(path), remedy="check whether the process is stopped (SIGSTOP)"
    )


def _decoded(line: bytes | bytearray) -> Response:
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError:
        return msgspec.convert(of_today(msgspec.json.decode(line)), Response)  # type: ignore[no-any-return]


def _foreign(spoken: str, pid: str) -> UsageError:
    return UsageError(
        f"the engine speaks {spoken}",
        remedy=to_do(
            f"pause the task with the version it was started with, or end its process{pid} by SIGTERM, which pauses it",
            then="resume",
        ),
    )
