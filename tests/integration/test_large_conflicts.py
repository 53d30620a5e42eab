"""Transactions that are larger than a batch and cannot be applied in an order of the fold's own (rule 12): they come
again from the source, and are applied change by change up to their commit."""

from pathlib import Path

import pytest

from syncwizard.stages.incremental.batches import BATCH_BYTES
from syncwizard.task.events import Noticed
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

pytestmark = pytest.mark.slow

ITEMS = """
CREATE TABLE items (id int PRIMARY KEY, label text UNIQUE, body text);
ALTER TABLE items ALTER body SET STORAGE EXTERNAL;
"""
BODY_BYTES = 100_000
# Twice a batch, so that both its first part and its last are no whole transaction.
ROWS = 2 * BATCH_BYTES // BODY_BYTES
LARGE = (
    f"INSERT INTO items SELECT i, 'row ' || i, repeat('x', {BODY_BYTES}) FROM generate_series(1001, {1000 + ROWS}) i"
)
SWAP = (
    "UPDATE items SET label = 'free' WHERE id = 1",
    "UPDATE items SET label = 'label 1' WHERE id = 2",
    "UPDATE items SET label = 'label 2' WHERE id = 1",
)


def careful(path: RowPath) -> list[str]:
    events = [event for event in path.task.events if isinstance(event, Noticed)]
    return [event.message for event in events if "applied change by change" in event.message]


@pytest.mark.parametrize("statements", [(*SWAP, LARGE), (LARGE, *SWAP)], ids=["at its beginning", "at its end"])
def test_a_large_transaction_with_a_swap_comes_again_and_is_applied_in_its_order(
    pair: DatabasePair, tmp_path: Path, statements: tuple[str, ...]
) -> None:
    path = row_path(pair, tmp_path, ITEMS)
    pair.source.execute("INSERT INTO items SELECT i, 'label ' || i, 'short' FROM generate_series(1, 100) i")
    path.copy()
    with path.following():
        path.caught_up()
        with pair.source.transaction():
            for statement in statements:
                pair.source.execute(statement.encode())
        pair.source.execute("UPDATE items SET label = 'after' WHERE id = 3")
        path.caught_up(120)
        # Whole batches are folded again.
        pair.source.execute("INSERT INTO items SELECT i, 'folded ' || i, '' FROM generate_series(5001, 5100) i")
        path.caught_up()
    assert_equal(pair)
    assert len(careful(path)) == 1, careful(path)
