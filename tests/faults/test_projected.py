"""Faults while rows are selected, changed and set aside on their way: the destination holds what the source gives when
it is asked in plain SQL."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.task.specification import Advanced, TableObject
from tests.faults import faults
from tests.faults.faults import Fault, strike
from tests.faults.harness import Phase, Trial
from tests.faults.workload import LOST
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

DEFINITIONS = """
CREATE TABLE orders (id bigint PRIMARY KEY, tenant int NOT NULL, amount text, phone text, body text);
ALTER TABLE orders ALTER body SET STORAGE EXTERNAL;
CREATE TABLE places (id int PRIMARY KEY, slot int NOT NULL, body text NOT NULL);
ALTER TABLE places ALTER body SET STORAGE EXTERNAL;
CREATE TABLE lines (line int, word varchar(20));
CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, word text);
CREATE TABLE left_side (side int CHECK (side = 1), id int, note text, PRIMARY KEY (side, id));
CREATE TABLE right_side (side int, id int, note text, PRIMARY KEY (side, id)) PARTITION BY RANGE (side);
CREATE TABLE right_low PARTITION OF right_side FOR VALUES FROM (2) TO (4);
CREATE TABLE right_high PARTITION OF right_side FOR VALUES FROM (4) TO (6);
INSERT INTO left_side SELECT 1, i, 'left' FROM generate_series(1, 3000) i;
INSERT INTO right_side SELECT 2 + i % 4, i, 'right' FROM generate_series(1, 3000) i;
INSERT INTO orders SELECT i, i % 5, (i % 300)::text, '187' || lpad(i::text, 8, '0'), repeat('x', i % 7 * 800)
  FROM generate_series(1, 60000) i;
INSERT INTO places SELECT i, i, repeat(i::text, 1500) FROM generate_series(1, 2000) i;
INSERT INTO lines SELECT i % 30, 'word ' || i % 4 FROM generate_series(1, 500) i;
"""
TABLES = [
    TableObject(
        table="orders",
        where="tenant IN (1, 2)",
        etl='e_compose(e_set(`phone`, str_mask(`phone`, 3, 6, "*")), e_set(`cents`, op_mul(ct_int(`amount`), 100)),'
        " e_drop(op_gt(`cents`, 25000)))",
    ),
    TableObject(table="places", where="id % 3 = 0"),
    TableObject(table="lines", where="line > 5", etl="e_set(`word`, str_upper(`word`))"),
    TableObject(table="log", operations=["insert"]),
    TableObject(table="left_side", name="sides", origin_keys="side = 1"),
    TableObject(table="right_side", name="sides", origin_keys="side >= 2 AND side < 6"),
]
# Of merged tables definitions do not follow.
SIDES = "CREATE TABLE sides (side int, id int, note text, PRIMARY KEY (side, id))"
# By table: what the source is asked, and what the destination.
MEANT = {
    "orders": (
        "SELECT id, tenant, amount, left(phone, 3) || '****' || substr(phone, 8), body, amount::bigint * 100"
        " FROM orders WHERE tenant IN (1, 2) AND amount ~ '^[0-9]+$' AND amount::bigint * 100 <= 25000 ORDER BY id",
        "SELECT id, tenant, amount, phone, body, cents FROM orders ORDER BY id",
    ),
    "places": (
        "SELECT id, slot, body FROM places WHERE id % 3 = 0 ORDER BY id",
        "SELECT id, slot, body FROM places ORDER BY id",
    ),
    "lines": (
        "SELECT line, upper(word) FROM lines WHERE line > 5 ORDER BY 1, 2",
        "SELECT line, word FROM lines ORDER BY 1, 2",
    ),
    "sides": (
        "SELECT * FROM left_side UNION ALL SELECT * FROM right_side ORDER BY 1, 2",
        "SELECT * FROM sides ORDER BY 1, 2",
    ),
    # What was deleted at the source stays: every word that ever was there is in a table of the test's own.
    "log": ("SELECT word FROM kept.log ORDER BY 1", "SELECT word FROM log ORDER BY 1"),
}

SCENARIOS: dict[str, list[tuple[Fault, Phase]]] = {
    "kills": [
        (faults.KILL_COPY, "full"),
        (faults.KILL_ENGINE, "before sync point"),
        (faults.KILL_APPLY, "steady"),
        (faults.KILL_ENGINE, "steady"),
    ],
    "crashes": [
        (faults.DESTINATION_CRASH, "full"),
        (faults.SOURCE_IMMEDIATE, "steady"),
        (faults.DESTINATION_CRASH, "steady"),
        (faults.TERMINATE, "steady"),
    ],
}


class ProjectedTrial(Trial):
    """Compared by what is meant, table by table."""

    def compare(self) -> None:
        self.recover()
        syncwizard("wait", self.name, "--until", "caught-up", "--timeout", "120", timeout=150)
        for table, (here, there) in MEANT.items():
            expected = self.pair.source.execute(here.encode()).fetchall()
            held = self.pair.destination.execute(there.encode()).fetchall()
            assert len(expected) > 100
            if held != expected:
                missing, more = set(expected) - set(held), set(held) - set(expected)
                self.findings.differences.append(f"{table}: missing {list(missing)[:3]}, more {list(more)[:3]}")


class Writer(threading.Thread):
    """Moves rows in and out of the selection, changes keys, and writes values that the script fails for."""

    def __init__(self, pair: DatabasePair, seed: int) -> None:
        super().__init__(daemon=True)
        self._pair = pair
        self._choice = random.Random(seed)
        self._stop_asked = threading.Event()
        self.done = 0

    def run(self) -> None:
        session = self._connected()
        assert session is not None
        while not self._stop_asked.wait(0.05):
            try:
                with session.transaction():
                    self._act(session)
                self.done += 1
            except LOST:
                session.close()
                session = until(self._connected, 120, "the source to come back")
            except (psycopg.errors.UniqueViolation, psycopg.errors.DeadlockDetected):
                pass
        session.close()

    def stop(self) -> None:
        self._stop_asked.set()
        self.join()

    def _connected(self) -> Session | None:
        try:
            return self._pair.source_cluster.connect(self._pair.database)
        except psycopg.OperationalError:
            return None

    def _act(self, session: Session) -> None:
        choice = self._choice
        order, low = choice.randint(1, 60000), choice.randint(1, 59000)
        acts: list[tuple[str, tuple[Any, ...]]] = [
            ("UPDATE orders SET tenant = %s WHERE id = %s", (choice.randint(0, 4), order)),
            ("UPDATE orders SET amount = %s WHERE id BETWEEN %s AND %s", (choice.randint(0, 400), low, low + 200)),
            ("UPDATE orders SET tenant = (tenant + 1) %% 5 WHERE id BETWEEN %s AND %s", (low, low + 100)),
            ("UPDATE orders SET id = id + 100000, tenant = 1 WHERE id = %s", (order,)),
            ("DELETE FROM orders WHERE id BETWEEN %s AND %s", (low, low + 3)),
            ("INSERT INTO orders VALUES (%s, %s, '5', '18712345678')", (choice.randint(10**6, 10**9), order % 5)),
            (
                "UPDATE places SET id = slot + 2000 * %s WHERE slot = %s",
                (choice.randint(0, 6), choice.randint(1, 2000)),
            ),
            ("UPDATE lines SET line = %s WHERE line = %s", (choice.randint(0, 40), choice.randint(0, 40))),
            ("UPDATE lines SET word = %s WHERE line = %s", (f"word {order % 50}", choice.randint(0, 40))),
            ("INSERT INTO lines VALUES (%s, 'new')", (choice.randint(0, 40),)),
            ("UPDATE left_side SET id = -id, note = 'moved' WHERE id BETWEEN %s AND %s", (low // 20, low // 20 + 9)),
            ("UPDATE right_side SET side = 7 - side WHERE id BETWEEN %s AND %s", (low // 20, low // 20 + 9)),
            ("DELETE FROM right_side WHERE id = %s", (low // 20,)),
        ]
        if choice.random() < 0.01:
            # One of them is emptied, and what is in the same table of the destination stays.
            session.execute("TRUNCATE right_side")
            session.execute("INSERT INTO right_side SELECT 2 + i %% 4, i, %s FROM generate_series(1, 50) i", (low,))
        if choice.random() < 0.03:
            # Now and then: its batch is applied transaction by transaction.
            session.execute("UPDATE orders SET amount = 'much' WHERE id = %s", (order,))
        session.execute(*choice.choice(acts))
        word = f"{self.ident} {self.done} {choice.random()}"
        session.execute("INSERT INTO kept.log (word) VALUES (%s)", (word,))
        session.execute("INSERT INTO log (word) VALUES (%s)", (word,))


@contextmanager
def loaded(source: Cluster, destination: Cluster, name: str) -> Iterator[DatabasePair]:
    """A source with the tables and an empty destination."""
    source.create_database(name)
    destination.create_database(name)
    pair = DatabasePair(source, destination, name, source.connect(name), destination.connect(name))
    pair.source.execute(DEFINITIONS.encode())
    pair.destination.execute(SIDES.encode())
    pair.source.execute("CREATE SCHEMA kept; CREATE TABLE kept.log (word text); ANALYZE")
    try:
        yield pair
    finally:
        pair.close()
        source.start()
        destination.start()
        destination.drop_database(name)
        source.drop_database(name)


@pytest.mark.parametrize("scenario", ["kills", pytest.param("crashes", marks=pytest.mark.marathon)])
def test_selected_and_changed_rows_survive(
    scenario: str, source_cluster: Cluster, destination_cluster: Cluster, server_folder: Path, state_home: Path
) -> None:
    name = f"projected-{scenario}"
    choice = random.Random(scenario)
    with loaded(source_cluster, destination_cluster, name) as pair:
        advanced = Advanced(etl_errors="dead-letter")
        made = ProjectedTrial(pair, server_folder, name, 0.5, advanced=advanced, tables=TABLES, conflicts="ignore")
        writers = [Writer(pair, seed) for seed in range(2)]
        try:
            for writer in writers:
                writer.start()
            made.start()
            blows = [strike(made, fault, phase, choice) for fault, phase in SCENARIOS[scenario]]
            made.reach("steady")
            for writer in writers:
                writer.stop()
            # Deleted where nothing more is written: the destination keeps what it has.
            pair.source.execute("DELETE FROM log")
            made.compare()
            print(*blows, sep="\n")
            assert made.findings.clean, f"{made.findings}; {made.warnings()}"
            assert sum(writer.done for writer in writers) > 100
            letters = pair.destination.execute("SELECT count(*) FROM syncwizard.dead_letters").fetchone()
            assert letters is not None and letters[0] > 0
            made.release()
            assert made.findings.clean, str(made.findings)
        finally:
            for writer in writers:
                writer.stop()
            made.end_engine()
