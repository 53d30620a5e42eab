"""Servers that listen on the network, of this machine alone."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncwizard.demo.servers import Cluster

ADDRESS = "127.0.0.1"


def free_port() -> int:
    """A port without a listener."""
    with socket.socket() as taken:
        taken.bind((ADDRESS, 0))
        return int(taken.getsockname()[1])


@contextmanager
def listening(folder: Path, version: int, rules: str, **settings: str) -> Iterator[Cluster]:
    """A server at 127.0.0.1 with a port of its own; `rules` are the lines of its pg_hba.conf for the network."""
    settings = {"listen_addresses": ADDRESS, "port": str(free_port()), **settings}
    cluster = Cluster(folder, version, durable=False, settings=settings)
    try:
        cluster.create()
        (cluster.data / "pg_hba.conf").write_text("local all all trust\n" + rules)
        yield cluster.start()
    finally:
        cluster.destroy()
