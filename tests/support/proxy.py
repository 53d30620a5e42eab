"""A TCP proxy on the loop-back that behaves like a bad network: it cuts, stalls, and half-opens."""

import asyncio
import threading
from types import TracebackType
from typing import Self

from tests.support.network import ADDRESS, free_port

BLOCK_BYTES = 65536


class Proxy:
    """Passes bytes between clients and one server; runs in a thread of its own from `with` to its end."""

    def __init__(self, server_port: int) -> None:
        self.port = free_port()
        self._server_port = server_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._writers: set[asyncio.StreamWriter] = set()
        # A reader that nobody holds takes its connection with it.
        self._readers: set[asyncio.StreamReader] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._server: asyncio.Server | None = None

    @property
    def connections(self) -> int:
        """How many clients are connected."""
        return len(self._writers) // 2

    def cut(self) -> None:
        """Resets every connection; new ones are taken."""
        self._call(self._cut())

    def stall(self) -> None:
        """Takes bytes and connections and passes nothing on, until `flow`."""
        self._call(self._stall(True))

    def flow(self) -> None:
        """Ends a stall: what was held back goes on."""
        self._call(self._stall(False))

    def forget(self) -> None:
        """Half-opens: what is connected is never answered and never told, as when a machine in between went down;
        new connections are taken."""
        self._call(self._forget())

    def __enter__(self) -> Self:
        self._thread.start()
        self._call(self._start())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._call(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, what: "object") -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)  # type: ignore[arg-type]

    async def _start(self) -> None:
        self._flowing.set()
        self._server = await asyncio.start_server(self._accept, ADDRESS, self.port)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._flowing.wait()
        try:
            there, here = await asyncio.open_connection(ADDRESS, self._server_port)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, here}
        self._readers |= {reader, there}
        for source, target in ((reader, here), (there, writer)):
            task = asyncio.create_task(self._pass(source, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(BLOCK_BYTES):
                await self._flowing.wait()
                target.write(data)
                await target.drain()
        except OSError:
            pass
        self._writers.discard(target)
        target.close()

    async def _cut(self) -> None:
        for writer in list(self._writers):
            writer.transport.abort()
        self._writers.clear()
        self._readers.clear()

    async def _stall(self, stalled: bool) -> None:
        if stalled:
            self._flowing.clear()
        else:
            self._flowing.set()

    async def _forget(self) -> None:
        for task in list(self._tasks):
            task.cancel()

    async def _end(self) -> None:
        assert self._server is not None
        self._server.close()
        self._flowing.set()
        await self._forget()
        await self._cut()
