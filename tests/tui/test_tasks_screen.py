"""The list of tasks: what it shows, what can be done from it."""

from pathlib import Path

import msgspec
import pytest

from syncwizard import paths
from syncwizard.client import drafts, probes, tasks
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.events import EngineStopped, Failure, SlotMeasured, TaskFailedEvent, TaskPaused, TaskReleased
from syncwizard.task.state import TaskState
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.monitor.screen import MonitorScreen
from syncwizard.tui.opening import Leaving
from syncwizard.tui.read_only import READ_ONLY
from syncwizard.tui.settings import Settings, load_preferences
from syncwizard.tui.tasks.screen import TasksScreen
from syncwizard.tui.wizard.screen import WizardScreen
from tests.support.replay import NOW, copying, seen, store_task, synchronizing, through, totals, write_journal
from tests.tui.apps import shown, task_list

RUNNING = [*through("incremental"), (NOW - 5.0, totals())]
PAUSED = [*through("incremental"), (NOW - 60.0, TaskPaused()), (NOW - 60.0, EngineStopped(reason="paused"))]
LOST = Failure(title="the slot is gone", where="source", detail="slot does not exist", sqlstate="42704")
FAILED = [
    *through("incremental"),
    (NOW - 90.0, TaskFailedEvent(failure=LOST)),
    (NOW - 90.0, EngineStopped(reason="failed")),
]


async def test_every_task_says_its_state_how_late_it_is_the_wal_it_holds_and_since_when() -> None:
    one, two = store_task("kb"), store_task("shop", 2)
    app = task_list(seen(one, RUNNING, synchronizing()), seen(two, through("full"), copying()))
    async with app.run_test() as pilot:
        text = await shown(pilot, "in step")
        kb, shop = (next(line for line in text.splitlines() if f" {name} " in line) for name in ("kb", "shop"))
        assert kb.split() == ["●", "kb", "in", "step", "3", "ms", "3.2", "MB", "59", "min"]
        assert shop.split()[:7] == ["▌◐", "shop", "copying", "━━━━───────", "43", "%", "≈"]
        # The one under the cursor has its ends whole below.
        assert "shop   db1.example.com:5432/kb → db2.example.com:5432/kb" in text
        await pilot.press("j")
        assert "engine 4711" in await shown(pilot, "kb   db1.example.com")


async def test_a_stream_without_heartbeats_is_catching_up_and_not_in_step() -> None:
    app = task_list(seen(store_task(), RUNNING, synchronizing(latency_at=NOW - 42.0)))
    async with app.run_test() as pilot:
        text = await shown(pilot, "catching up")
        assert "42 s" in text and "in step" not in text


async def test_trouble_comes_first_with_its_cause_and_its_key() -> None:
    app = task_list(
        seen(store_task("a-runs"), RUNNING, synchronizing()), seen(store_task("z-failed", 2), FAILED, alive=False)
    )
    async with app.run_test() as pilot:
        lines = (await shown(pilot, "NEEDS YOU")).splitlines()
        at = next(number for number, line in enumerate(lines) if "z-failed" in line)
        assert "the slot is gone" in lines[at + 1] and lines[at + 1].endswith("r resumes")
        assert next(number for number, line in enumerate(lines) if "a-runs" in line) > at
        assert "✗ 1 failed   ● 1 in step" in lines[0]


async def test_wal_of_a_slot_that_stands_still_is_at_least_what_was_measured() -> None:
    measured = (NOW - 59.0, SlotMeasured(retained_bytes=38_000_000_000, wal_status="extended", source_lsn="0/71A2B40"))
    app = task_list(seen(store_task(), [*PAUSED, measured], alive=False))
    async with app.run_test() as pilot:
        text = await shown(pilot, "▲ ≥ 38.0 GB")
        assert "WAL held: measured 59 s ago" in text


async def test_tasks_whose_changes_are_missing_are_resynchronized_from_the_list() -> None:
    gone = (NOW - 1.0, TaskFailedEvent(failure=msgspec.structs.replace(LOST, changes_missing=True)))
    app = task_list(seen(store_task(), [*RUNNING, gone, (NOW, EngineStopped(reason="failed"))], alive=False))
    async with app.run_test() as pilot:
        lines = (await shown(pilot, "R resyncs")).splitlines()
        assert lines[-1].startswith(" R Resync") and "r Resume" not in lines[-1]


async def test_order_and_filter_are_remembered() -> None:
    looks = [seen(store_task("kb"), RUNNING, synchronizing()), seen(store_task("crm", 2), RUNNING, synchronizing())]
    app = task_list(*looks)
    async with app.run_test() as pilot:
        await shown(pilot, "crm")
        await pilot.press("s", "slash", *"crm", "enter")
        await shown(pilot, "1 of 2  by name")
    kept = load_preferences()
    assert (kept.tasks_sort, kept.tasks_filter) == ("name", "crm")
    again = task_list(*looks)
    again.preferences = kept
    async with again.run_test() as pilot:
        assert "● kb" not in await shown(pilot, "1 of 2  by name")
        await pilot.press("escape")
        await shown(pilot, "● kb")


async def test_marked_tasks_are_paused_together_after_one_question() -> None:
    app = task_list(*(seen(store_task(name, at), RUNNING, synchronizing()) for at, name in enumerate("abc", 1)))
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        await pilot.press("space", "space")
        await shown(pilot, "2 marked")
        await pilot.press("p")
        assert "a, b" in await shown(pilot, "Pause 2 tasks?")
        await pilot.press("escape")
        await pilot.press("escape")
        await shown(pilot, "marked", gone=True)


async def test_an_empty_list_offers_the_wizard_and_the_demo() -> None:
    app = task_list()
    async with app.run_test() as pilot:
        assert "Try the demo first" in await shown(pilot, "No tasks yet")
        # Next to `D`, which releases a task, a slip of the Shift key must start nothing.
        await pilot.press("d")
        await pilot.pause()
        assert app.return_value is None
        await pilot.press("t")
    assert app.return_value == Leaving(reason="demo")


async def test_with_released_tasks_alone_the_key_that_shows_them_is_named() -> None:
    app = task_list(seen(store_task("kb"), [*PAUSED, (NOW - 30.0, TaskReleased())], alive=False))
    async with app.run_test() as pilot:
        await shown(pilot, "No task is under way; a shows released ones")
        await pilot.press("a")
        await shown(pilot, "released ")


async def test_enter_on_an_empty_list_opens_the_wizard() -> None:
    app = task_list()
    async with app.run_test() as pilot:
        await shown(pilot, "No tasks yet")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, WizardScreen)


async def test_a_filter_shows_tasks_that_contain_every_word_and_esc_clears_it() -> None:
    looks = [
        seen(store_task(name, number), RUNNING, synchronizing()) for number, name in enumerate(("kb", "shop", "crm"), 1)
    ]
    app = task_list(*looks)
    async with app.run_test() as pilot:
        await shown(pilot, "crm")
        await pilot.press("slash", *"shop", "space", *"synch")
        text = await shown(pilot, "1 of 3")
        assert "crm" not in text
        await pilot.press("escape")
        assert "crm" in await shown(pilot, "1 of 3", gone=True)


async def test_each_order_is_named_and_puts_the_most_of_it_first() -> None:
    app = task_list(
        seen(store_task("a"), RUNNING, synchronizing(slot_retained_bytes=9_000_000_000)),
        seen(store_task("b", 2), RUNNING, synchronizing(latency_seconds=2.0)),
    )
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        for order, first, second in (("name", "● a", "● b"), ("behind", "● b", "● a"), ("WAL", "● a", "● b")):
            await pilot.press("s")
            text = await shown(pilot, f"by {order}")
            assert text.index(first) < text.index(second)


async def test_only_what_can_be_done_with_the_task_is_offered() -> None:
    app = task_list(seen(store_task("a"), RUNNING, synchronizing()), seen(store_task("b", 2), PAUSED, alive=False))
    async with app.run_test() as pilot:
        # The paused one is first: it wants a person.
        keys = (await shown(pilot, "r Resume")).splitlines()[-1]
        assert "Pause" not in keys and "D Release" in keys
        await pilot.press("j")
        keys = (await shown(pilot, "p Pause")).splitlines()[-1]
        assert "Resume" not in keys and "Release" not in keys


async def test_releasing_wants_the_name_typed_and_enter_confirms_nothing() -> None:
    task = store_task("kb")
    app = task_list(seen(task, PAUSED, alive=False))
    async with app.run_test() as pilot:
        await shown(pilot, "paused")
        await pilot.press("D")
        text = await shown(pilot, "Type the task's name")
        assert "SOURCE       db1.example.com:5432/kb" in text
        assert "DESTINATION  db2.example.com:5432/kb" in text
        confirm = app.screen.query_one("#confirm")
        await pilot.press(*"wrong", "enter")
        assert confirm.disabled and app.screen.query_one("Input").has_focus
        await pilot.press("escape")
        await shown(pilot, "Type the task's name", gone=True)
        await pilot.press("D", "enter")
        await shown(pilot, "Type the task's name", gone=True)
    assert task.read_state() == TaskState(id=task.id, name="kb")


async def test_a_defect_of_a_probe_is_reported_in_a_dialog_and_not_written_over_the_screen(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probes, "PROBE_MODULE", "syncwizard.engine.no_such_module")
    app = task_list(seen(store_task("kb"), PAUSED, alive=False))
    async with app.run_test() as pilot:
        await shown(pilot, "paused")
        await pilot.press("D", *"kb", "enter", "enter")
        await shown(pilot, "it did not work")
    assert "no_such_module" not in capfd.readouterr().err


async def test_cloning_opens_the_wizard_with_a_copy_of_the_settings() -> None:
    app = task_list(seen(store_task("kb"), RUNNING, synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.screen, WizardScreen)
        assert app.screen.draft.name == "kb-copy"
        assert app.screen.draft.task_id is None
        assert app.screen.draft.to_spec().source.describe() == "db1.example.com:5432/kb"


async def test_a_draft_is_offered_again_and_can_be_forgotten() -> None:
    drafts.save(TaskDraft(name="half done", named=True))
    app = task_list()
    async with app.run_test() as pilot:
        assert "DRAFTS" in await shown(pilot, "half done")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, WizardScreen) and app.screen.draft.name == "half done"
        app.pop_screen()
        await shown(pilot, "DRAFTS")
        await pilot.press("D")
        await shown(pilot, "Forget the draft")
        await pilot.press("y")
        await shown(pilot, "No tasks yet")
    assert not drafts.list_drafts()


async def test_brackets_in_a_name_are_part_of_it() -> None:
    drafts.save(TaskDraft(name="kb [prod]", named=True))
    async with task_list().run_test() as pilot:
        await shown(pilot, "DRAFTS")
        await pilot.press("D")
        await shown(pilot, "Forget the draft kb [prod]?")


async def test_a_draft_that_cannot_be_removed_ends_nothing() -> None:
    draft = TaskDraft(name="kb")
    drafts.save(draft)
    app = task_list()
    async with app.run_test(notifications=True) as pilot:
        await shown(pilot, "DRAFTS")
        in_the_way(draft)
        await pilot.press("D")
        await shown(pilot, "Forget the draft")
        await pilot.press("y")
        await shown(pilot, "Not forgotten")


def in_the_way(draft: TaskDraft) -> None:
    """A folder in place of the draft's file, which cannot be removed as a file."""
    path = paths.drafts_folder() / f"{draft.id}.json"
    path.unlink()
    path.mkdir()


async def test_a_draft_without_ends_says_that_they_are_not_known_yet() -> None:
    drafts.save(TaskDraft(name="kb"))
    async with task_list().run_test() as pilot:
        assert "? → ?" in await shown(pilot, "DRAFTS")


async def test_a_stored_task_that_cannot_be_read_is_named() -> None:
    store_task("kb")
    other = store_task("damaged", 2)
    (other.folder / "task.yaml").write_text("name: [")
    app = SyncwizardApp(clock=lambda: NOW, given=Settings(theme="dark", question_delay=0))
    async with app.run_test(size=(200, 24)) as pilot:
        assert "left out: " in await shown(pilot, "kb")


async def test_enter_opens_the_monitor_and_esc_comes_back() -> None:
    app = task_list(seen(store_task(), RUNNING, synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, MonitorScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, TasksScreen)


async def test_a_task_whose_engine_died_says_so_from_its_journal(state_home: Path) -> None:
    write_journal(store_task(), through("full"))
    app = SyncwizardApp(clock=lambda: NOW, given=Settings(theme="dark", question_delay=0))
    async with app.run_test() as pilot:
        text = await shown(pilot, "engine died")
        assert "full" in text
        assert tasks.list_tasks()[0].find_engine() is None


async def test_views_are_saved_under_a_name_and_shown_by_one_key() -> None:
    looks = [seen(store_task(name, at), RUNNING, synchronizing()) for at, name in enumerate(("kb", "crm", "shop"), 1)]
    async with task_list(*looks).run_test() as pilot:
        await shown(pilot, "crm")
        await pilot.press("s", "slash", *"crm", "enter")
        await shown(pilot, "1 of 3  by name")
        await pilot.press("V")
        await shown(pilot, "“crm”, by name")
        await pilot.press(*"mine", "enter")
        await shown(pilot, "1 of 3  mine")
        # All tasks again, and the view again.
        await pilot.press("v")
        await shown(pilot, "● shop")
        await pilot.press("v")
        text = await shown(pilot, "1 of 3  mine")
        assert "● shop" not in text
    again = task_list(*looks)
    again.preferences = load_preferences()
    async with again.run_test() as pilot:
        await shown(pilot, "1 of 3  mine")
        await pilot.press("V", "delete")
        await shown(pilot, "mine", gone=True)
        await pilot.press("home", "enter")
        await shown(pilot, "● shop")
    assert load_preferences().tasks_views == ()


@pytest.mark.parametrize("by", ["option", "settings"])
async def test_an_empty_list_that_changes_nothing_offers_nothing(by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if by == "option":
        monkeypatch.setenv(READ_ONLY, "1")
    app = task_list(read_only=by == "settings")
    async with app.run_test() as pilot:
        text = await shown(pilot, "No tasks yet")
        assert "demo" not in text and "Set up a task" not in text
        await pilot.press("enter", "t", "n")
        assert len(app.screen_stack) == 2
    assert app.return_value is None
