"""In which encoding rows travel: where both ends have the same one, in that, so that their bytes are not converted.

A conversion to UTF-8 and back need not give the same bytes: some characters of EUC_JP have two codes, and SQL_ASCII
holds bytes that are no text at all.
"""

from psycopg import sql

from syncwizard.postgres.session.connection import Connection

# Python has no codec for the names in statements.
UNKNOWN = ("EUC_TW", "MULE_INTERNAL")


def shared_encoding(source: Connection, destination: Connection) -> str:
    """The server's name of the encoding for sessions that rows pass through."""
    found = source.info.parameter_status("server_encoding")
    same = found == destination.info.parameter_status("server_encoding") and found not in UNKNOWN
    return found if found and same else "UTF8"


def recoded(source: Connection, destination: Connection) -> bool:
    """Whether texts have other bytes at the destination than at the source."""
    return source.info.parameter_status("server_encoding") != destination.info.parameter_status("server_encoding")


def set_encoding(encoding: str, *sessions: Connection) -> None:
    """Gives sessions, which begin with UTF-8, another encoding."""
    if encoding != "UTF8":
        for session in sessions:
            session.execute(sql.SQL("SET client_encoding = {}").format(sql.Literal(encoding)))


def codec_of(connection: Connection) -> str:
    """Python's name of the encoding in which the session takes statements and gives names."""
    codec = connection.info.encoding
    # Of SQL_ASCII: the names of databases made with UTF-8 programs are UTF-8.
    return "utf-8" if codec == "ascii" else codec


def spelled(statement: sql.Composable, connection: Connection) -> bytes:
    """The statement's bytes in the session's encoding."""
    return statement.as_bytes(None).decode().encode(codec_of(connection))
