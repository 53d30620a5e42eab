"""What servers older than 14 lack: its abilities by name, and our statements as they understand them.

The `.sql` files are written for 14 and newer; `WORDS` has the older equivalents of names that came later.
"""

import re
from functools import cache
from typing import Any, LiteralString, Self

import msgspec
import psycopg
from psycopg.abc import Params

from syncwizard.postgres.queries import is_shipped

# From here on servers understand the statements as they are written.
COMPLETE = 14
_ALIAS = r"\b\w+\."
# A partition and what is above it, the root last.
_ABOVE = (
    r"WITH RECURSIVE above (relid, step) AS (SELECT \1, 1 UNION ALL SELECT up.inhparent, above.step + 1"
    r" FROM above JOIN pg_catalog.pg_inherits up ON up.inhrelid = above.relid)"
)
_ROOT = " FROM above ORDER BY step DESC LIMIT 1"
# The name of a collation, as regcollation writes it for a search_path of pg_catalog alone.
_COLLATION = (
    r"(SELECT CASE ln.nspname WHEN 'pg_catalog' THEN '' ELSE quote_ident(ln.nspname) || '.' END"
    r" || quote_ident(l.collname) FROM pg_catalog.pg_collation l"
    r" JOIN pg_catalog.pg_namespace ln ON ln.oid = l.collnamespace WHERE l.oid = \1)"
)
# Builds show only by what their sessions run: no phase, nothing that is counted.
_BUILDS = (
    r"(SELECT s.pid, s.datname, i.indrelid AS relid, i.indexrelid AS index_relid,"
    r" 'CREATE INDEX CONCURRENTLY'::text AS command, 'building index'::text AS phase, 0::bigint AS blocks_done,"
    r" 0::bigint AS blocks_total, 0::bigint AS tuples_done, 0::bigint AS tuples_total"
    r" FROM pg_catalog.pg_stat_activity s"
    r" JOIN pg_catalog.pg_locks l ON l.pid = s.pid AND l.locktype = 'relation' AND l.granted"
    r" AND l.mode = 'ShareUpdateExclusiveLock'"
    r" JOIN pg_catalog.pg_index i ON i.indrelid = l.relation AND NOT i.indisvalid"
    r" WHERE s.query LIKE 'CREATE%%INDEX CONCURRENTLY%%' AND s.datname = pg_catalog.current_database())"
)
# Columns and clauses by the version that they came with, and what is true of every server before it.
WORDS: tuple[tuple[int, str, str], ...] = (
    (14, _ALIAS + "inhdetachpending", "false"),
    (14, _ALIAS + "rngmultitypid", "0::pg_catalog.oid"),
    (14, _ALIAS + "stxexprs", "NULL::text"),
    (14, "'anymultirange'", "'record'"),
    (13, _ALIAS + "pubviaroot", "false"),
    (13, _ALIAS + "wal_status", "NULL::text"),
    (13, _ALIAS + "safe_wal_size", "NULL::bigint"),
    (13, _ALIAS + "leader_pid", "NULL::int"),
    (13, r"v\.trusted", "false"),
    (13, r"\bg\.tgparentid", "0::pg_catalog.oid"),
    (13, r"(\w+\.\w+)::regcollation", _COLLATION),
    # Queries of WITH were a fence always.
    (12, "AS MATERIALIZED", "AS"),
    (12, _ALIAS + "attgenerated", "''::\"char\""),
    (12, _ALIAS + "collisdeterministic", "true"),
    (
        12,
        r"pg_catalog\.pg_partition_root\((\w+\.\w+)\)",
        f"({_ABOVE} SELECT relid{_ROOT})",
    ),
    (12, r"pg_catalog\.pg_partition_ancestors\((\w+\.\w+)\)(?: WITH ORDINALITY)?", f"({_ABOVE} SELECT * FROM above)"),
    (12, r"pg_catalog\.pg_stat_progress_create_index", _BUILDS),
    (11, _ALIAS + "conparentid", "0::pg_catalog.oid"),
    (11, r"(\b\w+)\.indnkeyatts", r"\1.indnatts"),
    (11, r"(\b\w+)\.prokind", r"""CAST(CASE WHEN \1.proisagg THEN 'a' ELSE 'f' END AS "char")"""),
    (11, _ALIAS + "pubtruncate", "true"),
    (11, _ALIAS + "atthasmissing", "false"),
    (11, _ALIAS + "attmissingval", "NULL"),
)


class Features(msgspec.Struct, frozen=True, kw_only=True):
    """What a server of some major version can do that an older one cannot.

    - binary_stream: pgoutput sends values in their binary form.
    - types_of_others: binary COPY takes arrays and composites of users' types whose OIDs are those of another database.
    - page_ranges: a range of pages is read without the rest of the table.
    - lock_of_copy: COPY of a table keeps its lock to the end of the transaction.
    - partitioned_members: a publication takes a partitioned table, which stands for its partitions.
    - retention_limit: the server limits the WAL that a slot holds, and says how much is left.
    - definitions_followed: event triggers say enough about every definition.
    - hashes_of_64_bits: hash_array_extended, which verification compares.
    - parallel_builds: indexes are built by several processes.
    - truncate_in_stream: TRUNCATE is published.
    """

    binary_stream: bool
    types_of_others: bool
    page_ranges: bool
    lock_of_copy: bool
    partitioned_members: bool
    retention_limit: bool
    definitions_followed: bool
    hashes_of_64_bits: bool
    parallel_builds: bool
    truncate_in_stream: bool


def features(connection: psycopg.Connection[Any]) -> Features:
    """What the session's server can do.

    The versions are those of the release notes: 11 TRUNCATE in logical replication, 13 partitioned tables in
    publications and max_slot_wal_keep_size, 14 pgoutput's option `binary` and TID range scans.
    """
    version = connection.info.server_version // 10000
    return Features(
        binary_stream=version >= 14,
        types_of_others=version >= 14,
        page_ranges=version >= 14,
        lock_of_copy=version >= 13,
        partitioned_members=version >= 13,
        retention_limit=version >= 13,
        definitions_followed=version >= 12,
        hashes_of_64_bits=version >= 11,
        parallel_builds=version >= 11,
        truncate_in_stream=version >= 11,
    )


@cache
def for_version(text: LiteralString, version: int) -> LiteralString:
    """The statement as a server of the major version understands it.

    >>> print(for_version("SELECT a.attname, a.attgenerated", 11))
    SELECT a.attname, ''::"char"
    """
    older: str = text
    for before, word, equivalent in WORDS:
        if version < before:
            older = re.sub(word, equivalent, older)
    return older  # type: ignore[return-value, unused-ignore]


class OlderServerCursor(psycopg.Cursor[tuple[Any, ...]]):
    """Gives a server before 14 our statements in their older form. What users wrote passes as it is."""

    def execute(self, query: Any, params: Params | None = None, **options: Any) -> Self:
        """See psycopg."""
        if isinstance(query, str) and is_shipped(query):
            query = for_version(query, self.connection.info.server_version // 10000)
        return super().execute(query, params, **options)


def for_server(connection: psycopg.Connection[Any], text: LiteralString) -> LiteralString:
    """The statement as the session's server understands it: of one that is sent as a part of another."""
    return for_version(text, connection.info.server_version // 10000)


def adapt(connection: psycopg.Connection[Any]) -> None:
    """Makes a session with an older server take the statements of this package."""
    if connection.info.server_version // 10000 < COMPLETE:
        connection.cursor_factory = OlderServerCursor
