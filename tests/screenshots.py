"""Writes the pictures of README: `python -m tests.screenshots`. Walks through the real demo and keeps what it shows.

With the word `moving` only the moving picture: the first minute of the demo's tour.

Nothing is drawn for the occasion: embedded servers, the sample knowledge base, the workload, the real application.
"""

import asyncio
import os
import re
import shutil
import socket
import sys
from pathlib import Path
from unittest import mock

from textual.app import App

from syncwizard.client import tasks
from syncwizard.demo import knowledge_base
from syncwizard.demo.interactive import draft_of
from syncwizard.demo.preparation import end_engine, load
from syncwizard.demo.report import Progress
from syncwizard.demo.tour import tour_of
from syncwizard.demo.workspace import Workspace, workspace
from syncwizard.demo.writer import Writer
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.opening import Leaving, Opening
from syncwizard.tui.settings import Settings
from syncwizard.tui.touring.script import reading_seconds
from tests.support.moving_picture import moving_picture
from tests.tui.apps import Running, shown, text_on

FOLDER = Path(__file__).parents[1] / "screenshots"
# What stands in the pictures instead of the places of whoever takes them.
SERVERS = Path("/tmp/demo")
HOME = "/home/dba"
USER, HOST = "dba", "bastion"
SIZE = (104, 32)
# So long does the monitor draw its charts before its picture is taken.
CHART_SECONDS = 75.0
WAIT_SECONDS = 180.0
# The moving picture ends when all indexes are there; its frames stand somewhat shorter than on the stage.
LAST_STEP = 14
READ_AT_SPEED = 0.7


def main() -> None:
    """Prepares the demo's servers, walks, and ends everything."""
    os.environ |= {"HOME": HOME, "SUDO_USER": USER}
    with mock.patch.object(socket, "gethostname", return_value=HOST):
        _take_all()


def _take_all() -> None:
    FOLDER.mkdir(exist_ok=True)
    for walk in (_tour,) if sys.argv[1:] == ["moving"] else (_walk, _tour):
        with workspace(SERVERS) as place:
            load(place, Progress(), knowledge_base.PASSAGES)
            try:
                with Writer(place) as writer:
                    asyncio.run(walk(place, writer))
            finally:
                for task in tasks.list_tasks():
                    end_engine(task)
        shutil.rmtree(SERVERS)


async def _tour(place: Workspace, writer: Writer) -> None:
    """The tour plays, and the last look at each of its steps is kept."""
    tour = tour_of(place, writer, 0.5)
    app = SyncwizardApp(Opening(tour=tour), given=Settings(theme="dark", question_delay=0))
    kept: dict[int, str] = {}
    # What was filled in is said in a note.
    async with app.run_test(size=SIZE, notifications=True) as pilot:
        while LAST_STEP + 1 not in kept:
            await pilot.pause(0.2)
            number, working = _step_in_sight(app)
            if number and not working:
                kept[number] = app.export_screenshot(title="syncwizard")
    frames = [
        (kept[number], round(READ_AT_SPEED * reading_seconds(tour.steps[number - 1].caption), 1))
        for number in range(1, LAST_STEP + 1)
    ]
    (FOLDER / "first-minute.svg").write_text(moving_picture(frames), encoding="utf-8")
    print("first-minute.svg", file=sys.stderr)


def _step_in_sight(app: SyncwizardApp) -> tuple[int, bool]:
    """The number of the tour's step, 0 without one, and whether it is still at work."""
    found = re.search(r"[▶‖] (\d+) of \d+(.*)", text_on(app))
    return (int(found[1]), "…" in found[2]) if found else (0, True)


async def _walk(place: Workspace, _: Writer) -> None:
    app = SyncwizardApp(Opening(screen="wizard", draft=draft_of(place)), given=Settings(theme="dark", question_delay=0))
    async with app.run_test(size=SIZE) as pilot:
        await _take(pilot, "1-source-and-destination", "Task name")
        await pilot.press("f8")
        await shown(pilot, "passages", seconds=WAIT_SECONDS)
        await pilot.press("f7")
        await _take(pilot, "2-connectivity", "PostgreSQL 18")
        await pilot.press("f8")
        await _take(pilot, "3-objects", "passages")
        await pilot.press("f8")
        await _take(pilot, "4-advanced-settings", "Other trouble")
        await pilot.press("f8")
        await _take(pilot, "5-precheck", "success rate 100 %")
        await pilot.press("f8")
        await _take(pilot, "6-start", "It will make")
        await pilot.press("f8")
        await shown(pilot, "in step", seconds=WAIT_SECONDS)
        await _take(pilot, "7-monitor-indexes", "building index")
        await pilot.pause(CHART_SECONDS)
        await pilot.press("3")
        await _take(pilot, "8-monitor-charts", "Latency")
        await pilot.press("escape")
        await _take(pilot, "9-tasks", "demo")


async def _take(pilot: Running, name: str, text: str) -> None:
    """Waits until the text stands on the screen, then keeps the picture."""
    await shown(pilot, text, seconds=WAIT_SECONDS)
    await pilot.pause(0.5)
    _save(pilot.app, FOLDER / f"{name}.svg")


def _save(app: App[Leaving], path: Path) -> None:
    path.write_text(app.export_screenshot(title="syncwizard"), encoding="utf-8")
    print(path.name, file=sys.stderr)


if __name__ == "__main__":
    main()
