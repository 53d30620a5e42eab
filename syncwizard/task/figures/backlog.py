"""Whether a backlog is better applied without the vector indexes of a table, which are built anew afterwards."""

# An insert into an HNSW index costs about ten times its share of a build: from this part of the rows on building is the
# quicker way (`python -m tests.benchmarks backlog`).
SHARE = 0.08
# Below it neither takes long.
LEAST_ROWS = 1000
# A backlog that an engine is through with in a second or two.
SMALL_BYTES = 1024 * 1024


def awaited_changes(done: int, applied_bytes: int, left_bytes: int) -> int:
    """The changes of a table that the rest of a backlog holds, if it is like what was applied of it.

    >>> awaited_changes(2_000, 10_000_000, 60_000_000), awaited_changes(0, 0, 60_000_000)
    (12000, 0)
    """
    return done * max(0, left_bytes) // applied_bytes if applied_bytes > 0 else 0


def worth_rebuilding(rows: int, awaited: int) -> bool:
    """Whether so many changes are to come that an index over so many rows is built more quickly than it takes them.

    >>> worth_rebuilding(30_000, 2_500), worth_rebuilding(30_000, 2_000), worth_rebuilding(100, 900)
    (True, False, False)
    """
    return awaited >= max(LEAST_ROWS, SHARE * rows)
