"""Tables that are set aside, copied again as an order to resynchronize them does."""

import uuid

from syncwizard.stages.relations import tell_aside
from syncwizard.task.events import ResyncRequested, TableToCopy
from tests.support.rowpath import RowPath


def copy_again(path: RowPath, expected: dict[str, str]) -> None:
    """Copies what is set aside: those tables and no others, each for a reason that has the words."""
    context = path.context()
    with context.destination("comparing") as destination:
        # The journal may not know of the last ones yet.
        tell_aside(context, destination)
    aside = path.context().state().aside
    assert {event.table.name for event in aside} == expected.keys()
    assert all(expected[event.table.name] in event.reason for event in aside)
    tables = [TableToCopy(table=event.table, rows=3, bytes=0) for event in aside]
    path.task.record(ResyncRequested(id=uuid.uuid4(), tables=tables, whole=False))
    path.copy()
    assert path.context().state().aside == ()
