"""Rows and statements as applications make them: identities, names, keys that move, values out of line, partitions,
encodings. Each way is taken twice: while the task waits, so that much comes in one batch, and while it follows."""

from pathlib import Path

import pytest

from syncwizard.stages.incremental import receiving
from syncwizard.task.specification import SchemaObjects
from tests.support.comparison import assert_equal
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

pytestmark = pytest.mark.slow


def both_ways(path: RowPath, transactions: list[str]) -> None:
    """Runs the transactions before the task follows, as one backlog, and again, keys moved on, one by one."""
    pair = path.pair
    for first in (0, 1000):
        if first == 0:
            run(pair, transactions, first)
        with path.following():
            path.caught_up()
            if first:
                for text in transactions:
                    run(pair, [text], first)
                    path.caught_up()
                    # Later changes may cover up what an earlier one did.
                    assert_equal(pair)
        assert_equal(pair)


def run(pair: DatabasePair, transactions: list[str], first: int) -> None:
    for text in transactions:
        with pair.source.transaction():
            pair.source.execute(text.replace(":first", str(first)).encode())


def both_ends(pair: DatabasePair, source: str, destination: str, folder: Path, *schemas: str) -> RowPath:
    pair.source.execute(source.encode())
    pair.destination.execute(destination.encode())
    spec = pair.spec([SchemaObjects(schema=name) for name in ("public", *schemas)])
    return RowPath(pair, TaskRun(spec, folder))


# Names and shapes ------------------------------------------------------------------------------------------------

SCHEMA = 'sch.e"ma {0} %s'
TABLE = 'Ünï"q. t\n{} %'
LONG = "é" * 31 + "x"
Q_SCHEMA, Q_TABLE = ('"' + name.replace('"', '""') + '"' for name in (SCHEMA, TABLE))


def test_names_of_any_kind(pair: DatabasePair, tmp_path: Path) -> None:
    columns = f'"a" int, "A" text, "select" text, "{LONG}" text, "c %s {{}} ""\n" text, "$1" {Q_SCHEMA}."m %s {{0}}"'
    definitions = (
        f"CREATE SCHEMA {Q_SCHEMA}; CREATE TYPE {Q_SCHEMA}.\"m %s {{0}}\" AS ENUM ('%s', '{{}}');"
        f'CREATE TABLE {Q_SCHEMA}.{Q_TABLE} ({columns}, PRIMARY KEY ("a", "$1"));'
        f'CREATE TABLE {Q_SCHEMA}."{LONG}" ({columns}); CREATE TABLE "table" ("order" int PRIMARY KEY, "user" text);'
    )
    path = both_ends(pair, definitions, definitions, tmp_path, SCHEMA)
    tables = (f"{Q_SCHEMA}.{Q_TABLE}", f'{Q_SCHEMA}."{LONG}"')
    fill = "; ".join(
        f"INSERT INTO {table} SELECT :first + i, i, 's', 'long', 'x', '%s' FROM generate_series(1, 80) i"
        for table in tables
    )
    run(pair, [fill, """INSERT INTO "table" VALUES (1, 'u')"""], 5000)
    path.copy()
    both_ways(
        path,
        [
            fill,
            *(f"UPDATE {table} SET \"A\" = 'other', \"$1\" = '{{}}' WHERE a > :first + 75" for table in tables),
            *(f"UPDATE {table} SET \"{LONG}\" = '%s' WHERE a > :first" for table in tables),
            *(f"UPDATE {table} SET a = a + 100000 WHERE a BETWEEN :first + 20 AND :first + 22" for table in tables),
            *(f"DELETE FROM {table} WHERE a BETWEEN :first + 1 AND :first + 70" for table in tables),
            """UPDATE "table" SET "user" = :first""",
        ],
    )


def test_other_order_more_columns_and_dropped_ones(pair: DatabasePair, tmp_path: Path) -> None:
    source = """
        CREATE TABLE t (gone int, id int, a text, gone_too text, b vector(2), c int DEFAULT 7, PRIMARY KEY (id));
        ALTER TABLE t DROP gone, DROP gone_too;
        CREATE TABLE keyless (a text, gone int, b numeric); ALTER TABLE keyless DROP gone;
    """
    destination = """
        CREATE TABLE t (b vector(2), was_there timestamptz DEFAULT 'epoch', c int, gone xid, a text, id int PRIMARY KEY,
                        hint text GENERATED ALWAYS AS (a || '!') STORED);
        ALTER TABLE t DROP gone;
        CREATE TABLE keyless (b numeric, a text);
    """
    vector = "CREATE EXTENSION vector;"
    path = both_ends(pair, vector + source, vector + destination, tmp_path)
    fill = "INSERT INTO t SELECT :first + i, repeat('a', 3000), '[1,2]' FROM generate_series(1, 80) i"
    run(pair, [fill, "INSERT INTO keyless VALUES ('x', 1.0), ('x', 1.00), (NULL, NULL)"], 5000)
    path.copy()

    def compared() -> None:
        query = "SELECT id, md5(a), b::text, c FROM t ORDER BY 1"
        assert pair.destination.execute(query).fetchall() == pair.source.execute(query).fetchall()
        query = "SELECT ROW(a, b)::text FROM keyless ORDER BY 1"
        assert pair.destination.execute(query).fetchall() == pair.source.execute(query).fetchall()
        assert pair.destination.execute("SELECT FROM t WHERE hint <> a || '!' OR was_there <> 'epoch'").rowcount == 0

    with path.following():
        for first, rows in ((0, 80), (1000, 1)):
            run(
                pair,
                [
                    fill.replace("80", str(rows)),
                    "UPDATE t SET c = c + 1 WHERE id > :first",
                    "UPDATE t SET id = id + 100000 WHERE id BETWEEN :first + 1 AND :first + 5",
                    "UPDATE t SET a = 'short' WHERE id BETWEEN :first + 50 AND :first + 60",
                    "DELETE FROM keyless WHERE ctid = (SELECT ctid FROM keyless WHERE b::text = '1.00' LIMIT 1)",
                    "UPDATE keyless SET a = 'y:first' WHERE b IS NULL",
                    "INSERT INTO keyless VALUES ('z', 1.00)",
                ],
                first,
            )
            path.caught_up()
            compared()


def test_as_many_columns_as_a_table_can_have(pair: DatabasePair, tmp_path: Path) -> None:
    columns = ", ".join(f"c{number} int2" for number in range(1, 1600))
    path = row_path(
        pair,
        tmp_path,
        f"CREATE TABLE wide (id int PRIMARY KEY, {columns});"
        f"CREATE TABLE wide_keyless (id int, {columns}); ALTER TABLE wide_keyless REPLICA IDENTITY FULL",
    )
    values = ", ".join(["mod(i, 1000)"] * 1599)
    fill = "; ".join(
        f"INSERT INTO {table} SELECT :first + i, {values} FROM generate_series(1, 60) i"
        for table in ("wide", "wide_keyless")
    )
    run(pair, [fill], 5000)
    path.copy()
    both_ways(
        path,
        [
            fill,
            *(f"UPDATE {table} SET c1599 = 7, c1 = NULL WHERE id > :first + 3" for table in ("wide", "wide_keyless")),
            *(f"UPDATE {table} SET id = id + 100000 WHERE id = :first + 9" for table in ("wide", "wide_keyless")),
            *(f"DELETE FROM {table} WHERE id BETWEEN :first + 1 AND :first + 2" for table in ("wide", "wide_keyless")),
        ],
    )


# Values out of line ----------------------------------------------------------------------------------------------

STORAGES = ("PLAIN", "MAIN", "EXTERNAL", "EXTENDED")
TOASTED = "".join(
    f"CREATE TABLE {name} (id int PRIMARY KEY, n int, note text,"
    " plain text, main text, external text, extended text, items text[], v vector(900));"
    + "".join(f"ALTER TABLE {name} ALTER {storage.lower()} SET STORAGE {storage};" for storage in STORAGES)
    for name in ("toasted", "toasted_full")
)
LARGE = "repeat(md5(random()::text), {})"
VALUES = (
    "'plain', repeat('m', 20000), {0}, {0}, ARRAY[{0}, 'short'],"
    " (SELECT array_agg(random()) FROM generate_series(1, 900))"
).format(LARGE.format(300))


def test_values_that_did_not_change_and_are_not_sent(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = (
        "CREATE EXTENSION vector;" + TOASTED + "ALTER TABLE toasted_full REPLICA IDENTITY FULL;"
        "CREATE TABLE toasted_keyless (LIKE toasted INCLUDING STORAGE);"
        "ALTER TABLE toasted_keyless REPLICA IDENTITY FULL; ALTER TABLE toasted_keyless ALTER id DROP NOT NULL;"
    )
    path = row_path(pair, tmp_path, definitions)
    tables = ("toasted", "toasted_full", "toasted_keyless")

    def every(text: str) -> str:
        return "; ".join(text.format(table=table) for table in tables)

    fill = every(f"INSERT INTO {{table}} SELECT :first + i, i, 'first', {VALUES} FROM generate_series(1, 80) i")
    run(pair, [fill], 0)
    run(pair, [fill], 1000)
    path.copy()
    both_ways(
        path,
        [
            every("UPDATE {table} SET n = n + 1 WHERE id BETWEEN :first + 1 AND :first + 5"),
            every("UPDATE {table} SET n = n + 1 WHERE id BETWEEN :first + 1 AND :first + 70"),
            # Some values are sent, some are not; then the others; then all at once.
            every(f"UPDATE {{table}} SET external = {LARGE.format(200)} WHERE id BETWEEN :first + 6 AND :first + 9"),
            every("UPDATE {table} SET extended = 'short', items = NULL WHERE id BETWEEN :first + 8 AND :first + 70"),
            # The key changes and what is out of line does not, once and again, with an update between.
            every("UPDATE {table} SET id = id + 100000 WHERE id BETWEEN :first + 10 AND :first + 75"),
            every("UPDATE {table} SET note = 'moved' WHERE id BETWEEN 100000 + :first AND 100080 + :first"),
            every("UPDATE {table} SET id = id + 100000, n = 0 WHERE id BETWEEN 100010 + :first AND 100020 + :first"),
            # Deleted, inserted and updated within a batch.
            every(
                "WITH gone AS (DELETE FROM {table} WHERE id = :first + 3 RETURNING *)"
                " INSERT INTO {table} SELECT * FROM gone; UPDATE {table} SET note = 'again' WHERE id = :first + 3"
            ),
            every("DELETE FROM {table} WHERE id = :first + 4")
            + "; "
            + every(f"INSERT INTO {{table}} VALUES (:first + 4, 1, 'new', {VALUES})"),
            every("UPDATE {table} SET note = note || '.' WHERE id BETWEEN :first + 1 AND :first + 5"),
            # A value changes places with a key that was given up.
            every("UPDATE {table} SET id = -5 WHERE id = :first + 5")
            + "; "
            + every("UPDATE {table} SET id = :first + 5 WHERE id = :first + 6")
            + "; "
            + every("UPDATE {table} SET id = :first + 6 WHERE id = -5"),
            every("DELETE FROM {table} WHERE id BETWEEN 200000 + :first AND 200030 + :first"),
        ],
    )


# Keys ------------------------------------------------------------------------------------------------------------


def test_keys_swap_under_deferrable_and_immediate_constraints(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = """
        CREATE TABLE keyed (id int PRIMARY KEY, place int UNIQUE, body text);
        CREATE TABLE deferred (id int PRIMARY KEY DEFERRABLE, place int UNIQUE DEFERRABLE INITIALLY DEFERRED,
                               body text);
        CREATE TABLE children (id int PRIMARY KEY, parent int REFERENCES keyed ON UPDATE CASCADE ON DELETE CASCADE
                               DEFERRABLE INITIALLY DEFERRED);
        ALTER TABLE keyed ALTER body SET STORAGE EXTERNAL; ALTER TABLE deferred ALTER body SET STORAGE EXTERNAL;
    """
    path = row_path(pair, tmp_path, definitions)
    for first in (0, 1000):
        for table in ("keyed", "deferred"):
            run(
                pair,
                [
                    f"INSERT INTO {table} SELECT i + :first, i + :first, repeat('x', 4000)"
                    " FROM generate_series(1, 100) i"
                ],
                first,
            )
        run(pair, ["INSERT INTO children SELECT i + :first, i + :first FROM generate_series(1, 100) i"], first)
    path.copy()
    both_ways(
        path,
        [
            "UPDATE deferred SET id = 2 * :first + 101 - id WHERE id BETWEEN :first + 1 AND :first + 100",
            "UPDATE deferred SET place = 2 * :first + 101 - place, body = id"
            " WHERE id BETWEEN :first + 1 AND :first + 100",
            "UPDATE deferred SET id = 0 WHERE id = :first + 1; UPDATE deferred SET id = :first + 1"
            " WHERE id = :first + 2; UPDATE deferred SET id = :first + 2 WHERE id = 0",
            # A cycle of three over a free value, and back within the same transaction for others.
            "UPDATE keyed SET id = -1 WHERE id = :first + 1; UPDATE keyed SET id = :first + 1 WHERE id = :first + 2;"
            "UPDATE keyed SET id = :first + 2 WHERE id = :first + 3; UPDATE keyed SET id = :first + 3 WHERE id = -1",
            "UPDATE keyed SET place = -place WHERE id BETWEEN :first + 1 AND :first + 90;"
            "UPDATE keyed SET place = 2 * :first + 101 + place WHERE id BETWEEN :first + 11 AND :first + 90",
            "DELETE FROM keyed WHERE id BETWEEN :first + 60 AND :first + 70",
            "INSERT INTO keyed SELECT i + :first, i + :first + 5000, 'back' FROM generate_series(60, 65) i",
            "INSERT INTO children VALUES (:first + 500, :first + 5);"
            " UPDATE keyed SET id = :first + 999 WHERE id = :first + 5",
            "INSERT INTO keyed SELECT i + :first, i + :first + 7000, 'upserted' FROM generate_series(30, 120) i"
            " ON CONFLICT (id) DO UPDATE SET place = excluded.place, body = keyed.body || '.'",
        ],
    )


def test_subtransactions_copies_and_truncations(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = """
        CREATE TABLE parent (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, note text);
        CREATE TABLE child (id serial PRIMARY KEY, parent int REFERENCES parent, note text);
        CREATE TABLE copied (id int PRIMARY KEY, note text);
    """
    path = row_path(pair, tmp_path, definitions)
    path.copy()
    with path.following():
        for rows in (3, 400):
            with pair.source.transaction():
                pair.source.execute("INSERT INTO parent (note) SELECT i FROM generate_series(1, %s) i", (rows,))
                pair.source.execute("SAVEPOINT outside; INSERT INTO child (parent) SELECT id FROM parent")
                pair.source.execute(
                    "SAVEPOINT inside; DELETE FROM child; UPDATE parent SET note = 'no'; ROLLBACK TO inside"
                )
                pair.source.execute(
                    "UPDATE child SET note = 'kept'; RELEASE outside; SAVEPOINT empty; ROLLBACK TO empty"
                )
            with pair.source.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
                for number in range(rows):
                    copy.write_row((number + rows * 10, "\\N and a\ttab"))
            path.caught_up()
            assert_equal(pair)
            with pair.source.transaction():
                pair.source.execute("INSERT INTO parent (note) VALUES ('before')")
                pair.source.execute("TRUNCATE parent RESTART IDENTITY CASCADE")
                pair.source.execute("INSERT INTO parent (note) SELECT 'after' FROM generate_series(1, %s)", (rows,))
                pair.source.execute("INSERT INTO child (parent) SELECT id FROM parent")
            path.caught_up()
            assert_equal(pair)
            pair.source.execute("TRUNCATE copied, child, parent")
            path.caught_up()
            assert_equal(pair)


def test_rows_move_between_leaves_that_the_destination_cuts_otherwise(pair: DatabasePair, tmp_path: Path) -> None:
    head = "(id int, region text, note text, body text, PRIMARY KEY (id, region))"
    source = f"""
        CREATE TABLE alike {head} PARTITION BY LIST (region);
        CREATE TABLE alike_a (note text, body text, gone int, region text NOT NULL, id int NOT NULL);
        ALTER TABLE alike_a DROP gone; ALTER TABLE alike ATTACH PARTITION alike_a FOR VALUES IN ('a');
        CREATE TABLE alike_rest PARTITION OF alike DEFAULT;
        CREATE TABLE flat {head} PARTITION BY LIST (region);
        CREATE TABLE flat_a PARTITION OF flat FOR VALUES IN ('a'); CREATE TABLE flat_b PARTITION OF flat DEFAULT;
        CREATE TABLE other {head} PARTITION BY LIST (region);
        CREATE TABLE other_a PARTITION OF other FOR VALUES IN ('a'); CREATE TABLE other_b PARTITION OF other DEFAULT;
    """
    destination = f"""
        CREATE TABLE alike {head} PARTITION BY LIST (region);
        CREATE TABLE alike_a PARTITION OF alike FOR VALUES IN ('a');
        CREATE TABLE alike_rest PARTITION OF alike DEFAULT;
        CREATE TABLE flat {head};
        CREATE TABLE other {head} PARTITION BY HASH (id, region);
        CREATE TABLE other_0 PARTITION OF other FOR VALUES WITH (MODULUS 2, REMAINDER 0);
        CREATE TABLE other_1 PARTITION OF other FOR VALUES WITH (MODULUS 2, REMAINDER 1);
    """
    path = both_ends(pair, source, destination, tmp_path)
    tables = ("alike", "flat", "other")

    def every(text: str) -> str:
        return "; ".join(text.format(table=table) for table in tables)

    fill = every(
        "INSERT INTO {table} SELECT :first + i, chr(97 + mod(i, 3)), 'n', repeat(md5(i::text), 300)"
        " FROM generate_series(1, 90) i"
    )
    run(pair, [fill], 0)
    run(pair, [fill], 1000)
    path.copy()
    transactions = [
        every("UPDATE {table} SET region = 'b' WHERE region = 'a' AND id BETWEEN :first + 1 AND :first + 80"),
        every(
            "UPDATE {table} SET region = 'a', note = 'back' WHERE region = 'b' AND id BETWEEN :first + 1 AND :first + 9"
        ),
        every("UPDATE {table} SET note = 'unsent body' WHERE id BETWEEN :first + 1 AND :first + 90"),
        every("UPDATE {table} SET id = id + 100000, region = 'c' WHERE id = :first + 7"),
        every("DELETE FROM {table} WHERE id BETWEEN :first + 20 AND :first + 25"),
    ]
    with path.following():
        for first in (0, 1000):
            for text in transactions:
                run(pair, [text], first)
                if first:
                    path.caught_up()
            path.caught_up()
            for table in tables:
                query = f"SELECT id, region, note, md5(body) FROM {table} ORDER BY 1, 2".encode()
                assert pair.destination.execute(query).fetchall() == pair.source.execute(query).fetchall()


def test_a_large_transaction_in_pieces_with_everything_in_it(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(
        pair,
        tmp_path,
        "CREATE TABLE big (id int PRIMARY KEY, n int, body text); ALTER TABLE big ALTER body SET STORAGE EXTERNAL;"
        "CREATE TABLE keyless (n int, note text);",
    )
    pair.source.execute("INSERT INTO big SELECT i, i, repeat('x', 3000) FROM generate_series(1, 2000) i")
    path.copy()
    with path.following():
        with pair.source.transaction():
            pair.source.execute("INSERT INTO big SELECT i, i, 'y' FROM generate_series(10001, 40000) i")
            pair.source.execute("INSERT INTO keyless SELECT i, 'a' FROM generate_series(1, 1000) i")
            pair.source.execute("UPDATE big SET n = n + 1")
            pair.source.execute(
                "UPDATE big SET id = id + 100000 WHERE id BETWEEN 1 AND 300 OR id BETWEEN 20000 AND 20300"
            )
            pair.source.execute("SAVEPOINT a; DELETE FROM big; ROLLBACK TO a")
            pair.source.execute("DELETE FROM big WHERE id BETWEEN 30000 AND 35000")
            pair.source.execute("DELETE FROM keyless WHERE n > 990; TRUNCATE keyless")
            pair.source.execute("INSERT INTO keyless SELECT 1, 'same' FROM generate_series(1, 300) i")
            pair.source.execute("UPDATE big SET n = -n WHERE id < 2000")
        path.caught_up(120)
    assert_equal(pair)
    assert receiving.PIECE_BYTES < 32_000 * 450, "the transaction came in pieces"


# Types ------------------------------------------------------------------------------------------------------------

MUTE_TYPE = """
CREATE TYPE mute;
CREATE FUNCTION mute_in(cstring) RETURNS mute AS 'textin' LANGUAGE internal IMMUTABLE STRICT;
CREATE FUNCTION mute_out(mute) RETURNS cstring AS 'textout' LANGUAGE internal IMMUTABLE STRICT;
CREATE TYPE mute (INPUT = mute_in, OUTPUT = mute_out, LIKE = text);
CREATE TABLE keyed (id int PRIMARY KEY, m mute, d numeric, ms mute[]);
CREATE TABLE keyless (id int, m mute, d numeric, ms mute[]);
"""


def test_types_without_binary_functions_travel_beside_others(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, MUTE_TYPE)
    fill = "; ".join(
        f"INSERT INTO {table} SELECT :first + i, mute_in(textout('it''s ' || i)), 1.10, '{{\"a,b\",NULL}}'"
        " FROM generate_series(1, 80) i"
        for table in ("keyed", "keyless")
    )
    run(pair, [fill], 5000)
    path.copy()
    both_ways(
        path,
        [
            fill,
            *(f"UPDATE {table} SET m = 'other' WHERE id > :first + 75" for table in ("keyed", "keyless")),
            *(f"UPDATE {table} SET d = 2.50, ms = NULL WHERE id > :first" for table in ("keyed", "keyless")),
            *(f"UPDATE {table} SET id = id + 100000 WHERE id = :first + 9" for table in ("keyed", "keyless")),
            *(f"DELETE FROM {table} WHERE id BETWEEN :first + 1 AND :first + 70" for table in ("keyed", "keyless")),
        ],
    )
