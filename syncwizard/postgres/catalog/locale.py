"""Encoding and collation of a database, and the statement that makes another one with the same."""

from typing import Literal

import msgspec

from syncwizard.errors import EndpointError
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.names import quote

Provider = Literal["", "c", "i", "b"]
PROVIDERS: dict[Provider, str] = {"c": "libc", "i": "icu", "b": "builtin"}


class DatabaseLocale(msgspec.Struct, frozen=True, kw_only=True):
    """As in pg_database; `provider` is empty before PostgreSQL 15, `locale` and `rules` where the provider has none."""

    encoding: str
    collate: str
    ctype: str
    provider: Provider = ""
    locale: str = ""
    rules: str = ""

    def describe(self) -> str:
        """How text is sorted, for display.

        >>> DatabaseLocale(encoding="UTF8", collate="C", ctype="C", provider="i", locale="de").describe()
        'icu de'
        """
        if self.locale:
            return f"{PROVIDERS.get(self.provider, self.provider)} {self.locale}"
        return self.collate if self.collate == self.ctype else f"{self.collate}, characters as in {self.ctype}"


# The database's own version came with it.
KNOWS_VERSIONS = 150000


class CollationVersion(msgspec.Struct, frozen=True):
    """Of the library that sorts a database's text: what its indexes were made with, and what is there now; empty for
    those without a version, such as C."""

    provider: Provider
    made_with: str
    actual: str

    @property
    def outdated(self) -> bool:
        """Whether it is another one by now."""
        return bool(self.made_with and self.actual and self.made_with != self.actual)

    @property
    def library(self) -> str:
        """Its name."""
        return PROVIDERS.get(self.provider, self.provider)


def read_collation_version(connection: Connection) -> CollationVersion | None:
    """That of the session's database; None where the server does not say it."""
    if connection.info.server_version < KNOWS_VERSIONS:
        return None
    row = connection.execute(query("collation_versions")).fetchone()
    return None if row is None else CollationVersion(row[0], row[1] or "", row[2] or "")


def read_locale(connection: Connection) -> DatabaseLocale:
    """That of the session's database."""
    row = connection.execute(query("database_locale")).fetchone()
    return msgspec.convert(dict(zip(DatabaseLocale.__struct_fields__, row or (), strict=True)), DatabaseLocale)


def create_statement(database: str, owner: str | None, like: DatabaseLocale) -> str:
    """Makes an empty database with encoding, provider and collation of `like`; for a superuser or CREATEDB.

    >>> print(create_statement("kb", "sync", DatabaseLocale(encoding="UTF8", collate="C", ctype="C")))
    CREATE DATABASE "kb" OWNER "sync" TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'
    """
    parts = [f"CREATE DATABASE {quote(database)}"]
    if owner:
        parts.append(f"OWNER {quote(owner)}")
    parts += ["TEMPLATE template0", f"ENCODING {_text(like.encoding)}"]
    if like.provider:
        parts.append(f"LOCALE_PROVIDER {PROVIDERS[like.provider]}")
    if like.locale:
        parts.append(f"{'BUILTIN_LOCALE' if like.provider == 'b' else 'ICU_LOCALE'} {_text(like.locale)}")
    if like.rules:
        parts.append(f"ICU_RULES {_text(like.rules)}")
    parts += [f"LC_COLLATE {_text(like.collate)}", f"LC_CTYPE {_text(like.ctype)}"]
    return " ".join(parts)


def lacks_database(error: EndpointError) -> bool:
    """Whether the login failed for want of the database: libpq has the server's words and no SQLSTATE for it."""
    return error.sqlstate == "3D000" or ('database "' in error.detail and "does not exist" in error.detail)


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
