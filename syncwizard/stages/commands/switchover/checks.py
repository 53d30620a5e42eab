"""What stands in the way of a switchover: looked at before anything changes, all of it at once."""

from collections.abc import Callable, Iterator

import msgspec

from syncwizard.errors import End, UsageError
from syncwizard.postgres.catalog.selection import select_tables
from syncwizard.postgres.fencing import prepare_fence, read_only_by_default, writing_elsewhere
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.transactions import read_transactions
from syncwizard.remedies import Remedy, to_do
from syncwizard.stages.context import Context
from syncwizard.task.event_words import count_aside, count_missing
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.task.quarantine import describe_quarantined, open_of
from syncwizard.task.switchover import AcceptedCheck, Fence, SwitchoverOrder
from syncwizard.task.text import counted, format_seconds, listed

# A stream this late is drained for at least as long while no writes are let through.
LATE_SECONDS = 10.0
TRANSACTIONS_NAMED = 5
# How long a transaction has been open that is worth a word: those of applications come and go.
LONG_SECONDS = 1.0


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Something in the way; `accept` is the word by which it may be accepted, empty where it may not."""

    title: str
    remedy: Remedy | str
    accept: AcceptedCheck | None = None


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What the checks found out for later steps."""

    fence: Fence
    tables: tuple[TableName, ...]


def check(context: Context, order: SwitchoverOrder, figures: Callable[[], Sample]) -> Passed:
    """Raises UsageError that names all that is in the way."""
    with context.connect("source", "switchover") as source, translated("source", "looking for what is in the way"):
        tables = tuple(table.name for table in select_tables(source, context.spec, sizes=False).tables)
        found = [*_of_task(context, figures), *_of_source(context, source, order), *_of_destination(context)]
        _refuse([each for each in found if each.accept not in order.accepted or each.accept is None])
        return Passed(fence=prepare_fence(source, order.fence, order.roles, tables), tables=tables)


def _refuse(obstacles: list[Obstacle]) -> None:
    if not obstacles:
        return
    accepted = [each.accept for each in obstacles if each.accept]
    steps = [str(each.remedy) for each in obstacles]
    if accepted:
        steps.append(f"accept what may be: {' '.join(f'--ignore {each}' for each in accepted)}")
    raise UsageError(
        "the task cannot be switched over yet",
        detail="; ".join(each.title for each in obstacles),
        remedy=to_do(*dict.fromkeys(steps), then="run again"),
    )


def _of_task(context: Context, figures: Callable[[], Sample]) -> Iterator[Obstacle]:
    state, sample = context.state(), figures()
    if state.aside:
        yield Obstacle(title=count_aside(state.aside), remedy=Remedy(then="resync"))
    if not state.finished("indexes"):
        yield Obstacle(
            title="definitions are still being created",
            remedy="wait until they are: syncwizard wait TASK --until indexed",
        )
    if state.missing_definitions:
        yield Obstacle(
            title=count_missing(state.missing_definitions),
            remedy="see what helps: syncwizard definitions TASK",
            accept="missing-definitions",
        )
    if still := open_of(state.quarantine):
        rows = counted(len(still), "row")
        yield Obstacle(
            title=f"{rows} with changes in quarantine may differ, as by {describe_quarantined(still[-1].change)}",
            remedy="bring them in step: syncwizard repair TASK",
            accept="quarantine",
        )
    if sample.latency_seconds is None or sample.latency_seconds > LATE_SECONDS:
        late = "unknown" if sample.latency_seconds is None else format_seconds(sample.latency_seconds)
        yield Obstacle(
            title=f"the latency is {late}",
            remedy="wait until the stream is in step: syncwizard wait TASK --until caught-up",
            accept="latency",
        )


def _of_source(context: Context, source: Connection, order: SwitchoverOrder) -> Iterator[Obstacle]:
    if order.fence == "revoke" and not order.roles:
        yield Obstacle(title="no role is named that is to lose its rights", remedy="name them: --role NAME")
    if order.fence == "revoke" and source.info.user in order.roles:
        yield Obstacle(title="the task's own account would lose its rights", remedy="name other roles")
    writers = writing_elsewhere(source, context.spec.short_id, order.fence)
    if writers:
        yield Obstacle(
            title=f"these would write to the source behind the fence: {listed(writers)}",
            remedy="finish prepared transactions, disable subscriptions, pause the tasks, and reset the defaults of"
            " roles (ALTER ROLE … RESET default_transaction_read_only)",
        )


def _of_destination(context: Context) -> Iterator[Obstacle]:
    """A default that would keep applications from writing there, and that the last step could not take away."""
    with context.connect("destination", "switchover") as session, translated("destination", "looking at its default"):
        found = read_only_by_default(session)
    if found is not None and not found.may_alter and context.state().inherited is None:
        yield Obstacle(
            title=f"database {found.database} of the destination is read-only by default, and the account of the task"
            " may not change that",
            remedy=f"have its owner run: {found.statement}",
        )


def waited_for(context: Context, order: SwitchoverOrder) -> tuple[str, ...]:
    """Transactions that have been open for `LONG_SECONDS`: the fence would wait for those of the source's database, and
    the slots of verification and reverse task for those of either server."""
    found = []
    ends: tuple[End, ...] = ("source", "destination") if order.reverse else ("source",)
    for end in ends:
        with context.connect(end, "switchover") as session, translated(end, "looking for long transactions"):
            found += [f"{each} at the {end}" for each in read_transactions(session, older_than_seconds=LONG_SECONDS)]
    return tuple(found[:TRANSACTIONS_NAMED])


def describe(passed: Passed) -> str:
    """What was looked at, in a few words."""
    return f"in step, {counted(len(passed.tables), 'table')}"
