"""Rows that the destination lacks when a change of them comes: brought whole, or the task says what is in the way."""

from pathlib import Path

import pytest

from syncwizard.errors import ChangeFailed
from tests.integration.test_exactness import move_sync_point
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

LARGE_KEYS = """
CREATE TABLE t (id text PRIMARY KEY, label text, body text);
ALTER TABLE t ALTER id SET STORAGE EXTERNAL, ALTER body SET STORAGE EXTERNAL;
"""
FILL_LARGE_KEYS = """
INSERT INTO t SELECT (SELECT string_agg(md5(i || '-' || n), '') FROM generate_series(1, 78) n), 'old', repeat('x', 5000)
  FROM generate_series(1, 3) i
"""


def test_a_missing_row_is_found_by_a_key_that_the_change_left_out(pair: DatabasePair, tmp_path: Path) -> None:
    """A key that is stored out of line comes with the old row alone."""
    path = row_path(pair, tmp_path, LARGE_KEYS)
    pair.source.execute(FILL_LARGE_KEYS)
    path.copy()
    pair.source.execute("UPDATE t SET label = 'new'")
    pair.destination.execute("DELETE FROM t")
    move_sync_point(path)
    with path.following():
        path.caught_up()
    assert len(assert_equal(pair)) == 1
    assert pair.destination.execute("SELECT count(*) FROM t WHERE label = 'new'").fetchone() == (3,)


def test_a_missing_row_among_many_whose_place_another_one_has_is_not_passed_over(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = row_path(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, code int UNIQUE, n int)")
    pair.source.execute("INSERT INTO t SELECT i, i, 0 FROM generate_series(1, 3000) i")
    path.copy()
    with path.following():
        path.caught_up()
    pair.destination.execute("DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (-1, 1, 0)")
    pair.source.execute("UPDATE t SET n = 1")
    with pytest.raises(ChangeFailed, match=r"update on public\.t with id = 1,"), path.following():
        until(lambda: path.error is not None, 60, "the change to be refused")
    assert pair.destination.execute("SELECT count(*) FROM t WHERE n = 1").fetchone() == (0,)
