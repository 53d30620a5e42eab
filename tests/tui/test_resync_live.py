"""Tables copied again through the screen: with those that lost changes, and with one that was chosen."""

import asyncio
from pathlib import Path

import pytest

from syncwizard.task.events import ResyncRequested
from syncwizard.tui.dialogs.confirm import TypedConfirmDialog
from syncwizard.tui.monitor.screen import MonitorScreen
from syncwizard.tui.opening import Opening
from tests.faults.running import RunningTask, change, running
from tests.support.pair import DatabasePair
from tests.tui.keyboard import Keyboard, at_screens


def orders(task: RunningTask) -> list[set[str]]:
    """The tables of each order that was given."""
    found = [event for event in task.events if isinstance(event, ResyncRequested)]
    return [{each.table.name for each in event.tables} for event in found]


async def confirm(person: Keyboard, name: str) -> None:
    """Types the name over Cancel, and goes to the button that it unlocks."""
    await person.press(*name, "enter", "enter")
    await person.until_on(MonitorScreen)


@pytest.mark.slow
async def test_lost_and_chosen_tables_are_copied_again_from_the_monitor(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path) as task:
        task.start()
        async with at_screens(Opening(screen="monitor", task=task.task)) as person:
            await person.until_seen("● in step")
            pair.source.execute(f"ALTER PUBLICATION {task.slot} DROP TABLE two".encode())
            change(pair)
            await person.until_seen("Next: R resyncs")
            await person.press("R")
            await person.until_on(TypedConfirmDialog)
            for words in ("These tables are EMPTIED", "public.two was taken out of the publication", "SOURCE"):
                await person.until_seen(words)
            # The focus is on Cancel.
            await person.press("enter")
            await person.until_on(MonitorScreen)
            assert orders(task) == []
            await person.press("R")
            await person.until_on(TypedConfirmDialog)
            await confirm(person, task.name)
            await person.until_seen("● in step")
            assert orders(task) == [{"two"}]
            await asyncio.to_thread(task.converged)

            # As if another session had written at the destination.
            pair.destination.execute("SET session_replication_role = replica; DELETE FROM three")
            await person.press("2", "slash", *"three", "enter")
            await person.until_seen("1 of 3")
            await person.press("R")
            await person.until_on(TypedConfirmDialog)
            await confirm(person, task.name)
            await person.until(lambda: len(orders(task)) == 2, "the order is given")
            await person.until(lambda: task.engine and task.state.state == "synchronizing", "it works again")
        assert orders(task)[1] == {"three"}
        task.converged()
        task.release()
