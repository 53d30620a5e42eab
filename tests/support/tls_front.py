"""TLS in front of a server that speaks none: what libpq asks for first is answered here, the rest is passed on."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from syncwizard.demo.servers import Cluster
from syncwizard.task.specification import Encryption, Endpoint
from tests.support.certificates import Authority
from tests.support.network import ADDRESS, free_port

# The length and the code of SSLRequest.
REQUEST = (8).to_bytes(4, "big") + (80877103).to_bytes(4, "big")
BLOCK_BYTES = 65536


class SecureCluster(Cluster):
    """A cluster whose databases are, as ends of a task, reached over TLS; our own sessions use its socket."""

    front_port = 0

    def endpoint(self, database: str, user: str = "postgres") -> Endpoint:
        direct = super().endpoint(database, user)
        return msgspec.structs.replace(
            direct, host=ADDRESS, port=self.front_port, encryption=Encryption(mode="require")
        )


@contextmanager
def tls_front(cluster: SecureCluster, folder: Path) -> Iterator[None]:
    """Takes TLS connections for the cluster while the block runs."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate, key = Authority(folder).issue("front", address=ADDRESS)
    context.load_cert_chain(certificate, key)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    socket_path = f"{cluster.sockets}/.s.PGSQL.{cluster.port}"

    async def serve() -> asyncio.Server:
        return await asyncio.start_server(accept, ADDRESS, cluster.front_port)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if await reader.readexactly(len(REQUEST)) != REQUEST:
                raise ConnectionError("TLS was not asked for")
            writer.write(b"S")
            await writer.start_tls(context)
            there, here = await asyncio.open_unix_connection(socket_path)
        except (OSError, asyncio.IncompleteReadError):
            writer.transport.abort()
            return
        await asyncio.gather(passed(reader, here), passed(there, writer))

    cluster.front_port = free_port()
    thread.start()
    server = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    try:
        yield
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def passed(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    """Passes bytes on until either side ends."""
    try:
        while data := await source.read(BLOCK_BYTES):
            target.write(data)
            await target.drain()
    except OSError:
        pass
    target.close()
