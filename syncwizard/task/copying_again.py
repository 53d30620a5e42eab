"""Which tables an engine copies again without an order, and how often. Pure."""

from collections.abc import Mapping

from syncwizard.task.events import ResyncRequested, TableSetAside
from syncwizard.task.state import TaskState

# A table that is set aside again and again is copied no more than so often, until a day has passed without.
MOST_COPIES = 5
DAY_SECONDS = 86_400.0


def counted_again(
    known: Mapping[str, tuple[int, float]], order: ResyncRequested, at: float
) -> Mapping[str, tuple[int, float]]:
    """How often the engine has ordered copies of each table, with one more order; `at` in seconds since the epoch. One
    that a person gives begins the count anew.

    >>> from uuid import UUID
    >>> from syncwizard.task.events import TableToCopy
    >>> from syncwizard.task.names import TableName
    >>> table = TableToCopy(table=TableName("kb", "tags"), rows=1, bytes=1)
    >>> order = ResyncRequested(id=UUID(int=1), tables=[table], whole=False, automatic=True)
    >>> once = counted_again({}, order, 10.0)
    >>> once, counted_again(once, order, 20.0), counted_again(once, order, 100_000.0)
    ({'kb.tags': (1, 10.0)}, {'kb.tags': (2, 20.0)}, {'kb.tags': (1, 100000.0)})
    """
    names = {str(each.table) for each in order.tables}
    found = {name: times for name, times in known.items() if name not in names and at - times[1] < DAY_SECONDS}
    if order.automatic:
        for name in names:
            number, last = known.get(name, (0, at))
            found[name] = (number + 1 if at - last < DAY_SECONDS else 1, at)
    return found


def to_copy(state: TaskState) -> list[TableSetAside]:
    """The tables that are waiting for the engine's order, where it may give one: it disturbs no work on definitions.

    >>> from syncwizard.task.names import TableName
    >>> from syncwizard.task.state import StageState
    >>> aside = TableSetAside(table=TableName("kb", "tags"), reason="", redefined=True)
    >>> state = TaskState(state="synchronizing", aside=(aside,))
    >>> done = StageState(status="done")
    >>> len(to_copy(state))
    0
    >>> state = TaskState(state="synchronizing", aside=(aside,), stages={"constraints": done, "indexes": done})
    >>> len(to_copy(state))
    1
    """
    if state.beside is not None:
        return []
    if state.state != "synchronizing" or not (state.finished("constraints") and state.finished("indexes")):
        return []
    return [event for event in state.aside if event.is_coming]


def copied_too_often(state: TaskState, event: TableSetAside) -> bool:
    """Whether a table was copied again as often as the engine does that by itself."""
    return state.copied_again.get(str(event.table), (0, 0.0))[0] >= MOST_COPIES
