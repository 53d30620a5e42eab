"""A task whose tables have other names and fewer columns at the destination goes through kills and copies again as any
other does: nothing is lost, doubled, or written under an old name."""

import threading
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwizard.task.specification import RenameRule, SchemaObjects, TableObject
from tests.faults import processes
from tests.faults.running import TABLES, RunningTask, change, running
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MAPPED = SchemaObjects(
    schema="public",
    name='the "other"',
    overrides=[
        TableObject(table="one", name="Eins", columns={"id": "n", "n": "id"}),
        TableObject(table="two", columns={"one_id": "eins"}, exclude_columns=["note"]),
        TableObject(table="chosen", where="mood = 'fine'::public.mood", etl="e_set(`value`, op_add(`value`, 1))"),
    ],
    rename=[RenameRule(pattern="(th)ree", name=r"\1r33")],
)
MORE = (
    TABLES
    + """
ALTER TABLE two ADD note text DEFAULT 'left out';
INSERT INTO one SELECT i, 0, repeat('y', 3000) FROM generate_series(301, 3000) i;
CREATE TABLE part (id int, region text, value int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN ('a');
CREATE TABLE part_b PARTITION OF part FOR VALUES IN ('b');
INSERT INTO part SELECT i, 'a', 0 FROM generate_series(1, 500) i;
CREATE TYPE mood AS ENUM ('fine', 'bad');
CREATE TABLE chosen (id int PRIMARY KEY, mood mood, moods mood[], value int);
INSERT INTO chosen SELECT i, (ARRAY['fine', 'bad'])[i % 2 + 1]::mood, '{bad}', i FROM generate_series(1, 500) i;
"""
)
PAIRS = {
    "SELECT id, n, md5(body) FROM one": 'SELECT n, id, md5(body) FROM "the ""other"""."Eins"',
    "SELECT id, one_id, label FROM two": 'SELECT id, eins, label FROM "the ""other""".two',
    "SELECT note FROM three": 'SELECT note FROM "the ""other""".thr33',
    "SELECT id, region, value FROM part": 'SELECT id, region, value FROM "the ""other""".part',
    "SELECT id, mood::text, moods::text, value + 1 FROM chosen WHERE mood = 'fine'": (
        'SELECT id, mood::text, moods::text, value FROM "the ""other""".chosen'
    ),
    "SELECT count(*) FROM part_a": 'SELECT count(*) FROM "the ""other""".part_a',
}


def rows(session: Session, query: str) -> list[tuple[Any, ...]]:
    return sorted(session.execute(query.encode()).fetchall())


class Changes:
    """Changes of every kind, one after the other, while the block runs; then a last one."""

    def __init__(self, pair: DatabasePair) -> None:
        self._pair = pair
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.count = 0
        self._error: psycopg.Error | None = None

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.5):
                change(self._pair)
                self._move()
                self.count += 1
        except psycopg.Error as error:
            self._error = error

    def _move(self) -> None:
        source = self._pair.source
        with source.transaction():
            source.execute("UPDATE part SET region = CASE region WHEN 'a' THEN 'b' ELSE 'a' END WHERE id % 7 = 0")
            source.execute(
                "UPDATE chosen SET mood = CASE mood WHEN 'fine' THEN 'bad' ELSE 'fine' END::mood WHERE id < 90"
            )
            source.execute("UPDATE chosen SET value = value + 1, moods = moods || mood WHERE id % 9 = 0")
            source.execute("UPDATE two SET note = 'changed ' || id WHERE id % 3 = 0")
            source.execute("UPDATE one SET id = -id WHERE id BETWEEN 400 AND 420 OR id BETWEEN -420 AND -400")

    def __enter__(self) -> "Changes":
        self._thread.start()
        return self

    def __exit__(self, *details: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error


def assert_same(task: RunningTask) -> None:
    task.caught_up()
    for here, there in PAIRS.items():
        assert rows(task.pair.source, here) == rows(task.pair.destination, there), here


def test_a_task_under_other_names_loses_nothing_by_kills(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    pair.destination.execute("CREATE TABLE one (id int PRIMARY KEY); INSERT INTO one VALUES (7)")
    with running(pair, tmp_path, MORE, objects=[MAPPED]) as task:
        with Changes(pair) as changes:
            kill_and_copy_again(task, changes)
        assert changes.count > 5
        pair.source.execute("TRUNCATE three; INSERT INTO three VALUES ('last')")
        assert_same(task)
        assert rows(pair.destination, "SELECT id FROM public.one") == [(7,)]
        task.release()


def kill_and_copy_again(task: RunningTask, changes: Changes) -> None:
    """Kills in the copy and in the stream, and a resynchronization of two tables."""
    syncwizard("start", task.file)
    until(lambda: task.state.tables, 120, "tables to be planned")
    task.kill_engine()
    task.resume()
    assert processes.kill(task.follow())
    before = changes.count
    until(lambda: changes.count > before + 2, 60, "more changes")
    task.follow()
    task.kill_engine()
    task.resume("--until", "caught-up")
    task.pause()
    syncwizard("resync", task.name, "--table", "public.one", "--table", "public.part", "--yes")
    until(lambda: task.state.sync_point_passed and task.state.state == "synchronizing", 120, "the new copies")
