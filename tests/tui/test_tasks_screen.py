"""The list of tasks: what it shows, what can be done from it."""

from pathlib import Path

import pytest

from syncwizard import paths
from syncwizard.client import drafts, probes, tasks
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.events import EngineStopped, Failure, TaskFailedEvent, TaskPaused, TaskReleased
from syncwizard.task.state import TaskState
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.monitor.screen import MonitorScreen
from syncwizard.tui.opening import Leaving
from syncwizard.tui.settings import Settings
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


async def test_every_task_is_shown_with_state_stage_latency_age_and_both_ends() -> None:
    one, two = store_task("kb"), store_task("shop", 2)
    app = task_list(seen(one, RUNNING, synchronizing()), seen(two, through("full"), copying()))
    async with app.run_test() as pilot:
        text = await shown(pilot, "synchronizing")
        kb, ends, shop = text.splitlines()[3:6]
        assert kb.split() == ["kb", "●", "synchronizing", "incremental", "3", "ms", "now"]
        assert ends.strip() == "db1.example.com:5432/kb → db2.example.com:5432/kb"
        assert shop.split()[:5] == ["shop", "◐", "initializing", "full", "43"]


async def test_a_latency_whose_heartbeat_stopped_is_shown_as_an_age() -> None:
    app = task_list(seen(store_task(), RUNNING, synchronizing(latency_at=NOW - 42.0)))
    async with app.run_test() as pilot:
        assert "42 s ago" in await shown(pilot, "synchronizing")


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
        await shown(pilot, "– released")


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
        assert "crm" in await shown(pilot, "3 tasks")


async def test_sorting_by_state_puts_tasks_that_need_a_person_first() -> None:
    app = task_list(
        seen(store_task("a-runs"), RUNNING, synchronizing()), seen(store_task("z-failed", 2), FAILED, alive=False)
    )
    async with app.run_test() as pilot:
        text = await shown(pilot, "1 needs you")
        assert text.index("a-runs") < text.index("z-failed")
        await pilot.press("s")
        text = await shown(pilot, "by state")
        assert text.index("z-failed") < text.index("a-runs")


async def test_only_what_can_be_done_with_the_task_is_offered() -> None:
    app = task_list(seen(store_task("a"), RUNNING, synchronizing()), seen(store_task("b", 2), PAUSED, alive=False))
    async with app.run_test() as pilot:
        keys = (await shown(pilot, "p Pause")).splitlines()[-1]
        assert "Resume" not in keys and "Release" not in keys
        await pilot.press("j")
        keys = (await shown(pilot, "r Resume")).splitlines()[-1]
        assert "Pause" not in keys and "D Release" in keys


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


async def test_a_defect_of_a_probe_is_told_in_a_dialog_and_not_written_over_the_screen(
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
        await shown(pilot, "synchronizing")
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
        assert "✎ draft" in await shown(pilot, "half done")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, WizardScreen) and app.screen.draft.name == "half done"
        app.pop_screen()
        await shown(pilot, "✎ draft")
        await pilot.press("D")
        await shown(pilot, "Forget the draft")
        await pilot.press("y")
        await shown(pilot, "No tasks yet")
    assert not drafts.list_drafts()


async def test_brackets_in_a_name_are_part_of_it() -> None:
    drafts.save(TaskDraft(name="kb [prod]", named=True))
    async with task_list().run_test() as pilot:
        await shown(pilot, "✎ draft")
        await pilot.press("D")
        await shown(pilot, "Forget the draft kb [prod]?")


async def test_a_draft_that_cannot_be_removed_ends_nothing() -> None:
    draft = TaskDraft(name="kb")
    drafts.save(draft)
    app = task_list()
    async with app.run_test(notifications=True) as pilot:
        await shown(pilot, "✎ draft")
        in_the_way(draft)
        await pilot.press("D")
        await shown(pilot, "Forget the draft")
        await pilot.press("y")
        await shown(pilot, "Not forgotten")


def in_the_way(draft: TaskDraft) -> None:
    """A folder in place of the draft's file, which nobody can remove as a file."""
    path = paths.drafts_folder() / f"{draft.id}.json"
    path.unlink()
    path.mkdir()


async def test_a_draft_without_ends_says_that_they_are_not_known_yet() -> None:
    drafts.save(TaskDraft(name="kb"))
    async with task_list().run_test() as pilot:
        assert "? → ?" in await shown(pilot, "✎ draft")


async def test_a_stored_task_that_cannot_be_read_is_named() -> None:
    store_task("kb")
    other = store_task("damaged", 2)
    (other.folder / "task.yaml").write_text("name: [")
    app = SyncwizardApp(clock=lambda: NOW, given=Settings(theme="dark"))
    async with app.run_test(size=(200, 24)) as pilot:
        assert "left out: " in await shown(pilot, "kb")


async def test_enter_opens_the_monitor_and_esc_comes_back() -> None:
    app = task_list(seen(store_task(), RUNNING, synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "synchronizing")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, MonitorScreen)
        await pilot.press("escape")
        await pilot.pause()
        assert isinstance(app.screen, TasksScreen)


async def test_a_task_whose_engine_died_says_so_from_its_journal(state_home: Path) -> None:
    write_journal(store_task(), through("full"))
    app = SyncwizardApp(clock=lambda: NOW, given=Settings(theme="dark"))
    async with app.run_test() as pilot:
        text = await shown(pilot, "✗ engine died")
        assert "full" in text
        assert tasks.list_tasks()[0].find_engine() is None
