"""A stream begins with the last transaction that was applied (rule 5): it is not applied again, and what follows is."""

from contextlib import closing
from pathlib import Path

import pytest

from syncwizard.task.lsn import parse_lsn
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE a (id int PRIMARY KEY, v text);
CREATE TABLE b (id int PRIMARY KEY, v text, gone text);
CREATE TABLE c (id int PRIMARY KEY);
CREATE TABLE keyless (v text);
ALTER TABLE keyless REPLICA IDENTITY FULL;
"""
LAST = """
INSERT INTO a VALUES (1, 'first'); INSERT INTO b VALUES (1, 'first', 'x'); INSERT INTO c VALUES (1);
INSERT INTO keyless VALUES ('once'); INSERT INTO a SELECT i, repeat('x', 1000) FROM generate_series(100, {rows}) i;
"""
# `a` is not described again for these: the server has described it in the transaction before.
NEXT = """
INSERT INTO a VALUES (2, 'next'); INSERT INTO b VALUES (2, 'next'); TRUNCATE c; INSERT INTO keyless VALUES ('next')
"""


@pytest.mark.parametrize("rows", [0, 40_000], ids=["small", "in-pieces"])
def test_the_last_transaction_comes_again_and_is_not_applied_again(
    pair: DatabasePair, tmp_path: Path, rows: int
) -> None:
    path = row_path(pair, tmp_path, TABLES)
    path.copy()
    with closing(pair.source_cluster.connect(pair.database, autocommit=False)) as locker:
        with path.following():
            until(path.consistent.is_set, 30, "the session that follows")
            path.caught_up()
            # No heartbeat comes any more.
            locker.execute("LOCK TABLE dts_postgres_heartbeat IN SHARE MODE")
            with pair.source.transaction():
                pair.source.execute(LAST.format(rows=rows).encode())
            until(lambda: pair.destination.execute("SELECT FROM keyless").fetchone() is not None, 60, "the rows")
        last = pair.destination.execute(
            "SELECT last_commit_lsn::text, applied_lsn::text FROM syncwizard.progress"
        ).fetchone()
        assert last is not None and parse_lsn(last[0]) < parse_lsn(last[1])
        slot = pair.source.execute("SELECT confirmed_flush_lsn::text FROM pg_replication_slots").fetchone()
        assert slot is not None and parse_lsn(slot[0]) <= parse_lsn(last[0])
        for end in (pair.source, pair.destination):
            end.execute("ALTER TABLE b DROP COLUMN gone")
        pair.source.execute(NEXT.encode())
        # Nor can the last one be read; the stream shows that it is the same history.
        locker.execute("LOCK TABLE dts_postgres_heartbeat IN ACCESS EXCLUSIVE MODE")
        for _ in range(2):
            with path.following():
                until(
                    lambda: pair.destination.execute("SELECT count(*) FROM keyless").fetchone() == (2,), 30, "the next"
                )
        locker.rollback()
    with path.following():
        path.caught_up()
    assert_equal(pair)
    assert pair.destination.execute("SELECT v FROM keyless ORDER BY v").fetchall() == [("next",), ("once",)]
