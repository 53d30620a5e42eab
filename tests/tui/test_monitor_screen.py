"""The monitor: trouble first, figures with their age, panes and lists by keys, task_actions on a living engine."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client import launch, lifecycle
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import EndpointError
from syncwizard.remedies import resync, to_do
from syncwizard.task.events import (
    DefinitionMissing,
    EngineStopped,
    Event,
    Failure,
    Noticed,
    PrecheckFinished,
    PrecheckItemFinished,
    Remainder,
    RetryStarted,
    SequencesSet,
    SlotMeasured,
    StageStarted,
    TablePlanned,
    TaskFailedEvent,
    TaskPaused,
    TaskReleased,
)
from syncwizard.task.figures.sample import IndexBuild
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint
from syncwizard.task.state import TaskState
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.monitor import link
from syncwizard.tui.monitor.headline import Headline, Tile
from syncwizard.tui.opening import Opening
from syncwizard.tui.settings import Settings, load_preferences
from syncwizard.tui.tasks.screen import TasksScreen
from tests.support.pair import DatabasePair
from tests.support.replay import (
    NOW,
    PID,
    Replay,
    copying,
    remembered,
    store_task,
    synchronizing,
    through,
    totals,
    view_of,
    write_journal,
)
from tests.support.small_engine import prescribe
from tests.tui.apps import NARROW, WIDE, monitor, shown

RUNNING = [*through("incremental"), (NOW - 5.0, totals())]
CUT = Failure(
    title="the connection was lost",
    where="source",
    detail="server closed the connection unexpectedly",
    sqlstate="08006",
    remedy=to_do("look whether the server runs"),
)
PAUSED = [(NOW - 60.0, TaskPaused()), (NOW - 60.0, EngineStopped(reason="paused"))]
GIVEN_UP = msgspec.structs.replace(CUT, remedy=to_do("look whether the server runs", then="resume"))
FAILED = [(NOW - 60.0, TaskFailedEvent(failure=GIVEN_UP)), (NOW - 60.0, EngineStopped(reason="failed"))]
NEARLY_LOST = SlotMeasured(
    retained_bytes=9_500_000_000, wal_status="extended", safe_bytes=500_000_000, source_lsn="0/71A2C00"
)
LOST = SlotMeasured(retained_bytes=0, wal_status="lost", source_lsn="0/71A2C00")


async def test_the_head_says_which_task_its_state_and_both_ends() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "● in step")
        assert text.splitlines()[0].split() == ["kb-to-frankfurt", "●", "in", "step", "engine", str(PID)]
        assert "SOURCE db1.example.com:5432/kb  ─▶  DESTINATION db2.example.com:5432/kb" in text


@pytest.mark.parametrize("name", ["täsk 表", "表" * 60])
async def test_a_name_of_wide_characters_leaves_the_engine_whole(name: str) -> None:
    app = monitor(view_of(store_task(name), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        head = (await shown(pilot, "● in step")).splitlines()[0]
        assert head.endswith(f"engine {PID}")


async def test_the_copy_is_shown_with_progress_rate_and_time_left() -> None:
    app = monitor(view_of(store_task(), through("full"), copying()))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "◐ full")
        assert "43 %" in text
        assert "4,200 rows/s, 6.9 MB/s" in text
        assert "about 5 s" in text
        await pilot.press("2")
        lines = (await shown(pilot, "OF ABOUT")).splitlines()
        passages = next(line.split() for line in lines if "kb.passages" in line)
        assert passages == ["kb.passages", "◐", "copying", "9,100", "20,005", "15.0", "MB", "45", "%"]


async def test_an_index_build_is_shown_beside_the_stream() -> None:
    build = IndexBuild(
        name="kb.passages_embedding",
        table="kb.passages",
        phase="building index: loading tuples in tree",
        tuples_done=30,
        tuples_total=100,
    )
    moments = [*through("indexes"), (NOW - 4.0, StageStarted(stage="incremental"))]
    app = monitor(view_of(store_task(), moments, synchronizing(index_builds=[build])))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "◐ indexes")
        assert "kb.passages_embedding   30 %  building index: loading tuples in tree" in text
        assert "● incremental" in text


async def test_tables_show_changes_by_kind_sorted_and_filtered_by_keys() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("2")
        text = await shown(pilot, "by activity")
        assert (
            text.index("kb.tags") < text.index("kb.passages") < text.index("kb.query_log") < text.index("kb.documents")
        )
        assert ["kb.passages", "20,005", "691", "954", "171"] in [line.split() for line in text.splitlines()]
        await pilot.press("s")
        text = await shown(pilot, "by name")
        assert (
            text.index("kb.documents") < text.index("kb.passages") < text.index("kb.query_log") < text.index("kb.tags")
        )
        await pilot.press("slash", *"log", "enter")
        text = await shown(pilot, "1 of 4")
        assert "kb.tags" not in text and "kb.query_log" in text
        await pilot.press("i")
        assert "311" in await shown(pilot, "all changes")


async def test_the_event_log_has_levels_a_filter_and_each_event_whole() -> None:
    long = (
        "kb.query_log has no key, so that its rows are matched as a whole, which is slow for a table that grows so much"
    )
    moments = [*RUNNING, (NOW - 3.0, Noticed(level="warning", message=long))]
    app = monitor(view_of(store_task(), moments, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("4")
        text = await shown(pilot, "· facts")
        assert "transactions with" not in text and "stage incremental started" in text
        await pilot.press("l")
        text = await shown(pilot, "· warnings")
        assert "stage incremental started" not in text and "▲" in text
        await pilot.press("i")
        assert "grows so much" in await shown(pilot, "2026-03-14 15:09:23+00:00")
        await pilot.press("escape", "l")
        assert "transactions with" in await shown(pilot, "· everything")


async def test_events_that_come_after_the_state_they_led_to_are_shown() -> None:
    """An engine sends its state first: the view after that one has more events and is of the same moment."""
    whole = view_of(store_task(), RUNNING, synchronizing())
    link = Replay(msgspec.structs.replace(whole, entries=()))
    app = monitor(link.view, follow=link)
    async with app.run_test(size=WIDE) as pilot:
        assert "stage incremental started" not in await shown(pilot, "Events (0)")
        # What is drawn again while the screen opens is drawn by now.
        await pilot.pause()
        link.post(whole)
        await shown(pilot, "stage incremental started")


async def test_missing_definitions_stand_with_the_stages() -> None:
    missing = [DefinitionMissing(kind="view", name=f"kb.v{number}", reason="no such column") for number in range(5)]
    lost = [(NOW - 3.0, event) for event in missing]
    app = monitor(view_of(store_task(), [*RUNNING, *lost], synchronizing()))
    async with app.run_test(size=WIDE) as pilot:
        text = await shown(pilot, "5 definitions are missing at the destination")
        assert "view kb.v0 (no such column)" in text and "and 2 more" in text


async def test_an_event_says_of_which_day_it_is() -> None:
    app = monitor(view_of(store_task(), through("incremental", began=NOW - 2 * 86_400), synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("4")
        await shown(pilot, "03-12 15:09:")


async def test_figures_of_another_time_are_greyed_and_say_how_old_they_are() -> None:
    view = view_of(store_task(), RUNNING, synchronizing())
    app = monitor(view, now=NOW + 12.0)
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "figures 12 s old")
        assert app.screen.query_one(Headline).has_class("-aged")
    fresh = monitor(view)
    async with fresh.run_test(size=NARROW) as pilot:
        await shown(pilot, f"engine {PID}")
        assert not fresh.screen.query_one(Headline).has_class("-aged")


async def test_each_figure_of_another_time_shows_its_own_age_and_is_greyed() -> None:
    sample = synchronizing(source_at=NOW - 58.0, slot_at=NOW - 70.0)
    app = monitor(view_of(store_task(), RUNNING, sample))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "backlog 58 s ago")
        assert "WAL held 1 min ago" in text
        assert [tile.has_class("-aged") for tile in app.screen.query(Tile)] == [False, False, True, True]
    wide = monitor(view_of(store_task(), RUNNING, sample))
    async with wide.run_test(size=WIDE) as pilot:
        text = await shown(pilot, "3.2 MB of WAL at the source (1 min 10 s ago)")
        assert "58 s ago" in next(line for line in text.splitlines() if "source  " in line)
    fresh = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with fresh.run_test(size=NARROW) as pilot:
        assert " ago" not in await shown(pilot, "backlog")
        assert not fresh.screen.query("Tile.-aged")


async def test_the_age_of_what_a_stopped_task_holds_goes_on() -> None:
    measured = SlotMeasured(retained_bytes=1_700_000, wal_status="reserved", source_lsn="0/71A2C00")
    moments = [*RUNNING, (NOW - 9.0, measured), (NOW - 8.0, TaskPaused()), (NOW - 8.0, EngineStopped(reason="paused"))]
    app = monitor(view_of(store_task(), moments, alive=False))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "WAL held 1.7 MB, 9 s ago")


async def test_a_slot_that_is_gone_holds_nothing() -> None:
    gone = SlotMeasured(exists=False, retained_bytes=0, wal_status="", source_lsn="0/71A2C00")
    app = monitor(view_of(store_task(), [*RUNNING, (NOW - 61.0, gone), *FAILED], alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "WAL held –, no slot")
        await pilot.press("5", "end")
        text = await shown(pilot, "the source does not have it any more (1 min 1 s ago)")
        assert "fill its disk" not in text


async def test_positions_are_at_the_end_only_of_what_is_known_to_be_there() -> None:
    # The stream is ahead of the source's position, which is asked for once a second.
    sample = synchronizing(
        source_lsn="0/100", received_lsn="0/500", applied_lsn="0/500", acknowledged_lsn="0/300", source_at=NOW
    )
    app = monitor(view_of(store_task(), RUNNING, sample))
    async with app.run_test(size=WIDE) as pilot:
        text = " ".join((await shown(pilot, "acknowledged")).split())
        assert "received 0/500 at the end" in text
        assert "applied 0/500 at the end" in text
        assert "acknowledged 0/300 512 B behind applied" in text


async def test_sums_over_the_tables_come_once_all_are_planned() -> None:
    planned = [moment for moment in through("full") if isinstance(moment[1], TablePlanned)]
    before = [moment for moment in through("full") if moment not in planned]
    first = msgspec.structs.replace(planned[0][1], more=True)
    app = monitor(view_of(store_task(), [*before, (planned[0][0], first)], copying()))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "561 rows, 300.0 kB, 1 table planned so far")
        stages = text.partition("Tables (")[0]
        assert "%" not in stages and " of ~" not in stages and "left" not in stages


async def test_without_heartbeats_the_latency_is_stated_to_be_longer_than_their_age() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing(latency_at=NOW - 30.0)))
    async with app.run_test(size=WIDE) as pilot:
        assert "no heartbeat since" in await shown(pilot, "catching up")


async def test_a_retry_says_what_since_when_until_when_and_what_to_do() -> None:
    moments = [*RUNNING, (NOW - 125.0, RetryStarted(failure=CUT, since=NOW - 125.0, until=NOW + 3600.0))]
    app = monitor(view_of(store_task(), moments, synchronizing(latency_at=NOW - 126.0)))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "Retrying: source: the connection was lost")
        assert "since 15:07:21, for 2 min 5 s; given up at 16:09:26, in 1 h" in text
        assert "server closed the connection unexpectedly [08006]" in text
        assert "Next: look whether the server runs; the task goes on by itself then" in text


@pytest.mark.slow
async def test_lost_changes_name_the_command_that_copies_again_and_no_resume() -> None:
    failure = Failure(title="the slot is gone", remedy=resync("kb"), changes_missing=True)
    moments = [*RUNNING, (NOW - 60.0, TaskFailedEvent(failure=failure)), (NOW - 60.0, EngineStopped(reason="failed"))]
    app = monitor(view_of(store_task(), moments, alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "Next: R resyncs; i shows it all, to copy")
        assert "r resumes" not in text and "r Resume" not in text
        assert text.splitlines()[-1].startswith(" R Resync")
        await pilot.press("question_mark", *"and copy again")
        assert "R      Resync" in await shown(pilot, "1 of")


@pytest.mark.slow
async def test_a_table_of_a_healthy_task_is_copied_again_only_where_one_is_marked() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("4")
        await shown(pilot, "Events (")
        await pilot.press("question_mark", *"and copy again")
        await shown(pilot, "0 of")
        await pilot.press("escape", "2")
        # No daily business: the key bar has other things to show.
        assert "R Resync" not in await shown(pilot, "Tables (")
        # The task of this test has no journal, and is refused for that.
        await pilot.press("question_mark", *"and copy again")
        await shown(pilot, "1 of")
        await pilot.press("enter")
        await shown(pilot, "the task has copied nothing yet")


async def test_a_failure_is_reported_in_the_servers_words_and_can_be_copied_whole() -> None:
    words = "duplicate key value violates unique constraint " + "x" * 300 + " end of the words"
    failure = Failure(
        title="a change was refused",
        where="kb.tags",
        detail=words,
        sqlstate="23505",
        remedy=to_do("correct the row", then="resume"),
    )
    moments = [*RUNNING, (NOW - 60.0, TaskFailedEvent(failure=failure)), (NOW - 60.0, EngineStopped(reason="failed"))]
    app = monitor(view_of(store_task(), moments, alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "✗ Failed: kb.tags: a change was refused")
        assert "since 15:08:26, for 1 min" in text
        assert "[23505]" in text and "Next: correct the row, then r resumes" in text.replace("\n", " ")
        assert "r Resume" in text and "p Pause" not in text
        await pilot.press("i")
        assert "end of the words [23505]" in (await shown(pilot, "Write to file")).replace("\n", " ").replace("│", "")


async def test_a_precheck_that_did_not_pass_names_the_items_that_block() -> None:
    item = PrecheckItemFinished(
        item="wal-level",
        title="WAL level",
        verdict="failed",
        message="it is replica",
        remedy=to_do("set wal_level = logical"),
    )
    moments = [
        (NOW - 9.0, StageStarted(stage="precheck")),
        (NOW - 8.0, item),
        (NOW - 8.0, PrecheckFinished(passed=False)),
    ]
    app = monitor(view_of(store_task(), moments, alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "The precheck did not pass: 1 of 1 items block")
        assert "WAL level: it is replica" in text and "Next: set wal_level = logical" in text


async def test_a_paused_task_says_since_when_and_what_its_slot_holds() -> None:
    moments = [*RUNNING, (NOW - 60.0, TaskPaused()), (NOW - 60.0, EngineStopped(reason="paused"))]
    app = monitor(view_of(store_task(), moments, alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "▲ Paused")
        assert "since 15:08:26" in text and "the source keeps all WAL" in text
        assert "Next: r resumes" in text


async def test_resuming_is_not_offered_before_the_engine_has_ended() -> None:
    app = monitor(view_of(store_task(), [*RUNNING, (NOW - 1.0, TaskPaused())]))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "▲ Paused")
        assert "r resumes" not in text and "r Resume" not in text


async def test_wal_that_threatens_the_slot_comes_to_the_top() -> None:
    sample = synchronizing(slot_retained_bytes=9_500_000_000, slot_safe_bytes=500_000_000)
    app = monitor(view_of(store_task(), RUNNING, sample))
    async with app.run_test(size=NARROW) as pilot:
        assert "9.5 GB of the 10.0 GB of WAL" in await shown(pilot, "▲ WAL at the source")


@pytest.mark.parametrize("ending", [PAUSED, FAILED], ids=["paused", "failed"])
async def test_wal_that_threatens_the_slot_is_reported_of_a_task_that_stands_still(
    ending: list[tuple[float, Event]],
) -> None:
    app = monitor(view_of(store_task(), [*RUNNING, (NOW - 61.0, NEARLY_LOST), *ending], alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "WAL: the slot holds 9.5 GB of the 10.0 GB of WAL")
        assert "r resumes" in text


async def test_a_paused_task_whose_slot_is_lost_does_not_look_healthy() -> None:
    app = monitor(view_of(store_task(), [*RUNNING, (NOW - 61.0, LOST), *PAUSED], alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "✗ Paused")
        assert "WAL: the source has removed WAL that the slot still needed" in text and "The slot stays" not in text
        assert "Next: r resumes, which finds what is missing; then R copies it again" in text


async def test_a_lost_slot_is_not_one_without_a_limit() -> None:
    sample = synchronizing(slot_wal_status="lost", slot_safe_bytes=None)
    app = monitor(view_of(store_task(), RUNNING, sample))
    async with app.run_test(size=WIDE) as pilot:
        assert "without a limit" not in await shown(pilot, "WAL held  lost")


async def test_what_a_release_left_behind_stays_on_the_screen() -> None:
    left = TaskReleased(
        left_over=[
            Remainder(statements=("DROP PUBLICATION dts_sync_1",), end="source"),
            Remainder(statements=("DROP SCHEMA syncwizard",), end="destination"),
        ]
    )
    app = monitor(view_of(store_task(), [*RUNNING, *PAUSED, (NOW - 30.0, left)], alive=False))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "▲ Left over at the ends")
        assert "DROP PUBLICATION dts_sync_1; DROP SCHEMA syncwizard;" in text
        assert "Next: D tries again" in text and "D Release" in text


@pytest.mark.parametrize("stage", ["full", "incremental"])
async def test_a_dead_engine_is_explained_from_its_journal(stage: str) -> None:
    task = store_task()
    write_journal(task, through("full" if stage == "full" else "incremental"))
    app = SyncwizardApp(
        Opening(screen="monitor", task=task), clock=lambda: NOW, given=Settings(theme="dark", question_delay=0)
    )
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "✗ The engine died")
        assert f"(process {PID}) died in the stage {stage}" in text.replace("\n", " ")
        assert "r Resume" in text and "i Inspect" in text


async def test_narrow_screens_show_one_pane_by_its_number_and_wide_ones_all() -> None:
    view = view_of(store_task(), RUNNING, synchronizing())
    app = monitor(view)
    async with app.run_test(size=NARROW) as pilot:
        assert "Events (" not in await shown(pilot, "● incremental")
        await pilot.press("4")
        assert "● incremental" not in await shown(pilot, "Events (")
        await pilot.press("3")
        await shown(pilot, "Latency, longest")
    app = monitor(view)
    async with app.run_test(size=WIDE) as pilot:
        text = await shown(pilot, "● incremental")
        assert "Events (" in text and "Tables (4)" in text and "Latency, longest" in text


async def test_every_pane_is_reached_by_tab_in_reading_order() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "● incremental")
        order = []
        for _ in range(4):
            order.append(app.screen.focused.id if app.screen.focused else None)
            await pilot.press("tab")
        assert order == ["monitor-stages", "monitor-charts", "monitor-tables", "monitor-log"]


async def test_charts_cover_another_range_by_a_key() -> None:
    past = remembered(3 * 3600, (7200, 3600))
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=past))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("3")
        text = await shown(pilot, "last 5 min")
        # The spike of 15 min ago is not of these minutes.
        assert "-5 min" in text and "407 ms" not in text
        of_stage = ("last 59 min 44 s, of the stage", "-59 min 44 s")
        for title, axis in (("last 1 h", "-1 h"), of_stage, ("all: 3 h", "-3 h")):
            await pilot.press("t")
            text = await shown(pilot, title)
            assert axis in text and "peak 407 ms" in text
        await pilot.press("t")
        await shown(pilot, "last 5 min")


async def test_order_level_range_and_filter_are_remembered_and_the_filter_for_its_task_alone() -> None:
    def looked_at(number: int) -> SyncwizardApp:
        return monitor(view_of(store_task("kb", number), RUNNING, synchronizing(), history=remembered(3 * 3600)))

    async with (app := looked_at(1)).run_test(size=WIDE) as pilot:
        await shown(pilot, "in step")
        await pilot.press("s", "l", "t", "slash", *"log", "enter")
        await shown(pilot, "Tables (1 of 4) · by name")
    kept = load_preferences()
    assert kept == app.preferences
    for number, tables in ((1, "Tables (1 of 4) · by name"), (2, "Tables (4) · by name")):
        again = looked_at(number)
        again.preferences = kept
        async with again.run_test(size=WIDE) as pilot:
            text = await shown(pilot, tables)
            assert "· warnings" in text and "last 1 h" in await shown(pilot, "last 1 h")


async def test_charts_of_a_stopped_task_tell_what_was_before_it_stopped() -> None:
    moments = [*RUNNING, (NOW - 60.0, TaskPaused()), (NOW - 60.0, EngineStopped(reason="paused"))]
    app = monitor(view_of(store_task(), moments, alive=False, history=remembered(3600)))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "▲ Paused")
        await pilot.press("3", "t")
        await shown(pilot, "last 1 h · mean")


async def test_charts_begin_at_the_stage_that_they_are_of() -> None:
    """Beside the copy's rate, what the stream does after it would be a line on the floor."""
    began = [(at, event) for at, event in through("incremental", began=NOW - 1200.0)]
    app = monitor(view_of(store_task(), began, synchronizing(), history=remembered(3600)))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("3", "t")
        assert "-19 min 44 s" in await shown(pilot, "last 19 min 44 s, of the stage")


async def test_figures_have_their_last_minutes_below_them() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=remembered(3600)))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "≤ 8 ms")
        assert "≤ 500" in text and "≤ 2.0 MB" in text and "▆" in text


async def test_positions_are_a_chain_with_what_lies_between_them() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "in step")
        assert "source 0/71A2C00 ─ 192 B ─▶ applied ─ 2.9 kB ─▶ acknowledged 0/71A2000" in text
        assert "✓ precheck ✓ capture ✓ schema" in text


async def test_the_past_is_gone_back_to_and_come_back_from_by_keys() -> None:
    view = view_of(store_task(), RUNNING, synchronizing(), history=remembered(3600))
    app = monitor(view)
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "1,878 transactions")
        await pilot.press("left_square_bracket")
        text = await shown(pilot, "▲ as of 15:09:16, 10 s ago")
        # The totals came five seconds ago; nothing is done to a task from its past.
        assert "0 transactions" in text and "p Pause" not in text and "[ Earlier  ] Later" in text
        await pilot.press("left_square_bracket")
        await shown(pilot, "▲ as of 15:09:06, 20 s ago")
        await pilot.press("escape")
        assert "1,878 transactions" in await shown(pilot, "as of", gone=True)


async def test_tables_have_the_last_minutes_that_were_seen_of_them() -> None:
    view = view_of(store_task(), RUNNING, synchronizing())
    link = Replay(view)
    app = monitor(view, follow=link)
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        counts = {**(view.seen.sample.changes or {}), "kb.documents": {"insert": 99}}
        more = msgspec.structs.replace(view.seen, sample=synchronizing(changes=counts))
        link.post(msgspec.structs.replace(view, seen=more))
        await shown(pilot, "99")
        documents = next(line for line in (await shown(pilot, "kb.documents")).splitlines() if "kb.documents" in line)
        assert documents.rstrip().endswith("▆")


async def test_leaving_stops_following_and_remembers_the_task() -> None:
    view = view_of(store_task(), RUNNING, synchronizing())
    app = monitor(view)
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("q")
    assert app.return_value is not None and app.return_value.task == view.seen.task
    assert app._follow.stopped  # type: ignore[attr-defined]


async def test_a_report_is_shown_before_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    task = store_task()
    app = monitor(view_of(task, RUNNING, synchronizing()))
    write_journal(task, RUNNING)
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "in step")
        await pilot.press("w")
        await shown(pilot, "Report on the task kb-to-frankfurt")
        app.screen.query_one("#write").press()  # type: ignore[attr-defined]
        await shown(pilot, "written to")
    written = tmp_path / "kb-to-frankfurt-report.txt"
    assert "LAST 200 EVENTS" in written.read_text()
    assert written.stat().st_mode & 0o777 == 0o600


async def test_what_came_of_a_deed_is_reported_where_the_person_is_by_then(monkeypatch: pytest.MonkeyPatch) -> None:
    may_end = threading.Event()

    def release(*given: object, **options: object) -> TaskState:
        may_end.wait(30.0)
        return TaskState(
            state="released", left_over=(Remainder(statements=("DROP PUBLICATION dts_sync_1",), end="source"),)
        )

    monkeypatch.setattr(lifecycle, "release", release)
    app = monitor(view_of(store_task("kb"), [*RUNNING, *PAUSED], alive=False))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "▲ Paused")
        await pilot.press("D")
        await shown(pilot, "Type the task's name")
        await pilot.press("k", "b", "enter", "enter")
        await shown(pilot, "Type the task's name", gone=True)
        await pilot.press("escape")
        await shown(pilot, "▲ Paused", gone=True)
        assert isinstance(app.screen, TasksScreen)
        may_end.set()
        await shown(pilot, "DROP PUBLICATION dts_sync_1")


@pytest.mark.slow
async def test_sequences_are_set_once_confirmed(pair: DatabasePair) -> None:
    for end in (pair.source, pair.destination):
        end.execute("CREATE SCHEMA kb; CREATE SEQUENCE kb.numbers")
    pair.source.execute("SELECT setval('kb.numbers', 7)")
    task = store_task(source=pair.source_endpoint, destination=pair.destination_endpoint)
    app = monitor(view_of(task, RUNNING, synchronizing()))
    write_journal(task, RUNNING)
    value = "SELECT last_value FROM kb.numbers"
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("S")
        await shown(pilot, "Set the sequences of kb-to-frankfurt?")
        assert pair.destination.execute(value).fetchall() == [(1,)]
        await pilot.press("y")
        await shown(pilot, "kb.numbers", seconds=60.0)
    assert pair.destination.execute(value).fetchall() == [(7,)]


@pytest.fixture
def living(state_home: Path) -> Iterator[StoredTask]:
    """A task with a real engine over small stages, which does not outlive the test."""
    task = store_task()
    prescribe(task.folder, incremental="block")
    launch.start_engine(task.spec, Handover(), module="tests.support.small_engine")
    yield task
    if (holder := task.find_engine()) is not None:
        os.kill(holder.pid, signal.SIGKILL)


@pytest.mark.slow
async def test_a_living_engine_is_followed_and_paused_by_keys(living: StoredTask) -> None:
    app = SyncwizardApp(Opening(screen="monitor", task=living), given=Settings(theme="dark", question_delay=0))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "◑ catching up", seconds=30.0)
        await pilot.press("p")
        await shown(pilot, f"Pause {living.label}?")
        await pilot.press("enter")
        await shown(pilot, f"Pause {living.label}?", gone=True)
        assert living.find_engine() is not None
        await pilot.press("p", "y")
        await shown(pilot, "no engine", seconds=30.0)
        await shown(pilot, "▲ Paused", seconds=30.0)
    assert living.find_engine() is None
    assert living.read_state().state == "paused"


@pytest.mark.slow
async def test_a_killed_engine_is_explained_and_its_successor_followed_without_a_key(
    living: StoredTask,
) -> None:
    app = SyncwizardApp(Opening(screen="monitor", task=living), given=Settings(theme="dark", question_delay=0))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "◑ catching up", seconds=30.0)
        holder = living.find_engine()
        assert holder is not None
        os.kill(holder.pid, signal.SIGKILL)
        await shown(pilot, "✗ The engine died", seconds=30.0)
        launch.start_engine(living.spec, Handover(), module="tests.support.small_engine")
        await shown(pilot, "◑ catching up", seconds=30.0)


@pytest.mark.slow
async def test_an_engine_that_does_not_answer_is_reported_and_does_not_keep_anyone_from_leaving(
    living: StoredTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(link, "ANSWER_SECONDS", 0.3)
    app = SyncwizardApp(Opening(screen="monitor", task=living), given=Settings(theme="dark", question_delay=0))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "◑ catching up", seconds=30.0)
        holder = living.find_engine()
        assert holder is not None
        os.kill(holder.pid, signal.SIGSTOP)
        text = await shown(pilot, "▲ The engine does not answer", seconds=30.0)
        assert "◑ catching up" in text
        await shown(pilot, " old", seconds=30.0)


async def test_resuming_asks_for_a_password_that_is_kept_nowhere() -> None:
    asked = Endpoint(host="db1.example.com", database="kb", user="sync", password="prompt")
    moments = [*RUNNING, (NOW - 60.0, TaskPaused()), (NOW - 60.0, EngineStopped(reason="paused"))]
    app = monitor(view_of(store_task(source=asked), moments, alive=False))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "▲ Paused")
        await pilot.press("r")
        await shown(pilot, "password of the source (db1.example.com:5432/kb)")
        await pilot.press("escape")
        assert "▲ Paused" in await shown(pilot, "password of the source", gone=True)


@pytest.mark.slow
async def test_a_password_is_asked_for_once_and_again_when_an_end_refuses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[str | None] = []
    refusal = EndpointError("the password is wrong", end="source", transient=False)

    def set_sequences(task: StoredTask, offset: int, secrets: Handover, *, quiet: bool) -> SequencesSet:
        given.append(secrets.source)
        if secrets.source == "wrong":
            raise refusal
        return SequencesSet(count=0, values=[])

    monkeypatch.setattr(lifecycle, "set_sequences", set_sequences)
    asked = Endpoint(host="db1.example.com", database="kb", user="sync", password="prompt")
    app = monitor(view_of(store_task(source=asked), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        for password, result in (("wrong", "the password is wrong"), ("right", "no sequences")):
            await pilot.press("S", "y")
            await shown(pilot, "password of the source")
            await pilot.press(*password, "enter")
            await shown(pilot, result)
            await pilot.press("escape")
            await shown(pilot, result, gone=True)
        await pilot.press("S", "y")
        await shown(pilot, "no sequences")
        assert given == ["wrong", "right", "right"]


async def test_a_tab_answers_a_click() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=NARROW) as pilot:
        text = await shown(pilot, "4 Log")
        line = next(line for line in text.splitlines() if "4 Log" in line)
        await pilot.click("#monitor-tabs", offset=(line.index("2 Tables") + 2, 0))
        await shown(pilot, "Tables (4)")
        await pilot.click("#monitor-tabs", offset=(line.index("4 Log") + 2, 0))
        await shown(pilot, "Events (")


@pytest.mark.slow
async def test_ten_thousand_tables_are_filtered_at_once() -> None:
    changes = {f"kb.table_{number:05}": {"insert": number} for number in range(10_000)}
    app = monitor(view_of(store_task(), RUNNING, synchronizing(changes=changes)))
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "in step")
        await pilot.press("2")
        await shown(pilot, "Tables (10,004)")
        await pilot.press("slash", *"07777")
        assert "7,777" in await shown(pilot, "1 of 10,004")
