"""One row that differs, looked at again: its values at both ends by now, column by column."""

import uuid

from syncwizard.errors import TaskFailed
from syncwizard.postgres.row_values import Value, read_row
from syncwizard.postgres.session.server import make_read_only
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.verification.run import units_of
from syncwizard.stages.verification.units import Unit
from syncwizard.task.names import TableName
from syncwizard.task.verification import ColumnValues, RowValues, VerificationOrder

PART = "row"


def run(context: Context, table: TableName, key: tuple[str, ...]) -> RowValues:
    """The row of that key, one end after the other.

    Raises TaskFailed where rows of the table cannot be told by it, EndpointError.
    """
    unit = units_of(context, VerificationOrder(id=uuid.uuid4(), tables=(table,)))[0]
    if unit.reason or len(key) != len(unit.key_columns) or not key:
        why = unit.reason or "its rows have no key that both ends have"
        raise TaskFailed(f"rows of {table} cannot be looked up", detail=why)
    here = unit.places[0].key if unit.places else ()
    there = unit.place.key if unit.place is not None else ()
    with context.connect("source", PART) as session, translated("source", f"reading a row of {table}"):
        make_read_only(session)
        source = read_row(session, unit.source, here, key)
    with context.connect("destination", PART) as session, translated("destination", f"reading a row of {table}"):
        make_read_only(session)
        destination = read_row(session, unit.destination, there, key)
    return RowValues(
        columns=_columns(unit, source, destination),
        at_source=source is not None,
        at_destination=destination is not None,
    )


def _columns(unit: Unit, source: list[Value] | None, destination: list[Value] | None) -> tuple[ColumnValues, ...]:
    names = zip(unit.source[0].columns, unit.destination[0].columns, strict=True)
    return tuple(
        ColumnValues(
            column=here,
            there=there,
            source=source[at].text if source is not None else None,
            destination=destination[at].text if destination is not None else None,
            differs=source is not None and destination is not None and source[at].digest != destination[at].digest,
        )
        for at, (here, there) in enumerate(names)
    )
