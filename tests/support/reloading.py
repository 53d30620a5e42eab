"""Settings of a server that are changed while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from syncwizard.demo.servers import Cluster
from tests.support.waiting import until

# Whatever is set here, it can be taken back.
PATIENT = "-c statement_timeout=0 -c lock_timeout=0 -c idle_session_timeout=0"


@contextmanager
def reloaded(cluster: Cluster, **settings: str) -> Iterator[None]:
    """The configuration with these settings inside the block, known to sessions that follow it; the server may be
    restarted there."""

    def known() -> bool:
        try:
            with cluster.connect() as session:
                found = session.execute(
                    "SELECT name, setting FROM pg_settings WHERE name = ANY (%s)", (list(settings),)
                )
                return dict(found.fetchall()) == settings
        except psycopg.OperationalError:
            # Of what was set: a look that takes too long.
            return False

    try:
        with cluster.connect(options=PATIENT) as session:
            for name, value in settings.items():
                session.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value)))
            session.execute("SELECT pg_reload_conf()")
        until(known, 10, "the new settings to be known")
        yield
    finally:
        with cluster.connect(options=PATIENT) as session:
            for name in settings:
                session.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
            session.execute("SELECT pg_reload_conf()")
