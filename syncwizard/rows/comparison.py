"""What differs between two readings of one table: first by sums of buckets, then row by row in those that differ."""

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter

import msgspec

from syncwizard.task.verification import DifferenceKind, RowDifference

# Rows that are listed by their keys; beyond them only the number of rows that differ is known to be larger.
LISTED_ROWS = 100
# With so many rows that differ nothing more is learnt from the rest.
COUNTED_ROWS = 100_000

# Bucket, key, hash.
HashedRow = tuple[int, tuple[str, ...], int]


class Differences(msgspec.Struct, frozen=True, kw_only=True):
    """Rows that differ: `changed` are at both ends under one key, the others at one of them only.

    `more`: the comparison ended early, and there may be more of each. `rows`: the first of them.
    """

    changed: int = 0
    only_source: int = 0
    only_destination: int = 0
    more: bool = False
    rows: tuple[RowDifference, ...] = ()


def unequal_buckets(source: dict[int, tuple[int, int]], destination: dict[int, tuple[int, int]]) -> list[int]:
    """The buckets whose count or sum differ.

    >>> unequal_buckets({1: (2, 50), 2: (1, 7)}, {1: (2, 50), 2: (1, 8), 3: (1, 1)})
    [2, 3]
    """
    return sorted(
        bucket for bucket in source.keys() | destination.keys() if source.get(bucket) != destination.get(bucket)
    )


def differences(
    source: Iterable[HashedRow],
    destination: Iterable[HashedRow],
    *,
    counted: int = COUNTED_ROWS,
    listed: int = LISTED_ROWS,
) -> Differences:
    """What differs between the rows of both ends, each in the order of their buckets; the first `listed` by their keys.

    Rows without a key may occur several times: what one end has more of differs.

    >>> found = differences([(1, ("1",), 10), (1, ("2",), 20)], [(1, ("1",), 11), (1, ("3",), 30)])
    >>> found.changed, found.only_source, found.only_destination, [(row.key, row.kind) for row in found.rows]
    (1, 1, 1, [(('1',), 'changed'), (('2',), 'only-source'), (('3',), 'only-destination')])
    """
    totals: Counter[DifferenceKind] = Counter()
    rows: list[RowDifference] = []
    more = False
    for ours, theirs in _by_bucket(source, destination):
        for key, kind in _compare(ours, theirs):
            totals[kind] += 1
            if len(rows) < listed:
                rows.append(RowDifference(key=key, kind=kind))
        if totals.total() >= counted:
            more = True
            break
    return Differences(
        changed=totals["changed"],
        only_source=totals["only-source"],
        only_destination=totals["only-destination"],
        more=more,
        rows=tuple(rows),
    )


def _by_bucket(
    source: Iterable[HashedRow], destination: Iterable[HashedRow]
) -> Iterator[tuple[list[HashedRow], list[HashedRow]]]:
    """The rows of each bucket at both ends, side by side."""
    left, right = (groupby(rows, key=itemgetter(0)) for rows in (source, destination))
    ours, theirs = next(left, None), next(right, None)
    while ours is not None or theirs is not None:
        bucket = min(side[0] for side in (ours, theirs) if side is not None)
        here: list[HashedRow] = []
        there: list[HashedRow] = []
        if ours is not None and ours[0] == bucket:
            here, ours = list(ours[1]), next(left, None)
        if theirs is not None and theirs[0] == bucket:
            there, theirs = list(theirs[1]), next(right, None)
        yield here, there


def _compare(source: list[HashedRow], destination: list[HashedRow]) -> Iterator[tuple[tuple[str, ...], DifferenceKind]]:
    """The differences of one bucket by key, in the order of the keys."""
    ours = Counter((key, hashed) for _, key, hashed in source)
    theirs = Counter((key, hashed) for _, key, hashed in destination)
    missing: Counter[tuple[str, ...]] = Counter(key for key, _ in (ours - theirs).elements())
    extra: Counter[tuple[str, ...]] = Counter(key for key, _ in (theirs - ours).elements())
    changed = missing & extra
    kinds: list[tuple[Counter[tuple[str, ...]], DifferenceKind]] = [
        (changed, "changed"),
        (missing - changed, "only-source"),
        (extra - changed, "only-destination"),
    ]
    found = [(key, kind) for counts, kind in kinds for key in counts.elements()]
    yield from sorted(found)
