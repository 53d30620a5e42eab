"""The tag of a task on its screens, what is asked twice of one that is online, and screens that only look."""

import msgspec
import pytest

from syncwizard.client import tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.task.specification import Advanced, Endpoint
from syncwizard.tui.monitor.link import View
from syncwizard.tui.read_only import READ_ONLY
from tests.support.pair import DatabasePair
from tests.support.replay import seen, store_task, synchronizing, through, write_journal
from tests.tui.apps import monitor, shown, task_list, text_on
from tests.tui.keyboard import Keyboard
from tests.tui.test_tasks_screen import PAUSED, RUNNING


def tagged(tag: str, **ends: Endpoint) -> StoredTask:
    return store_task("kb", 1, advanced=msgspec.convert({"tag": tag}, Advanced), **ends)


@pytest.mark.parametrize("tag", ["normal", "online"])
async def test_the_tag_stands_with_the_task_in_the_list_and_on_its_monitor(tag: str) -> None:
    at_work = seen(tagged(tag), RUNNING, synchronizing())
    async with task_list(at_work).run_test() as pilot:
        assert f"kb [{tag}]" in await shown(pilot, "in step")
    async with monitor(View(seen=at_work)).run_test() as pilot:
        assert f"kb [{tag}]" in (await shown(pilot, "in step")).splitlines()[0]


@pytest.mark.slow
async def test_a_release_is_asked_twice_of_a_task_that_is_online(pair: DatabasePair) -> None:
    task = tagged("online", source=pair.source_endpoint, destination=pair.destination_endpoint)
    app = task_list(seen(task, PAUSED, alive=False))
    write_journal(task, PAUSED)
    async with app.run_test() as pilot:
        await shown(pilot, "kb [online]")
        for answer in ("escape", "y"):
            await pilot.press("D", *"kb", "enter")
            await pilot.press("enter")
            await shown(pilot, "kb is online")
            assert task.read_state().state == "paused"
            await pilot.press(answer)
            await shown(pilot, "kb is online", gone=True)
        await Keyboard(pilot).until(lambda: task.read_state().state == "released", "it is released", timeout=60.0)


async def test_screens_that_only_look_offer_nothing_that_changes_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    paused = seen(tagged("none"), PAUSED, alive=False)
    async with task_list(paused).run_test() as pilot:
        await shown(pilot, "paused")
        for key in ("r", "p", "D", "n", "c", "t"):
            await pilot.press(key)
        text = text_on(pilot.app)
        assert len(pilot.app.screen_stack) == 2 and "Resume" not in text and "Release" not in text
    running = seen(tasks.find_task("kb"), through("incremental"), synchronizing())
    async with monitor(View(seen=running)).run_test() as pilot:
        assert "read-only" in (await shown(pilot, "in step")).splitlines()[0]
        for key in ("p", "R", "S", "D"):
            await pilot.press(key)
        assert len(pilot.app.screen_stack) == 3 and "Pause" not in text_on(pilot.app)
        await pilot.press("2")
        await shown(pilot, "TABLE")
