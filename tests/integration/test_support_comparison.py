"""The comparison that other tests rely on finds what it must find."""

import pytest

from tests.support.comparison import assert_equal, contents
from tests.support.pair import DatabasePair

DEFINITION = "CREATE TABLE item (id int PRIMARY KEY, at timestamptz, amount float8, data bytea)"
ROWS = "INSERT INTO item VALUES (1, '2024-01-01 00:00Z', 0.1, '\\x00ff'), (2, NULL, 2, NULL)"


def test_equal_rows_in_another_order_and_with_other_columns_order_are_equal(pair: DatabasePair) -> None:
    pair.source.execute(DEFINITION)
    pair.source.execute(ROWS)
    pair.destination.execute("CREATE TABLE item (data bytea, amount float8, at timestamptz, id int PRIMARY KEY)")
    pair.destination.execute("INSERT INTO item VALUES (NULL, 2, NULL, 2), ('\\x00ff', 0.1, '2024-01-01 01:00+01', 1)")
    pair.destination.execute("SET TimeZone = 'Asia/Tokyo'; SET extra_float_digits = -10")
    assert assert_equal(pair)["public.item"].rows == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE item SET amount = 0.1000000000000001 WHERE id = 1",
        "DELETE FROM item WHERE id = 2",
        "INSERT INTO item VALUES (3)",
        "UPDATE item SET data = '' WHERE data IS NULL",
        "DROP TABLE item",
        "CREATE TABLE other ()",
    ],
)
def test_any_difference_is_found(pair: DatabasePair, change: str) -> None:
    for session in (pair.source, pair.destination):
        session.execute(DEFINITION)
        session.execute(ROWS)
    assert_equal(pair)
    pair.destination.execute(change)
    with pytest.raises(AssertionError, match="differ"):
        assert_equal(pair)


def test_a_row_doubled_is_not_a_row_lost(pair: DatabasePair) -> None:
    """Two equal rows do not cancel each other out, as they would in an exclusive or."""
    for session in (pair.source, pair.destination):
        session.execute("CREATE TABLE log (line text)")
    pair.source.execute("INSERT INTO log VALUES ('a'), ('a'), ('b')")
    pair.destination.execute("INSERT INTO log VALUES ('b'), ('b'), ('a')")
    assert contents(pair.source) != contents(pair.destination)
