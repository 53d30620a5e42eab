"""What is dropped right behind the decoder is what PostgreSQL leaves out: both are asked about the same rows."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings

from syncwizard.demo.servers import Cluster
from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.rows.changes import NULL, Route, RouteColumn, Row
from syncwizard.rows.early import Early
from syncwizard.rows.early_parts import FALSE, OPEN, TRUE, UNKNOWN
from syncwizard.rows.where import Names, parse_where
from syncwizard.structure.table import Table
from syncwizard.task.names import TableName
from tests.support.conditions import CONDITIONS, LITERALS

TABLE = """
CREATE TYPE state AS ENUM ('new', 'paid', 'o''dd');
CREATE TABLE t (id bigint, small smallint, n int, amount numeric, flag boolean, day date, at timestamp,
                zoned timestamptz, u uuid, state state, word text, code varchar(9), fixed char(4),
                ratio double precision);
INSERT INTO t VALUES
 (1, 1, 1, 1, true, '2026-01-01', '2026-01-01 10:00', '2026-01-01 10:00+00', '00000000-0000-0000-0000-000000000001',
  'new', 'a', 'x', 'ab', 1.5),
 (2, -1, -2147483648, -1.50, false, '1999-12-31', '1999-12-31 23:59:59.999999', '2026-01-01 12:00+02',
  'ffffffff-ffff-ffff-ffff-ffffffffffff', 'paid', '', 'ä', 'ab  ', 'NaN'),
 (3, 32767, 2147483647, 12345678901234567890.0987654321, NULL, 'infinity', '-infinity', 'infinity', NULL, 'o''dd',
  'it''s', 'A', '', 'Infinity'),
 (4, 0, 0, 'NaN', true, '0001-01-01', '0001-01-01', '0001-01-01 00:00+00', NULL, NULL, NULL, NULL, NULL, NULL),
 (5, 7, 10, 0.0001, false, '2026-02-28', '2026-02-28', '2026-02-28 23:59:59.5+00',
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'new', 'A', 'x', 'x', 0),
 (6, 8, 100, 100000000.00, true, '-infinity', 'infinity', '-infinity', NULL, 'paid', 'ab', 'ab', 'ab', 0.1),
 (9223372036854775807, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
 (-9223372036854775808, 1, 5, 10000, true, '2026-01-01', NULL, NULL, NULL, 'new', 'a ', 'a ', 'a ', -0.0);
SET search_path = ''; SET TimeZone = 'UTC'
"""


class World:
    """The table, its rows as the stream would bring them, and a session."""

    def __init__(self, session: Any) -> None:
        self.session = session
        [self.table] = [table for table in read_tables(session, ["public"]) if table.name.name == "t"]
        self.columns = {column.name: column.type.name for column in self.table.columns}
        self.rows = list(binary_rows(session))


def binary_rows(session: Any) -> Iterator[Row]:
    """Rows with the length in front of each value, as pgoutput sends them."""
    with session.cursor().copy("COPY public.t TO STDOUT (FORMAT binary)") as copy:
        data = b"".join(copy)
    at = 19
    while (count := int.from_bytes(data[at : at + 2], "big", signed=True)) >= 0:
        at += 2
        row = []
        for _ in range(count):
            length = int.from_bytes(data[at : at + 4], "big", signed=True)
            end = at + 4 + max(length, 0)
            row.append(data[at:end])
            at = end
        yield tuple(row)


@pytest.fixture(scope="module")
def world(source_cluster: Cluster) -> Iterator[World]:
    source_cluster.create_database("early_drop")
    session = source_cluster.connect("early_drop")
    session.execute(TABLE)
    yield World(session)
    session.close()
    source_cluster.drop_database("early_drop")


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(condition=CONDITIONS)
def test_both_evaluations_agree_with_the_server(world: World, condition: str) -> None:
    name = TableName("public", "t")
    read = parse_where(condition, name, world.columns)
    early = Early(read, world.table.columns, frozenset(), "utf-8")
    over = ", ".join(f'b."{column}" AS c{at}' for at, column in enumerate(world.columns))
    written = read.sql(world.columns, Names())
    answers = f"SELECT (SELECT ({condition})), (SELECT {written} FROM (SELECT {over}) AS l) FROM public.t AS b"
    try:
        kept = world.session.execute(answers).fetchall()
    except psycopg.Error:
        # A literal that the server does not take: the precheck refuses it, whatever else is said of it.
        return
    for row, (answer, projected) in zip(world.rows, kept, strict=True):
        # What stands in the task file, and what is made of it for a projection.
        assert answer == projected
        found = early._test(row)
        if found != OPEN:
            assert answer is {TRUE: True, FALSE: False, UNKNOWN: None}[found], condition


def test_scalars_are_decided_and_the_rest_is_left_open(world: World) -> None:
    def answers(condition: str) -> set[int]:
        read = parse_where(condition, TableName("public", "t"), world.columns)
        early = Early(read, world.table.columns, frozenset(), "utf-8")
        return {early._test(row) for row in world.rows}

    for column in ("id", "small", "n", "day", "at", "zoned", "u", "state", "word", "code"):
        assert OPEN not in answers(f"{column} = {LITERALS[column][0]}"), column
    # NaN has no place among Decimals.
    assert answers("amount = 1 AND id <> 4") <= {TRUE, FALSE, UNKNOWN}
    # The order of texts is the server's.
    for condition in ("ratio = 1.5", "word < 'b'", "state > 'new'", "fixed = 'ab'", "id % 2 = 1"):
        assert TRUE not in answers(condition)
        assert FALSE not in answers(condition)


def route_of(table: Table, *, full: bool) -> Route:
    columns = tuple(RouteColumn(source=c.name, name=c.name, type_name=c.type.name) for c in table.columns)
    identity = frozenset(range(len(columns))) if full else frozenset({0})
    return Route(source=table.name, target=table.name, columns=columns, key=(0,), full=full, identity=identity)


def frame(kind: bytes, *tuples: tuple[bytes, Row]) -> bytes:
    body = kind + (7).to_bytes(4, "big")
    for mark, row in tuples:
        body += mark + len(row).to_bytes(2, "big")
        for value in row:
            body += b"u" if value is None else b"n" if value == NULL else b"b" + bytes(value)
    return bytes(25) + body


def test_a_change_is_dropped_only_where_its_row_fails_before_and_after(world: World) -> None:
    def drops(condition: str, kind: bytes, *tuples: tuple[bytes, Row], full: bool = False) -> bool:
        read = parse_where(condition, TableName("public", "t"), world.columns)
        early = Early(read, world.table.columns, frozenset(), "utf-8")
        return early.drops(kind[0], route_of(world.table, full=full), frame(kind, *tuples))

    row = world.rows[0]
    other = (*row[:2], (4).to_bytes(4, "big") + (50).to_bytes(4, "big"), *row[3:])
    key = (row[0], *[NULL] * (len(row) - 1))
    assert drops("n = 50", b"I", (b"N", row))
    assert not drops("n = 1", b"I", (b"N", row))
    # Of the row before only the key is known: it may have passed.
    assert not drops("n = 50", b"U", (b"N", row))
    assert not drops("n = 50", b"D", (b"K", key))
    assert drops("id > 5", b"U", (b"N", row))
    assert drops("id > 5", b"D", (b"K", key))
    assert not drops("id IS NOT NULL AND n IS NULL", b"D", (b"K", key))
    # Moves out and in.
    assert not drops("n = 50", b"U", (b"O", other), (b"N", row), full=True)
    assert not drops("n = 50", b"U", (b"O", row), (b"N", other), full=True)
    assert drops("n = 51", b"U", (b"O", row), (b"N", other), full=True)
    assert drops("n = 51", b"D", (b"O", row), full=True)
    # A value that was not sent is that of the old row, where there is one.
    unsent = (*row[:2], None, *row[3:])
    assert drops("n = 51", b"U", (b"O", row), (b"N", unsent), full=True)
    assert not drops("n = 51", b"I", (b"N", unsent))


def test_texts_of_a_loose_collation_are_left_to_the_server(postgres15: Cluster) -> None:
    postgres15.create_database("early_drop_loose")
    with postgres15.connect("early_drop_loose") as session:
        session.execute(
            "CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);"
            'CREATE TABLE t (id int, word text COLLATE loose, other text COLLATE "C")'
        )
        [table] = read_tables(session, ["public"])
    postgres15.drop_database("early_drop_loose")
    columns = {column.name: column.type.name for column in table.columns}
    for word, decides in (("word", False), ("other", True)):
        condition = parse_where(f"{word} = 'a'", table.name, columns)
        assert Early(condition, table.columns, frozenset(), "utf-8").decides is decides
