"""The item that says beforehand what a start will take, so that it can be compared with what it took."""

from syncwizard.postgres.catalog.objects import Sizes, VectorIndexFacts, read_sizes, read_vector_indexes
from syncwizard.postgres.session.surroundings import read_wal_rate
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, item, passed
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.structure.vector_index import read_vector_index
from syncwizard.task.drafting.price import USUAL_DIMENSIONS, describe_price, price_for, work_of
from syncwizard.task.specification import SynchronizationType
from syncwizard.task.text import counted, describe_bytes


@item("estimate", "What the start will take", ("source",), OBJECTS)
def estimate(checkup: Checkup) -> Finding:
    """A guess from the source's statistics, between slow servers and fast ones."""
    types = checkup.spec.synchronization.types
    oids = [table.oid for table in checkup.selection.tables]
    found = read_vector_indexes(checkup.source, oids) if "schema" in types else []
    return passed(describe(read_sizes(checkup.source, oids), found, read_wal_rate(checkup.source), types))


def describe(
    sizes: Sizes, indexes: list[VectorIndexFacts], rate: float | None, types: list[SynchronizationType]
) -> str:
    """The estimate in words; `rate`: WAL that the source writes, in bytes a second.

    >>> describe(Sizes(60_000, 240_000_000, 1_000_000), [], 1e6, ["schema", "full", "incremental"])
    '60,000 rows · ≈ 5 to 10 s to copy 240.0 MB · the source keeps up to 12.0 MB of WAL meanwhile'
    >>> describe(Sizes(60_000, 240_000_000, 1_000_000), [], None, ["incremental"])
    'nothing is copied'
    """
    if "full" not in types:
        return "nothing is copied"
    price = price_for(sizes.row_bytes, [_work(each) for each in indexes])
    parts = [counted(sizes.rows, "row"), describe_price(price, types)]
    if rate is not None:
        kept = describe_bytes(rate * (price.copy[1] + price.building[1]))
        parts.append(f"the source keeps up to {kept} of WAL meanwhile")
    return " · ".join(filter(None, parts))


def _work(facts: VectorIndexFacts) -> float:
    index = read_vector_index(facts.definition)
    dimensions = next((each for each in (index.dimensions, facts.dimensions) if each > 0), USUAL_DIMENSIONS)
    return work_of(facts.rows, index.method, dimensions)


ITEMS = (estimate,)
