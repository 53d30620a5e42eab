"""A key of a burst confirms nothing that could not be read before it was pressed."""

from typing import Any

import pytest
from textual.screen import Screen

from syncwizard.client import tasks
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.confirming import Asks
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.dialogs.run_sql import RunAs, RunSqlDialog
from syncwizard.tui.monitor.link import EngineLink
from syncwizard.tui.opening import Opening
from syncwizard.tui.settings import Settings
from syncwizard.tui.widgets.key_bar import KeyBar
from syncwizard.tui.wizard.advanced import AdvancedStep
from syncwizard.tui.wizard.screen import WizardScreen
from syncwizard.tui.wizard.start import StartStep
from tests.support.replay import NOW, Replay, store_task, synchronizing, through, view_of
from tests.tui.keyboard import Keyboard
from tests.tui.test_keys_in_order import press_at_once

# Longer than a machine may take from one press to the next.
SLOW = Settings(theme="dark", question_delay=5.0)
READ_LONG_AGO = 0.0


def screens(opening: Opening, follow: Replay | None = None) -> SyncwizardApp:
    return SyncwizardApp(opening, clock=lambda: NOW, given=SLOW, look=list, follow=follow or EngineLink)


def read(screen: Screen[Any]) -> None:
    """A person has read what it asks."""
    assert isinstance(screen, Asks)
    screen.painted_at = READ_LONG_AGO


async def test_a_yes_behind_the_key_that_asks_pauses_nothing() -> None:
    view = view_of(store_task("shop"), through("incremental"), synchronizing())
    app = screens(Opening(screen="monitor", task=view.seen.task), Replay(view))
    async with app.run_test() as pilot:
        person = Keyboard(pilot)
        await person.until_seen("in step")
        press_at_once(person, "p", "y", "y", "right", "enter")
        question = await person.until_on(ConfirmDialog)
        await person.until_seen("Enter came too early: press it again")
        assert app.screen is question
        read(question)
        await person.press("y")
        await person.until(lambda: app.screen is not question, "the question is answered")


async def test_statements_are_not_run_by_keys_that_came_before_them() -> None:
    answers: list[RunAs | None] = []
    app = screens(Opening())
    async with app.run_test() as pilot:
        person = Keyboard(pilot)
        app.push_screen(RunSqlDialog("source", "db1/kb", ["SELECT 1"], own_account=True), answers.append)
        press_at_once(person, "right", "right", "enter")
        dialog = await person.until_on(RunSqlDialog)
        await person.until_seen("Enter came too early")
        assert answers == []
        read(dialog)
        await person.press("enter")
        await person.until(lambda: answers == [RunAs()], "they are run")


@pytest.fixture
def draft() -> TaskDraft:
    """All that a task needs, for servers that are not there."""
    draft = TaskDraft().with_value("source.database", "kb").with_value("source.port", "1")
    return draft.with_value("destination.database", "kb2").with_value("destination.port", "1")


@pytest.mark.parametrize("by", ["key", "click"])
async def test_going_on_twice_does_not_start_a_task_whose_summary_was_not_read(draft: TaskDraft, by: str) -> None:
    app = screens(Opening())
    async with app.run_test() as pilot:
        person = Keyboard(pilot)
        wizard = WizardScreen(draft, [AdvancedStep, StartStep])
        await app.push_screen(wizard)
        await person.until_seen("F8 Next: Start")
        if by == "key":
            press_at_once(person, "f8", "f8", "f8")
        else:
            await pilot.click(KeyBar, offset=(2, 1))
            await person.until_seen("F8 Start")
            await pilot.click(KeyBar, offset=(2, 1))
        await person.until_seen("F8 came before this could be read: press it again to start")
        assert isinstance(wizard.current, StartStep) and wizard.current.may_go_on
        assert tasks.list_tasks() == []
        read(wizard)
        await person.press("f8")
        await person.until(lambda: isinstance(app.screen, ErrorDialog) or tasks.list_tasks(), "it is started")
