"""Rows on their way: copied under a pair, streamed, folded, applied; on real servers with real child processes."""

from pathlib import Path

import pytest

from syncwizard.errors import ChangeFailed
from syncwizard.task.events import Noticed, TableSetAside
from syncwizard.task.names import TableName
from tests.support.comparison import assert_equal
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, label text, body text);
ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
"""


def test_a_table_is_copied_and_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, ITEMS)
    pair.source.execute("INSERT INTO items SELECT i, 'label ' || i, repeat('x', 5000) FROM generate_series(1, 1000) i")
    path.copy()
    pair.source.execute("UPDATE items SET label = 'changed' WHERE id % 3 = 0")
    with path.following():
        pair.source.execute("DELETE FROM items WHERE id % 7 = 0")
        pair.source.execute("UPDATE items SET id = id + 10000 WHERE id % 5 = 0")
        pair.source.execute("INSERT INTO items VALUES (1000000, NULL, ''), (1000001, '', NULL)")
        path.caught_up()
    assert assert_equal(pair)["public.items"].rows > 800


def test_batches_of_many_rows_go_through_staging(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, ITEMS)
    pair.source.execute("INSERT INTO items SELECT i, 'label ' || i, repeat('x', 5000) FROM generate_series(1, 2000) i")
    path.copy()
    with path.following():
        # The body is unchanged TOAST here: only known columns are set.
        pair.source.execute("UPDATE items SET label = 'changed ' || id WHERE id <= 1000")
        pair.source.execute("UPDATE items SET body = repeat('y', 6000) || id WHERE id BETWEEN 500 AND 700")
        pair.source.execute("DELETE FROM items WHERE id BETWEEN 1200 AND 1400")
        pair.source.execute("INSERT INTO items SELECT i, 'again', 'short' FROM generate_series(1200, 1400) i")
        # A key change that keeps an unchanged TOAST value takes it from the destination's row.
        pair.source.execute("UPDATE items SET id = id + 100000 WHERE id BETWEEN 1500 AND 1600")
        path.caught_up()
    assert_equal(pair)


def test_one_transaction_may_insert_delete_move_and_truncate(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, ITEMS + "CREATE TABLE other (id int PRIMARY KEY, n int);")
    pair.source.execute("INSERT INTO items SELECT i, 'label ' || i, repeat('x', 5000) FROM generate_series(1, 10) i")
    pair.source.execute("INSERT INTO other SELECT i, i FROM generate_series(1, 10) i")
    path.copy()
    with path.following():
        with pair.source.transaction():
            pair.source.execute("INSERT INTO items VALUES (11, 'new', repeat('z', 9000))")
            pair.source.execute("UPDATE items SET label = 'newer' WHERE id = 11")
            pair.source.execute("UPDATE items SET id = 12 WHERE id = 11")
            pair.source.execute("DELETE FROM items WHERE id = 1")
            pair.source.execute("INSERT INTO items VALUES (1, 'back', NULL)")
            pair.source.execute("UPDATE items SET id = 20, label = 'moved' WHERE id = 2")
            pair.source.execute("UPDATE items SET label = 'after the move' WHERE id = 20")
            pair.source.execute("TRUNCATE other")
            pair.source.execute("INSERT INTO other VALUES (1, 100)")
            pair.source.execute("SAVEPOINT a")
            pair.source.execute("INSERT INTO other VALUES (2, 200)")
            pair.source.execute("ROLLBACK TO a")
        path.caught_up()
        assert_equal(pair)
        with pair.source.transaction():
            pair.source.execute("INSERT INTO other SELECT i, i FROM generate_series(1000, 2000) i")
            pair.source.execute("TRUNCATE other")
            pair.source.execute("INSERT INTO other SELECT i, i FROM generate_series(1000, 3000) i")
            pair.source.execute("UPDATE other SET n = n + 1")
        path.caught_up()
    assert_equal(pair)


KEYLESS = """
CREATE TABLE log (at timestamptz, n numeric, note text);
CREATE TABLE inherited (id int PRIMARY KEY, note text);
CREATE TABLE child (extra int) INHERITS (inherited);
ALTER TABLE child ADD PRIMARY KEY (id);
"""


def test_keyless_rows_are_matched_one_by_one_by_their_bytes(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, KEYLESS)
    pair.source.execute("INSERT INTO log SELECT 'epoch', 1.0, 'same' FROM generate_series(1, 5)")
    pair.source.execute("INSERT INTO log VALUES ('epoch', 1.00, 'same'), ('epoch', NULL, NULL)")
    path.copy()
    with path.following():
        one = "(SELECT ctid FROM log WHERE n::text = '1.0' LIMIT 1)"
        pair.source.execute(f"DELETE FROM log WHERE ctid = {one}")
        pair.source.execute(f"UPDATE log SET note = 'other' WHERE ctid = {one}")
        pair.source.execute("DELETE FROM log WHERE n::text = '1.00'")
        pair.source.execute("UPDATE log SET note = '' WHERE n IS NULL")
        pair.source.execute("INSERT INTO log SELECT now(), i, repeat('x', i) FROM generate_series(1, 300) i")
        pair.source.execute("DELETE FROM log WHERE n BETWEEN 100 AND 120")
        path.caught_up()
    assert assert_equal(pair)["public.log"].rows == 5 - 1 + 1 + 300 - 21


@pytest.mark.slow
def test_inheritance_parents_and_children_stay_apart(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, KEYLESS)
    pair.source.execute("INSERT INTO inherited VALUES (1, 'parent'); INSERT INTO child VALUES (1, 'child', 5)")
    path.copy()
    with path.following():
        pair.source.execute("UPDATE ONLY inherited SET note = 'changed'")
        pair.source.execute("DELETE FROM child")
        path.caught_up()
        assert pair.destination.execute("SELECT id, note FROM inherited").fetchall() == [(1, "changed")]
    assert_equal(pair)


SPECIAL = """
CREATE EXTENSION IF NOT EXISTS vector;
CREATE TYPE mood AS ENUM ('sad', 'it''s "fine"');
CREATE TYPE point3 AS (x int, y numeric, z text);
CREATE DOMAIN short AS varchar(10) NOT NULL;
CREATE TABLE special (
    "Kéy ; 1" char(4), "key 2" uuid, id bigint GENERATED ALWAYS AS IDENTITY, d short, m mood, p point3, ms mood[],
    v vector(3), h halfvec(2), s sparsevec(5), b bit(5), bv varbit, j jsonb, r int4range, c "char", cs character(3),
    total numeric GENERATED ALWAYS AS (length(d) * 2) STORED, i interval, money money,
    PRIMARY KEY ("Kéy ; 1", "key 2")
);
"""
SPECIAL_ROW = (
    "'{key}', '{uuid}', 'dom', 'it''s \"fine\"', ROW(1, 2.50, 'z'), '{{sad,NULL}}', '[1,2,3]', '[1.5,2]', '{{1:2}}/5',"
    " B'10101', B'1', '{{\"a\": 1.10}}', '[1,5)', 'x', 'a', '1 mon -1 day', '12.34'"
)
SPECIAL_COLUMNS = '"Kéy ; 1", "key 2", d, m, p, ms, v, h, s, b, bv, j, r, c, cs, i, money'
UUID = "00000000-0000-0000-0000-00000000000"


def special_insert(key: str, digit: int) -> str:
    values = SPECIAL_ROW.format(key=key, uuid=f"{UUID}{digit}")
    return f"INSERT INTO special ({SPECIAL_COLUMNS}) VALUES ({values})"


def test_unusual_types_names_identity_and_generated_columns(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, SPECIAL)
    for digit in range(5):
        pair.source.execute(special_insert("ab", digit))
    path.copy()
    with path.following():
        pair.source.execute(special_insert("cd", 1))
        pair.source.execute("UPDATE special SET d = 'longer', m = 'sad', v = '[4,5,6]' WHERE \"Kéy ; 1\" = 'cd'")
        pair.source.execute(f"DELETE FROM special WHERE \"key 2\" = '{UUID}2'")
        # An identity ALWAYS column beside the key may change: the row is replaced.
        pair.source.execute(f"UPDATE special SET id = DEFAULT WHERE \"key 2\" = '{UUID}3'")
        pair.source.execute(f"UPDATE special SET \"Kéy ; 1\" = 'k' WHERE \"key 2\" = '{UUID}4'")
        path.caught_up()
    assert assert_equal(pair)["public.special"].rows == 5


@pytest.mark.slow
def test_columns_with_local_oids_make_the_stream_text(pair: DatabasePair, tmp_path: Path) -> None:
    # The class gets another OID at each end; its name is what must arrive.
    pair.source.execute("CREATE TABLE first_here (n int)")
    path = row_path(pair, tmp_path, "CREATE TABLE target (n int); CREATE TABLE reg (id int PRIMARY KEY, c regclass);")
    pair.source.execute("DROP TABLE first_here")
    pair.source.execute("INSERT INTO reg VALUES (1, 'public.target')")
    path.copy()
    with path.following():
        pair.source.execute("INSERT INTO reg VALUES (2, 'public.target'), (3, 'pg_catalog.pg_class')")
        pair.source.execute("INSERT INTO reg SELECT i, 'public.reg' FROM generate_series(100, 300) i")
        pair.source.execute("UPDATE reg SET c = 'public.target' WHERE id BETWEEN 150 AND 250")
        pair.source.execute("DELETE FROM reg WHERE id > 280")
        path.caught_up()
    assert_equal(pair)


# A column beside the large ones that is an OID with a local meaning: everything comes as text.
REG = "ALTER TABLE large ADD r regclass;"


FULL = "ALTER TABLE large REPLICA IDENTITY FULL;"
KEYLESS_LARGE = f"ALTER TABLE large DROP CONSTRAINT large_pkey, ALTER id DROP NOT NULL; {FULL}"


@pytest.mark.parametrize(
    "more",
    ["", *(pytest.param(more, marks=pytest.mark.slow) for more in (REG, FULL, KEYLESS_LARGE, REG + KEYLESS_LARGE))],
    ids=["binary", "text", "full", "keyless", "keyless text"],
)
def test_rows_of_several_megabytes_arrive_whole(pair: DatabasePair, tmp_path: Path, more: str) -> None:
    # The columns after the large one begin where it ends.
    path = row_path(
        pair,
        tmp_path,
        "CREATE TABLE large (id text PRIMARY KEY, a text, n int, b bytea, c text);"
        " ALTER TABLE large ALTER a SET STORAGE EXTERNAL, ALTER b SET STORAGE EXTERNAL, ALTER c SET STORAGE EXTERNAL;"
        + more,
    )
    path.copy()
    with path.following():
        pair.source.execute(
            "INSERT INTO large SELECT i, repeat(chr(64 + i), 1500000), i, repeat('b', 100 * i)::bytea,"
            " repeat('c', 5000) FROM generate_series(1, 12) i"
        )
        pair.source.execute("UPDATE large SET n = n + 1 WHERE id IN ('1', '2')")
        pair.source.execute("UPDATE large SET a = 'Y' || a, b = NULL WHERE id IN ('2', '3')")
        pair.source.execute("UPDATE large SET id = id || 'z', b = '' WHERE id IN ('3', '4')")
        pair.source.execute("UPDATE large SET id = id || repeat('k', 900) WHERE id = '6'")
        # The new key comes with a large value, and one that is not sent; then the large one goes, and comes back.
        pair.source.execute("UPDATE large SET id = id || 'm', a = 'M' || a WHERE id IN ('7', '8')")
        pair.source.execute("UPDATE large SET a = 'small' WHERE id = '7m'")
        pair.source.execute("UPDATE large SET a = repeat('L', 1500000), n = NULL WHERE id = '7m'")
        pair.source.execute("DELETE FROM large WHERE id = '5'")
        path.caught_up()
    assert assert_equal(pair)["public.large"].rows == 11


PARTITIONED = """
CREATE TABLE parted (id int, region text, note text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE parted_eu PARTITION OF parted FOR VALUES IN ('eu');
CREATE TABLE parted_us PARTITION OF parted FOR VALUES IN ('us') PARTITION BY RANGE (id);
CREATE TABLE parted_us_low PARTITION OF parted_us FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_us_high PARTITION OF parted_us FOR VALUES FROM (100) TO (1000000);
"""


def test_partitions_rows_move_between_them_and_leaves_are_truncated(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, PARTITIONED)
    pair.source.execute("INSERT INTO parted SELECT i, 'eu', 'n' FROM generate_series(1, 100) i")
    pair.source.execute("INSERT INTO parted SELECT i, 'us', 'n' FROM generate_series(1, 200) i")
    path.copy()
    with path.following():
        pair.source.execute("UPDATE parted SET region = 'us' WHERE id BETWEEN 1000 AND 1010 OR id = 5 AND false")
        pair.source.execute("UPDATE parted SET id = id + 500 WHERE region = 'us' AND id < 50")
        pair.source.execute("UPDATE parted SET region = 'us', id = id + 5000 WHERE region = 'eu' AND id < 50")
        path.caught_up()
        assert_equal(pair)
        pair.source.execute("TRUNCATE parted_us_high")
        path.caught_up()
        assert_equal(pair)
        pair.source.execute("TRUNCATE parted")
        path.caught_up()
    assert assert_equal(pair)["public.parted"].rows == 0


@pytest.mark.slow
def test_a_partition_unknown_to_the_destination_goes_to_the_root(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, f"{PARTITIONED}{ITEMS}")
    path.copy()
    with path.following():
        pair.source.execute("CREATE TABLE parted_asia PARTITION OF parted FOR VALUES IN ('asia')")
        pair.destination.execute("CREATE TABLE parted_rest PARTITION OF parted DEFAULT")
        pair.source.execute("INSERT INTO parted SELECT i, 'asia', 'new' FROM generate_series(1, 200) i")
        pair.source.execute("UPDATE parted SET note = 'changed' WHERE region = 'asia' AND id < 20")
        path.caught_up()
        assert_equal(pair)
        pair.source.execute("INSERT INTO parted VALUES (1, 'eu', 'stays')")
        path.caught_up()
        # The root holds other rows, too: it is not to be guessed which are meant. The other tables go on.
        pair.source.execute("TRUNCATE parted_asia")
        pair.source.execute("INSERT INTO items (id) VALUES (77)")
        path.caught_up()
        assert_rows(pair, "SELECT count(*) FROM items WHERE id = 77", 1)
        assert_rows(pair, "SELECT count(*) FROM parted", 201)
    [aside] = [event for event in path.task.events if isinstance(event, TableSetAside)]
    assert aside.table == TableName("public", "parted")
    assert TableName("public", "parted_asia") in aside.tables
    assert "parted_asia was truncated and public.parted_eu was not" in aside.reason


@pytest.mark.slow
def test_a_partitioned_table_is_truncated_whole_in_a_plain_one(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(PARTITIONED)
    pair.destination.execute("CREATE TABLE parted (id int, region text, note text, PRIMARY KEY (id, region))")
    path = RowPath(pair, TaskRun(pair.spec(), tmp_path))
    pair.source.execute("INSERT INTO parted SELECT i, 'eu', 'n' FROM generate_series(1, 100) i")
    path.copy()
    with path.following():
        # A partition that came meanwhile, and is of the tree by then.
        pair.source.execute("CREATE TABLE parted_asia PARTITION OF parted FOR VALUES IN ('asia')")
        pair.source.execute("INSERT INTO parted VALUES (7, 'asia', 'n')")
        pair.source.execute("TRUNCATE parted")
        pair.source.execute("INSERT INTO parted VALUES (1, 'eu', 'new'), (2, 'asia', 'new')")
        path.caught_up()
        assert_rows(pair, "SELECT count(*) FROM parted", 2)
        # All that were known at first, and not the one that came.
        pair.source.execute("TRUNCATE parted_eu, parted_us")
        path.caught_up()
        assert_rows(pair, "SELECT count(*) FROM parted", 2)
    [aside] = [event for event in path.task.events if isinstance(event, TableSetAside)]
    assert "public.parted_asia was not" in aside.reason


def assert_rows(pair: DatabasePair, query: str, count: int) -> None:
    """What the destination answers."""
    assert pair.destination.execute(query.encode()).fetchone() == (count,)


def test_a_table_created_after_the_start_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, ITEMS)
    path.copy()
    pair.source.execute("CREATE TABLE late (id int PRIMARY KEY)")
    with path.following():
        until(
            lambda: any(isinstance(event, Noticed) and "public.late" in event.message for event in path.task.events),
            30,
            "the notice",
        )


@pytest.mark.slow
def test_a_generated_column_may_be_part_of_the_identity(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = """
        CREATE TABLE gen (a int NOT NULL, twice int GENERATED ALWAYS AS (a * 2) STORED NOT NULL, note text, body text);
        ALTER TABLE gen ALTER body SET STORAGE EXTERNAL;
        ALTER TABLE gen REPLICA IDENTITY FULL;
    """
    path = row_path(pair, tmp_path, definitions)
    pair.source.execute(
        "INSERT INTO gen (a, note, body) SELECT i, 'n', repeat('x', 5000) FROM generate_series(1, 200) i"
    )
    path.copy()
    with path.following():
        pair.source.execute("UPDATE gen SET note = 'changed' WHERE a < 20")
        pair.source.execute("UPDATE gen SET a = a + 1000 WHERE a > 190")
        pair.source.execute("DELETE FROM gen WHERE a BETWEEN 50 AND 60")
        path.caught_up()
    assert_equal(pair)


@pytest.mark.slow
def test_a_keyless_row_gets_another_identity_always_value(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = """
        CREATE TABLE tickets (number int GENERATED ALWAYS AS IDENTITY, holder text, body text);
        ALTER TABLE tickets ALTER body SET STORAGE EXTERNAL;
        ALTER TABLE tickets REPLICA IDENTITY FULL;
        CREATE TABLE bodies (body text);
        ALTER TABLE bodies ALTER body SET STORAGE EXTERNAL;
        ALTER TABLE bodies REPLICA IDENTITY FULL;
    """
    path = row_path(pair, tmp_path, definitions)
    pair.source.execute("INSERT INTO tickets (holder, body) SELECT i, repeat('x', 5000) FROM generate_series(1, 9) i")
    pair.source.execute("INSERT INTO bodies VALUES (repeat('x', 5000))")
    path.copy()
    with path.following():
        pair.source.execute("UPDATE tickets SET number = DEFAULT WHERE number < 4")
        pair.source.execute("UPDATE tickets SET holder = 'somebody else' WHERE number > 7")
        pair.source.execute("UPDATE bodies SET body = body")
        path.caught_up()
    assert_equal(pair)


@pytest.mark.slow
def test_a_missing_row_that_cannot_come_back_is_not_passed_over(pair: DatabasePair, tmp_path: Path) -> None:
    """Enough updates for a staging table, of which one met no row and then a unique index."""
    definitions = (
        "CREATE TABLE labels (id int PRIMARY KEY, label text UNIQUE); ALTER TABLE labels REPLICA IDENTITY FULL"
    )
    path = row_path(pair, tmp_path, definitions)
    pair.source.execute("INSERT INTO labels SELECT i, i FROM generate_series(1, 100) i")
    path.copy()
    with pytest.raises(ChangeFailed, match="labels with id = 7"), path.following():
        path.caught_up()
        pair.destination.execute("UPDATE labels SET id = 1000, label = 'new 7' WHERE id = 7")
        pair.source.execute("UPDATE labels SET label = 'new ' || id")
        path.caught_up()


@pytest.mark.slow
def test_swaps_cost_neither_the_session_nor_what_it_has_prepared(pair: DatabasePair, tmp_path: Path) -> None:
    """Batches that fail in staging tables and single statements, some while both are new to the session."""
    definitions = """
        CREATE TABLE seats (id int PRIMARY KEY, place int UNIQUE, note text, other text);
        CREATE TABLE swaps (id int GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, turn int);
    """
    path = row_path(pair, tmp_path, definitions)
    pair.source.execute("INSERT INTO seats SELECT i, i FROM generate_series(1, 300) i")
    path.copy()
    session = "SELECT epoch FROM syncwizard.progress WHERE epoch = 2"
    with path.following():
        # The first one caught up with the sync point.
        until(lambda: pair.destination.execute(session).fetchone(), 30, "the second session")
        for turn, column in enumerate(("note", "other", "note"), 1):
            for first, rows in ((201, 2), (1, 200)):
                chosen = f"WHERE id BETWEEN {first} AND {first + rows - 1}"
                with pair.source.transaction():
                    pair.source.execute(f"UPDATE seats SET {column} = 'new', place = -place {chosen}")
                    pair.source.execute(f"UPDATE seats SET place = {first} + (id - {first} + {turn}) % {rows} {chosen}")
                    pair.source.execute("INSERT INTO swaps (turn) VALUES (%s)", (turn,))
                pair.source.execute(f"UPDATE seats SET {column} = {column} || '.' {chosen}")
            path.caught_up()
        assert pair.destination.execute(session).fetchone()
    assert_equal(pair)
    assert any(isinstance(event, Noticed) and "change by change" in event.message for event in path.task.events)


@pytest.mark.slow
def test_tables_without_columns_have_rows_too(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(
        pair, tmp_path, "CREATE TABLE nothing (); CREATE TABLE constant (c int GENERATED ALWAYS AS (1) STORED)"
    )
    for table in ("nothing", "constant"):
        pair.source.execute(f"INSERT INTO {table} SELECT FROM generate_series(1, 10)".encode())
    path.copy()
    with path.following():
        for table in ("nothing", "constant"):
            pair.source.execute(f"INSERT INTO {table} DEFAULT VALUES".encode())
            pair.source.execute(f"INSERT INTO {table} SELECT FROM generate_series(1, 100)".encode())
            pair.source.execute(f"DELETE FROM {table} WHERE ctid IN (SELECT ctid FROM {table} LIMIT 3)".encode())
        path.caught_up()
    assert assert_equal(pair)["public.nothing"].rows == 108
