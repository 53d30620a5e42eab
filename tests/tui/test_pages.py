"""The pages over the monitor: why a task is late, both ends compared, rows that differ, a change that waits."""

import time
import uuid
from collections.abc import Callable

import msgspec
import pytest
from textual.widgets import Button, Input, TextArea

from syncwizard.client import bottleneck, probes, refused
from syncwizard.client.bottleneck import Explained
from syncwizard.errors import EndpointError
from syncwizard.task.events import (
    BlockedDefinition,
    ChangeQuarantined,
    DefinitionFollowed,
    EngineStopped,
    Failure,
    QuarantineFollowed,
    TaskFailedEvent,
)
from syncwizard.task.facts import RefusedChange
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced
from syncwizard.task.state import TaskState
from syncwizard.task.verification import (
    ColumnValues,
    DefinitionDifference,
    DefinitionsVerified,
    RowDifference,
    RowValues,
    TableVerification,
    TableVerified,
    VerificationFinished,
    VerificationOrder,
    VerificationStarted,
)
from syncwizard.task.waits import Blocker, SessionWait, Waits, cause_of
from syncwizard.tui.actions import available
from syncwizard.tui.monitor.link import View
from syncwizard.tui.read_only import READ_ONLY
from tests.support.replay import NOW, Replay, store_task, synchronizing, through, totals, view_of
from tests.tui.apps import NARROW, WIDE, Running, monitor, shown

SnapCompare = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
RUNNING = [*through("incremental"), (NOW - 5.0, totals())]
ORDER = VerificationOrder(id=uuid.UUID(int=7))
PASSAGES = TableVerification(
    table=TableName("kb", "passages"),
    verdict="different",
    lsn="0/71A2B40",
    source_rows=20_005,
    destination_rows=20_004,
    changed=2,
    only_source=1,
    key_columns=("id",),
    rows=(
        RowDifference(key=("17",), kind="changed"),
        RowDifference(key=("4711",), kind="changed"),
        RowDifference(key=("19999",), kind="only-source"),
    ),
    seconds=2.4,
)
FOUND = [
    PASSAGES,
    TableVerification(
        table=TableName("kb", "tags"), verdict="equal", source_rows=40_010, destination_rows=40_010, seconds=0.3
    ),
    TableVerification(
        table=TableName("kb", "query_log"), verdict="unverified", reason="it is set aside: resync it first"
    ),
]
VALUES = RowValues(
    columns=(
        ColumnValues(column="id", there="id", source="17", destination="17", differs=False),
        ColumnValues(column="body", there="text", source="A new beginning", destination="A beginning", differs=True),
        ColumnValues(column="price", there="price", source="0.25", destination="0.250", differs=True),
        ColumnValues(column="note", there="note", source=None, destination=None, differs=False),
    ),
    at_source=True,
    at_destination=True,
)
CHANGE = BlockedDefinition(
    ordinal=3,
    lsn="0/71A2B40",
    tag="ALTER TABLE",
    role="app",
    statement="ALTER TABLE kb.passages ALTER COLUMN body SET NOT NULL",
    table="kb.passages",
    statements=['ALTER TABLE "kb"."passages" ALTER COLUMN "body" SET NOT NULL'],
    consequences=["kb.passages.body may be NULL at the destination, and not at the source"],
)
REFUSED = Failure(
    title="a change of a definition is refused",
    where="destination",
    detail='column "body" of relation "passages" contains null values',
    sqlstate="23502",
    definition=CHANGE,
)
FOLLOWED = DefinitionFollowed(
    lsn="0/70FF000",
    kind="changed",
    table=TableName("kb", "tags"),
    tag="ALTER TABLE",
    role="app",
    statement="ALTER TABLE kb.tags ADD COLUMN weight int",
    statements=['ALTER TABLE "kb"."tags" ADD COLUMN "weight" integer'],
)
REFUSED_ROW = Failure(
    title="update on kb.passages with id = 17, committed at 0/71A2B40, cannot be applied",
    where="destination kb.passages",
    detail='new row for relation "passages" violates check constraint "passages_body_check"',
    sqlstate="23514",
    change=RefusedChange(
        kind="update",
        table="kb.passages",
        lsn="0/71A2B40",
        old={},
        new={"id": "17", "body": "", "note": None},
        digest="d",
        source="kb.passages",
        keys=[{"id": "17"}],
        columns=["id"],
    ),
)
KEPT = ChangeQuarantined(
    number=1,
    table=TableName("kb", "passages"),
    target="kb.passages",
    kind="insert",
    lsn="0/70FF000",
    keys=[{"id": "19999"}],
    edited=False,
    reason='new row for relation "passages" violates check constraint "passages_body_check"',
    sqlstate="23514",
    by="dba@admin1",
)
STOPPED = [
    *RUNNING,
    (NOW - 200.0, KEPT),
    (NOW - 190.0, QuarantineFollowed(follows=1, table=TableName("kb", "passages"), changes=2, number=3)),
    (NOW - 90.0, TaskFailedEvent(failure=REFUSED_ROW)),
    (NOW - 90.0, EngineStopped(reason="failed")),
]
BLOCKED = [
    *RUNNING,
    (NOW - 200.0, FOLLOWED),
    (NOW - 90.0, TaskFailedEvent(failure=REFUSED)),
    (NOW - 90.0, EngineStopped(reason="failed")),
]
WAITS = Waits(
    sessions=(
        SessionWait(
            end="destination",
            pid=5001,
            part="apply",
            state="active",
            wait_type="Lock",
            wait_event="relation",
            seconds=62.0,
            query="UPDATE kb.passages SET body = $1 WHERE id = $2",
            blockers=(Blocker(pid=4999, user="analyst", seconds=95.0, query="LOCK TABLE kb.passages"),),
        ),
        SessionWait(
            end="source",
            pid=6001,
            part="stream",
            state="active",
            wait_type="Client",
            wait_event="WalSenderWaitForWAL",
            seconds=0.4,
            query="START_REPLICATION SLOT dts_sync_1",
        ),
    )
)


def compared(found: list[TableVerification], *, ended: bool, order: VerificationOrder = ORDER) -> View:
    """A task of four tables with a comparison that found these so far."""
    names = [TableName("kb", name) for name in ("documents", "passages", "query_log", "tags")]
    moments = [*RUNNING, (NOW - 63.0, VerificationStarted(order=order, tables=names))]
    moments += [(NOW - 30.0, TableVerified(id=order.id, found=each)) for each in found]
    if ended:
        moments.append((NOW - 20.0, VerificationFinished(id=order.id)))
    return view_of(store_task(), moments, synchronizing())


def blocked() -> View:
    return view_of(store_task(advanced=Advanced(ddl="follow")), BLOCKED, alive=False)


def stopped() -> View:
    return view_of(store_task(), STOPPED, alive=False)


def explaining(monkeypatch: pytest.MonkeyPatch, view: View) -> None:
    """The page is given what both ends would say: what they do say, tests of the command have."""
    seen = view.seen
    cause = cause_of(seen.state, seen.sample, WAITS, NOW)
    monkeypatch.setattr(bottleneck, "explain", lambda task, given: Explained(seen=seen, waits=WAITS, cause=cause))


class Told:
    """A probe that has its answer."""

    def __init__(self, values: RowValues) -> None:
        self.values = values

    def run(self, hear: Callable[[RowValues], object]) -> None:
        hear(self.values)

    def cancel(self) -> None:
        """Nothing is on its way."""


def turned(text: str, *keys: str) -> Callable[[Running], object]:
    """Presses the keys in the monitor, and waits until the text was drawn."""

    async def turn(pilot: Running) -> None:
        await shown(pilot, "kb-to-frankfurt")
        await pilot.press(*keys)
        await shown(pilot, text)
        await pilot.pause()

    return turn


@SIZES
def test_why_a_task_is_late(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    """The lock and who holds it first, with the statement; then positions; the session that waits is marked."""
    view = view_of(store_task(), RUNNING, synchronizing())
    explaining(monkeypatch, view)
    assert snap_compare(monitor(view), terminal_size=size, run_before=turned("held by", "e"))


@SIZES
def test_what_a_comparison_found(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """What differs first, in red; what was not compared in orange; the marked table in words at the bottom."""
    view = compared(FOUND, ended=True)
    assert snap_compare(monitor(view), terminal_size=size, run_before=turned("2 changed, 1 missing", "v"))


def test_a_comparison_at_work(snap_compare: SnapCompare) -> None:
    """How far it is in a bar, for how long, what it has found so far; the key that ends it."""
    view = compared(FOUND[:2], ended=False)
    assert snap_compare(monitor(view), terminal_size=NARROW, run_before=turned("2 of 4 tables", "v"))


async def test_definitions_that_differ_are_listed_with_both_ends() -> None:
    order = msgspec.structs.replace(ORDER, mode="schema")
    differences = [
        DefinitionDifference(kind="index", name="kb.passages_body", source="CREATE INDEX passages_body ON kb.passages"),
        DefinitionDifference(kind="column", name="kb.tags.tag", source="text NOT NULL", destination="text"),
    ]
    moments = [
        *RUNNING,
        (NOW - 9.0, VerificationStarted(order=order, tables=[])),
        (NOW - 8.0, DefinitionsVerified(id=order.id, compared=41, differences=differences)),
        (NOW - 8.0, VerificationFinished(id=order.id)),
    ]
    async with monitor(view_of(store_task(), moments, synchronizing())).run_test(size=NARROW) as pilot:
        await turned("41 definitions compared, 2 different", "v")(pilot)  # type: ignore[misc]
        assert "not there" in await shown(pilot, "passages_body")
        await pilot.press("down")
        assert "destination  text" in await shown(pilot, "source       text NOT NULL")


@pytest.mark.parametrize("key", ["e", "v"])
async def test_screens_that_change_nothing_compare_and_decide_nothing(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    view = compared(FOUND, ended=True)
    explaining(monkeypatch, view)
    async with monitor(view).run_test(size=NARROW) as pilot:
        await turned("kb.passages", key)(pilot)  # type: ignore[misc]
        offered = {each.id for each in available(pilot.app.screen)}
        assert not offered & {"verification.compare", "verification.repair", "verification.halt"}
        assert offered & {"late.again", "verification.open"}


async def test_an_end_that_cannot_be_asked_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    view = view_of(store_task(), RUNNING, synchronizing())

    def refuse(task: object, given: object) -> Explained:
        raise EndpointError("the connection was refused", end="destination", transient=True, detail="is it up?")

    monkeypatch.setattr(bottleneck, "explain", refuse)
    async with monitor(view).run_test(size=NARROW) as pilot:
        await turned("✗ the connection was refused", "e")(pilot)  # type: ignore[misc]
        assert "is it up?" in await shown(pilot, "Ask again")


async def test_what_waits_for_a_decision_is_the_first_key_of_the_monitor() -> None:
    async with monitor(blocked()).run_test(size=NARROW) as pilot:
        text = await shown(pilot, "d decides about it")
        assert text.splitlines()[-1].startswith(" d Definitions")
        await pilot.press("d", "s")
        text = await shown(pilot, "Type the task's name")
        assert "kb.passages.body may be NULL" in text


@SIZES
def test_rows_that_differ(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    """The rows with their keys; of the marked one the columns that differ first, both values beside each other."""
    monkeypatch.setattr(probes, "row", lambda spec, secrets, table, key: Told(VALUES))
    app = monitor(compared(FOUND, ended=True))

    async def turn(pilot: Running) -> None:
        await turned("2 changed", "v")(pilot)  # type: ignore[misc]
        await pilot.press("enter")
        await shown(pilot, "4711")
        await pilot.press("enter")
        await shown(pilot, "2 of 4 columns differ")

    assert snap_compare(app, terminal_size=size, run_before=turn)


async def confirm(pilot: Running, name: str) -> None:
    """Types the name, and goes on."""
    pilot.app.screen.query_one("#name", Input).value = name
    button = pilot.app.screen.query_one("#confirm", Button)
    await until_true(pilot, lambda: not button.disabled)
    button.press()


async def until_true(pilot: Running, condition: Callable[[], bool]) -> None:
    """Waits for what no text shows."""
    deadline = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < deadline
        await pilot.pause(0.02)


async def test_a_refused_row_is_decided_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """By values that are typed, and not those of the key; or by the task's name, without the change."""
    decided: list[tuple[str, dict[str, str | None]]] = []

    def decide(task: object, change: object, action: str, values: dict[str, str | None], **more: object) -> TaskState:
        decided.append((action, values))
        return TaskState()

    monkeypatch.setattr(refused, "decide", decide)
    view = stopped()
    async with monitor(view).run_test(size=WIDE) as pilot:
        text = await shown(pilot, "c decides about it")
        assert text.splitlines()[-1].startswith(" c Change")
        await pilot.press("c", "e")
        await shown(pilot, "✗ no value is other")
        area = pilot.app.screen.query_one(TextArea)
        area.text = area.text.replace('"17"', '"18"')
        await shown(pilot, "✗ id is of the row's key")
        area.text = area.text.replace('"18"', '"17"').replace('""', '"text"')
        await shown(pilot, "✓ can be written")
        await pilot.press("f8")
        await shown(pilot, "body = text")
        await confirm(pilot, view.seen.task.label)
        await until_true(pilot, lambda: len(decided) == 1)
        await pilot.press("s")
        await shown(pilot, "Type the task's name")
        await confirm(pilot, view.seen.task.label)
        await until_true(pilot, lambda: len(decided) == 2)
    assert decided == [("edit", {"body": "text"}), ("quarantine", {})]


@SIZES
def test_a_row_that_is_refused(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """Each column before and after, why it stopped, what is in quarantine; the keys that decide."""
    assert snap_compare(monitor(stopped()), terminal_size=size, run_before=turned("in quarantine", "c"))


@SIZES
def test_a_change_that_waits(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """The statement of the source, why it stopped, what would run, what skipping leaves; the keys that decide."""
    assert snap_compare(monitor(blocked()), terminal_size=size, run_before=turned("Skipped, it leaves", "d"))


async def test_a_cursor_that_was_not_moved_stays_on_what_differs_first() -> None:
    begun = compared(FOUND[1:2], ended=False)
    follow = Replay(begun)
    async with monitor(begun, follow=follow).run_test(size=NARROW) as pilot:
        await turned("1 of 4 tables", "v")(pilot)  # type: ignore[misc]
        follow.post(compared(FOUND, ended=True))
        text = await shown(pilot, "2 changed, 1 missing")
        assert "▌kb.passages" in text
        await pilot.press("down")
        assert "it is set aside" in await shown(pilot, "▌kb.query_log")
