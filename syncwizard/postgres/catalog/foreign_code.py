"""Code that comes with definitions: functions of the source's accounts that run at the destination as the task's."""

from collections.abc import Collection

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.structure.needs import Needs
from syncwizard.task.names import FunctionName, quote

# Who has one of these may run programs, or read and write files, as the server's operating-system account.
SERVER_ROLES = ("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files")


class ForeignCode(msgspec.Struct, frozen=True, array_like=True):
    """A function of an `owner` without superuser at the source, and what makes it run."""

    function: str
    owner: str
    via: str

    def __str__(self) -> str:
        return f"{self.function} of {self.owner}, for {self.via}"


def read_foreign_code(source: Connection, needs: Needs, owners: Collection[str]) -> list[ForeignCode]:
    """What a destination's account would run by writing the rows, building the indexes and filling the views.

    SECURITY DEFINER functions are among it unless they are given to one of the `owners` (see `read_owners`).
    """
    relations = {(name.schema, name.name) for name in needs.all_tables | needs.populated}
    functions = {(function.schema, function.name) for function in needs.functions}
    parameters = {
        "schemas": [schema for schema, _ in relations],
        "names": [name for _, name in relations],
        "function_schemas": [schema for schema, _ in functions],
        "function_names": [name for _, name in functions],
        "owners": sorted(owners),
    }
    return [msgspec.convert(row, ForeignCode) for row in source.execute(query("foreign_code"), parameters)]


def read_owners(destination: Connection) -> frozenset[str]:
    """The roles that get what is theirs at the source as well: none unless the session's account is a superuser, which
    alone may give to any role, and never another superuser."""
    rows = destination.execute(
        "SELECT rolname FROM pg_catalog.pg_roles WHERE NOT rolsuper AND rolname !~ '^pg_'"
        " AND (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user)"
    )
    return frozenset(name for (name,) in rows)


def read_definer_owners(source: Connection, needs: Needs, owners: Collection[str]) -> dict[FunctionName, str]:
    """For each needed SECURITY DEFINER function of one of the `owners` the statement that gives it to them.

    With the task's account as its owner each role that may call it would have the rights of that.
    """
    functions = {(function.schema, function.name) for function in needs.functions}
    parameters = {"schemas": [schema for schema, _ in functions], "names": [name for _, name in functions]}
    return {
        FunctionName(schema, name, tuple(arguments)): f"ALTER ROUTINE {identity} OWNER TO {quote(owner)}"
        for schema, name, arguments, identity, owner in source.execute(query("definer_owners"), parameters)
        if owner in owners
    }


def server_right(connection: Connection) -> str:
    """Why code that the session's account runs could take over its server; empty where it could not."""
    if scalar(connection, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = session_user"):
        return "a superuser"
    held = connection.execute(
        "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname = ANY (%s)"
        " AND pg_catalog.pg_has_role(session_user, oid, 'MEMBER') ORDER BY 1",
        (list(SERVER_ROLES),),
    )
    names = [name for (name,) in held]
    return f"a member of {', '.join(names)}" if names else ""
