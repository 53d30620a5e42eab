"""A table that is set aside stays so over kills, at any moment, while the others go on; then it joins again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from syncwizard.task.events import StageFinished, TableSetAside
from tests.faults.running import RunningTask, forgotten, reached, running
from tests.support.commands import syncwizard
from tests.support.comparison import content
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SAME_KEYS = """
    UPDATE pg_index SET indisready = false, indislive = false WHERE indexrelid = 'three_pkey'::regclass;
"""
THEY_COME = """
    INSERT INTO three SELECT id, 'again' FROM three WHERE id <= 3;
    UPDATE pg_index SET indisready = true, indislive = true WHERE indexrelid = 'three_pkey'::regclass;
"""
TABLES = """
    CREATE TABLE one (id int PRIMARY KEY, n int NOT NULL, body text);
    CREATE TABLE two (id int PRIMARY KEY, one_id int NOT NULL REFERENCES one, label text UNIQUE);
    CREATE TABLE three (id int PRIMARY KEY, note text);
    INSERT INTO one SELECT i, 0, repeat('x', 300) FROM generate_series(1, 300) i;
    INSERT INTO two SELECT i, i, 'label ' || i FROM generate_series(1, 300) i;
    INSERT INTO three SELECT i, 'note ' || i % 50 FROM generate_series(1, 200) i;
"""


def in_the_ledger(pair: DatabasePair) -> bool:
    """Whether the destination has recorded it, the journal perhaps not."""
    there = pair.destination.execute("SELECT to_regclass('syncwizard.aside')").fetchone() != (None,)
    return there and pair.destination.execute("SELECT count(*) FROM syncwizard.aside").fetchone() == (1,)


def in_the_journal(task: RunningTask) -> bool:
    return reached(task, lambda event: isinstance(event, TableSetAside))


def indexed(task: RunningTask) -> bool:
    return reached(task, lambda event: isinstance(event, StageFinished) and event.stage == "indexes")


MOMENTS: dict[str, Callable[[RunningTask], bool]] = {
    "as soon as the destination has it": lambda task: in_the_ledger(task.pair),
    "as soon as it is said": in_the_journal,
    "while changes stream": indexed,
}


def change_others(pair: DatabasePair) -> None:
    """Something of every kind in the tables that go on."""
    with pair.source.transaction():
        pair.source.execute("UPDATE one SET n = n + 1 WHERE id % 2 = 0")
        pair.source.execute("DELETE FROM two WHERE id IN (SELECT min(id) FROM two)")
        pair.source.execute("INSERT INTO one SELECT max(id) + 1, 0, 'new' FROM one")
        pair.source.execute("INSERT INTO two SELECT max(id), max(id), 'label ' || max(id) FROM one")


def change_keyed(session: Session, number: int) -> None:
    """In the table that is set aside."""
    session.execute("UPDATE three SET note = %s WHERE id BETWEEN 4 AND 20", (f"changed {number}",))
    session.execute("DELETE FROM three WHERE id = %s", (100 + number,))
    session.execute("INSERT INTO three VALUES (%s, 'new')", (1000 + number,))


def test_a_table_that_is_set_aside_stays_so_over_kills_and_joins_again(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    pair.source.execute((TABLES + SAME_KEYS).encode())
    pair.reconnect()
    pair.source.execute(THEY_COME.encode())
    with running(pair, tmp_path, "SELECT") as task:
        task.start("--until", "full")
        for number, (moment, come) in enumerate(MOMENTS.items()):
            until(lambda come=come: come(task), 90, moment)  # type: ignore[misc]
            task.kill_engine()
            change_others(pair)
            change_keyed(pair.source, number)
            task.resume()
        syncwizard("wait", task.name, "--until", "caught-up", "--timeout", "90", expect=5, timeout=120)
        assert [each.table.name for each in task.state.aside] == ["three"]
        for name in ("one", "two"):
            assert content(pair.destination, "public", name) == content(pair.source, "public", name)
        # As it was copied.
        assert content(pair.destination, "public", "three").rows == 203
        forgotten(task)
        task.kill_engine()
        with pair.source_cluster.connect(pair.database) as session:
            session.execute("SET enable_indexscan = off; SET enable_bitmapscan = off")
            session.execute("DELETE FROM three WHERE id <= 3 AND note = 'again'")
        syncwizard("resync", task.name, "--table", "public.three", "--yes")
        task.kill_engine()
        change_keyed(pair.source, 9)
        change_others(pair)
        task.resume()
        task.converged(90)
        assert task.state.aside == ()
        task.release()


def test_tables_are_paused_alone_and_come_back_by_a_copy(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    with running(pair, tmp_path, TABLES) as task:
        task.start()
        assert "did you mean" in syncwizard("pause", task.name, "--table", "public.thre", expect=2).stderr
        done = syncwizard("pause", task.name, "--table", "public.two", "--table", "public.three")
        assert "--table public.two --table public.three" in done.stderr
        assert "set aside already" in syncwizard("pause", task.name, "--table", "public.two", expect=2).stderr
        before = [content(pair.destination, "public", table) for table in ("two", "three")]
        task.kill_engine()
        change_others(pair)
        pair.source.execute("DELETE FROM three WHERE id <= 3; UPDATE three SET note = 'paused'")
        task.resume()
        until(
            lambda: content(pair.destination, "public", "one") == content(pair.source, "public", "one"),
            60,
            "the others to go on",
        )
        assert [content(pair.destination, "public", table) for table in ("two", "three")] == before
        assert "paused by" in syncwizard("status", task.name).stdout
        syncwizard("resync", task.name, "--table", "public.two", "--table", "public.three", "--yes")
        task.converged()
