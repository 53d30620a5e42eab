"""A tour presses its keys on the real screens, waits for what they bring, and yields to a person at any step."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.demo.tour import tour_of
from syncwizard.demo.workspace import Workspace
from syncwizard.demo.writer import Writer
from syncwizard.errors import SyncwizardError
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.opening import Opening
from syncwizard.tui.touring.caption import Caption
from syncwizard.tui.touring.script import CAPTION_COLUMNS, Paste, Step, Tour
from syncwizard.tui.wizard.screen import WizardScreen
from tests.support.screen_terminal import ScreenTerminal
from tests.tui.keyboard import Keyboard, at_screens

STEPS = (
    Step(caption="An empty list.", until=("No tasks yet",)),
    Step(caption="The wizard.", keys=("n",), until=("Name or address, several",)),
    Step(caption="A source.", keys=("f8", Paste("postgresql://sync@db1/shop")), until=("New task · shop",)),
    Step(caption="Its rights.", keys=("f2",), until=("Rights of both accounts",), undo=("escape",)),
    Step(caption="The end.", keys=("escape",)),
)
# Longer than any test: what moves on is the person alone.
SLOW = 1000.0


@asynccontextmanager
async def touring(*steps: Step, pace: float) -> AsyncIterator[tuple[Keyboard, threading.Event]]:
    """The screens on tour; the event is set once the tour was left."""
    left = threading.Event()
    async with at_screens(Opening(tour=Tour(steps=steps, pace=pace, left=left.set))) as person:
        yield person, left


async def test_a_tour_goes_through_its_steps_and_stays_at_the_last_until_a_person_takes_over() -> None:
    async with touring(*STEPS, pace=0.0) as (person, left):
        await person.until_seen("‖ 5 of 5")
        assert person.sees("The end.") and person.sees("Space pauses  ← → step  Esc takes over")
        screen = await person.until_on(WizardScreen)
        assert (screen.draft.source.host, screen.draft.source.database) == ("db1", "shop")
        assert not left.is_set()
        await person.press("escape")
        await person.until(lambda: not person.app.screen.query(Caption), "the caption is gone")
        await person.until(left.is_set, "the tour was left")
        # Now it is the wizard's own key: back to the list, where its draft is.
        await person.press("escape")
        await person.until_seen("Enter goes on with it")
        assert not person.app.screen.query(Caption)


async def test_arrows_step_on_and_back_and_what_cannot_be_taken_back_stays_done() -> None:
    async with touring(*STEPS, pace=SLOW) as (person, _):
        await person.until_seen("▶ 1 of 5")
        for number in (2, 3, 4):
            await person.press("right")
            await person.until_seen(f"{number} of 5")
            # Its caption stands before its keys are pressed; the second arrow does not wait that long.
            await person.press("right")
            await person.until_seen(STEPS[number - 1].until[0])
        assert person.sees("Rights of both accounts")
        await person.press("left")
        await person.until_seen("‖ 3 of 5")
        await person.until(lambda: not person.sees("Rights of both accounts"), "the step was taken back")
        await person.press("left")
        await person.until_seen("‖ 3 of 5 · pressed: F8 a URL · what was done stays done")
        await person.press("right")
        await person.until_seen("Rights of both accounts")


async def test_space_pauses_and_keys_of_a_person_do_not_reach_the_screens_meanwhile() -> None:
    async with touring(*STEPS, pace=SLOW) as (person, _):
        await person.until_seen("▶ 1 of 5")
        await person.press("space")
        await person.until_seen("‖ 1 of 5")
        await person.press("n", "q")
        await person.until_seen("‖ 1 of 5 · the keys are the tour's")
        assert person.sees("No tasks yet")
        await person.press("space")
        await person.until_seen("▶ 1 of 5")


async def test_a_person_takes_over_while_something_is_waited_for() -> None:
    async with touring(Step(caption="It never comes.", until=("what is not there",)), pace=0.0) as (person, left):
        await person.until_seen("▶ 1 of 1 · …")
        await person.press("escape")
        await person.until(left.is_set, "the tour was left")
        await person.press("n")
        await person.until_on(WizardScreen)


async def test_a_step_that_fails_ends_the_tour_with_its_error() -> None:
    def fail() -> None:
        raise SyncwizardError("the server did not stop", detail="signal refused")

    async with touring(Step(caption="It stops.", act=fail), *STEPS, pace=0.0) as (person, left):
        await person.until_on(ErrorDialog)
        assert person.sees("signal refused")
        await person.until(left.is_set, "the tour was left")


async def test_what_a_step_returns_is_shown() -> None:
    step = Step(caption="Compared.", act=lambda: "No difference.", shows="Both ends", until=("No difference",))
    async with touring(step, pace=0.0) as (person, _):
        await person.until_seen("‖ 1 of 1")
        assert person.sees("Both ends")


def test_every_caption_of_the_demo_fits_on_a_line(tmp_path: Path) -> None:
    place = Workspace(tmp_path, Cluster(tmp_path / "source", 16), Cluster(tmp_path / "destination", 18))
    captions = [step.caption for step in tour_of(place, Writer(place), 1.0).steps]
    assert len(captions) > 20
    assert [caption for caption in captions if len(caption) > CAPTION_COLUMNS] == []


@pytest.mark.slow
def test_the_tour_of_the_demo_from_the_empty_list_over_a_crash_of_the_source_to_a_comparison() -> None:
    with ScreenTerminal("demo", "--tour", "--pace", "0", "--passages", "1000") as terminal:
        terminal.until_seen("Both ends, compared row by row: nothing was lost", timeout=300)
        terminal.until_seen("No difference.")
        drawn = terminal.text
        terminal.press("\x1b")
        terminal.until_seen("Esc takes over", gone=True)
        # The person's own keys, in the same screens: the dialog closes, then the screens.
        terminal.press("\x1b")
        terminal.until_seen("No difference.", gone=True)
        terminal.press("q")
        terminal.until_seen("Enter opens the screens again")
        terminal.press("q\r")
        said = terminal.finish()
    for words in ("No tasks yet", "vector(384)", "to accept", "source down", "sequences were moved forward"):
        assert words in drawn
    assert "the demo's servers stop with the demo" in said
