"""What a database sets for its sessions (ALTER DATABASE SET, ALTER ROLE IN DATABASE SET), and its comment."""

import re

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.names import quote

# The server keeps their values as lists of identifiers, as pg_dump's variable_is_guc_list_quote() has them.
LISTS = (
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
)
_ELEMENT = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^,"]*?))\s*(?:,|$)')


class DatabaseSetting(msgspec.Struct, frozen=True, order=True):
    """A setting for the sessions of a database, of one `role` or, where that is empty, of all."""

    role: str
    name: str

    def __str__(self) -> str:
        return f"{self.name} for role {self.role}" if self.role else self.name

    @property
    def custom(self) -> bool:
        """Whether it is an application's or an extension's own: applications keep secrets in such."""
        return "." in self.name


def read_database_settings(connection: Connection) -> dict[DatabaseSetting, str]:
    """Those of the session's database, with their values."""
    return {DatabaseSetting(role, name): value for role, name, value in connection.execute(query("database_settings"))}


def read_comment(connection: Connection) -> str | None:
    """The comment on the session's database."""
    row = connection.execute(
        "SELECT pg_catalog.shobj_description(oid, 'pg_database') FROM pg_catalog.pg_database"
        " WHERE datname = pg_catalog.current_database()"
    ).fetchone()
    return None if row is None else row[0]


def set_statement(database: str, setting: DatabaseSetting, value: str) -> str:
    """Makes the setting in another database.

    >>> print(set_statement("kb", DatabaseSetting("", "search_path"), '"$user", app, "My, ""x"" s"'))
    ALTER DATABASE "kb" SET "search_path" TO '$user', 'app', 'My, "x" s'
    >>> print(set_statement("kb", DatabaseSetting("app", "timezone"), "Europe/Berlin"))
    ALTER ROLE "app" IN DATABASE "kb" SET "timezone" TO 'Europe/Berlin'
    """
    whose = f"ALTER ROLE {quote(setting.role)} IN DATABASE" if setting.role else "ALTER DATABASE"
    values = split_list(value) if setting.name.lower() in LISTS else [value]
    return f"{whose} {quote(database)} SET {quote(setting.name)} TO {', '.join(map(literal, values))}"


def comment_statement(database: str, comment: str) -> str:
    """Makes the comment on another database."""
    return f"COMMENT ON DATABASE {quote(database)} IS {literal(comment)}"


def split_list(value: str) -> list[str]:
    """The elements of a list of identifiers; of an empty one the empty name.

    >>> split_list('"$user", public'), split_list('""'), split_list("")
    (['$user', 'public'], [''], [''])
    """
    found = []
    position = 0
    while match := _ELEMENT.match(value, position):
        found.append(match[1].replace('""', '"') if match[1] is not None else match[2])
        if match.end() == len(value):
            break
        position = match.end()
    return found


def literal(text: str) -> str:
    r"""The text as a string, whatever standard_conforming_strings is.

    >>> print(literal("it's"), literal("a\\b"))
    'it''s' E'a\\b'
    """
    doubled = text.replace("'", "''")
    return "E'" + doubled.replace("\\", "\\\\") + "'" if "\\" in doubled else f"'{doubled}'"
