"""A server that takes empty texts for NULL, as one in an Oracle mode does, is refused at the login with the reason."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import msgspec
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import End, EndpointError
from syncwizard.postgres.catalog.polardb import PolarFacts, read_polar_facts
from syncwizard.postgres.session.connection import connect
from tests.support.network import ADDRESS

# Of one length, so that the message around them stays as it is.
ASKED, ANSWERED = b"'' IS NULL", b"1 = 1     "


def _carry(source: socket.socket, target: socket.socket, *, rewrite: bool) -> None:
    # Either end may have gone: then there is nothing more to carry.
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data.replace(ASKED, ANSWERED) if rewrite else data)
        target.shutdown(socket.SHUT_WR)


@contextmanager
def oracle_mode(cluster: Cluster) -> Iterator[int]:
    """A port behind which the server answers one session as in that mode."""
    with socket.create_server((ADDRESS, 0)) as listener, socket.socket(socket.AF_UNIX) as server:
        server.connect(str(cluster.sockets / f".s.PGSQL.{cluster.port}"))

        def serve() -> None:
            with listener.accept()[0] as client:
                back = threading.Thread(target=_carry, args=(server, client), kwargs={"rewrite": False}, daemon=True)
                back.start()
                _carry(client, server, rewrite=True)
                back.join()

        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_server_where_empty_texts_are_null_is_refused(destination_cluster: Cluster, end: End) -> None:
    with oracle_mode(destination_cluster) as port:
        endpoint = msgspec.structs.replace(destination_cluster.endpoint("postgres"), host=ADDRESS, port=port)
        with pytest.raises(EndpointError, match="takes empty texts for NULL") as caught:
            connect(endpoint, end=end, application_name="test")
        assert not caught.value.transient and "compatible with PostgreSQL" in str(caught.value.remedy)
    connect(destination_cluster.endpoint("postgres"), end=end, application_name="test").close()


def test_a_postgresql_is_no_polardb(destination_cluster: Cluster) -> None:
    with connect(destination_cluster.endpoint("postgres"), end="source", application_name="test") as session:
        assert read_polar_facts(session) == PolarFacts()
