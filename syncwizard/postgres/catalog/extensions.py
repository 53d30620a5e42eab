"""The extensions of a database."""

from syncwizard.postgres.session.connection import Connection


def read_extensions(connection: Connection) -> dict[str, str]:
    """The schemas of the installed extensions, by name."""
    rows = connection.execute(
        "SELECT e.extname, n.nspname FROM pg_catalog.pg_extension e"
        " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1"
    )
    return {str(name): str(schema) for name, schema in rows}
