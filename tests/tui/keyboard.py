"""A person at the screens: presses keys, reads what is there, waits for what is to come."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from textual.events import Paste
from textual.screen import Screen
from textual.widget import Widget

from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.opening import Opening
from syncwizard.tui.settings import Settings
from tests.support.replay import NOW
from tests.tui.apps import NARROW, Running, text_on

Found = TypeVar("Found")
AppScreen = TypeVar("AppScreen", bound=Screen[Any])


class Keyboard:
    """Keys pressed and screens read over a pilot."""

    def __init__(self, pilot: Running) -> None:
        self.pilot = pilot
        self.app = pilot.app

    async def press(self, *keys: str) -> None:
        """Presses keys one after the other."""
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def write(self, text: str) -> None:
        """Puts a text in, over what is selected, as a terminal pastes it: a key each would take a second a word."""
        assert self.app.focused is not None
        self.app.focused.post_message(Paste(text))
        await self.pilot.pause()

    async def focus(self, widget: Widget) -> None:
        """Puts the focus on a widget; that keys get there is for the tests of the keys."""
        widget.focus()
        await self.until(lambda: self.app.focused is widget, f"{widget} has the focus")

    def sees(self, text: str) -> bool:
        """Whether the text is on the screen, however its lines are broken."""
        return " ".join(text.split()) in " ".join(text_on(self.app).split())

    async def until(self, condition: Callable[[], Found | None], what: str = "", timeout: float = 30.0) -> Found:
        """Waits until `condition` answers with something true; fails the test with what is on the screen."""
        deadline = time.monotonic() + timeout
        while not (found := condition()):
            assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}\n{text_on(self.app)}"
            await self.pilot.pause(0.02)
        return found

    async def until_seen(self, text: str, timeout: float = 30.0) -> None:
        """Waits until the text is on the screen."""
        await self.until(lambda: self.sees(text), f"{text!r} is on the screen", timeout)

    async def until_on(self, kind: type[AppScreen], timeout: float = 30.0) -> AppScreen:
        """Waits for a screen of this kind, and until it takes keys."""

        def found() -> AppScreen | None:
            return self.app.screen if isinstance(self.app.screen, kind) and self.app.focused else None

        return await self.until(found, f"{kind.__name__} is shown", timeout)


def screens(opening: Opening) -> SyncwizardApp:
    """The application with nothing of this machine in it: one theme, a clock that stands, no tasks."""
    return SyncwizardApp(opening, clock=lambda: NOW, given=Settings(theme="dark", question_delay=0), look=list)


@asynccontextmanager
async def at_screens(opening: Opening, size: tuple[int, int] = NARROW) -> AsyncIterator[Keyboard]:
    """The screens under a keyboard, as they open."""
    async with screens(opening).run_test(size=size) as pilot:
        await pilot.pause()
        yield Keyboard(pilot)
