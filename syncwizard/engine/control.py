"""The control socket of an engine: many viewers, none of which the engine ever waits for."""

import asyncio
import contextlib
import os
import socket
import struct
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from syncwizard import __version__, paths
from syncwizard.engine.journal import Journal, read_page
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.protocol import (
    PROTOCOL_VERSION,
    Answer,
    Command,
    CommandName,
    Happened,
    Hello,
    Observed,
    Refused,
    Remembered,
    Request,
    Response,
    Sampled,
    Snapshot,
    Subscribe,
)
from syncwizard.errors import SyncwizardError
from syncwizard.task.events import Entry, Failure
from syncwizard.task.failures import failure_of
from syncwizard.task.figures.history import History, Observation
from syncwizard.task.layered import plain

# A viewer that has left so much unread is dropped: it comes back and gets a snapshot.
UNREAD_BYTES_ALLOWED = 8 * 1024 * 1024
REQUEST_BYTES = 64 * 1024

_encoder = msgspec.json.Encoder(enc_hook=plain)
_decoder: "msgspec.json.Decoder[Request]" = msgspec.json.Decoder(Request)

Handler = Callable[[Command], Awaitable[Answer]]


class _Viewer:
    """One connection; `sequence` is the last event it was sent, None before it subscribed.

    `remembers`: it was sent the past of the figures, and wants what is added to it.
    """

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.sequence: int | None = None
        self.remembers = False

    def send(self, frame: Response) -> None:
        self.writer.write(_encoder.encode(frame) + b"\n")

    @property
    def unread_bytes(self) -> int:
        return self.writer.transport.get_write_buffer_size()


class ControlServer:
    """Serves the socket in the running event loop."""

    def __init__(
        self,
        task_id: uuid.UUID,
        path: Path,
        journal_path: Path,
        journal: Journal,
        metrics: Metrics,
        handlers: dict[CommandName, Handler],
        history: Callable[[], History] = History,
    ) -> None:
        """`history` tells the past of the figures."""
        self._task_id = task_id
        self._path = path
        self._journal_path = journal_path
        self._journal = journal
        self._metrics = metrics
        self._handlers = handlers
        self._history = history
        self._viewers: set[_Viewer] = set()
        self._conversations: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        """Binds the socket, in place of one that a dead engine left. The caller holds the task's lock."""
        paths.ensure_private_folder(self._path.parent)
        self._path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        # Between bind and chmod the folder's mode keeps others out.
        listening.bind(str(self._path))
        self._path.chmod(0o600)
        self._server = await asyncio.start_unix_server(self._begin, sock=listening, limit=REQUEST_BYTES)

    async def ensure_reachable(self) -> None:
        """Binds again where the socket's file is gone: a runtime directory is removed at the last logout."""
        if self._path.exists() or self._server is None:
            return
        self._server.close()
        await self.open()

    async def close(self) -> None:
        """Lets viewers have what was written for them, within a second, and removes the socket."""
        if self._server is not None:
            self._server.close()
        viewers = list(self._viewers)
        with contextlib.suppress(TimeoutError, ConnectionError):
            async with asyncio.timeout(1.0):
                for viewer in viewers:
                    await viewer.writer.drain()
                    viewer.writer.close()
        for viewer in viewers:
            viewer.writer.transport.abort() if viewer.unread_bytes else viewer.writer.close()
        for conversation in self._conversations:
            conversation.cancel()
        await asyncio.gather(*self._conversations, return_exceptions=True)
        self._path.unlink(missing_ok=True)

    def tell(self, entry: Entry) -> None:
        """Sends an event to every subscriber that has not had it; call in the event loop."""
        frame = Happened(entry=entry)
        for viewer in list(self._viewers):
            if viewer.sequence is not None and entry.sequence > viewer.sequence:
                viewer.sequence = entry.sequence
                self._send_or_drop(viewer, frame)

    def tell_sample(self) -> None:
        """Sends the latest figures to every subscriber that has read all before."""
        viewers = [viewer for viewer in self._viewers if viewer.sequence is not None and not viewer.unread_bytes]
        if not viewers:
            # To merge the figures of thousands of tables four times a second for no one is most of an idle engine.
            return
        frame = Sampled(sample=self._metrics.merged())
        for viewer in viewers:
            viewer.send(frame)

    def tell_observation(self, observation: Observation) -> None:
        """Sends what was added to the past of the figures to those who have it."""
        frame = Observed(observation=observation)
        for viewer in list(self._viewers):
            if viewer.remembers:
                self._send_or_drop(viewer, frame)

    def _send_or_drop(self, viewer: _Viewer, frame: Response) -> None:
        viewer.send(frame)
        if viewer.unread_bytes > UNREAD_BYTES_ALLOWED:
            self._viewers.discard(viewer)
            viewer.writer.transport.abort()

    def _begin(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A coroutine given to the server itself would be cancelled by the loop's end, with a traceback in the log.
        conversation = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._conversations.add(conversation)
        conversation.add_done_callback(self._conversations.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        viewer = _Viewer(writer)
        if not _is_same_user(writer):
            writer.transport.abort()
            return
        self._viewers.add(viewer)
        try:
            viewer.send(Hello(protocol=PROTOCOL_VERSION, version=__version__, task=self._task_id, pid=os.getpid()))
            while line := await reader.readline():
                await self._obey(viewer, line)
        except (ConnectionError, ValueError):
            # Gone, or a line longer than any request: nothing more to say to it.
            pass
        finally:
            self._viewers.discard(viewer)
            writer.close()

    async def _obey(self, viewer: _Viewer, line: bytes) -> None:
        try:
            request = _decoder.decode(line)
        except msgspec.MsgspecError as error:
            viewer.send(Refused(id="", failure=Failure(title="the request is not understood", detail=str(error))))
            return
        match request:
            case Subscribe():
                await self._subscribe(viewer, request)
            case Command():
                await self._command(viewer, request)

    async def _command(self, viewer: _Viewer, command: Command) -> None:
        try:
            answer = await self._handlers[command.name](command)
        except SyncwizardError as error:
            viewer.send(Refused(id=command.id, failure=failure_of(error)))
        else:
            viewer.send(answer)

    async def _subscribe(self, viewer: _Viewer, request: Subscribe) -> None:
        if request.history:
            viewer.send(Remembered(history=self._history()))
            viewer.remembers = True
        state = self._journal.state
        viewer.send(Snapshot(state=state, sample=self._metrics.merged()))
        last = state.sequence if request.after is None else request.after
        # What happens while the file is read is read too; the switch to live events takes no await.
        while last < self._journal.state.sequence:
            for entry in await asyncio.to_thread(read_page, self._journal_path, last):
                viewer.send(Happened(entry=entry))
                last = entry.sequence
        viewer.sequence = last


def _is_same_user(writer: asyncio.StreamWriter) -> bool:
    """Whether the peer runs under our own user id; the socket's mode has kept others out already."""
    peer = writer.get_extra_info("socket")
    credentials = getattr(socket, "SO_PEERCRED", None)
    if credentials is None:
        return True
    _, user, _ = struct.unpack("3i", peer.getsockopt(socket.SOL_SOCKET, credentials, struct.calcsize("3i")))
    return bool(user == os.getuid())
