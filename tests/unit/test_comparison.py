"""Which rows differ: held to a comparison of the rows themselves."""

import hashlib
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from syncwizard.rows.comparison import HashedRow, differences, unequal_buckets

ROWS = st.dictionaries(st.integers(0, 40), st.integers(0, 3), max_size=30)
BUCKETS = 4


def hashed(rows: dict[int, int]) -> list[HashedRow]:
    return sorted((key % BUCKETS, (str(key),), value) for key, value in rows.items())


def sums(rows: list[HashedRow]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for bucket, key, value in rows:
        count, total = found.get(bucket, (0, 0))
        # Of tuples Python's own hashes differ by what their last numbers do: sums of others would be equal.
        digest = hashlib.sha256(repr((key, value)).encode()).digest()
        found[bucket] = count + 1, total + int.from_bytes(digest[:8])
    return found


@given(ROWS, ROWS)
def test_rows_with_keys_are_changed_missing_or_extra(source: dict[int, int], destination: dict[int, int]) -> None:
    ours, theirs = hashed(source), hashed(destination)
    unequal = unequal_buckets(sums(ours), sums(theirs))
    found = differences([row for row in ours if row[0] in unequal], [row for row in theirs if row[0] in unequal])
    both = source.keys() & destination.keys()
    assert found.changed == sum(source[key] != destination[key] for key in both)
    assert found.only_source == len(source.keys() - both)
    assert found.only_destination == len(destination.keys() - both)
    assert not found.more


@given(st.lists(st.integers(0, 5), max_size=30), st.lists(st.integers(0, 5), max_size=30))
def test_rows_without_keys_are_counted(source: list[int], destination: list[int]) -> None:
    ours = sorted((value % BUCKETS, (str(value),), value) for value in source)
    theirs = sorted((value % BUCKETS, (str(value),), value) for value in destination)
    found = differences(ours, theirs)
    assert found.changed == 0
    assert found.only_source == (Counter(source) - Counter(destination)).total()
    assert found.only_destination == (Counter(destination) - Counter(source)).total()


def test_a_comparison_ends_early_where_enough_differs() -> None:
    ours = [(bucket, (f"{bucket}-{row}",), row) for bucket in range(10) for row in range(10)]
    found = differences(ours, [], counted=25)
    assert found.only_source == 30
    assert found.more
