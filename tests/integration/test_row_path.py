"""Rows on their way: copied under a pair, streamed, folded, applied; on real servers with real child processes."""

from pathlib import Path

from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, label text, body text);
ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
"""


def test_a_table_is_copied_and_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, ITEMS)
    pair.source.execute("INSERT INTO items SELECT i, 'label ' || i, repeat('x', 5000) FROM generate_series(1, 1000) i")
    path.copy()
    pair.source.execute("UPDATE items SET label = 'changed' WHERE id % 3 = 0")
    with path.following():
        pair.source.execute("DELETE FROM items WHERE id % 7 = 0")
        pair.source.execute("UPDATE items SET id = id + 10000 WHERE id % 5 = 0")
        pair.source.execute("INSERT INTO items VALUES (1000000, NULL, ''), (1000001, '', NULL)")
        path.caught_up()
    assert assert_equal(pair)["public.items"].rows > 800
