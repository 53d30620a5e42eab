"""Writes the pictures of README: `python -m tests.screenshots`. Walks through the real demo and keeps what it shows.

Nothing is drawn for the occasion: embedded servers, the sample knowledge base, the workload, the real application.
"""

import asyncio
import os
import shutil
import sys
from pathlib import Path

from textual.app import App

from syncwizard.client import tasks
from syncwizard.demo import knowledge_base
from syncwizard.demo.interactive import draft_of
from syncwizard.demo.preparation import end_engine, load
from syncwizard.demo.report import Progress
from syncwizard.demo.workspace import Workspace, workspace
from syncwizard.demo.writer import Writer
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.opening import Leaving, Opening
from syncwizard.tui.settings import Settings
from tests.tui.apps import Running, shown

FOLDER = Path(__file__).parents[1] / "screenshots"
# What stands in the pictures instead of the places of whoever takes them.
SERVERS = Path("/tmp/demo")
HOME = "/home/dba"
SIZE = (104, 32)
# So long does the monitor draw its charts before its picture is taken.
CHART_SECONDS = 75.0
WAIT_SECONDS = 180.0


def main() -> None:
    """Prepares the demo's servers, walks, and ends everything."""
    os.environ["HOME"] = HOME
    FOLDER.mkdir(exist_ok=True)
    with workspace(SERVERS) as place:
        load(place, Progress(), knowledge_base.PASSAGES)
        try:
            with Writer(place):
                asyncio.run(_walk(place))
        finally:
            for task in tasks.list_tasks():
                end_engine(task)
    shutil.rmtree(SERVERS)


async def _walk(place: Workspace) -> None:
    app = SyncwizardApp(Opening(screen="wizard", draft=draft_of(place)), given=Settings(theme="dark"))
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
