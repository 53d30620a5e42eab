"""What the session's account may create in its database, and which tables it may write."""

from collections.abc import Iterable

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.task.names import TableName


class WritingRights(msgspec.Struct, frozen=True):
    """A table: whether the account may write it in every way, and whether a row-level policy applies to it there."""

    table: TableName
    writes: bool
    policed: bool


def may_create_in_database(connection: Connection) -> bool:
    """CREATE on the session's database: for schemas and publications."""
    return bool(scalar(connection, "SELECT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')"))


def may_create_in_public(connection: Connection) -> bool:
    """CREATE and USAGE on the schema public; raises psycopg's error where there is none."""
    return bool(
        scalar(
            connection,
            "SELECT pg_catalog.has_schema_privilege('public', 'CREATE')"
            " AND pg_catalog.has_schema_privilege('public', 'USAGE')",
        )
    )


def read_closed_schemas(connection: Connection, schemas: Iterable[str]) -> list[str]:
    """Those of the schemas that exist and in which the account may not create, by name."""
    rows = connection.execute(
        "SELECT nspname FROM pg_catalog.pg_namespace WHERE nspname = ANY (%s) AND nspname <> 'pg_catalog'"
        " AND NOT (pg_catalog.has_schema_privilege(oid, 'CREATE') AND pg_catalog.has_schema_privilege(oid, 'USAGE'))"
        " ORDER BY 1",
        (sorted(schemas),),
    )
    return [name for (name,) in rows]


def read_writing_rights(connection: Connection, tables: Iterable[int]) -> list[WritingRights]:
    """The rights to the tables, given by OID, in the order of their names."""
    rows = connection.execute(query("writing_rights"), (list(tables),))
    return [WritingRights(TableName(schema, name), writes, policed) for schema, name, writes, policed in rows]


def read_managed_roles(connection: Connection, names: Iterable[str]) -> tuple[list[str], bool]:
    """Those of the roles that the account is a member of, and whether it is a superuser."""
    [(roles, superuser)] = connection.execute(query("managed_roles"), {"names": list(names)}).fetchall()
    return roles, superuser
