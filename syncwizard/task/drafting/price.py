"""What a choice will cost, before anything is copied: times between a fast and a slow pair of servers. Pure."""

import math
import re
from collections.abc import Collection, Sequence

import msgspec

from syncwizard.task.drafting.catalogue import Catalogue, CatalogueObject
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.specification import SynchronizationType
from syncwizard.task.text import coarse_seconds, counted, describe_bytes

# Slow and fast, in bytes a second: two streams on one machine copied 46 MB/s of vectors; a network may be slower.
COPY_RATES = (20e6, 80e6)
VECTOR_METHODS = ("hnsw", "ivfflat")
# Slow and fast, in dimensions of rows a second: 60,000 rows of vector(768) took 240 s with a server's default settings,
# 66 s with 1 GB and two workers. What a row costs besides is as much as OVERHEAD dimensions (30,000 rows of
# vector(128): 30 s), and grows with the depth of the graph.
BUILD_RATES = (240_000.0, 880_000.0)
OVERHEAD = 200
MEASURED_ROWS = 60_000
# A list of centres is found and filled faster than a graph is built.
IVFFLAT_SHARE = 0.2
_DIMENSIONS = re.compile(r"(?:vector|halfvec|sparsevec)\((\d+)\)$")
# Where a column names no dimensions.
USUAL_DIMENSIONS = 768


class Price(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes, and times in seconds, each the least and the most that is likely.

    `copy`: of the rows; `building`: of all vector indexes, of which there are `vector_indexes`.
    """

    bytes: int
    copy: tuple[float, float]
    vector_indexes: int
    building: tuple[float, float]


def price_of(choice: ObjectChoice) -> Price:
    """What the choice costs, as far as the source's estimates of its tables are right."""
    work = [
        work_of(each.rows or 0, method, dimensions)
        for each, method, dimensions in vector_indexes(choice.catalogue)
        if choice.has(each)
    ]
    return price_for(choice.tally.bytes, work)


def price_for(size: int, work: Sequence[float]) -> Price:
    """What so many bytes cost, and vector indexes with so much work each."""
    slow, fast = COPY_RATES
    return Price(
        bytes=size,
        copy=(size / fast, size / slow),
        vector_indexes=len(work),
        building=(sum(work) / BUILD_RATES[1], sum(work) / BUILD_RATES[0]),
    )


def vector_indexes(catalogue: Catalogue) -> list[tuple[CatalogueObject, str, int]]:
    """The vector indexes of all tables that hold rows, each with its method and the dimensions of its column."""
    found = []
    for each in catalogue.vector_tables:
        types = {column.name: column.type for column in catalogue.columns_of.get(each.relation, ())}
        for index in catalogue.indexes_of.get(each.relation, ()):
            if index.method in VECTOR_METHODS:
                named = _DIMENSIONS.search(types.get(index.columns, ""))
                found.append((each, index.method, int(named[1]) if named else USUAL_DIMENSIONS))
    return found


def work_of(rows: int, method: str, dimensions: int) -> float:
    """The work of building an index over so many rows, in dimensions of rows.

    >>> round(work_of(60_000, "hnsw", 768) / BUILD_RATES[0]), round(work_of(60_000, "hnsw", 768) / BUILD_RATES[1])
    (242, 66)
    """
    depth = max(1.0, math.log(max(rows, 2)) / math.log(MEASURED_ROWS))
    share = IVFFLAT_SHARE if method == "ivfflat" else 1.0
    return rows * (dimensions + OVERHEAD) * depth * share


def describe_price(price: Price, types: Collection[SynchronizationType]) -> str:
    """The price in a line; empty where nothing is to be copied or built. `types`: what
    of the source is synchronized.

    >>> passages = Price(bytes=21_000_000, copy=(0.2, 1.0), vector_indexes=1, building=(11.0, 41.0))
    >>> describe_price(passages, ["schema", "full"])
    '≈ 5 s to copy 21.0 MB · ≈ 10 to 40 s for 1 vector index'
    """
    parts = []
    if "full" in types and price.bytes:
        parts.append(f"≈ {between(price.copy)} to copy {describe_bytes(price.bytes)}")
    if "schema" in types and price.vector_indexes:
        indexes = counted(price.vector_indexes, "vector index", "vector indexes")
        parts.append(f"≈ {between(price.building)} for {indexes}")
    return " · ".join(parts)


def between(seconds: tuple[float, float]) -> str:
    """Two times as one, the unit once where it is the same.

    >>> between((11, 41)), between((50, 200)), between((1, 2)), between((3000, 9000))
    ('10 to 40 s', '50 s to 3 min', '5 s', '50 min to 2 h 30 min')
    """
    least, most = map(coarse_seconds, seconds)
    if least == most:
        return most
    number, _, unit = least.partition(" ")
    return f"{number if most.endswith(f' {unit}') and ' ' not in unit and most.count(' ') == 1 else least} to {most}"
