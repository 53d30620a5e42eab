"""A marker in the stream: behind the fence everything before it is at the destination, and no row comes after it."""

from collections.abc import Callable, Mapping

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.stages.incremental.position import position_to_reach
from syncwizard.task.figures.sample import Sample
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.text import listed

LOOK_SECONDS = 0.02
Counts = Mapping[str, Mapping[str, int]]


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """A position of the source that was reached, and how many changes had come by then, by table and kind."""

    lsn: str
    counts: Counts


def drain(context: Context, figures: Callable[[], Sample]) -> Marker:
    """Writes a marker behind all that is committed, and waits until it is durable at the destination, and the tables of
    the source were found to be those that are captured. Raises Cancelled, EndpointError."""
    lsn = position_to_reach(context, figures().applied_lsn)
    while True:
        sample = figures()
        if sample.acknowledged_lsn is not None and parse_lsn(sample.acknowledged_lsn) >= parse_lsn(lsn):
            return Marker(lsn=lsn, counts=sample.changes or {})
        context.cancellation.wait(LOOK_SECONDS)


def prove(context: Context, marker: Marker, figures: Callable[[], Sample]) -> str:
    """Whether no row came since the marker, as another one behind it shows. Raises TaskFailed that names the tables."""
    last = drain(context, figures)
    written = sorted(
        f"{table} ({sum(kinds.values()) - sum(marker.counts.get(table, {}).values()):,})"
        for table, kinds in last.counts.items()
        if dict(kinds) != dict(marker.counts.get(table, {}))
    )
    if written:
        raise TaskFailed(
            f"the source was written to behind the fence: {listed(written)}",
            where="source",
            detail="sessions may have set default_transaction_read_only back, or other roles have written",
            remedy=to_do("find and stop what writes", then="run again"),
        )
    return f"no row between {marker.lsn} and {last.lsn}"
