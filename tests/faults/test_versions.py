"""Pairs of versions: a whole task over a mixed schema, with kills, while a writer changes everything.

Beside 16 and 18 the servers are those of `tests.support.older`. The few pairs of every run are the ones that differ
most; the others are for the marathon.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.task.specification import Advanced, Retry, SchemaObjects
from tests.conftest import connected
from tests.faults.harness import left_at_destination, left_at_source
from tests.faults.running import RunningTask, running
from tests.support.commands import syncwizard
from tests.support.comparison import contents
from tests.support.older import EVERY_RUN, older_installation
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SQL = Path(__file__).parent / "sql"
# Those that the demo extra has.
CARRIED = (16, 18)
KILLS = 2
PLUGIN_KILLS = 10
OBJECTS = (SchemaObjects(schema="public"), SchemaObjects(schema='Odd "Names'))
# What only newer versions have, by the version they came with.
SINCE = {
    11: "CREATE UNIQUE INDEX numbered_covering ON numbered (code) INCLUDE (n);"
    "CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';"
    "CREATE TABLE keyed (id int, region text, n int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);"
    "CREATE TABLE keyed_all PARTITION OF keyed DEFAULT;"
    "INSERT INTO keyed SELECT i, 'north', 0 FROM generate_series(1, 100) i",
    12: "CREATE TABLE computed (id int PRIMARY KEY, n int, double_n int GENERATED ALWAYS AS (n * 2) STORED);"
    "INSERT INTO computed SELECT i, i FROM generate_series(1, 100) i",
}
CHANGES = (
    "UPDATE kinds SET whole = whole + 1, exact = exact + 0.5, tree = tree || '{{\"x\": {n}}}' WHERE id % 50 = {n} % 50",
    "UPDATE kinds SET double = 'NaN', moment = '-infinity', words = NULL, numbers = '{{{{{n}}}}}' WHERE id = {n} + 1",
    "DELETE FROM kinds WHERE id = {n} + 200",
    "INSERT INTO kinds (words, exact, feelings, home) VALUES ('new \\ {n}', {n}.500, '{{glad,NULL}}', '(\"({n}\",)')",
    'UPDATE "Odd ""Names"."Größe der Tür" SET "select" = "select" + 1000, "Wert ü" = \'neu\' WHERE "a.b" = {n} % 100',
    "INSERT INTO bag VALUES ('note {n}', {n}.0), ('note {n}', {n}.0), ('note 1', NULL)",
    "UPDATE bag SET amount = amount + 1 WHERE ctid = (SELECT min(ctid) FROM bag)",
    "DELETE FROM bag WHERE ctid = (SELECT max(ctid) FROM bag)",
    "UPDATE every_column SET n = n + 1 WHERE id % 10 = {n} % 10",
    "UPDATE numbered SET n = n + 1, code = code || '.' WHERE id % 20 = {n} % 20",
    "INSERT INTO numbered (code) VALUES ('more {n}.' || random())",
    "UPDATE long_values SET version = version + 1 WHERE id % 100 = {n} % 100",
    "UPDATE long_values SET id = id + 100000, body = CASE id % 2 WHEN 0 THEN body ELSE 'short' END WHERE id = {n} + 1",
    "UPDATE parents SET id = id + 10000 WHERE id = {n} % 100 + 1",
    "DELETE FROM parents WHERE id = (SELECT max(id) FROM parents) AND {n} % 20 = 0",
    "INSERT INTO children SELECT 500000 + {n}, min(id), {n} FROM parents ON CONFLICT DO NOTHING",
    "UPDATE parts SET n = n + 1 WHERE id % 30 = {n} % 30",
    "INSERT INTO parts VALUES (nextval('numbers') + 10000, 'south', {n})",
    "UPDATE audited SET n = n + 1 WHERE id % 10 = {n} % 10",
)
CHANGES_SINCE = {
    11: (
        # Not so often that a copy of the table never ends.
        "DO $$ BEGIN IF {n} % 20 = 0 THEN TRUNCATE emptied; END IF; END $$;"
        " INSERT INTO emptied SELECT i, {n} FROM generate_series(1, {n} % 50) i ON CONFLICT DO NOTHING",
        "UPDATE keyed SET region = 'part {n}', n = n + 1 WHERE id = {n} % 100 + 1",
    ),
    12: ("UPDATE computed SET n = n + 1 WHERE id % 10 = {n} % 10",),
}


def since(version: int, table: dict[int, str]) -> str:
    return ";".join(text for first, text in table.items() if version >= first)


@contextmanager
def server(folder: Path, version: int) -> Iterator[Cluster]:
    """A server of the version for a test."""
    installation = None if version in CARRIED else older_installation(version)
    cluster = Cluster(folder / f"of-{version}", version, durable=False, installation=installation)
    try:
        yield cluster.create().start()
    finally:
        cluster.destroy()


class Writer:
    """Changes of every kind, in transactions of one to four, from `with` to its end."""

    def __init__(self, pair: DatabasePair, seed: int) -> None:
        version = pair.source_cluster.version
        more = [each for first, changes in CHANGES_SINCE.items() if version >= first for each in changes]
        self._choice = random.Random(seed)
        self._changes = [*CHANGES, *more]
        self._session = pair.source_cluster.connect(pair.database)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._error: psycopg.Error | None = None
        self.transactions = 0

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.01):
                self._write(self._session)
        except psycopg.Error as error:
            self._error = error

    def _write(self, session: Session) -> None:
        with session.transaction():
            for change in self._choice.choices(self._changes, k=self._choice.randint(1, 4)):
                session.execute(change.format(n=self.transactions).encode())
        self.transactions += 1

    def write(self, transactions: int) -> None:
        """Waits for some more transactions."""
        target = self.transactions + transactions
        until(lambda: self._error or self.transactions >= target, 60, "the writer to go on")
        assert self._error is None, self._error

    def __enter__(self) -> "Writer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._session.close()
        assert self._error is None, self._error


def counted(session: Session) -> dict[str, int]:
    """How many objects of each kind there are beside the tables."""
    return dict(session.execute((SQL / "counts.sql").read_bytes()).fetchall())


def kill_in(task: RunningTask, stage: str) -> None:
    """kill -9 of the engine once the stage has begun, and `resume`."""
    until(lambda: stage in task.state.stages, 60, f"{task.name} to begin {stage}")
    task.kill_engine()
    task.resume()


def synchronize(pair: DatabasePair, folder: Path, seed: int, kills: int = KILLS, **advanced: Any) -> None:
    """The whole task: started, killed while it copies and while it follows, compared and released."""
    version = pair.source_cluster.version
    definitions = (SQL / "mixed.sql").read_text() + since(version, SINCE)
    settings = Advanced(retry=Retry(connection_minutes=10, other_minutes=1), **advanced)
    with (
        running(pair, folder, definitions, objects=list(OBJECTS), advanced=settings) as task,
        Writer(pair, seed) as writer,
    ):
        # Identities and triggers of its own are like ours.
        own = set(left_at_source(pair))
        syncwizard("start", task.file)
        [able] = [each for each in task.state.precheck if each.item == "source-abilities"]
        assert (able.verdict == "warning") == (version < 13) and ("TRUNCATE" in able.message) == (version < 11)
        kill_in(task, "full")
        for _ in range(kills):
            task.follow()
            writer.write(20)
            task.kill_engine()
            task.resume()
        task.caught_up()
        writer.__exit__()
        task.converged()
        syncwizard("verify", task.name)
        assert len(contents(pair.destination)) >= 10
        assert counted(pair.source) == counted(pair.destination)
        syncwizard("pause", task.name)
        syncwizard("release", task.name, "--yes")
        until(
            lambda: set(left_at_source(pair)) == own and not left_at_destination(pair), 10, "nothing of ours to be left"
        )


@pytest.mark.parametrize("version", EVERY_RUN)
def test_a_source_of_another_version_arrives_at_18(
    server_folder: Path, destination_cluster: Cluster, tmp_path: Path, state_home: Path, version: int
) -> None:
    with server(server_folder, version) as source, contextmanager(connected)(source, destination_cluster) as pair:
        synchronize(pair, tmp_path, version)


@pytest.mark.parametrize("version", [10, pytest.param(14, marks=pytest.mark.marathon)])
def test_a_source_that_publishes_nothing_is_followed_by_test_decoding(
    server_folder: Path, destination_cluster: Cluster, tmp_path: Path, state_home: Path, version: int
) -> None:
    with server(server_folder, version) as source, contextmanager(connected)(source, destination_cluster) as pair:
        synchronize(pair, tmp_path, version, kills=PLUGIN_KILLS, decoding="test_decoding")


@pytest.mark.marathon
@pytest.mark.parametrize(
    "versions",
    [(11, 18), (14, 18), (15, 18), (10, 12), (12, 16), (13, 18), (10, 18), (10, 10), (11, 11), (12, 12), (13, 13)],
    ids=lambda pair: f"{pair[0]}-{pair[1]}",
)
def test_a_pair_of_other_versions_is_kept_equal(
    server_folder: Path, tmp_path: Path, state_home: Path, versions: tuple[int, int]
) -> None:
    one, other = versions
    with server(server_folder, one) as source:
        if one == other:
            with contextmanager(connected)(source, source) as pair:
                synchronize(pair, tmp_path, one)
            return
        with server(server_folder, other) as destination, contextmanager(connected)(source, destination) as pair:
            synchronize(pair, tmp_path, one)
