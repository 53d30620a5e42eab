"""Plays a tour over the real application: presses its keys, waits for what they bring, and yields to a person.

It waits for what stands on the screen, never for a time, but for the pace at which a person reads.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Literal

from textual.app import App
from textual.events import Event, Key, Paste
from textual.screen import Screen

from syncwizard.errors import SyncwizardError
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.touring import script
from syncwizard.tui.touring.caption import Caption
from syncwizard.tui.touring.script import Step, Tour, reading_seconds

# How often the screen is looked at.
LOOK_SECONDS = 0.1
# Between a caption and the keys it announces, and between two keys, times the pace: no slower for keys.
CAPTION_SECONDS = 1.4
KEY_SECONDS = 0.35
# Leaving the program always works.
NEVER_TAKEN = ("ctrl+q", "ctrl+c")

# Behind the place, while something is waited for.
WORKING = "…"

Wish = Literal["forward", "back", "leave"]
WISHES: dict[str, Wish] = {"right": "forward", "left": "back", "escape": "leave"}


class Conductor:
    """One tour of one application, from its first step until a person takes over or it is at its end."""

    def __init__(self, app: App[Any], tour: Tour, over: Callable[[], object]) -> None:
        """`over` is called once the keys are the person's again."""
        self._app, self._tour, self._over = app, tour, over
        self._paused = False
        self._wish: Wish | None = None
        self._moved = asyncio.Event()
        self._own: set[Event] = set()
        self._place = 0
        self._remark = ""

    def takes(self, event: Event) -> bool:
        """Whether an event is for the tour rather than for the screens: all that a person presses meanwhile is."""
        if event in self._own:
            return False
        if isinstance(event, Key):
            if event.key in NEVER_TAKEN:
                return False
            self._obey(event.key)
        return True

    async def play(self) -> None:
        """The whole tour."""
        self._app.screen_change_signal.subscribe(self._app, self._screen_changed)
        self._screen_changed(self._app.screen)
        try:
            await self._play_steps()
        finally:
            self._app.screen_change_signal.unsubscribe(self._app)
        self._leave()

    async def _play_steps(self) -> None:
        performed = -1
        while self._place < len(self._tour.steps):
            step = self._tour.steps[self._place]
            if self._place > performed:
                wish = await self._announce(step)
                if wish == "back":
                    # Nothing of it was done yet: the screen is still that of the step before.
                    self._place = max(0, performed)
                elif wish == "leave" or not await self._perform(step):
                    return
                else:
                    performed = self._place
            match await self._linger():
                case "leave":
                    return
                case "forward":
                    self._place += 1
                case "back":
                    if not await self._step_back():
                        return
                    performed = min(performed, self._place)

    async def _announce(self, step: Step) -> Wish | None:
        """Shows the caption for a moment before anything happens; not where a person goes step by step."""
        self._say()
        if not self._paused and (step.keys or step.act):
            await self._rest(CAPTION_SECONDS)
        wish, self._wish = self._wish, None
        return wish

    async def _perform(self, step: Step) -> bool:
        """Does what the caption announced; False where a person takes over meanwhile, or it fails."""
        if step.act is not None:
            self._say(WORKING)
            try:
                text = await asyncio.to_thread(step.act)
            except SyncwizardError as error:
                self._app.push_screen(ErrorDialog(error, "The tour cannot go on"))
                return False
            if text is not None:
                self._app.push_screen(CopyTextDialog(step.shows, text, "syncwizard-tour.txt"))
        for key in step.keys:
            if self._wish == "leave":
                break
            self._press(key)
            # A pause is for captions: a step that has begun is not left in the middle.
            await asyncio.sleep(KEY_SECONDS * min(1.0, self._tour.pace))
        return await self._wait_for(step)

    async def _wait_for(self, step: Step) -> bool:
        """Until the step's words stand on the screen; False where a person takes over before."""
        while self._wish != "leave" and step.until and not any(words in self._text for words in step.until):
            self._say(WORKING)
            await asyncio.sleep(LOOK_SECONDS)
        return self._wish != "leave"

    async def _linger(self) -> Wish:
        """Until the caption was read, or a person wants something else; the last one stands until then."""
        self._paused = self._paused or self._place + 1 == len(self._tour.steps)
        self._say()
        await self._rest(reading_seconds(self._tour.steps[self._place].caption))
        wish, self._wish = self._wish or "forward", None
        return wish

    async def _step_back(self) -> bool:
        """To the caption before, and there until a person goes on: who goes back wants to stay."""
        step = self._tour.steps[self._place]
        self._paused = True
        if not self._place or not step.can_be_undone:
            self._remark = "what was done stays done"
            return True
        for key in step.undo:
            self._press(key)
        self._place -= 1
        return await self._wait_for(self._tour.steps[self._place])

    async def _rest(self, seconds: float) -> None:
        """So long at the tour's pace, and longer while it is paused, unless a person wants something."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds * self._tour.pace
        while self._wish is None and (self._paused or loop.time() < until):
            self._moved.clear()
            try:
                await asyncio.wait_for(self._moved.wait(), None if self._paused else until - loop.time())
            except TimeoutError:
                # Nothing was wanted for so long.
                continue

    def _obey(self, key: str) -> None:
        self._remark = ""
        if key == "space":
            self._paused = not self._paused
        elif key in WISHES:
            self._wish = WISHES[key]
        else:
            self._remark = "the keys are the tour's"
        self._moved.set()
        self._say()

    def _press(self, key: str | script.Paste) -> None:
        """As the terminal would send it."""
        event: Key | Paste
        if isinstance(key, script.Paste):
            event = Paste(key.text)
        else:
            event = Key(key, " " if key == "space" else key if len(key) == 1 else None)
        self._own.add(event)
        self._app.post_message(event)

    def _say(self, working: str = "") -> None:
        """Draws the caption, on whatever screen is in sight."""
        if self._place < len(self._tour.steps):
            for caption in self._app.screen.query(Caption):
                caption.say(*self._words(working))

    def _words(self, working: str = "") -> tuple[str, str]:
        """The caption, and where in the tour it is."""
        step, mark = self._tour.steps[self._place], "‖" if self._paused else "▶"
        pressed = " ".join(_shown(key) for key in step.keys)
        parts = [f"{mark} {self._place + 1} of {len(self._tour.steps)}", pressed and f"pressed: {pressed}", working]
        return step.caption, " · ".join(filter(None, [*parts, self._remark]))

    def _screen_changed(self, screen: Screen[object]) -> None:
        """A caption below every screen that comes into sight, that of now also where it has one already."""
        if not screen.is_running or self._place >= len(self._tour.steps):
            return
        if screen.query(Caption):
            self._say()
        else:
            screen.add_class("-touring")
            screen.mount(Caption(*self._words()))

    def _leave(self) -> None:
        """The keys are the person's from here on."""
        for screen in self._app.screen_stack:
            screen.remove_class("-touring")
            screen.query(Caption).remove()
        self._over()
        in_background(
            self._app, self._tour.left, lambda _: None, lambda error: self._app.push_screen(ErrorDialog(error))
        )
        if not self._app.screen.is_modal:
            # Over a dialog it would lie on the buttons.
            self._app.notify("The tour is over, the keys are yours: ? lists them")

    @property
    def _text(self) -> str:
        """What stands on the screen above the caption, with one space for all that is between two words."""
        lines = ["".join(segment.text for segment in line) for line in self._app.screen._compositor.render_strips()]
        return " ".join(" ".join(lines[:-2]).split())


def _shown(key: str | script.Paste) -> str:
    from syncwizard.tui.actions import display_key

    return "a URL" if isinstance(key, script.Paste) else display_key(key)
