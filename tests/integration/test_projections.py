"""Filters, scripts and operations through the copy and the stream: what the destination holds is what the source gives
when asked in plain SQL."""

from pathlib import Path

import pytest

from syncwizard.task.specification import Advanced, Operation, SchemaObjects, TableObject
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

ORDERS = """
CREATE TYPE state AS ENUM ('new', 'paid');
CREATE TABLE orders (id int PRIMARY KEY, region text, price numeric(10, 2), state state DEFAULT 'new', phone text,
                     at timestamptz, body text);
ALTER TABLE orders ALTER body SET STORAGE EXTERNAL;
"""
FILL = """
INSERT INTO orders SELECT i, (ARRAY['us', 'eu', NULL])[i % 3 + 1], i / 4.0, (ARRAY['new', 'paid'])[i % 2 + 1]::state,
       '18712341' || i, '2026-01-01'::timestamptz + i * interval '1 hour', repeat('x', i % 5 * 1000)
  FROM generate_series({}) i
"""
SCRIPT = """script:e_compose(
    e_if_else(op_gt(`price`, 100), e_set(`state`, "paid"), e_set(`phone`, str_mask(`phone`, 3, 6, "*"))),
    e_drop(op_gt(`price`, 400))
)"""
# The same by hand.
MEANT = """
SELECT id, region, price, CASE WHEN price > 100 THEN 'paid' ELSE state END AS state,
       CASE WHEN price > 100 THEN phone
            ELSE left(phone, 3) || repeat('*', greatest(least(length(phone), 7) - 3, 0)) || substr(phone, 8)
       END AS phone, at, body
  FROM orders WHERE region = 'us' AND (price <= 400 OR price IS NULL) ORDER BY id
"""


def assert_as_meant(pair: DatabasePair, meant: str, table: str = "orders", *, least: int = 1) -> None:
    names = [column.name for column in pair.source.execute(meant).description or []]
    expected = pair.source.execute(meant).fetchall()
    assert len(expected) >= least
    columns = ", ".join(f'"{name}"' for name in names)
    assert pair.destination.execute(f"SELECT {columns} FROM {table} ORDER BY 1").fetchall() == expected


def projected(pair: DatabasePair, folder: Path, definitions: str, *tables: TableObject, script: str = "") -> RowPath:
    objects = [SchemaObjects(schema="public", overrides=list(tables))]
    advanced = Advanced(etl=script or None)
    return row_path(pair, folder, definitions, objects=objects, advanced=advanced)


def workload(pair: DatabasePair) -> None:
    """Rows that stay, move in and out, change their keys, go, and come again."""
    source = pair.source
    source.execute("UPDATE orders SET price = price + 50 WHERE id % 4 = 0")
    source.execute("UPDATE orders SET region = 'eu' WHERE region = 'us' AND id % 5 = 0")
    source.execute("UPDATE orders SET region = 'us' WHERE region IS NULL AND id % 2 = 0")
    source.execute("UPDATE orders SET id = id + 100000 WHERE id % 11 = 0")
    source.execute("UPDATE orders SET id = id + 200000, region = 'us' WHERE region = 'eu' AND id % 13 = 0")
    source.execute("UPDATE orders SET id = id + 300000, region = NULL WHERE region = 'us' AND id % 17 = 0")
    source.execute("DELETE FROM orders WHERE id % 7 = 0")
    source.execute(FILL.format("5000, 5300"))
    source.execute("UPDATE orders SET phone = NULL WHERE id % 19 = 0")
    with source.transaction():
        source.execute("INSERT INTO orders VALUES (1000001, 'us', 1), (1000002, 'eu', 1), (1000003, 'us', 500)")
        source.execute("UPDATE orders SET region = 'eu' WHERE id = 1000001")
        source.execute("UPDATE orders SET region = 'us', body = repeat('z', 9000) WHERE id = 1000002")
        source.execute("UPDATE orders SET price = 2 WHERE id = 1000003")
        source.execute("UPDATE orders SET id = id + 10 WHERE id > 1000000")
        source.execute("DELETE FROM orders WHERE id = 3")
        source.execute("INSERT INTO orders VALUES (3, 'eu', 1)")
        source.execute("UPDATE orders SET region = 'us' WHERE id = 3")
    for row in range(1, 30):
        source.execute("UPDATE orders SET region = CASE region WHEN 'us' THEN 'eu' ELSE 'us' END WHERE id = %s", (row,))


def test_a_filter_and_a_script_mean_the_same_in_copy_and_stream(pair: DatabasePair, tmp_path: Path) -> None:
    full = "ALTER TABLE orders REPLICA IDENTITY FULL;"
    table = TableObject(table="orders", where="region = 'us'", etl=SCRIPT)
    path = projected(pair, tmp_path, ORDERS + full, table)
    pair.source.execute(FILL.format("1, 2000"))
    path.copy()
    assert_as_meant(pair, MEANT, least=300)
    workload(pair)
    with path.following():
        path.caught_up()
        assert_as_meant(pair, MEANT, least=300)
        pair.source.execute("TRUNCATE orders")
        pair.source.execute(FILL.format("1, 30"))
        workload(pair)
        path.caught_up()
    assert_as_meant(pair, MEANT, least=10)


@pytest.mark.slow
def test_a_filter_over_the_key_needs_no_whole_old_rows(pair: DatabasePair, tmp_path: Path) -> None:
    meant = "SELECT id, region, price, state, phone, at, body FROM orders WHERE id % 3 = 1 ORDER BY id"
    path = projected(pair, tmp_path, ORDERS, TableObject(table="orders", where="id % 3 = 1"))
    pair.source.execute(FILL.format("1, 600"))
    path.copy()
    with path.following():
        # The long body stays where it is, and is not in the stream.
        pair.source.execute("UPDATE orders SET price = price + 1")
        pair.source.execute("UPDATE orders SET price = price + 1 WHERE id < 20")
        # Out, in with what the stream does not bring, and within.
        pair.source.execute("UPDATE orders SET id = id + 1001 WHERE id <= 20")
        pair.source.execute("UPDATE orders SET id = id + 3000 WHERE id BETWEEN 50 AND 60")
        pair.source.execute("DELETE FROM orders WHERE id BETWEEN 100 AND 300")
        path.caught_up()
    assert_as_meant(pair, meant, least=100)


@pytest.mark.slow
def test_short_columns_decide_without_whole_old_rows(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = "CREATE TABLE orders (id bigint PRIMARY KEY, tenant int, paid boolean, day date);"
    meant = (
        "SELECT id, tenant, paid, day FROM orders WHERE tenant IN (7, 8) AND paid AND day >= '2026-01-10' ORDER BY id"
    )
    where = "tenant IN (7, 8) AND paid AND day >= '2026-01-10'"
    path = projected(pair, tmp_path, definitions, TableObject(table="orders", where=where))
    fill = "INSERT INTO orders SELECT i, i % 10, i % 2 = 0, '2026-01-01'::date + i % 30 FROM generate_series({}) i"
    pair.source.execute(fill.format("1, 1000"))
    path.copy()
    with path.following():
        pair.source.execute(fill.format("2001, 4000"))
        pair.source.execute("UPDATE orders SET tenant = tenant + 1 WHERE id % 3 = 0")
        pair.source.execute("UPDATE orders SET paid = NOT paid WHERE id % 5 = 0")
        pair.source.execute("UPDATE orders SET id = -id, tenant = 7 WHERE id % 7 = 0")
        pair.source.execute("DELETE FROM orders WHERE id % 4 = 0")
        with pair.source.transaction():
            pair.source.execute("DELETE FROM orders WHERE id = 8")
            pair.source.execute("INSERT INTO orders VALUES (9999, 7, true, '2026-02-01')")
            pair.source.execute("DELETE FROM orders WHERE id = 9999")
            pair.source.execute("INSERT INTO orders VALUES (9999, 1, true, '2026-02-01')")
            pair.source.execute("UPDATE orders SET tenant = 8 WHERE id = 9999")
        path.caught_up()
    assert_as_meant(pair, meant, least=100)


@pytest.mark.slow
def test_a_keyless_table_is_matched_by_what_its_rows_became(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = """
    CREATE TABLE orders (id int, region text, price numeric(10, 2), note varchar(12), code char(4));
    ALTER TABLE orders REPLICA IDENTITY FULL;
    """
    script = 'e_compose(e_set(`note`, str_mask(`note`, 2, 3, "*")), e_set(`price`, op_mul(`price`, 1.5)))'
    meant = """
    SELECT id, region, (price * 1.5)::numeric(10, 2) AS price,
           left(note, 2) || repeat('*', greatest(least(length(note), 4) - 2, 0)) || substr(note, 5) AS note, code
      FROM orders WHERE region <> 'eu' ORDER BY 1, 2, 3, 4, 5
    """
    path = projected(pair, tmp_path, definitions, TableObject(table="orders", where="region <> 'eu'", etl=script))
    fill = (
        "INSERT INTO orders SELECT i % 40, (ARRAY['us', 'eu', NULL])[i % 3 + 1], i % 9, 'note ' || i % 4, 'c' || i % 3"
        " FROM generate_series({}) i"
    )
    pair.source.execute(fill.format("1, 300"))
    path.copy()
    with path.following():
        pair.source.execute(fill.format("301, 400"))
        pair.source.execute("UPDATE orders SET price = price + 1 WHERE id % 3 = 0")
        pair.source.execute("UPDATE orders SET region = 'eu' WHERE id % 5 = 0")
        pair.source.execute("UPDATE orders SET region = 'us' WHERE id % 7 = 0")
        pair.source.execute("DELETE FROM orders WHERE id % 11 = 0")
        path.caught_up()
    columns = "id, region, price, note, code"
    expected = pair.source.execute(meant).fetchall()
    held = pair.destination.execute(f"SELECT {columns} FROM orders ORDER BY 1, 2, 3, 4, 5").fetchall()
    assert held == expected
    assert len(held) > 100


def test_columns_are_added_renamed_and_left_out_by_a_script(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE orders (id int PRIMARY KEY, name text, price int, note text)")
    pair.destination.execute(
        "CREATE TABLE orders (remark text, id int PRIMARY KEY, price bigint, origin text, cents numeric, op text,"
        " at timestamptz, extra int DEFAULT 5)"
    )
    script = """e_compose(
        e_rename(`note`, `remark`), e_drop_columns(`name`),
        e_set(`origin`, str_join(".", __DB__, __SCHEMA__, __TB__)), e_set(`cents`, op_mul(`price`, 100)),
        e_set(`op`, __OPERATION__), e_set(`at`, __COMMIT_TIMESTAMP__))"""
    path = projected(pair, tmp_path, "", TableObject(table="orders", etl=script))
    pair.source.execute("INSERT INTO orders SELECT i, 'n', i, 'note ' || i FROM generate_series(1, 5) i")
    path.copy()
    with path.following():
        pair.source.execute("UPDATE orders SET price = 20 WHERE id = 2")
        pair.source.execute("INSERT INTO orders SELECT i, 'n', i, 'note ' || i FROM generate_series(101, 200) i")
        path.caught_up()
    rows = pair.destination.execute(
        "SELECT id, remark, price, origin, cents, op, at IS NOT NULL, extra FROM orders"
        " WHERE id IN (1, 2, 150) ORDER BY 1"
    ).fetchall()
    origin = f"{pair.database}.public.orders"
    assert rows == [
        (1, "note 1", 1, origin, 100, "INSERT", False, 5),
        (2, "note 2", 20, origin, 2000, "UPDATE", True, 5),
        (150, "note 150", 150, origin, 15000, "INSERT", True, 5),
    ]


@pytest.mark.slow
def test_a_stream_as_text_means_the_same(pair: DatabasePair, tmp_path: Path) -> None:
    # An OID's meaning is local to its database: the stream is text for the whole task.
    more = "ALTER TABLE orders ADD kind regtype DEFAULT 'int'; ALTER TABLE orders REPLICA IDENTITY FULL;"
    path = projected(pair, tmp_path, ORDERS + more, TableObject(table="orders", where="region = 'us'", etl=SCRIPT))
    pair.source.execute(FILL.format("1, 200"))
    path.copy()
    with path.following():
        workload(pair)
        path.caught_up()
    assert_as_meant(pair, MEANT, least=50)


@pytest.mark.parametrize("operations", [["insert", "update"], ["update", "delete"], ["insert"], ["delete", "truncate"]])
def test_only_chosen_operations_are_applied(pair: DatabasePair, tmp_path: Path, operations: list[Operation]) -> None:
    definitions = (
        "CREATE TABLE t (id int PRIMARY KEY, n int, body text); ALTER TABLE t ALTER body SET STORAGE EXTERNAL;"
    )
    path = projected(pair, tmp_path, definitions, TableObject(table="t", operations=operations))
    pair.source.execute("INSERT INTO t SELECT i, i, repeat('x', 5000) FROM generate_series(1, 200) i")
    path.copy()
    with path.following():
        pair.source.execute("INSERT INTO t VALUES (1001, 0, 'short'), (1002, 0, 'short')")
        pair.source.execute("UPDATE t SET n = -n WHERE id <= 100 OR id > 1000")
        pair.source.execute("UPDATE t SET id = id + 500 WHERE id IN (5, 1002)")
        pair.source.execute("DELETE FROM t WHERE id IN (7, 1001)")
        pair.source.execute("INSERT INTO t VALUES (7, 77, 'again')")
        path.caught_up()
        held: dict[int, int] = dict(pair.destination.execute("SELECT id, n FROM t").fetchall())
        pair.source.execute("TRUNCATE t")
        path.caught_up()
    expected = {i: i for i in range(1, 201)}
    if "update" in operations:
        expected |= {i: -i for i in range(1, 101)}
        expected[505] = expected.pop(5)
    if "delete" in operations:
        del expected[7]
    if "insert" in operations:
        expected |= {1001: 0, 1002: 0, 7: 77}
        if "update" in operations:
            expected |= {1502: expected.pop(1002)}
    assert held == expected
    left = pair.destination.execute("SELECT count(*) FROM t").fetchone()
    assert left == ((0 if "truncate" in operations else len(expected)),)


def test_deletes_dropped_by_a_script_are_kept_at_the_destination(pair: DatabasePair, tmp_path: Path) -> None:
    script = "e_if(op_eq(__OPERATION__, __OP_DELETE__), e_drop())"
    path = projected(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, n int);", script=script)
    pair.source.execute("INSERT INTO t SELECT i, i FROM generate_series(1, 10) i")
    path.copy()
    with path.following():
        pair.source.execute("DELETE FROM t WHERE id > 5")
        pair.source.execute("UPDATE t SET n = 0 WHERE id = 1")
        path.caught_up()
    assert pair.destination.execute("SELECT count(*), min(n) FROM t").fetchone() == (10, 0)


def test_rows_from_before_a_column_of_a_filtered_table_are_not_guessed(pair: DatabasePair, tmp_path: Path) -> None:
    """The source's rows have the default of the column that was added after them; the stream has nothing of it."""
    made = "CREATE TABLE t (id int PRIMARY KEY, n int); ALTER TABLE t REPLICA IDENTITY FULL"
    path = projected(pair, tmp_path, made, TableObject(table="t", where="n > 0"))
    pair.source.execute("INSERT INTO t VALUES (1, 1), (2, 2)")
    path.copy()
    with path.following():
        path.caught_up()
    pair.source.execute("INSERT INTO t VALUES (3, 3); UPDATE t SET n = 20 WHERE id = 2")
    for session in (pair.source, pair.destination):
        session.execute("ALTER TABLE t ADD COLUMN c int DEFAULT 5")
    pair.source.execute("INSERT INTO t VALUES (4, 4, 44)")
    with path.following():
        path.caught_up()
        until(lambda: path.task.state.aside, 30, "the table to be set aside")
    [aside] = path.task.state.aside
    assert "rows come as they were before" in aside.reason and "c of public.t" in aside.reason
    assert not aside.redefined and "--table public.t" in str(aside.remedy)
    assert pair.destination.execute("SELECT * FROM t ORDER BY id").fetchall() == [(1, 1, 5), (2, 2, 5)]
