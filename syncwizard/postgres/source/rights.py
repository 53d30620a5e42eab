"""What the task's account may do with tables of the source, and which membership would give it the owner's rights."""

from collections.abc import Iterable

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.names import TableName, quote

# The first version in which a membership says by itself whether the rights of the role are inherited.
INHERITING_MEMBERSHIPS = 16_00_00


class TableRights(msgspec.Struct, frozen=True, kw_only=True):
    """A table of the source and the account's rights.

    `has_owner`: the account has the rights of the `owner`. `uses`, `selects`: USAGE of the schema, SELECT on the
    table; with `owner_` what the owner has. `policed`: a policy hides rows from the account; `forced`: from the owner.
    """

    table: TableName
    owner: str
    owner_is_superuser: bool
    has_owner: bool
    uses: bool
    selects: bool
    owner_uses: bool
    owner_selects: bool
    policed: bool
    forced: bool

    def with_owner(self) -> "TableRights":
        """The rights of an account that became a member of the owning role.

        >>> mine = TableRights(table=TableName("s", "t"), owner="app", owner_is_superuser=False, has_owner=False,
        ...     uses=False, selects=False, owner_uses=True, owner_selects=True, policed=True, forced=False)
        >>> then = mine.with_owner()
        >>> then.uses, then.selects, then.policed
        (True, True, False)
        """
        return msgspec.structs.replace(
            self,
            has_owner=True,
            uses=self.uses or self.owner_uses,
            selects=self.selects or self.owner_selects,
            policed=self.policed and self.forced,
        )


def read_table_rights(connection: Connection, tables: Iterable[TableName]) -> list[TableRights]:
    """The rights to those of the tables that exist, by name."""
    wanted = list(tables)
    parameters = {"schemas": [name.schema for name in wanted], "names": [name.name for name in wanted]}
    return [
        TableRights(
            table=TableName(schema, name),
            owner=owner,
            owner_is_superuser=superuser,
            has_owner=has_owner,
            uses=uses,
            selects=selects,
            owner_uses=owner_uses,
            owner_selects=owner_selects,
            policed=policed,
            forced=forced,
        )
        for (
            schema,
            name,
            owner,
            superuser,
            has_owner,
            uses,
            selects,
            owner_uses,
            owner_selects,
            policed,
            forced,
        ) in connection.execute(query("source_rights"), parameters)
    ]


def membership_statements(connection: Connection, owners: Iterable[str]) -> list[str]:
    """What makes the session's account a member of the roles, with their rights: one GRANT a role.

    Never a change of owner: it would take the tables from the application.
    """
    wanted = sorted(set(owners))
    user = quote(connection.info.user)
    row = connection.execute("SELECT rolinherit FROM pg_catalog.pg_roles WHERE rolname = current_user").fetchone()
    inherits = row is not None and row[0]
    if connection.info.server_version < INHERITING_MEMBERSHIPS:
        grants = [f"GRANT {quote(owner)} TO {user}" for owner in wanted]
        return grants if inherits or not grants else [*grants, f"ALTER ROLE {user} INHERIT"]
    # A membership that is there without its rights keeps that unless the statement says otherwise.
    held = connection.execute(
        "SELECT o.rolname FROM pg_catalog.pg_auth_members m JOIN pg_catalog.pg_roles r ON r.oid = m.member"
        " JOIN pg_catalog.pg_roles o ON o.oid = m.roleid"
        " WHERE r.rolname = current_user AND NOT m.inherit_option"
    )
    explicit = {name for (name,) in held}
    return [
        f"GRANT {quote(owner)} TO {user}" + ("" if inherits and owner not in explicit else " WITH INHERIT TRUE")
        for owner in wanted
    ]
