"""Keys that confirm: one counts where the question could be read before it was pressed.

Of a burst (a key pressed twice, one that repeats, what was typed ahead) the last keys may land on a question that the
first ones have brought. Such a key does nothing, and the screen says so.
"""

import math
from typing import Protocol, runtime_checkable

PRESSING_BUTTONS = ("enter", "space")
NOT_READ_YET = math.inf


@runtime_checkable
class Asks(Protocol):
    """A screen on which some keys confirm. `painted_at`: when the question was painted, on the clock of events."""

    painted_at: float

    def confirms(self, key: str, action: str) -> bool:
        """Whether a key, bound to the action of this id, confirms something."""

    def show_too_soon(self, key: str) -> None:
        """Says that the key did nothing, for it was pressed before the question could be read."""


@runtime_checkable
class Refusing(Protocol):
    """The application, which knows when a question was asked."""

    def is_refused(self, key: str, action: str, pressed_at: float) -> bool:
        """Whether a key, or a click on it, confirms what could not be read before."""


def is_too_soon(screen: object, key: str, action: str, pressed_at: float, delay_seconds: float) -> bool:
    """Whether a key confirms what was not on the screen for so long; one that repeats goes on being so."""
    if not delay_seconds or not isinstance(screen, Asks) or not screen.confirms(key, action):
        return False
    if pressed_at >= screen.painted_at + delay_seconds:
        return False
    if screen.painted_at != NOT_READ_YET:
        screen.painted_at = max(screen.painted_at, pressed_at)
    return True
