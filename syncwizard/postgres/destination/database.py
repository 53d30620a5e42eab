"""What the destination's database, its accounts and its casts are like."""

from collections.abc import Collection

from syncwizard.postgres.catalog.database_settings import read_comment
from syncwizard.postgres.catalog.dependencies import read_casts
from syncwizard.postgres.catalog.extensions import read_extensions
from syncwizard.postgres.catalog.foreign_code import read_owners
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.structure.casts import Cast


class Database:
    """The database of the session, and the account that it is of."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @property
    def name(self) -> str:
        """The database's name."""
        return self._connection.info.dbname

    @property
    def user(self) -> str:
        """The account's name."""
        return self._connection.info.user

    @property
    def server_version(self) -> int:
        """As libpq numbers it: 180001 is 18.1."""
        return self._connection.info.server_version

    def read_roles(self) -> set[str]:
        """The names of the server's roles."""
        return {role for (role,) in self._connection.execute("SELECT rolname FROM pg_catalog.pg_roles")}

    def read_owners(self) -> frozenset[str]:
        """The roles that get what is theirs at the source as well."""
        return read_owners(self._connection)

    def read_casts(self, schemas: Collection[str]) -> list[Cast]:
        """The user's casts of types or with functions of the schemas."""
        return read_casts(self._connection, schemas)

    def read_comment(self) -> str | None:
        """The comment on the database."""
        return read_comment(self._connection)

    def read_extensions(self) -> dict[str, str]:
        """The schemas of the installed extensions, by name."""
        return read_extensions(self._connection)

    def find_function(self, name: str) -> tuple[str, str] | None:
        """Signature, as SQL writes it, and schema of the one function of users with the name, without a schema; None
        where there is none, or several."""
        found = self._connection.execute(
            "SELECT p.oid::pg_catalog.regprocedure::text, n.nspname FROM pg_catalog.pg_proc p"
            " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace WHERE p.proname = %s AND p.oid >= 16384",
            (name,),
        ).fetchall()
        return (str(found[0][0]), str(found[0][1])) if len(found) == 1 else None

    def fires_no_triggers(self) -> bool:
        """Whether the session is in the role `replica` of replication, by itself or by its account's default."""
        return bool(scalar(self._connection, "SHOW session_replication_role") == "replica")
