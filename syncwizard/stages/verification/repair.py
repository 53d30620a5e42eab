"""Writes the source's rows in place of those that differ, while the stream is held at their moment (rule 25)."""

from collections.abc import Iterable

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.repairing import Overtaken, copy_rows, delete_rows, hold_position
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import set_encoding, shared_encoding
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.snapshots import begin_snapshot
from syncwizard.stages.context import Context
from syncwizard.stages.verification.moment import Moment, one_moment
from syncwizard.stages.verification.units import Unit
from syncwizard.task.events import TableRepaired
from syncwizard.task.verification import RowDifference, VerificationOrder

NO_KEY = (
    "rows without a key, and those that a filter or script changes on their way, cannot be repaired one by one: resync"
    " copies the table again"
)


def repair(context: Context, order: VerificationOrder, unit: Unit, rows: Iterable[RowDifference]) -> None:
    """Repairs rows of a table, found different before, by what the source has at a moment of its own.

    Raises Cancelled, EndpointError, TaskFailed where the table has no key.
    """
    keys = [row.key for row in rows if order.delete_extra or row.kind != "only-destination"]
    if not keys:
        return
    if unit.place is None:
        raise TaskFailed(f"{unit.table} cannot be repaired", detail=NO_KEY, where="destination")
    with context.connect("source", "repair") as source, context.destination("repair") as destination:
        with translated("destination", "preparing to write"):
            destination.prepare_writing()
        encoding = shared_encoding(source, destination.connection)
        set_encoding(encoding, source, destination.connection)
        with one_moment(context, held=True) as moment:
            _write(context, order, unit, keys, moment, source, destination)


def _write(
    context: Context,
    order: VerificationOrder,
    unit: Unit,
    keys: list[tuple[str, ...]],
    moment: Moment,
    source: Connection,
    destination: Destination,
) -> None:
    place = unit.place
    if place is None:
        return
    with translated("source", "reading rows to repair"):
        begin_snapshot(source, moment.source)
    try:
        with translated("destination", f"repairing {unit.table}"), destination.transaction():
            hold_position(destination, moment.lsn)
            deleted = delete_rows(destination.connection, place, keys)
            written = sum(
                copy_rows(source, destination.connection, here, place, keys, binary=unit.binary) for here in unit.places
            )
    except Overtaken:
        # The stream went on meanwhile; what differs still is found and repaired again.
        return
    finally:
        source.rollback()
    context.record(
        TableRepaired(id=order.id, table=unit.table, lsn=moment.lsn, written=written, deleted=max(0, deleted - written))
    )
