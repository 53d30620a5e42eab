"""Reads what a comparison of both ends compares: hashes of rows, summed in buckets, and the rows of some buckets.

The image of a row is the array of its values in binary form, byte for byte; its hash is PostgreSQL's own of 64 bits
(hash_array_extended), whose results do not depend on the version since 11; where an end is older, half of the array's
MD5. Sums are exact (rule 24).
"""

from collections.abc import Iterable, Iterator, Sequence

import msgspec
from psycopg import sql

from syncwizard.postgres.dialect import features
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, predicate, quoted
from syncwizard.rows.comparison import HashedRow
from syncwizard.task.names import TableName

# A changed row makes one bucket differ, and the rows of a bucket are what is read again to find it.
BUCKETS = 4096
# Rows that a cursor brings at a time.
FETCH_ROWS = 2000

# Of a row without a key, which is shown whole as long as it is short.
SHOWN_CHARACTERS = 200

# Values of every kind in one array: NULL, nothing, some bytes.
_PROBE = (r"NULL", r"'\x'", r"'\x00ff41'", r"'\x0102030405060708090a0b0c0d'")


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of one relation: `images` are expressions of its `columns`' bytes, in the order of the other end's;
    `key` those of its key, empty where rows have none, with `key_columns`' names. `condition`: a predicate that rows
    have to meet, in the catalogue's words. `rows`: a query in brackets whose columns are read instead. `portable`:
    hashed as every version can. `part`: what rows have to meet to be in a sample by ranges of the key; `share`: the
    first of the buckets of a sample, and how many they are."""

    relation: TableName
    oid: int
    columns: tuple[str, ...] = ()
    images: tuple[sql.Composable, ...]
    key: tuple[sql.Composable, ...] = ()
    key_columns: tuple[str, ...] = ()
    condition: str = ""
    rows: str = ""
    portable: bool = False
    part: sql.Composable | None = None
    share: tuple[int, int] | None = None


# Of the bytes of a value.
Expression = sql.Composed

# Bucket to count of rows and sum of their hashes.
Sums = dict[int, tuple[int, int]]


def hashes_portably(source: Connection, destination: Connection) -> bool:
    """Whether an end lacks the faster hash, so that both use the other one."""
    return not (features(source).hashes_of_64_bits and features(destination).hashes_of_64_bits)


def probe_hash(connection: Connection, *, portable: bool) -> int:
    """The server's hash of some values, which has to be equal at both ends."""
    statement = sql.SQL("SELECT {}").format(_hash([sql.SQL(value) for value in _PROBE], 0, portable=portable))
    row = connection.execute(statement).fetchone()
    return 0 if row is None else int(row[0])


def read_senders(connection: Connection, oids: Iterable[int]) -> dict[tuple[int, str], str]:
    """By relation and column the function that gives the bytes of its values; columns compared as text are left out."""
    given = list(oids)
    rows = connection.execute(query("image_columns"), (given, given))
    return {(relation, column): sender for relation, column, sender in rows if sender is not None}


def image(column: str, sender: str | None) -> sql.Composed:
    """An expression of the bytes of a column's value; without a sender those of its text.

    >>> image("id", "int8send").as_string()
    'int8send("id")'
    """
    name = sql.Identifier(column)
    if sender is not None:
        return sql.SQL("{}({})").format(sql.SQL(sender), name)
    # format() takes the type's own output function; a cast could be one that a user has made. IS NULL is true of a
    # composite whose fields are all NULL.
    return sql.SQL(
        "pg_catalog.textsend(CASE WHEN {} IS DISTINCT FROM NULL THEN pg_catalog.format('%s', {}) END)"
    ).format(name, name)


def sum_statement(reading: Reading) -> sql.Composed:
    """The sums of a relation's buckets: bucket, count of rows, sum of hashes."""
    return sql.SQL("SELECT b, pg_catalog.count(*), pg_catalog.sum(h) FROM ({}) AS r{} GROUP BY b").format(
        _hashed(reading, ()), _of_share(reading)
    )


def hash_statement(reading: Reading) -> sql.Composed:
    """Bucket and hash of each row."""
    return sql.SQL("SELECT b, h FROM ({}) AS r{}").format(_hashed(reading, ()), _of_share(reading))


def key_statement(reading: Reading) -> sql.Composed:
    """Bucket, hash, and the texts of the key (of the whole row where it has none) of each row."""
    return sql.SQL("SELECT b, h, k FROM ({}) AS r{}").format(_hashed(reading, _key_texts(reading)), _of_share(reading))


def row_statement(reading: Reading) -> sql.Composed:
    """A row for each row."""
    return sql.SQL("SELECT 0, 0 FROM {} AS t{}").format(rows_of(reading), _where(reading))


def read_sums(connection: Connection, readings: Iterable[Reading]) -> Sums:
    """The sums over some relations, which together hold the rows of one table."""
    sums: Sums = {}
    for reading in readings:
        for bucket, count, total in connection.execute(sum_statement(reading)):
            rows, before = sums.get(bucket, (0, 0))
            sums[bucket] = rows + count, before + int(total)
    return sums


def read_count(connection: Connection, readings: Iterable[Reading]) -> int:
    """How many rows the relations hold together."""
    statement = sql.SQL("SELECT pg_catalog.count(*) FROM {} AS t{}")
    count = 0
    for reading in readings:
        for (rows,) in connection.execute(statement.format(rows_of(reading), _where(reading))):
            count += int(rows)
    return count


def read_rows(connection: Connection, readings: Sequence[Reading], buckets: Sequence[int]) -> Iterator[HashedRow]:
    """The rows of some buckets, in the order of these, each with the text of its key's columns (of the row where it has
    no key). In the transaction that is open."""
    parts = []
    for reading in readings:
        hashed = _hashed(reading, _key_texts(reading))
        parts.append(sql.SQL("SELECT b, k, h FROM ({}) AS r WHERE b = ANY ({})").format(hashed, list(buckets)))
    statement = sql.SQL("SELECT b, k, h FROM ({}) AS r ORDER BY b").format(sql.SQL(" UNION ALL ").join(parts))
    with connection.cursor("syncwizard_rows") as cursor:
        cursor.itersize = FETCH_ROWS
        for bucket, key, found in cursor.execute(statement):
            yield bucket, tuple(key), found


def _key_texts(reading: Reading) -> list[sql.Composable]:
    if not reading.key_columns:
        return [sql.SQL("pg_catalog.left(pg_catalog.format('%s', t), {})").format(sql.Literal(SHOWN_CHARACTERS))]
    return [sql.SQL("pg_catalog.format('%s', {})").format(sql.Identifier(name)) for name in reading.key_columns]


def _of_share(reading: Reading) -> sql.Composable:
    if reading.share is None:
        return sql.SQL("")
    first, count = reading.share
    return sql.SQL(" WHERE ((b - {}) & {}) < {}").format(first, BUCKETS - 1, count)


def _hashed(reading: Reading, key_texts: Sequence[sql.Composable]) -> sql.Composed:
    """The rows as h (hash), b (bucket) and, where their texts are wanted, k (key)."""
    portable = reading.portable
    whole = _hash(reading.images, 0, portable=portable)
    texts = sql.SQL(", ARRAY[{}]::text[] AS k").format(sql.SQL(", ").join(key_texts)) if key_texts else sql.SQL("")
    inner = sql.SQL("SELECT {} AS h, {} AS g{} FROM {} AS t{}").format(
        whole,
        _hash(reading.key, 1, portable=portable) if reading.key else sql.SQL("0::bigint"),
        texts,
        rows_of(reading),
        _where(reading),
    )
    # Where rows have no key the hash of all of them chooses the bucket, and is computed once.
    chosen = sql.SQL("g" if reading.key else "h")
    # OFFSET 0 keeps the planner from computing hashes twice.
    return sql.SQL("SELECT h, ({} & {})::int AS b{} FROM ({} OFFSET 0) AS i").format(
        chosen, sql.Literal(BUCKETS - 1), sql.SQL(", k" if key_texts else ""), inner
    )


def _hash(images: Sequence[sql.Composable], seed: int, *, portable: bool) -> sql.Composed:
    if portable:
        # The text of the array tells NULL from nothing, and bytes have one spelling in our sessions (bytea_output).
        return sql.SQL(
            "('x' || pg_catalog.left(pg_catalog.md5((ARRAY[{}]::bytea[])::text || {}), 16))::bit(64)::bigint"
        ).format(sql.SQL(", ").join(images), sql.Literal(str(seed)))
    return sql.SQL("pg_catalog.hash_array_extended(ARRAY[{}]::bytea[], {})").format(
        sql.SQL(", ").join(images), sql.Literal(seed)
    )


def rows_of(reading: Reading) -> sql.Composable:
    """What follows FROM: the relation without its children, or the query in its place."""
    if reading.rows:
        # Texts of the checked script: literals and quoted names, nothing that its author typed as SQL.
        return sql.SQL(reading.rows)
    return sql.SQL("ONLY {}").format(quoted(reading.relation.schema, reading.relation.name))


def _where(reading: Reading) -> sql.Composable:
    conditions: list[sql.Composable] = [predicate(reading.condition)] if reading.condition else []
    if reading.part is not None:
        conditions.append(reading.part)
    if not conditions:
        return sql.SQL("")
    return sql.SQL(" WHERE {}").format(sql.SQL(" AND ").join(conditions))
