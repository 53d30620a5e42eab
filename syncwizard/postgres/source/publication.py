"""The publication of a task: a plain list of tables, created, inspected, dropped (DESIGN rules 5, 6 and 13).

A task that reads test_decoding has a list of ours instead (see `listed`), which is looked for by the same name.
"""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from psycopg import sql

from syncwizard.errors import TaskFailed
from syncwizard.postgres.captured import HEARTBEAT_TABLE, Member, Publication
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.dialect import Features, features
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted, scalar
from syncwizard.postgres.session.locking import Wait, with_short_locks
from syncwizard.postgres.source.listed import create_list, drop_list, extend_list, is_listed, read_list
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec

# Each added table is locked until the end of its transaction, and the server's lock table has room for some
# thousands.
TABLES_A_TRANSACTION = 500
# Those of ours that every task needs.
OWN = (TableName(*HEARTBEAT_TABLE),)


def publishing(connection: Connection, spec: TaskSpec) -> Features:
    """What the source can do for the task's publication: a list of ours has the tables that hold rows, one by one."""
    found = features(connection)
    listed = spec.advanced.decoding == "test_decoding"
    return msgspec.structs.replace(found, partitioned_members=False) if listed else found


def published_tables(selection: Selection, server: Features) -> list[TableName]:
    """What to put on the list so that exactly the selected tables are captured, new partitions where possible.

    A topmost partitioned table stands for its partitions when all of them are selected and it has an immediate
    primary key: a partition attached later then comes with a usable identity. Otherwise the leaves are listed one
    by one, because a partition created later would enter without an identity and fail the user's UPDATE; so they are
    where a publication of the `server` takes no partitioned table.
    """
    roots = {
        table.name
        for table in selection.tables
        if server.partitioned_members
        and table.partitioned
        and table.root == table.name
        and table.name not in selection.incomplete
        and _has_immediate_primary_key(table)
    }
    return [
        table.name
        for table in selection.tables
        if table.name in roots or (not table.partitioned and table.root not in roots)
    ]


def _has_immediate_primary_key(table: Table) -> bool:
    stored = {column.name for column in table.stored_columns}
    return any(index.primary and index.addresses and stored.issuperset(index.columns) for index in table.unique_indexes)


def create_publication(
    connection: Connection,
    name: str,
    tables: Iterable[TableName],
    *,
    generated_columns: bool,
    wait: Wait,
    own: Sequence[TableName] = OWN,
    listed: bool = False,
) -> Publication:
    """Creates the publication over the tables and `own` ones; one of the name that exists is dropped first.

    `generated_columns` publishes stored generated columns, which 18 demands where they are part of a replica
    identity. Tables are listed with ONLY, because children of an inheritance parent are selected by themselves.
    `listed`: no publication, but a list of ours.
    """
    names = [*own, *tables]
    if listed:
        drop_publication(connection, name)
        create_list(connection, name, names)
        return _just_made(connection, name)
    server = features(connection)
    options = f"publish = 'insert, update, delete{', truncate' if server.truncate_in_stream else ''}'"
    if server.partitioned_members:
        options += ", publish_via_partition_root = false"
    if generated_columns:
        options += ", publish_generated_columns = stored"
    drop_publication(connection, name)
    first, rest = names[:TABLES_A_TRANSACTION], names[TABLES_A_TRANSACTION:]
    create = sql.SQL("CREATE PUBLICATION {} FOR TABLE ONLY {} WITH (" + options + ")")
    with_short_locks(connection, first, create.format(sql.Identifier(name), _listed(first)), wait)
    _alter(connection, name, "ADD", rest, wait)
    return _just_made(connection, name)


def extend_publication(
    connection: Connection,
    name: str,
    tables: Iterable[TableName],
    ours: set[int],
    *,
    generated_columns: bool,
    wait: Wait,
    own: Sequence[TableName] = OWN,
) -> Publication:
    """Adds those of the tables and of `own` ones that are not among `ours`, the members that were made by us.

    What was put in by other means is taken out first: it may carry a filter or a list of columns.
    """
    if is_listed(connection, name):
        extend_list(connection, name, tables, ours, own)
        return _just_made(connection, name)
    listed = [member for member in _just_made(connection, name).members if member.oid is not None]
    known = {member.table for member in listed if member.oid in ours}
    wanted = [table for table in [*own, *tables] if table not in known]
    if generated_columns:
        statement = sql.SQL("ALTER PUBLICATION {} SET (publish_generated_columns = stored)")
        connection.execute(statement.format(sql.Identifier(name)))
    _alter(connection, name, "DROP", [member.table for member in listed if member.oid not in ours], wait)
    _alter(connection, name, "ADD", wanted, wait)
    return _just_made(connection, name)


def _alter(
    connection: Connection, name: str, what: Literal["ADD", "DROP"], tables: list[TableName], wait: Wait
) -> None:
    for start in range(0, len(tables), TABLES_A_TRANSACTION):
        part = tables[start : start + TABLES_A_TRANSACTION]
        statement = sql.SQL("ALTER PUBLICATION {} " + what + " TABLE ONLY {}")
        with_short_locks(connection, part, statement.format(sql.Identifier(name), _listed(part)), wait)


def join_publication(connection: Connection, name: str, table: TableName) -> Member:
    """Puts a table of ours in."""
    statement = sql.SQL("ALTER PUBLICATION {} ADD TABLE ONLY {}")
    connection.execute(statement.format(sql.Identifier(name), quoted(table.schema, table.name)))
    return next(member for member in _just_made(connection, name).members if member.table == table)


def _listed(tables: Iterable[TableName]) -> sql.Composed:
    return sql.SQL(", ONLY ").join(quoted(table.schema, table.name) for table in tables)


def _just_made(connection: Connection, name: str) -> Publication:
    found = read_publication(connection, name)
    if found is None:
        raise TaskFailed(f"publication {name} was dropped while it was being made", where="source")
    return found


def read_publication(connection: Connection, name: str) -> Publication | None:
    """The publication; None without one."""
    row = connection.execute(
        "SELECT oid::bigint, xmin::text::bigint, pubowner::bigint FROM pg_catalog.pg_publication WHERE pubname = %s",
        (name,),
    ).fetchone()
    if row is None:
        return read_list(connection, name)
    members = connection.execute(query("publication_members"), {"publication": row[0]})
    return Publication(
        name=name,
        oid=row[0],
        xmin=row[1],
        owner=row[2],
        members=[
            Member(relation=relation, oid=oid, table=TableName(schema, table))
            for oid, relation, schema, table in members
        ],
    )


def drop_publication(connection: Connection, name: str) -> bool:
    """Drops the publication, or the list, if it exists; True if there was one."""
    listed = drop_list(connection, name)
    if scalar(connection, "SELECT oid FROM pg_catalog.pg_publication WHERE pubname = %s", name) is None:
        return listed
    connection.execute(sql.SQL("DROP PUBLICATION IF EXISTS {}").format(sql.Identifier(name)))
    return True


def uncaptured_tables(connection: Connection, spec: TaskSpec) -> list[TableName]:
    """The selected tables with rows whose changes the publication does not carry; none where that is gone."""
    publication = read_publication(connection, spec.slot)
    published = {member.table for member in publication.members} if publication is not None else None
    selected = select_tables(connection, spec, sizes=False).copied
    return [table.name for table in selected if published is not None and table.name not in published]
