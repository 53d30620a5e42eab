"""Keys in the order in which they were pressed, whatever each of them does.

A person types for what is to come; on a slow line or a busy machine keys come first. Textual gives a key to the
widget with the focus at once, but runs what is bound to a key only after that has passed every widget around: a
character behind Backspace, Tab or `/` would be in the field, or in the wrong field, before those have done anything.
Two waits keep the order:

- behind a paste, and any key but a character for a field, the others wait until everything that it has set off is done;
- behind one that brings another screen or step they wait until that takes keys.

A screen that still waits for what its keys are for (a list that is being read) keeps them in their order, and says so,
until it has that: see `KeepsEarlyKeys`.
"""

from collections.abc import Collection, Sequence
from itertools import takewhile
from typing import Protocol, runtime_checkable

from textual.app import App
from textual.dom import DOMNode
from textual.events import Event, Key, Paste
from textual.timer import Timer
from textual.widgets import Input

from syncwizard.tui.confirming import Asks, is_too_soon
from syncwizard.tui.opening import Leaving

# Whatever became of the key that moves, the others go on after so long: on a saturated machine a screen takes seconds.
HOLD_SECONDS = 10.0
# Leaving works meanwhile.
NEVER_HELD = ("ctrl+q", "ctrl+c")
# What a key does may post a message, as Enter in a field does: the second round comes behind those.
ROUNDS = 2
# A connection that is pasted is taken apart by the step around the form around its field.
PASTE_ROUNDS = 3


@runtime_checkable
class KeepsEarlyKeys(Protocol):
    """A screen that may be waiting for what its keys are for."""

    def is_early(self, event: Key | Paste, action: str, waiting: int) -> bool:
        """Whether a key, bound to the action of this id, or a paste has to wait; `waiting`: those before it."""

    def show_early(self, waiting: int) -> None:
        """Says how many keys wait."""


class TypeAheadApp(App[Leaving]):
    """Holds keys and pasted text while a key is at work, and from the one that moves on until `let_keys_go`.

    A screen names what moves in `moving_actions`, by the ids of the registry.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._holding = False
        # Counts the keys that others have waited for: a wait that was given up ends no later one.
        self._at_work = 0
        self._working = False
        self._held: list[Key | Paste] = []
        # Those for a screen that has not yet what they are for.
        self._early: list[Key | Paste] = []
        self._hold_timer: Timer | None = None

    async def on_event(self, event: Event) -> None:
        """Holds a key, or takes it as always."""
        if not isinstance(event, Key | Paste) or event.is_forwarded:
            await super().on_event(event)
            return
        if (self._holding or self._working) and not (isinstance(event, Key) and event.key in NEVER_HELD):
            self._held.append(event)
            return
        if self._is_early(event):
            self._early.append(event)
            return
        if isinstance(event, Key) and self.is_refused(event.key, self._action_of(event.key), event.time):
            return
        moves = isinstance(event, Key) and self._moves(event)
        if moves:
            self.hold_keys()
        await super().on_event(event)
        if isinstance(event, Paste):
            self._wait_for_it(PASTE_ROUNDS)
        elif not moves and not self._is_text(event):
            self._wait_for_it(ROUNDS)

    def _is_text(self, event: Key) -> bool:
        """Whether the key is a character for a field: it goes straight there, and so do those behind it."""
        return event.is_printable and isinstance(self.focused, Input)

    def _is_early(self, event: Key | Paste) -> bool:
        screen = self.screen
        if not isinstance(screen, KeepsEarlyKeys):
            return False
        action = self._action_of(event.key) if isinstance(event, Key) else ""
        early = screen.is_early(event, action, len(self._early))
        if early:
            screen.show_early(len(self._early) + 1)
        return early

    def _action_of(self, key: str) -> str:
        found = self.screen.active_bindings.get(key)
        return (found.binding.id or "") if found is not None else ""

    @property
    def question_delay(self) -> float:
        """Seconds for which a question must have been on the screen before a key confirms it."""
        return 0.0

    def is_refused(self, key: str, action: str, pressed_at: float) -> bool:
        """Whether a key, or a click on it, confirms what could not be read before; the screen says so then."""
        screen = self.screen
        refused = is_too_soon(screen, key, action, pressed_at, self.question_delay)
        if refused and isinstance(screen, Asks):
            screen.show_too_soon(key)
        return refused

    async def let_early_keys_go(self) -> None:
        """The screen has what the keys are for that came early: they arrive, before any later one."""
        self._held[:0], self._early = self._early, []
        await self._release()

    def drop_early_keys(self) -> int:
        """What the keys were for that came early is not to be had; how many there were."""
        dropped, self._early = len(self._early), []
        return dropped

    def _moves(self, event: Key) -> bool:
        moving: Collection[str] = getattr(self.screen, "moving_actions", ())
        if not moving or self._is_text(event):
            return False
        found = self.screen.active_bindings.get(event.key)
        return found is not None and found.enabled and found.binding.id in moving

    def _wait_for_it(self, rounds: int) -> None:
        """Keys wait from now on until what was just taken has passed every widget around, or HOLD_SECONDS."""
        self._working = True
        self._at_work += 1
        self._start_timer()
        self._pass_on(self._way(), self._at_work, rounds)

    def _way(self) -> list[DOMNode]:
        """Where a key goes: the widget with the focus and those around it."""
        return list(takewhile(lambda node: node is not self, (self.focused or self.screen).ancestors_with_self))

    def _pass_on(self, way: Sequence[DOMNode], number: int, rounds: int) -> None:
        """Follows the key through the queues of the widgets on its way; one that is gone is left out."""
        for place, node in enumerate(way, 1):
            if node.call_later(self._pass_on, way[place:], number, rounds):
                return
        self.call_later(self._arrived, number, rounds)

    async def _arrived(self, number: int, rounds: int) -> None:
        if number != self._at_work:
            return
        if rounds > 1:
            self._pass_on(self._way(), number, rounds - 1)
            return
        self._working = False
        await self._release()

    def hold_keys(self) -> None:
        """Keys wait from now on, for `let_keys_go`, or HOLD_SECONDS."""
        self._holding = True
        self._start_timer()

    def let_keys_go(self) -> None:
        """Keys go on, behind a change of focus that was asked for before."""
        if self._holding:
            self.call_later(self._let_go)

    async def _let_go(self) -> None:
        self._holding = False
        await self._release()

    def _start_timer(self) -> None:
        self._stop_timer()
        self._hold_timer = self.set_timer(HOLD_SECONDS, self._give_up)

    def _stop_timer(self) -> None:
        if self._hold_timer is not None:
            self._hold_timer.stop()
            self._hold_timer = None

    async def _give_up(self) -> None:
        self._holding = self._working = False
        self._at_work += 1
        await self._release()

    async def _release(self) -> None:
        if not self._holding and not self._working:
            self._stop_timer()
        while self._held and not self._holding and not self._working:
            await self.on_event(self._held.pop(0))
