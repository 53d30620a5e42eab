"""Settings of a server that are changed while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

from psycopg import sql

from syncwizard.demo.servers import Cluster
from tests.support.waiting import until


@contextmanager
def reloaded(cluster: Cluster, **settings: str) -> Iterator[None]:
    """The configuration with these settings inside the block, known to sessions that follow it; the server may be
    restarted there."""
    with cluster.connect() as session:
        for name, value in settings.items():
            session.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
        session.execute("SELECT pg_reload_conf()")

        def known() -> bool:
            found = session.execute("SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(settings),))
            return dict(found.fetchall()) == settings

        until(known, 10, "the new settings to be known")
    try:
        yield
    finally:
        with cluster.connect() as session:
            for name in settings:
                session.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            session.execute("SELECT pg_reload_conf()")
