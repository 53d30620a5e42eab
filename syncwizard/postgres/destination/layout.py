"""The layout of the destination's schema `syncwizard`: its version, its migrations, and which versions may use it.

Several tasks share the schema, and engines of older versions may be at work in it while it is migrated. So a
migration may only add: a table, an index, or a column that is nullable or has a default; statements name the columns
they read and write. Nothing is renamed, retyped, tightened or dropped. A program refuses a layout newer than its own
when it begins, because rows of it may mean what it cannot know; one that is at work already goes on.

Each migration is `sql/layout/NNNN_name.sql` and takes version NNNN - 1 to NNNN. 0.1 left version 1, which had no
table `layout`. `sql/destination_schema.sql` is the newest layout at once. A new version takes the file of its
migration, the same change there, and NEWEST.
"""

from pathlib import Path
from typing import LiteralString

from syncwizard.errors import LayoutNewer
from syncwizard.postgres.queries import FOLDER, query
from syncwizard.postgres.session.connection import Connection, scalar

NEWEST = 11
MIGRATIONS = FOLDER / "layout"
# What a schema without a table `layout` has.
FIRST = 1

SCHEMA_LOCK = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('syncwizard schema'))"
# A change of a table waits for the batches of other tasks, and they for the change: it is tried again later instead.
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '5s'"


def ensure_layout(connection: Connection) -> None:
    """Creates the schema `syncwizard` where it is missing, or brings it to the newest layout. Raises LayoutNewer."""
    if migrate_layout(connection):
        return
    with connection.transaction():
        connection.execute(SCHEMA_LOCK)
        if _version(connection) is None:
            connection.execute(query("destination_schema"))
            connection.execute("INSERT INTO syncwizard.layout (version) VALUES (%s)", (NEWEST,))
            return
    # Another task made it meanwhile, perhaps by an older version.
    migrate_layout(connection)


def migrate_layout(connection: Connection) -> bool:
    """Brings a schema that exists to the newest layout; whether there is one. Raises LayoutNewer.

    In one transaction, which fails for a while when sessions of other tasks hold the tables.
    """
    found = check_layout(connection)
    if found is None or found == NEWEST:
        return found is not None
    with connection.transaction():
        connection.execute(LOCK_TIMEOUT)
        connection.execute(SCHEMA_LOCK)
        # Another task may have been first.
        before = check_layout(connection)
        if before is None:
            return False
        for version in range(before + 1, NEWEST + 1):
            connection.execute(_text(migration(version)))
        connection.execute("UPDATE syncwizard.layout SET version = %s", (NEWEST,))
    return True


def check_layout(connection: Connection) -> int | None:
    """The version of the schema's layout, None where there is no schema. Raises LayoutNewer."""
    version = _version(connection)
    if version is not None and version > NEWEST:
        raise LayoutNewer(
            f"schema syncwizard has layout {version}, and this version of syncwizard knows layouts up to {NEWEST}",
            where="destination",
            remedy="use the newer version of syncwizard that made it, for all tasks into this database",
        )
    return version


def migration(version: int) -> Path:
    """The file that makes the version of the one before it."""
    [path] = MIGRATIONS.glob(f"{version:04}_*.sql")
    return path


def _version(connection: Connection) -> int | None:
    row = connection.execute(query("layout_tables")).fetchone()
    made, numbered = row if row is not None else (False, False)
    if not made:
        return None
    return int(scalar(connection, "SELECT version FROM syncwizard.layout")) if numbered else FIRST


def _text(path: Path) -> LiteralString:
    """Ours, shipped with the package, so it counts as literal for psycopg's types."""
    return path.read_text(encoding="utf-8")  # type: ignore[return-value, unused-ignore]
