"""Keys typed ahead: behind one that brings another screen or step they wait until that takes keys.

A person types for what is to come. On a slow line or a busy machine the keys are there first, and would go to the field
that is about to be left.
"""

from collections.abc import Collection

from textual.app import App
from textual.events import Event, Key
from textual.timer import Timer
from textual.widgets import Input

from syncwizard.tui.opening import Leaving

# Whatever became of the key that moves, the others go on after so long: on a saturated machine a screen takes seconds.
HOLD_SECONDS = 10.0
# Nobody is kept from leaving meanwhile.
NEVER_HELD = ("ctrl+q", "ctrl+c")


class TypeAheadApp(App[Leaving]):
    """Holds keys from the one that moves on until `let_keys_go`.

    A screen names what moves in `moving_actions`, by the ids of the registry.
    """

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._holding = False
        self._held: list[Key] = []
        self._hold_timer: Timer | None = None

    async def on_event(self, event: Event) -> None:
        """Holds a key, or takes it as always."""
        if isinstance(event, Key) and not event.is_forwarded:
            if self._holding and event.key not in NEVER_HELD:
                self._held.append(event)
                return
            if self._moves(event):
                self.hold_keys()
        await super().on_event(event)

    def _moves(self, event: Key) -> bool:
        moving: Collection[str] = getattr(self.screen, "moving_actions", ())
        if not moving or (event.is_printable and isinstance(self.focused, Input)):
            return False
        found = self.screen.active_bindings.get(event.key)
        return found is not None and found.enabled and found.binding.id in moving

    def hold_keys(self) -> None:
        """Keys wait from now on, for `let_keys_go`, or HOLD_SECONDS."""
        self._holding = True
        if self._hold_timer is not None:
            self._hold_timer.stop()
        self._hold_timer = self.set_timer(HOLD_SECONDS, self._let_go)

    def let_keys_go(self) -> None:
        """Keys go on, behind a change of focus that was asked for before."""
        if self._holding:
            self.call_later(self._let_go)

    async def _let_go(self) -> None:
        self._holding = False
        if self._hold_timer is not None:
            self._hold_timer.stop()
            self._hold_timer = None
        while self._held and not self._holding:
            await self.on_event(self._held.pop(0))
