"""Keys and indexes of small tables share transactions, and what stands in the way of one is no harm to others."""

import threading
from collections import Counter
from pathlib import Path

import psycopg
import pytest

from syncwizard.errors import Cancelled
from syncwizard.postgres.destination import tables
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Context
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.task.events import StatementFinished
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

TABLES = 30
TABLE = """CREATE TABLE t{0} (id int PRIMARY KEY, x int, y text);
    CREATE INDEX t{0}_x ON t{0} (x); CREATE INDEX t{0}_y ON t{0} (y)"""


def prepared(pair: DatabasePair, folder: Path) -> tuple[TaskRun, Context]:
    """A task whose tables are at both ends, without keys and indexes at the destination."""
    pair.source.execute("; ".join(TABLE.format(number) for number in range(TABLES)).encode())
    run = TaskRun(pair.spec(), folder)
    context = run.context()
    for stage in (capture, schema):
        stage.run(context)
    context.held.close()
    return run, context


def valid(session: Session) -> set[str]:
    """The usable indexes of the tables."""
    rows = session.execute(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indisvalid AND indrelid IN"
        " (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
    ).fetchall()
    return {name for (name,) in rows if name.startswith("t")}


EVERYTHING = {f"t{number}_{end}" for number in range(TABLES) for end in ("pkey", "x", "y")}


def test_small_tables_share_transactions(pair: DatabasePair, tmp_path: Path) -> None:
    run, context = prepared(pair, tmp_path)
    # Statements of which each is a transaction of its own take as many ids as there are statements.
    before = next_transaction(pair.destination)
    keys.run(context)
    constraints.run(context)
    indexes.run(context)
    taken = next_transaction(pair.destination) - before
    assert valid(pair.destination) == EVERYTHING
    assert taken < TABLES
    finished = Counter(event.kind for event in run.events if isinstance(event, StatementFinished))
    assert finished["primary key"] == TABLES
    assert finished["index"] == 2 * TABLES


def next_transaction(session: Session) -> int:
    """The id of a transaction of now."""
    row = session.execute("SELECT pg_catalog.pg_current_xact_id()::text::bigint").fetchone()
    assert row
    return int(row[0])


def test_a_table_in_use_and_an_index_that_is_there_delay_no_others(pair: DatabasePair, tmp_path: Path) -> None:
    run, context = prepared(pair, tmp_path)
    pair.destination.execute("CREATE INDEX t3_x ON t3 (x)")
    mine = pair.destination.execute("SELECT 't3_x'::regclass::oid").fetchone()
    keys.run(context)
    constraints.run(context)
    indexes.run(context)
    assert valid(pair.destination) == EVERYTHING
    assert pair.destination.execute("SELECT 't3_x'::regclass::oid").fetchone() == mine
    assert (
        sum(1 for event in run.events if isinstance(event, StatementFinished) and event.kind == "index") == 2 * TABLES
    )


def test_a_refused_key_keeps_none_of_the_others_of_its_transaction(pair: DatabasePair, tmp_path: Path) -> None:
    run, context = prepared(pair, tmp_path)
    pair.destination.execute("INSERT INTO t7 VALUES (1), (1)")
    keys.run(context)
    assert valid(pair.destination) == EVERYTHING - {"t7_pkey"}
    assert [event for event in run.events if "t7" in str(event) and not isinstance(event, StatementFinished)]


def test_a_key_that_waits_holds_up_no_others_and_a_pause_ends_it(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, context = prepared(pair, tmp_path)
    # Each table in a transaction of its own, as a large one is.
    monkeypatch.setattr(tables, "SMALL_BYTES", -1)
    ended: list[BaseException | None] = []

    def create() -> None:
        try:
            keys.run(context)
        except Cancelled as cancelled:
            ended.append(cancelled)

    everything_else = {name for name in EVERYTHING if name.endswith("_pkey")} - {"t0_pkey"}
    with psycopg.connect(pair.destination_address) as holder:
        holder.execute("LOCK TABLE t0 IN ACCESS SHARE MODE")
        thread = threading.Thread(target=create)
        thread.start()
        try:
            until(lambda: valid(pair.destination) == everything_else, 60, "the other keys to be created")
        finally:
            context.cancellation.cancel()
            thread.join()
    assert len(ended) == 1
    keys.run(run.context())
    assert valid(pair.destination) == everything_else | {"t0_pkey"}
