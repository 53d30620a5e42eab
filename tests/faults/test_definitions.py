"""Changes of definitions that are followed, under kills, cuts and crashes: both ends are equal in the end."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwizard.task.events import DefinitionFollowed
from syncwizard.task.specification import Advanced, Retry
from tests.faults import processes
from tests.faults.conftest import Network
from tests.faults.faults import end_sessions
from tests.faults.harness import moment
from tests.faults.running import RunningTask, running
from tests.faults.test_in_doubt import APPLY, kill_apply, kill_engine
from tests.faults.test_kills import finished
from tests.support.followed import assert_same_definitions
from tests.support.pair import DatabasePair, Session
from tests.support.proxy import COMMITTED, Trap
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MADE = "CREATE TABLE kept (id int PRIMARY KEY, v text); INSERT INTO kept VALUES (0, 'first')"
FOLLOWING: dict[str, Any] = {
    "advanced": Advanced(ddl="follow", dropped_tables="drop", retry=Retry(connection_minutes=10, other_minutes=1))
}
# Everything that is followed, between rows, in one transaction.
MIXED = """BEGIN;
INSERT INTO kept (id, v) VALUES ({n}, 'before');
CREATE TABLE made_{n} (id serial PRIMARY KEY, v text);
INSERT INTO made_{n} (v) VALUES ('one'), ('two');
ALTER TABLE kept ADD COLUMN c{n} int DEFAULT {n};
UPDATE kept SET c{n} = id WHERE id = {n};
ALTER TABLE made_{n} RENAME TO named_{n};
CREATE INDEX ON named_{n} (v);
DELETE FROM named_{n} WHERE id = 1;
CREATE TABLE gone_{n} (a int);
INSERT INTO gone_{n} VALUES (1);
DROP TABLE gone_{n};
CREATE TABLE filled_{n} AS SELECT i, repeat('f', i) AS v FROM generate_series(1, 40) i;
DELETE FROM filled_{n} WHERE i > 30;
CREATE TYPE kind_{n} AS ENUM ('a', 'b');
ALTER TABLE filled_{n} ADD k kind_{n};
UPDATE filled_{n} SET k = 'b' WHERE i = 7;
CREATE TABLE tree_{n} (id int PRIMARY KEY) PARTITION BY RANGE (id);
CREATE TABLE leaf_{n} PARTITION OF tree_{n} FOR VALUES FROM (0) TO (10);
INSERT INTO tree_{n} VALUES (1), (2);
ALTER TABLE tree_{n} ADD COLUMN v text;
CREATE TABLE left_{n} PARTITION OF tree_{n} DEFAULT;
INSERT INTO tree_{n} VALUES (3, 'c'), (30, 'd');
ALTER TABLE tree_{n} DETACH PARTITION leaf_{n};
UPDATE leaf_{n} SET v = 'e' WHERE id = 2;
CREATE VIEW seen_{n} AS SELECT i, k FROM filled_{n};
ALTER TABLE kept DROP COLUMN c{n};
UPDATE kept SET v = 'after' WHERE id = {n};
COMMIT"""


def at_once(network: Network, mark: bytes) -> Trap:
    return network.destination.catch_request(mark, APPLY)


def answered(network: Network, mark: bytes) -> Trap:
    return network.destination.catch_answer(finished(mark), APPLY)


def cut(task: RunningTask, trap: Trap) -> None:
    trap.cut()


# What the applier asks for, or has been answered; and what happens then.
MOMENTS: list[tuple[Callable[[Network, bytes], Trap], bytes, Callable[[RunningTask, Trap], None]]] = [
    (at_once, b"CREATE TABLE", kill_apply),
    (answered, b"CREATE TABLE", kill_engine),
    (at_once, b"definitions_followed", cut),
    (answered, b"ALTER TABLE", kill_apply),
    (at_once, b"DROP TABLE", kill_engine),
    (answered, b"DROP TABLE", cut),
]


def in_doubt(network: Network, number: int) -> Trap:
    """The destination has committed the definitions, and the applier has not heard of it."""
    while True:
        trap = network.destination.catch_answer(COMMITTED, APPLY)
        trap.wait("a commit")
        there = network.pair.destination.execute("SELECT to_regclass(%s) IS NOT NULL", (f"named_{number}",)).fetchone()
        if there == (True,):
            return trap
        trap.let_go()


def followed(task: RunningTask) -> list[DefinitionFollowed]:
    return [event for event in task.events if isinstance(event, DefinitionFollowed)]


def test_definitions_and_rows_arrive_once_whatever_dies_between_them(
    network: Network, tmp_path: Path, state_home: Path
) -> None:
    pair = network.pair
    with running(pair, tmp_path, MADE, **FOLLOWING, **network.ends) as task:
        task.start()
        for number, (catch, mark, blow) in enumerate(MOMENTS, 1):
            trap = catch(network, mark)
            pair.source.execute(MIXED.format(n=number).encode())
            trap.wait(mark.decode())
            blow(task, trap)
            task.converged(120)
        for number, blow in enumerate((kill_apply, kill_engine, cut), len(MOMENTS) + 1):
            waiting = threading.Thread(target=pair.source.execute, args=(MIXED.format(n=number).encode(),))
            waiting.start()
            trap = in_doubt(network, number)
            waiting.join()
            blow(task, trap)
            task.converged(120)
        assert_same_definitions(pair)
        # The journal has each once, those of commits in doubt included.
        numbers = [event.number for event in followed(task)]
        assert numbers == sorted(set(numbers))
        created = [event.table.name for event in followed(task) if event.kind == "created"]
        views = (
            "SELECT relname, pg_get_viewdef(oid) FROM pg_class WHERE relkind = 'v' AND relname ~ '^seen_' ORDER BY 1"
        )
        assert pair.destination.execute(views).fetchall() == pair.source.execute(views).fetchall()
        assert created == [
            f"{name}_{n}" for n in range(1, len(MOMENTS) + 4) for name in ("made", "gone", "filled", "tree")
        ]
        task.release()


# At random -----------------------------------------------------------------------------------------------------------


class Definer:
    """Changes definitions and rows at random, each time in one transaction, until stopped."""

    def __init__(self, pair: DatabasePair, seed: int) -> None:
        self._pair = pair
        self._choice = random.Random(seed)
        self._number = 0
        self.done = 0

    def run(self, stop: threading.Event) -> None:
        session: Session | None = None
        while not stop.wait(self._choice.uniform(0, 0.2)):
            try:
                session = session or self._pair.source_cluster.connect(self._pair.database)
                with session.transaction():
                    for _ in range(self._choice.randint(1, 4)):
                        session.execute(self._statement(session).encode())
                self.done += 1
            except psycopg.OperationalError:
                # The server is away for a moment.
                if session is not None:
                    session.close()
                session = None
        if session is not None:
            session.close()

    def _statement(self, session: Session) -> str:
        rows = session.execute("SELECT relname FROM pg_class WHERE relname LIKE 'w\\_%' AND relkind = 'r' ORDER BY oid")
        tables = [name for (name,) in rows]
        self._number += 1
        n = self._number
        if len(tables) < 3:
            return f"CREATE TABLE w_{n} (id bigserial PRIMARY KEY, v text); INSERT INTO w_{n} (v) VALUES ('new')"
        table = self._choice.choice(tables)
        return self._choice.choice(
            [
                f"INSERT INTO {table} (v) SELECT 'row ' || i FROM generate_series(1, {self._choice.randint(1, 400)}) i",
                f"UPDATE {table} SET v = v || '.' WHERE id % 3 = {n % 3}",
                f"DELETE FROM {table} WHERE id % 7 = {n % 7}",
                f"ALTER TABLE {table} ADD COLUMN c{n} int DEFAULT {n}; UPDATE {table} SET c{n} = 1 WHERE id % 2 = 0",
                f"ALTER TABLE {table} RENAME TO w_{n}",
                f"ALTER TABLE {table} ALTER COLUMN v SET DEFAULT 'd{n}'; INSERT INTO {table} DEFAULT VALUES",
                f"CREATE INDEX i_{n} ON {table} (v)",
                f"TRUNCATE {table}",
                f"DROP TABLE {table}",
                f"CREATE TABLE w_{n} AS SELECT i::bigint AS id, 'as ' || i AS v FROM generate_series(1, 300) i",
                f"CREATE TABLE w_{n} (a int, v text, id serial); INSERT INTO w_{n} (a) VALUES (1), (1), (2)",
                f"CREATE TABLE r_{n} (id bigserial PRIMARY KEY, v text) PARTITION BY RANGE (id);"
                f" CREATE TABLE w_{n} PARTITION OF r_{n} DEFAULT; INSERT INTO r_{n} (v) VALUES ('a'), ('b');"
                f" ALTER TABLE r_{n} ADD COLUMN c{n} int DEFAULT {n}; ALTER TABLE r_{n} DETACH PARTITION w_{n}",
            ]
        )


@contextmanager
def defining(pair: DatabasePair, seed: int) -> Iterator[Definer]:
    definer, stop = Definer(pair, seed), threading.Event()
    thread = threading.Thread(target=definer.run, args=(stop,))
    thread.start()
    try:
        yield definer
    finally:
        stop.set()
        thread.join()


def random_blow(task: RunningTask, choice: random.Random) -> None:
    kind = choice.choice(["engine", "engine", "apply", "apply", "sessions", "crash"])
    if kind == "engine":
        task.kill_engine()
        task.resume()
    elif kind == "sessions":
        end_sessions(task.pair)
    elif kind == "crash":
        crash(task.pair)
    else:
        processes.kill(task.follow())


def crash(pair: DatabasePair) -> None:
    """kill -9 of the destination's backend that applies: the server throws every session out and recovers."""
    found = pair.destination.execute(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%apply'"
    ).fetchone()
    if found is None:
        return
    processes.kill(found[0])

    def recovered() -> bool:
        try:
            pair.reconnect()
        except psycopg.OperationalError:
            return False
        return True

    until(recovered, 60, "the destination to recover")


def beaten(pair: DatabasePair, folder: Path, seed: int, kills: int) -> None:
    choice = random.Random(seed)
    with running(pair, folder, MADE, **FOLLOWING) as task:
        task.start()
        with defining(pair, seed) as definer:
            for _ in range(kills):
                moment(choice.uniform(0.2, 2))
                random_blow(task, choice)
                task.follow()
        assert definer.done > kills
        task.converged(240)
        assert_same_definitions(pair)
        task.release()


def test_definitions_at_random_under_a_few_faults(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    beaten(pair, tmp_path, 1, 3)


@pytest.mark.marathon
def test_definitions_at_random_under_twenty_faults(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    beaten(pair, tmp_path, 2, 20)
