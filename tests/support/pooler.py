"""What stands between clients and servers and is no server: a pooler that changes the session between transactions, and
a load balancer that sends every other client elsewhere."""

import itertools
import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial

from syncwizard.demo.servers import Cluster
from tests.support.network import ADDRESS

_BLOCK = 65536
READY = b"Z"


def _exactly(source: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        if not (more := source.recv(count - len(data))):
            raise EOFError
        data += more
    return data


def _message(source: socket.socket) -> bytes:
    head = _exactly(source, 5)
    return head + _exactly(source, struct.unpack(">I", head[1:])[0] - 4)


def _until_ready(server: socket.socket) -> bytes:
    """What the server answers, up to the message that says it is ready."""
    answer = b""
    while True:
        message = _message(server)
        answer += message
        if message[:1] == READY:
            return answer


def _server(cluster: Cluster) -> socket.socket:
    server = socket.socket(socket.AF_UNIX)
    server.connect(str(cluster.sockets / f".s.PGSQL.{cluster.port}"))
    return server


def _pool(cluster: Cluster, client: socket.socket) -> None:
    """Two sessions in turn, a statement each."""
    first = _exactly(client, 4)
    startup = first + _exactly(client, struct.unpack(">I", first)[0] - 4)
    sessions = [_server(cluster) for _ in range(2)]
    with client, sessions[0], sessions[1], suppress(OSError, EOFError):
        for session in sessions:
            session.sendall(startup)
        greetings = [_until_ready(session) for session in sessions]
        client.sendall(greetings[0])
        for session in itertools.cycle(sessions):
            request = _message(client)
            # A statement of the extended protocol ends with Sync, one of the simple protocol is Query.
            while request[-5:-4] != b"S" and request[:1] != b"Q":
                request += _message(client)
            session.sendall(request)
            client.sendall(_until_ready(session))


def _carry(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(_BLOCK):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def _forward(cluster: Cluster, client: socket.socket) -> None:
    server = _server(cluster)
    with client, server:
        back = threading.Thread(target=_carry, args=(server, client), daemon=True)
        back.start()
        _carry(client, server)
        back.join()


@contextmanager
def _serving(handlers: Sequence[partial[None]]) -> Iterator[int]:
    with socket.create_server((ADDRESS, 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                for handler in itertools.cycle(handlers):
                    client, _ = listener.accept()
                    threading.Thread(target=handler, args=(client,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@contextmanager
def pooled(cluster: Cluster) -> Iterator[int]:
    """A port behind which each statement runs in another session of the server than the one before."""
    with _serving([partial(_pool, cluster)]) as port:
        yield port


@contextmanager
def balanced(*clusters: Cluster) -> Iterator[int]:
    """A port that sends clients to the servers in turn."""
    with _serving([partial(_forward, cluster) for cluster in clusters]) as port:
        yield port
