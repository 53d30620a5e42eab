"""The tag of a task on its screens, what is asked twice of one that is online, and screens that only look."""

import time

import msgspec
import pytest

from syncwizard.client import lifecycle, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.task.specification import Advanced
from syncwizard.task.state import TaskState
from syncwizard.tui.monitor.link import View
from syncwizard.tui.read_only import READ_ONLY
from tests.support.replay import seen, store_task, synchronizing, through
from tests.tui.apps import monitor, shown, task_list, text_on
from tests.tui.test_tasks_screen import PAUSED, RUNNING


def tagged(tag: str) -> StoredTask:
    return store_task("kb", advanced=msgspec.convert({"tag": tag}, Advanced))


@pytest.mark.parametrize("tag", ["normal", "online"])
async def test_the_tag_stands_with_the_task_in_the_list_and_on_its_monitor(tag: str) -> None:
    at_work = seen(tagged(tag), RUNNING, synchronizing())
    async with task_list(at_work).run_test() as pilot:
        assert f"kb [{tag}]" in await shown(pilot, "in step")
    async with monitor(View(seen=at_work)).run_test() as pilot:
        assert f"kb [{tag}]" in (await shown(pilot, "in step")).splitlines()[0]


async def test_a_release_is_asked_twice_of_a_task_that_is_online(monkeypatch: pytest.MonkeyPatch) -> None:
    released: list[str] = []

    def release(task: StoredTask, *given: object, **options: object) -> TaskState:
        released.append(task.label)
        return TaskState(state="released")

    monkeypatch.setattr(lifecycle, "release", release)
    async with task_list(seen(tagged("online"), PAUSED, alive=False)).run_test() as pilot:
        await shown(pilot, "kb [online]")
        for answer in ("escape", "y"):
            await pilot.press("D", *"kb", "enter")
            await pilot.press("enter")
            await shown(pilot, "kb is online")
            assert released == []
            await pilot.press(answer)
            await shown(pilot, "kb is online", gone=True)
        deadline = time.monotonic() + 10
        while not released:
            assert time.monotonic() < deadline, text_on(pilot.app)
            await pilot.pause(0.02)
        assert released == ["kb"]


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
