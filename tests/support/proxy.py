"""A TCP proxy on the loop-back that behaves like a bad network: it cuts, stalls, delays, half-opens, and catches a
connection at a chosen word."""

import asyncio
import threading
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Literal, Self

from tests.support.network import ADDRESS, free_port
from tests.support.waiting import until

BLOCK_BYTES = 65536
# A session names itself in the first message; before it there may be a request for encryption.
HEAD_BYTES = 1024
Towards = Literal["server", "client"]

# CommandComplete of COMMIT: the transaction is durable, and this is how the client is told.
COMMITTED = b"C\x00\x00\x00\x0bCOMMIT\x00"


class Link:
    """One client's connection and the one to the server that belongs to it. `head` is how the client began."""

    def __init__(self, *writers: asyncio.StreamWriter) -> None:
        self.writers = writers
        self.head = b""

    def abort(self) -> None:
        """Resets both."""
        for writer in self.writers:
            writer.transport.abort()


class Trap:
    """Catches one connection when `mark` passes for the `nth` time: what carries it goes nowhere, nor does what follows
    in the same direction, until `let_go`. With `more_bytes` so much after the mark still passes.

    `of` are words of the session's startup message, such as the application's name.
    """

    def __init__(self, proxy: "Proxy", towards: Towards, mark: bytes, of: bytes, nth: int, more_bytes: int) -> None:
        self._proxy = proxy
        self._towards = towards
        self._mark = mark
        self._of = of
        self._left = nth
        self._more_bytes = more_bytes
        self._link: Link | None = None
        self._caught = threading.Event()
        self._open = asyncio.Event()

    @property
    def caught(self) -> bool:
        """Whether it has."""
        return self._caught.is_set()

    def wait(self, what: str, timeout: float = 60) -> None:
        """Waits until it has caught its connection."""
        until(lambda: self.caught, timeout, what)

    def let_go(self) -> None:
        """What was held back goes on."""
        self._proxy.call(self._let_go())

    def cut(self) -> None:
        """Resets the caught connection."""
        self._proxy.call(self._cut())

    async def _let_go(self) -> None:
        self._open.set()

    async def _cut(self) -> None:
        assert self._link is not None
        self._link.abort()

    def room(self, link: Link, towards: Towards, before: bytes, data: bytes) -> int | None:
        """How much of the data may pass, None for all of it. `before` is the end of what passed before it."""
        if self.caught or towards != self._towards or self._of not in link.head:
            return None
        if self._link is None:
            found = (before[1 - len(self._mark) :] + data).count(self._mark)
            if found < self._left:
                self._left -= found
                return None
            self._link = link
            return None if self._more_bytes else 0
        if link is not self._link:
            return None
        if len(data) <= self._more_bytes:
            self._more_bytes -= len(data)
            return None
        return self._more_bytes

    async def hold(self) -> None:
        """Until it is let go."""
        self._caught.set()
        await self._open.wait()


class Proxy:
    """Passes bytes between clients and one server; runs in a thread of its own from `with` to its end."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self.delay_seconds = 0.0
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._links: set[Link] = set()
        # A reader that is not held takes its connection with it.
        self._readers: set[asyncio.StreamReader] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self._traps: list[Trap] = []
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._links)

    def cut(self) -> None:
        """Resets every connection; new ones are taken."""
        self.call(self._cut())

    def stall(self) -> None:
        """Takes bytes and connections and passes nothing on, until `flow`."""
        self.call(self._stall(True))

    def flow(self) -> None:
        """Ends a stall: what was held back goes on."""
        self.call(self._stall(False))

    def forget(self) -> None:
        """Half-opens: what is connected is never answered and never told, as when a machine in between went down;
        new connections are taken."""
        self.call(self._forget())

    def catch_request(self, mark: bytes, of: bytes = b"", *, nth: int = 1, more_bytes: int = 0) -> Trap:
        """A trap for something that is said to the server."""
        return self._catch(Trap(self, "server", mark, of, nth, more_bytes))

    def catch_answer(self, mark: bytes, of: bytes = b"", *, nth: int = 1) -> Trap:
        """A trap for something that the server says: done there, and not known here."""
        return self._catch(Trap(self, "client", mark, of, nth, 0))

    def _catch(self, trap: Trap) -> Trap:
        self._traps.append(trap)
        return trap

    def __enter__(self) -> Self:
        self._thread.start()
        self.call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def call(self, what: Coroutine[Any, Any, None]) -> None:
        """Runs something in the proxy's own thread."""
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _start(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, ADDRESS, self.port)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._keep(asyncio.create_task(self._connect(reader, writer)), self._connecting)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            there, here = await asyncio.open_connection(ADDRESS, self._server_port)
        except OSError:
            writer.transport.abort()
            return
        link = Link(writer, here)
        self._links.add(link)
        self._readers |= {reader, there}
        self._pass_on(link, "server", reader, here)
        self._pass_on(link, "client", there, writer)

    def _pass_on(
        self, link: Link, towards: Towards, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        self._keep(asyncio.create_task(self._pass(link, towards, source, target)), self._passing)

    def _keep(self, task: "asyncio.Task[None]", among: "set[asyncio.Task[None]]") -> None:
        among.add(task)
        task.add_done_callback(among.discard)

    async def _pass(
        self, link: Link, towards: Towards, source: asyncio.StreamReader, target: asyncio.StreamWriter
    ) -> None:
        before = b""
        try:
            while data := await source.read(BLOCK_BYTES):
                if towards == "server" and len(link.head) < HEAD_BYTES:
                    link.head += data[:HEAD_BYTES]
                await self._hold_up(link, towards, before, data, target)
                before = data
        except OSError:
            pass
        self._links.discard(link)
        target.close()

    async def _hold_up(
        self, link: Link, towards: Towards, before: bytes, data: bytes, target: asyncio.StreamWriter
    ) -> None:
        """Passes the data on, as late as things are."""
        await self._flowing.wait()
        if self.delay_seconds:
            await asyncio.sleep(self.delay_seconds)
        # Those of this moment: one that is set while this data is held is meant for what follows it.
        for trap in tuple(self._traps):
            room = trap.room(link, towards, before, data)
            if room is not None:
                target.write(data[:room])
                data = data[room:]
                await trap.hold()
        target.write(data)
        await target.drain()

    async def _cut(self) -> None:
        for link in list(self._links):
            link.abort()
        self._links.clear()
        self._readers.clear()

    async def _stall(self, stalled: bool) -> None:
        if stalled:
            self._flowing.clear()
        else:
            self._flowing.set()

    async def _forget(self) -> None:
        for task in list(self._passing):
            task.cancel()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in list(self._connecting):
            task.cancel()
        await self._forget()
        await self._cut()
        await asyncio.gather(*self._connecting, *self._passing, return_exceptions=True)
