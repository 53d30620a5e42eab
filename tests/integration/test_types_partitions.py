"""Partition trees that change while changes stream: partitions that come with rows or without, go and are emptied, at a
destination that is partitioned alike, otherwise, or not at all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.task.events import Noticed
from tests.faults.running import RunningTask, running
from tests.integration.test_types_semantics import both_ends
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

COLUMNS = "(id int PRIMARY KEY, note text, body text)"
TREE = f"""
CREATE TABLE tree {COLUMNS} PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (100);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (100) TO (200);
CREATE TABLE tree_rest PARTITION OF tree DEFAULT;
ALTER TABLE tree ALTER body SET STORAGE EXTERNAL; ALTER TABLE tree_1 ALTER body SET STORAGE EXTERNAL;
ALTER TABLE tree_2 ALTER body SET STORAGE EXTERNAL; ALTER TABLE tree_rest ALTER body SET STORAGE EXTERNAL;
"""
FLAT = f"CREATE TABLE tree {COLUMNS};"
HASHED = f"""
CREATE TABLE tree {COLUMNS} PARTITION BY HASH (id);
CREATE TABLE hash_0 PARTITION OF tree FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE hash_1 PARTITION OF tree FOR VALUES WITH (MODULUS 2, REMAINDER 1);
"""
SMALL = f"""
CREATE TABLE small {COLUMNS} PARTITION BY RANGE (id);
CREATE TABLE small_1 PARTITION OF small FOR VALUES FROM (0) TO (100);
CREATE TABLE small_2 PARTITION OF small FOR VALUES FROM (100) TO (200);
CREATE TABLE small_3 PARTITION OF small FOR VALUES FROM (200) TO (400);
"""


def notices(path: RowPath) -> str:
    return "\n".join(f"{event.message}; {event.remedy}" for event in path.task.events if isinstance(event, Noticed))


def rows(session: Session, table: str = "tree") -> list[tuple[object, ...]]:
    return session.execute(f"SELECT id, note, md5(body) FROM {table} ORDER BY 1".encode()).fetchall()


# In the order of an application's life: each statement a transaction.
LIFE = [
    "INSERT INTO tree SELECT i, 'old', repeat('x', 4000) FROM generate_series(0, 260) i",
    "DELETE FROM tree WHERE id BETWEEN 190 AND 199",
    "UPDATE tree SET note = 'moved', id = id + 100 WHERE id BETWEEN 90 AND 99",
    "DELETE FROM tree WHERE id BETWEEN 50 AND 60",
    # Created as a partition, and filled in the same transaction.
    "BEGIN; CREATE TABLE tree_3 PARTITION OF tree FOR VALUES FROM (1000) TO (1100);"
    " INSERT INTO tree SELECT i, 'third', repeat('y', 4000) FROM generate_series(1000, 1080) i; COMMIT",
    # Created as a table, attached empty, filled then.
    "CREATE TABLE tree_4 (LIKE tree INCLUDING ALL)",
    "ALTER TABLE tree ATTACH PARTITION tree_4 FOR VALUES FROM (2000) TO (2100)",
    "INSERT INTO tree SELECT i, 'fourth', NULL FROM generate_series(2000, 2070) i",
    # Rows move out of the default partition, which shrinks for another one.
    "BEGIN; DELETE FROM tree_rest WHERE id BETWEEN 200 AND 230;"
    " CREATE TABLE tree_5 PARTITION OF tree FOR VALUES FROM (200) TO (231);"
    " INSERT INTO tree SELECT i, 'fifth', 'short' FROM generate_series(200, 230) i; COMMIT",
    "UPDATE tree SET note = note || '.'",
    "UPDATE tree SET id = id + 1080 WHERE id BETWEEN 1000 AND 1010",
    "UPDATE tree SET id = id - 2000 WHERE id BETWEEN 2050 AND 2060",
    "DELETE FROM tree WHERE id BETWEEN 1020 AND 1080",
]


@pytest.mark.parametrize("destination", [HASHED, FLAT], ids=["hashed", "flat"])
def test_partitions_come_at_a_destination_that_has_others(pair: DatabasePair, tmp_path: Path, destination: str) -> None:
    path = both_ends(pair, TREE, destination, tmp_path)
    pair.source.execute("INSERT INTO tree SELECT i, 'copied', repeat('c', 4000) FROM generate_series(300, 400) i")
    path.copy()
    with path.following():
        for statement in LIFE:
            pair.source.execute(statement.encode())
        path.caught_up()
        assert rows(pair.destination) == rows(pair.source)
        for statement in ("DELETE FROM tree WHERE id < 200", "UPDATE tree SET note = 'late', id = -id WHERE id > 300"):
            pair.source.execute(statement.encode())
            path.caught_up()
            assert rows(pair.destination) == rows(pair.source)
    assert "attached after" not in notices(path)


def test_partitions_come_and_go_at_the_source(pair: DatabasePair, tmp_path: Path) -> None:
    """The destination has none of the new ones: its default partition takes their rows."""
    path = row_path(pair, tmp_path, TREE + SMALL)
    pair.source.execute("INSERT INTO small SELECT i, 'small' FROM generate_series(0, 199) i")
    path.copy()
    with path.following():
        for statement in LIFE:
            pair.source.execute(statement.encode())
            path.caught_up()
        assert rows(pair.destination) == rows(pair.source)
        last, gone = rows(pair.source, "small_2"), rows(pair.source, "small_1")
        # With a default partition the server refuses it.
        pair.source.execute("ALTER TABLE small DETACH PARTITION small_2 CONCURRENTLY")
        pair.source.execute("UPDATE small_2 SET note = 'on its own'")
        pair.source.execute("DROP TABLE small_1")
        pair.source.execute("INSERT INTO small VALUES (300, 'new')")
        path.caught_up()
    # A session looks at once what it has to carry, and then now and then.
    with path.following():
        until(lambda: "detached after the start: public.small_2" in notices(path), 20, "the detached one to be told")
        # What left the tree stays as it was when it did.
        assert rows(pair.destination, "small") == [*gone, *last, *rows(pair.source, "small")]


@contextmanager
def commits_waiting(pair: DatabasePair) -> Iterator[None]:
    """Commits that want to wait for a standby are in the WAL, and not visible, until the block ends."""
    pair.source.execute(f'ALTER DATABASE "{pair.database}" SET synchronous_commit = local'.encode())
    pair.source.execute("SET synchronous_commit = local")
    standbys(pair, "nobody")
    try:
        yield
    finally:
        standbys(pair, "")


def standbys(pair: DatabasePair, names: str) -> None:
    pair.source.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'".encode())
    pair.source.execute("SELECT pg_reload_conf()")
    until(lambda: pair.source.execute("SHOW synchronous_standby_names").fetchone() == (names,), 20, "the setting")


def test_what_a_commit_has_created_that_is_not_visible_yet_is_not_taken_for_dropped(
    pair: DatabasePair, tmp_path: Path
) -> None:
    """The stream brings it before the catalogue has it: a moment as a rule, as long as a standby takes at worst."""
    path = both_ends(pair, TREE, TREE, tmp_path)
    path.copy()
    beats = "SELECT beats FROM dts_postgres_heartbeat"
    with commits_waiting(pair), path.following():
        path.caught_up()
        creator = pair.source_cluster.connect(pair.database, autocommit=False)
        creator.execute("SET synchronous_commit = on")
        creator.execute("CREATE TABLE tree_3 PARTITION OF tree FOR VALUES FROM (1000) TO (1100)")
        creator.execute("INSERT INTO tree SELECT i, 'new', 'b' FROM generate_series(1000, 1080) i")
        committing = threading.Thread(target=creator.commit)
        committing.start()
        waiting = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND pid = %s"
        until(lambda: pair.source.execute(waiting, (creator.info.backend_pid,)).fetchone(), 20, "the commit to wait")
        # Long enough for the stream to have brought it.
        start = pair.source.execute(beats).fetchone()
        assert start is not None
        until(lambda: (pair.source.execute(beats).fetchone() or (0,))[0] >= start[0] + 2, 20, "two heartbeats")
        standbys(pair, "")
        committing.join()
        creator.close()
        path.caught_up()
        assert rows(pair.destination) == rows(pair.source)
        pair.source.execute("UPDATE tree SET note = 'changed'")
        path.caught_up()
    assert rows(pair.destination) == rows(pair.source) != []
    assert "dropped" not in notices(path)


BROUGHT = [
    f"CREATE TABLE came {COLUMNS}; INSERT INTO came SELECT i, 'before', 'b' FROM generate_series(1000, 1099) i",
    "ALTER TABLE tree ATTACH PARTITION came FOR VALUES FROM (1000) TO (2000)",
    "INSERT INTO tree SELECT i, 'after', 'a' FROM generate_series(1500, 1510) i",
    # In one transaction.
    f"BEGIN; CREATE TABLE at_once {COLUMNS}; INSERT INTO at_once VALUES (2000, 'before', 'b');"
    " ALTER TABLE tree ATTACH PARTITION at_once FOR VALUES FROM (2000) TO (3000); COMMIT",
    # A tree of its own.
    f"CREATE TABLE below {COLUMNS} PARTITION BY LIST (id); CREATE TABLE below_1 PARTITION OF below DEFAULT;"
    " INSERT INTO below VALUES (3000, 'before', 'b')",
    "ALTER TABLE tree ATTACH PARTITION below FOR VALUES FROM (3000) TO (4000)",
    f"CREATE TABLE empty {COLUMNS}; ALTER TABLE tree ATTACH PARTITION empty FOR VALUES FROM (4000) TO (5000);"
    " INSERT INTO tree SELECT i, 'after', 'a' FROM generate_series(4000, 4010) i",
    "BEGIN; CREATE TABLE created PARTITION OF tree FOR VALUES FROM (5000) TO (6000);"
    " INSERT INTO tree SELECT i, 'after', 'a' FROM generate_series(5000, 5010) i; COMMIT",
]


def test_a_partition_that_comes_with_rows_is_reported(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    """And copied by the command that is told."""
    with running(pair, tmp_path, TREE, name="partitions") as task:
        task.start()
        task.pause()
        for statement in BROUGHT:
            pair.source.execute(statement.encode())
        for name in ("came", "at_once", "below_1", "empty", "created"):
            pair.destination.execute(f"CREATE TABLE {name} {COLUMNS}".encode())
        task.resume("--until", "caught-up")
        assert until(lambda: attached(task), 20, "it to be told") == [
            "attached after the start with rows in them that are not at the destination: "
            "public.at_once, public.below_1, public.came"
        ]
        syncwizard("resync", task.name, "--table", "public.came", "--yes")
        task.caught_up()
        assert rows(pair.destination, "came") == rows(pair.source, "came")
        task.release()


def attached(task: RunningTask) -> list[str]:
    found = [event.message for event in task.events if isinstance(event, Noticed)]
    return [message for message in found if "attached after the start" in message]
