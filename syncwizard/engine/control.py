"""The control socket of an engine: many viewers, none of which the engine ever waits for."""

import asyncio
import contextlib
import logging
import os
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec

from syncwizard import __version__
from syncwizard.engine.door import Door
from syncwizard.engine.journal import Journal, read_page
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.peer import is_same_user
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
from syncwizard.errors import JournalFailed, SyncwizardError
from syncwizard.task.events import Entry, Failure
from syncwizard.task.failures import failure_of
from syncwizard.task.figures.history import History, Observation
from syncwizard.task.layered import plain

log = logging.getLogger(__name__)

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
        door: Door,
        journal_path: Path,
        journal: Journal,
        metrics: Metrics,
        handlers: dict[CommandName, Handler],
        history: Callable[[], History] = History,
    ) -> None:
        """`history` tells the past of the figures."""
        self._task_id = task_id
        self._door = door
        self._journal_path = journal_path
        self._journal = journal
        self._metrics = metrics
        self._handlers = handlers
        self._history = history
        self._viewers: set[_Viewer] = set()
        self._conversations: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._unreachable = False
        self._unwritten: Entry | None = None

    async def open(self) -> None:
        """Begins to listen. The caller holds the task's lock. Raises TaskFailed where no socket can be made."""
        listening = self._door.open()
        self._server = await asyncio.start_unix_server(self._begin, sock=listening, limit=REQUEST_BYTES)

    async def ensure_reachable(self) -> None:
        """Listens again, elsewhere if need be, where the socket's file is gone: a runtime directory is removed at the
        last logout. Where that fails the engine works without a socket, and the next call tries again."""
        if self._server is None or self._door.stands:
            return
        self._server.close()
        try:
            await self.open()
        except (SyncwizardError, OSError) as error:
            if not self._unreachable:
                log.warning("clients cannot reach this engine, trying again: %s", error)
            self._unreachable = True
        else:
            log.info("the control socket was gone; it is now %s", self._door.path)
            self._unreachable = False

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
        self._door.remove()

    def send_event(self, entry: Entry) -> None:
        """Sends an event to every subscriber that has not had it; call in the event loop."""
        frame = Happened(entry=entry)
        for viewer in list(self._viewers):
            if viewer.sequence is not None and entry.sequence > viewer.sequence:
                viewer.sequence = entry.sequence
                self._send_or_drop(viewer, frame)

    def send_unwritten(self, entry: Entry) -> None:
        """Sends an event that the journal could not keep, also to viewers that are subscribing at this moment."""
        self._unwritten = entry
        self.send_event(entry)

    def send_sample(self) -> None:
        """Sends the latest figures to every subscriber that has read all before."""
        viewers = [viewer for viewer in self._viewers if viewer.sequence is not None and not viewer.unread_bytes]
        if not viewers:
            # To merge the figures of thousands of tables four times a second for no one is most of an idle engine.
            return
        frame = Sampled(sample=self._metrics.merged())
        for viewer in viewers:
            viewer.send(frame)

    def send_observation(self, observation: Observation) -> None:
        """Sends an addition to the history of figures to the viewers that have the history."""
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
        # The socket's mode has kept others out already, unless its rights were changed.
        if not is_same_user(writer.get_extra_info("socket")):
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
            viewer.send(Refused(id="", failure=Failure(title="invalid request", detail=str(error))))
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
            page = await asyncio.to_thread(self._page_after, last)
            if not page:
                # The viewer still has to hear how it ends: the state in memory stands for the events not read.
                state = self._journal.state
                viewer.send(Snapshot(state=state, sample=self._metrics.merged()))
                last = state.sequence
                break
            for entry in page:
                viewer.send(Happened(entry=entry))
                last = entry.sequence
        viewer.sequence = last
        if self._unwritten is not None:
            self.send_event(self._unwritten)

    def _page_after(self, sequence: int) -> list[Entry]:
        """The next events in the file; none where it cannot be read."""
        try:
            return read_page(self._journal_path, sequence)
        except JournalFailed as error:
            log.warning("a viewer gets no earlier events: %s", error)
            return []
