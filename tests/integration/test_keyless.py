"""Keyless rows found by their images, many at once: a model of the table beside a real one, change by change drawn."""

import os
import secrets
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from syncwizard.postgres.destination import keyless
from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.sender import CountMismatch, Sender
from syncwizard.postgres.destination.session import prepare_writing
from syncwizard.postgres.session.connection import apply_settings
from syncwizard.rows.changes import DELETE, INSERT, NULL, UPDATE, Decoded, Route, RouteColumn, Row
from syncwizard.rows.fold import Ordered
from syncwizard.task.names import TableName
from tests.integration.test_types_property import SEED_VARIABLE
from tests.support.pair import DatabasePair, Session

COLUMNS = "a int, b text, c numeric, d short, m mood, j json, f float8, y bytea, p bpchar(3), x xml_like[]"
TYPES = """
CREATE DOMAIN short AS varchar(10); CREATE TYPE mood AS ENUM ('sad', 'fine'); CREATE DOMAIN xml_like AS text;
"""
# Equal to an operator and not to the byte, NULL, and longer than what is hashed whole.
POOL = """
    (1, 'x', 1.0, 'd', 'sad', '{}', 0.0, 'y', 'a', '{u}'), (1, 'x', 1.00, 'd', 'sad', '{}', -0.0, 'y', 'a', '{u}'),
    (1, 'x', 1.0, 'd', 'sad', '{ }', 'NaN', 'y', 'a', '{u}'),
    (NULL, 'x', 1.0, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
    (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (2, repeat('x', 3000), 1, '', 'fine', '[]', 1,
    repeat('y', 3000)::bytea, '', '{NULL}'), (2, repeat('x', 2999) || 'y', 1, '', 'fine', '[]', 1,
    (repeat('y', 2999) || 'z')::bytea, '', '{NULL}'), (3, '', 0, 'e', 'fine', '1', 2, '', 'abc', '{}')
"""
TABLES = {
    "plain": f"CREATE TABLE log ({COLUMNS})",
    "indexed": f"CREATE TABLE log ({COLUMNS}); CREATE INDEX ON log (a, c); CREATE INDEX ON log (b text_pattern_ops);"
    "CREATE INDEX ON log USING hash (m); CREATE INDEX ON log (d) WHERE a = 1; CREATE INDEX ON log (lower(b), f);"
    "INSERT INTO log SELECT i FROM generate_series(10, 3000) i; ANALYZE log; DELETE FROM log",
    "partitioned": f"CREATE TABLE log ({COLUMNS}) PARTITION BY LIST (a); CREATE INDEX ON log (a);"
    "CREATE TABLE log_1 PARTITION OF log FOR VALUES IN (1); CREATE TABLE log_rest PARTITION OF log DEFAULT",
}
NAME = TableName("public", "log")
# Changes: kind, which row of the bag, which row of the pool takes its place, whether all of that is sent.
DRAWN = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 99), st.integers(0, 7), st.booleans()), max_size=25)


@pytest.fixture
def session(pair: DatabasePair) -> Session:
    pair.destination.execute(TYPES)
    pair.destination.execute(f"CREATE TABLE pool ({COLUMNS}); INSERT INTO pool VALUES {POOL}".encode())
    return pair.destination


@dataclass
class Writer:
    """A session as appliers have it, and its applier."""

    session: Session
    applier: Applier


@pytest.fixture
def writer(pair: DatabasePair) -> Iterator[Writer]:
    with pair.destination_cluster.connect(pair.destination_database) as connection:
        apply_settings(connection)
        prepare_writing(connection)
        yield Writer(connection, Applier(connection, uuid.uuid4(), 1, "0/0"))


def rows_of(session: Session, table: str) -> list[Row]:
    """A table's rows as the stream brings them, in binary form."""
    cursor = session.cursor(binary=True)
    result = cursor.execute(f"SELECT * FROM {table}".encode()).pgresult
    assert result is not None
    values = [[result.get_value(row, at) for at in range(result.nfields)] for row in range(result.ntuples)]
    return [tuple(NULL if value is None else len(value).to_bytes(4, "big") + value for value in row) for row in values]


def route_of(writer: Writer) -> Route:
    types = writer.session.execute(
        "SELECT attname, pg_catalog.format_type(atttypid, -1) FROM pg_attribute"
        " WHERE attrelid = 'public.pool'::regclass AND attnum > 0 ORDER BY attnum"
    ).fetchall()
    columns = tuple(RouteColumn(source=name, name=name, type_name=kind) for name, kind in types)
    partitioned = writer.session.execute(
        "SELECT relkind = 'p' FROM pg_class WHERE oid = 'public.log'::regclass"
    ).fetchone()
    assert partitioned
    return Route(source=NAME, target=NAME, columns=columns, key=(), full=True, partitioned=partitioned[0])


def applied(writer: Writer, route: Route, runs: list[list[Decoded]]) -> None:
    """The runs in one transaction each, over one session of an applier."""
    for run in runs:
        writer.applier.begin()
        try:
            writer.applier.apply([[Ordered(route=route, changes=run)]])
            writer.applier.run()
        except CountMismatch:
            writer.applier.roll_back()
            raise
        writer.session.execute("COMMIT")


def drawn_run(bag: list[Row], drawn: list[tuple[int, int, int, bool]], pool: list[Row], route: Route) -> list[Decoded]:
    """Changes that fit the bag, which takes them."""
    run: list[Decoded] = []
    for kind, place, chosen, whole in drawn:
        new = pool[chosen]
        if kind == 0 or not bag:
            bag.append(new)
            run.append((INSERT, route, None, new))
            continue
        old = bag.pop(place % len(bag))
        if kind == 1:
            run.append((DELETE, route, old, None))
            continue
        bag.append(new)
        unsent = tuple(None if was == now and not whole else now for was, now in zip(old, new, strict=True))
        run.append((UPDATE, route, old, unsent))
    return run


@pytest.mark.parametrize("records", [True, False], ids=["records", "arrays"])
@pytest.mark.parametrize("table", TABLES)
def test_a_run_leaves_the_rows_that_its_changes_leave(
    session: Session,
    writer: Writer,
    monkeypatch: pytest.MonkeyPatch,
    record_property: Callable[[str, object], None],
    table: str,
    records: bool,
) -> None:
    if not records:
        # As for a server that does not hash records yet.
        monkeypatch.setattr(keyless, "HASHED_RECORDS", 1 << 30)
    session.execute(TABLES[table].encode())
    number = int(os.environ.get(SEED_VARIABLE) or secrets.randbits(32))
    record_property("seed", number)
    print(f"drawn with {SEED_VARIABLE}={number}")
    route, pool = route_of(writer), rows_of(session, "public.pool")

    @seed(number)
    @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
    @given(runs=st.lists(DRAWN, min_size=1, max_size=4))
    def agree(runs: list[list[tuple[int, int, int, bool]]]) -> None:
        session.execute("TRUNCATE public.log")
        bag: list[Row] = []
        applied(writer, route, [drawn_run(bag, drawn, pool, route) for drawn in runs])
        assert Counter(rows_of(session, "public.log")) == Counter(bag)

    agree()


@pytest.mark.parametrize("columns", ["j json", ""], ids=["json", "none"])
def test_columns_of_which_none_can_be_hashed(session: Session, writer: Writer, columns: str) -> None:
    """And a table without any column, whose rows are all alike."""
    values = "(SELECT to_json(i % 3) FROM generate_series(1, 30) i)" if columns else ""
    session.execute(f"DROP TABLE pool; CREATE TABLE pool ({columns}); CREATE TABLE log ({columns})".encode())
    session.execute(f"INSERT INTO log {values or 'SELECT FROM generate_series(1, 30)'}".encode())
    route, rows = route_of(writer), rows_of(session, "public.log")
    applied(writer, route, [[(DELETE, route, row, None) for row in rows[:20]]])
    assert Counter(rows_of(session, "public.log")) == Counter(rows[20:])


def test_a_row_that_is_not_there_is_noticed_among_many_that_are(session: Session, writer: Writer) -> None:
    session.execute(TABLES["plain"].encode())
    route, pool = route_of(writer), rows_of(session, "public.pool")
    session.execute("INSERT INTO log SELECT * FROM pool")
    gone: list[Decoded] = [(DELETE, route, row, None) for row in pool]
    with pytest.raises(CountMismatch):
        applied(writer, route, [[*gone, (DELETE, route, pool[0], None)]])
    with pytest.raises(CountMismatch):
        applied(writer, route, [[*gone, (UPDATE, route, pool[1], pool[2])]])
    assert Counter(rows_of(session, "public.log")) == Counter(pool)


def test_the_table_is_read_once_or_its_index(session: Session, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked of the planner itself, with as many rows as a batch has."""
    session.execute("CREATE TABLE log (a int, b text); DROP TABLE pool; CREATE TABLE pool (LIKE log)")
    session.execute("INSERT INTO log SELECT i, 'text ' || i FROM generate_series(1, 100000) i; ANALYZE log")
    session.execute("INSERT INTO pool SELECT * FROM log WHERE a % 50 = 0")
    route, rows = route_of(writer), rows_of(session, "public.pool")
    statements: list[bytes] = []
    queue = Sender.queue

    def planned(sender: Sender, statement: bytes) -> None:
        if statement.startswith(b"WITH found"):
            sender.run()
            statements.append(b"\n".join(row[0].encode() for row in explained(sender, statement)))
        queue(sender, statement)

    def explained(sender: Sender, statement: bytes) -> list[tuple[str]]:
        result = sender.ask(b"EXPLAIN " + statement, [])
        return [((result.get_value(at, 0) or b"").decode(),) for at in range(result.ntuples)]

    monkeypatch.setattr(Sender, "queue", planned)
    run: list[Decoded] = [(UPDATE, route, row, (row[0], b"\0\0\0\3new")) for row in rows[:1000]]
    run += [(DELETE, route, row, None) for row in rows[1000:]]
    applied(writer, route, [run])
    assert all(plan.count(b"Seq Scan on log") == 1 for plan in statements), statements
    assert len(statements) == 2
    statements.clear()
    # Indexes are built while changes are applied: they are looked for again now and then.
    monkeypatch.setattr(keyless, "FACTS_SECONDS", 0)
    session.execute("CREATE INDEX ON log (a)")
    applied(writer, route, [[(UPDATE, route, (row[0], b"\0\0\0\3new"), (row[0], row[1])) for row in rows[:10]]])
    assert all(b"Seq Scan on log" not in plan for plan in statements), statements
    assert session.execute("SELECT count(*) FROM log").fetchone() == (99_000,)


def test_single_changes_use_an_index(session: Session, writer: Writer) -> None:
    session.execute("CREATE TABLE log (a int, b text); DROP TABLE pool; CREATE TABLE pool (LIKE log)")
    session.execute("INSERT INTO log SELECT i, 'text ' || i FROM generate_series(1, 100000) i")
    session.execute("CREATE INDEX ON log (a); ANALYZE log; INSERT INTO pool SELECT * FROM log WHERE a = 7")
    route, [row] = route_of(writer), rows_of(session, "public.pool")
    before = scans(session)
    applied(writer, route, [[(UPDATE, route, row, (row[0], NULL))], [(DELETE, route, (row[0], NULL), None)]])
    assert scans(session) == before
    assert session.execute("SELECT count(*) FROM log").fetchone() == (99_999,)


def scans(session: Session) -> Any:
    """How often a table was read from its begin to its end."""
    session.execute("SELECT pg_stat_force_next_flush()")
    session.execute("SELECT pg_stat_clear_snapshot()")
    return session.execute("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'log'").fetchone()
