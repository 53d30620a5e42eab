"""What a server was built with, where only a statement can say it."""

from psycopg.errors import FeatureNotSupported

from syncwizard.postgres.session.connection import Connection


def takes_xml(connection: Connection) -> bool:
    """Whether the server was built with libxml: without it the type is there and takes no value."""
    try:
        connection.execute("SELECT '<a/>'::pg_catalog.xml")
    except FeatureNotSupported:
        return False
    return True
