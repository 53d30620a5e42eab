"""How the screens look, in the states that matter, at 80 by 24 and at 120 by 40."""

from collections.abc import Callable
from uuid import UUID

import msgspec
import pytest

from syncwizard.client.looking import Seen
from syncwizard.remedies import resync, to_do
from syncwizard.task.events import (
    EngineStopped,
    Failure,
    ResyncRequested,
    RetryStarted,
    TableToCopy,
    TaskFailedEvent,
    TaskPaused,
)
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.monitor.link import View
from syncwizard.tui.settings import ThemeName
from syncwizard.tui.task_actions import resync_dialog
from tests.support.replay import NOW, copying, remembered, seen, store_task, synchronizing, through, totals, view_of
from tests.tui.apps import NARROW, WIDE, Running, monitor, shown, task_list

SnapCompare = Callable[..., bool]
SIZES = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])

RUNNING = [*through("incremental"), (NOW - 5.0, totals())]
PAUSED = [*RUNNING, (NOW - 60.0, TaskPaused()), (NOW - 60.0, EngineStopped(reason="paused"))]
CUT = Failure(
    title="the connection was lost",
    where="source",
    detail="server closed the connection unexpectedly",
    sqlstate="08006",
    remedy=to_do("look whether the server runs"),
)
RETRYING = [*RUNNING, (NOW - 125.0, RetryStarted(failure=CUT, since=NOW - 125.0, until=NOW + 3600.0))]
REFUSED = Failure(
    title="a change cannot be applied",
    where="kb.tags",
    detail='duplicate key value violates unique constraint "tags_pkey", Key (passage_id, tag)=(7, sql) already exists.',
    sqlstate="23505",
    remedy=to_do("remove the row at the destination", then="resume"),
)
FAILED = [
    *RUNNING,
    (NOW - 90.0, TaskFailedEvent(failure=REFUSED)),
    (NOW - 90.0, EngineStopped(reason="failed")),
]
GONE = Failure(
    title="the replication slot dts_sync_1 is gone",
    where="source",
    detail="the source has removed WAL that was not applied: changes since 0/71A2B40 may be missing",
    remedy=resync("kb-to-frankfurt"),
    changes_missing=True,
)
RISING = [0.02 + minute * minute / 1600 for minute in range(59)]
LOST = [*RUNNING, (NOW - 90.0, TaskFailedEvent(failure=GONE)), (NOW - 90.0, EngineStopped(reason="failed"))]


def cut_off() -> Sample:
    """The figures of a task whose source has been away for two minutes."""
    return synchronizing(latency_at=NOW - 126.0, source_at=NOW - 126.0, slot_at=NOW - 127.0)


def hour(*latencies: float) -> tuple[tuple[int, float], ...]:
    """The last minutes of a list, one a figure, up to now."""
    now = int(NOW // 60)
    return tuple((now - ago, latency) for ago, latency in zip(range(len(latencies)), reversed(latencies), strict=False))


def with_hour(look: Seen, *latencies: float) -> Seen:
    """The look with these latencies."""
    return msgspec.structs.replace(look, hour=hour(*latencies))


def several_tasks(theme: ThemeName = "dark") -> SyncwizardApp:
    """One task in each state that a person meets."""
    return task_list(
        with_hour(seen(store_task("kb-to-frankfurt"), RUNNING, synchronizing()), *[0.004] * 59),
        with_hour(seen(store_task("sessions-to-dr", 6), RUNNING, synchronizing(latency_seconds=2.1)), *RISING),
        with_hour(seen(store_task("billing", 2), PAUSED, alive=False), *[0.004] * 30),
        with_hour(seen(store_task("crm", 3), FAILED, alive=False), *[0.004] * 40, *[0.9] * 18),
        seen(store_task("shop-to-dublin", 4), through("full"), copying()),
        with_hour(seen(store_task("wiki", 5), RETRYING, synchronizing(latency_at=NOW - 126.0)), *[0.01] * 57, 126.0),
        theme=theme,
    )


def waiting(text: str, *keys: str) -> Callable[[Running], object]:
    """Waits until the text was drawn, then presses keys."""

    async def wait(pilot: Running) -> None:
        await shown(pilot, text)
        await pilot.press(*keys)
        await pilot.pause()

    return wait


@SIZES
def test_tasks_empty(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """An invitation in the middle: two buttons, the first one marked."""
    assert snap_compare(task_list(), terminal_size=size, run_before=waiting("No tasks yet"))


@SIZES
def test_tasks_filled(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """Glyph and word for each state, both ends of each task whole; the one marked line is the first."""
    assert snap_compare(several_tasks(), terminal_size=size, run_before=waiting("in step"))


@pytest.mark.parametrize("theme", ["light", "high-contrast"])
def test_tasks_in_another_theme(snap_compare: SnapCompare, theme: ThemeName) -> None:
    """The same lines, readable."""
    assert snap_compare(several_tasks(theme), terminal_size=NARROW, run_before=waiting("in step"))


@SIZES
def test_copying_again_says_what_is_emptied(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """What happens first, then why and which tables, as far as there is room; both ends, Cancel marked."""
    tables = [
        TableToCopy(table=TableName("kb", f"passages_{month:02}"), rows=20_005 * month, bytes=33_000_000 * month)
        for month in range(1, 13)
    ]
    reasons = ["kb.passages was taken out of the publication"]
    order = ResyncRequested(id=UUID(int=1), tables=tables, whole=False, reasons=reasons)
    task = store_task()
    app = monitor(view_of(task, RUNNING, synchronizing()))

    async def ask(pilot: Running) -> None:
        await shown(pilot, "in step")
        await pilot.app.push_screen(resync_dialog(task, order))
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=ask)


def test_release_asks_for_the_name(snap_compare: SnapCompare) -> None:
    """Both ends labelled, Cancel marked, Release locked."""
    app = task_list(seen(store_task("billing"), PAUSED, alive=False))
    assert snap_compare(app, terminal_size=NARROW, run_before=waiting("paused", "D"))


@SIZES
@pytest.mark.parametrize("state", ["full", "synchronizing", "retrying", "failed", "lost", "paused"])
def test_monitor(snap_compare: SnapCompare, size: tuple[int, int], state: str) -> None:
    """Trouble at the top where there is some; figures; stages; on a wide screen tables, charts and events too."""
    task = store_task()
    past, ended = remembered(3600), remembered(3600, (90, 0))
    views: dict[str, Callable[[], View]] = {
        "full": lambda: view_of(task, through("full"), copying()),
        "synchronizing": lambda: view_of(task, RUNNING, synchronizing(), history=past),
        "retrying": lambda: view_of(task, RETRYING, cut_off(), history=past),
        "failed": lambda: view_of(task, FAILED, alive=False, history=ended),
        "lost": lambda: view_of(task, LOST, alive=False, history=ended),
        "paused": lambda: view_of(task, PAUSED, alive=False, history=ended),
    }
    app = monitor(views[state]())
    assert snap_compare(app, terminal_size=size, run_before=waiting("kb-to-frankfurt"))


@pytest.mark.parametrize("key", ["2", "4", "5"], ids=["tables", "log", "stages"])
def test_panes_of_a_narrow_monitor(snap_compare: SnapCompare, key: str) -> None:
    """One pane below the figures; of a list its first or last line marked."""
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    assert snap_compare(app, terminal_size=NARROW, run_before=waiting("in step", key))


@SIZES
@pytest.mark.parametrize("presses", [0, 1, 2, 3], ids=["5min", "1h", "24h", "all"])
def test_charts(snap_compare: SnapCompare, size: tuple[int, int], presses: int) -> None:
    """Two lines from zero to a round top, with units and time; the spike of 15 min ago at its height of 400 ms; no
    line over the gap of an hour, nor over that of a minute in the finest chart."""
    past = remembered(3 * 3600, (7200, 3600), (150, 90))
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=past))
    keys = ["3", *["t"] * presses]
    assert snap_compare(app, terminal_size=size, run_before=waiting("in step", *keys))


@SIZES
def test_the_past_of_a_monitor(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    """Of when it is stands in orange at the top, every figure is grey, the keys that lead through time come first."""
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=remembered(3600)))
    assert snap_compare(app, terminal_size=size, run_before=waiting("in step", "left_square_bracket"))
