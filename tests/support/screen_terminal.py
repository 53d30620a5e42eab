"""The screens in a pseudo terminal, with a person who reads, presses keys, and hangs up."""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tests.support.picture import Picture
from tests.support.terminal import COLUMNS, ROWS, Terminal

Found = TypeVar("Found")

# What the keys send that are no character.
ENTER, TAB, BACK_TAB, RIGHT = "\r", "\t", "\x1b[Z", "\x1b[C"
F8 = "\x1b[19~"
# Longer than a question has to stand before a key confirms it.
READING_SECONDS = 1.0


class ScreenTerminal(Terminal):
    """`syncwizard` with the arguments at a terminal of 80 by 24."""

    def __init__(self, *arguments: str | Path, env: Mapping[str, str] | None = None, controlling: bool = True) -> None:
        self.picture = Picture(ROWS, COLUMNS)
        super().__init__(*arguments, env=env, controlling=controlling)

    def press(self, *keys: str) -> None:
        """Types."""
        for each in keys:
            os.write(self._master, each.encode())

    def confirm(self, key: str, then: str, timeout: float = 120.0) -> None:
        """Presses a key that confirms, again where it came before the question could be read, until `then` is seen."""
        while not self.picture.sees(then):
            pressed_at = time.monotonic()
            self.press(key)

            def answered(pressed_at: float = pressed_at) -> bool:
                too_early = self.picture.sees("press it again") and time.monotonic() > pressed_at + READING_SECONDS
                return too_early or self.picture.sees(then)

            self.until(answered, f"{then!r} is on the screen", timeout)

    def wait_for(self, words: str, timeout: float = 60.0) -> str:
        """Reads until the words were drawn; all that was read so far."""
        self._read_until(lambda: words in self.text, timeout, words)
        return self.text

    def until(self, condition: Callable[[], Found | None], what: str, timeout: float = 120.0) -> None:
        """Reads until `condition` answers with something true; fails the test with what is on the screen."""
        try:
            self._read_until(lambda: bool(condition()), timeout, what)
        except AssertionError:
            raise AssertionError(f"not within {timeout:g} s: {what}\n{self.picture.text}") from None

    def until_seen(self, words: str, *, gone: bool = False, timeout: float = 120.0) -> None:
        """Reads until the words stand on the screen, or no more; lines may be broken anywhere."""
        what = f"{words!r} is {'gone' if gone else 'on the screen'}"
        self.until(lambda: self.picture.sees(words) != gone, what, timeout)

    def hang_up(self) -> None:
        """The terminal goes away, as when SSH is lost; nothing reads any more."""
        os.close(self._master)
        # For whoever closes it at the end.
        self._master = os.open(os.devnull, os.O_RDWR)

    def _take(self, text: str) -> None:
        super()._take(text)
        self.picture.feed(text)
