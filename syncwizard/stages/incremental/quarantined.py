"""Changes of rows in the destination's quarantine, as events: put there, and settled."""

from collections import defaultdict
from collections.abc import Collection, Iterable

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.quarantine import Record
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.task.events import ChangeQuarantined, QuarantineFollowed, QuarantineSettled
from syncwizard.task.names import TableName
from syncwizard.task.quarantine import Settled, in_runs, open_of


def record_quarantined(context: Context, found: Iterable[ChangeQuarantined | QuarantineFollowed]) -> None:
    """Says once of each change that it is in quarantine."""
    for event in found:
        if event.number > context.state().quarantined:
            context.record(event)


def tell_quarantined(context: Context, destination: Destination) -> None:
    """Says what is in the destination's quarantine and the journal does not know of: a child may have died behind its
    commit; and what was settled there."""
    with translated("destination", "reading the quarantine"):
        # Brings an older layout to the newest.
        destination.ledger.read()
        if known := context.state().quarantined:
            destination.quarantine.count_on(known)
        found = destination.quarantine.read(known)
    record_quarantined(context, in_runs(found))
    tables = {each.change.number: each.change.table for each in open_of(context.state().quarantine)}
    if not tables:
        return
    with translated("destination", "reading the quarantine"):
        settled = destination.quarantine.settled_heads(tables)
    _record_settled(context, tables, settled)


def _record_settled(context: Context, tables: dict[int, TableName], settled: dict[int, Settled]) -> None:
    numbers: dict[tuple[TableName, Settled], list[int]] = defaultdict(list)
    for head, reason in sorted(settled.items()):
        numbers[tables[head], reason].append(head)
    for (table, reason), heads in numbers.items():
        context.record(QuarantineSettled(numbers=heads, table=table, reason=reason))


def has_open(context: Context, tables: Collection[TableName]) -> bool:
    """Whether changes of these tables of the source are in quarantine, and not settled."""
    return any(each.change.table in tables for each in open_of(context.state().quarantine))


def read_open(context: Context, tables: Iterable[TableName]) -> list[Record]:
    """Their records."""
    with context.destination("verify") as destination, translated("destination", "reading the quarantine"):
        return [record for table in tables for record in destination.quarantine.read_open(table)]


def settle(context: Context, heads: Collection[int], upto: int) -> None:
    """Both ends have the same rows again, of these records and those that follow them, up to the number `upto`."""
    with context.destination("verify") as destination:
        with translated("destination", "settling the quarantine"):
            destination.quarantine.settle(heads, upto, "equal")
        tell_quarantined(context, destination)
