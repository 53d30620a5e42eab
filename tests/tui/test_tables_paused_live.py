"""A table of a living task paused and brought back by keys, and the precheck of that task asked beside its engine."""

import asyncio
from pathlib import Path

import pytest

from syncwizard.task.names import TableName
from syncwizard.task.specification import PrecheckSettings
from syncwizard.tui.dialogs.confirm import ConfirmDialog, TypedConfirmDialog
from syncwizard.tui.monitor.pages.precheck import PrecheckPage
from syncwizard.tui.monitor.screen import MonitorScreen
from syncwizard.tui.opening import Opening
from tests.faults.running import RunningTask, running
from tests.support.pair import DatabasePair
from tests.tui.keyboard import Keyboard, at_screens

TABLES = """
CREATE TABLE one (id int PRIMARY KEY);
CREATE TABLE three (id int PRIMARY KEY);
INSERT INTO one SELECT generate_series(1, 50);
INSERT INTO three SELECT generate_series(1, 50);
"""
PAUSED = "‖ public.three"


def aside(task: RunningTask) -> set[TableName]:
    return {name for each in task.state.aside for name in each.names}


async def pause_and_bring_back(person: Keyboard, task: RunningTask, pair: DatabasePair) -> None:
    """It is marked while its changes are not applied, and whole again after the copy."""
    await person.press("2", "slash", *"three", "enter")
    await person.until_seen("1 of 2")
    await person.press("P")
    await person.until_on(ConfirmDialog)
    await person.until_seen("the only way back is R")
    await person.press("y")
    await person.until(lambda: aside(task) == {TableName("public", "three")}, "the table is set aside")
    await person.until_seen(PAUSED)
    await person.until_seen("Next: R copies again what is set aside")
    await person.until(lambda: task.engine and task.state.state == "synchronizing", "the others go on")
    pair.source.execute("INSERT INTO three VALUES (51)")
    await person.press("R")
    await person.until_on(TypedConfirmDialog)
    await person.until_seen("public.three")
    await person.press(*task.name, "enter", "enter")
    await person.until(lambda: not task.state.aside, "it is copied again")
    await person.until(lambda: not person.sees(PAUSED), "it is not marked any more")
    await asyncio.to_thread(task.converged)


async def ask(person: Keyboard, task: RunningTask, pair: DatabasePair) -> None:
    """Would it start now? Yes; and no more once a table has lost its key; the engine goes on meanwhile."""
    engine = task.engine
    await person.press("C")
    page = await person.until_on(PrecheckPage)
    await person.until_seen("✓ success rate 100 %")
    pair.source.execute("ALTER TABLE one DROP CONSTRAINT one_pkey")
    await person.press("r")
    await person.until_seen("▲ 1 to accept")
    assert page.listing.key == "replica-identity"
    assert task.engine == engine and task.state.state == "synchronizing"
    await person.press("escape")
    await person.until_on(MonitorScreen)


@pytest.mark.slow
async def test_a_table_is_paused_and_brought_back_and_the_task_is_asked_whether_it_would_start(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TABLES, precheck=PrecheckSettings()) as task:
        task.start()
        async with at_screens(Opening(screen="monitor", task=task.task)) as person:
            await person.until_seen("● in step")
            await pause_and_bring_back(person, task, pair)
            await ask(person, task, pair)
        task.release()
