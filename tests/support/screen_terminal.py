"""The screens in a pseudo terminal, with somebody who reads, presses keys, and hangs up."""

import os

from tests.support.terminal import Terminal


class ScreenTerminal(Terminal):
    """`syncwizard` with the arguments at a terminal of 80 by 24."""

    def press(self, keys: str) -> None:
        """Types."""
        os.write(self._master, keys.encode())

    def wait_for(self, words: str, timeout: float = 60.0) -> str:
        """Reads until the words were drawn; all that was read so far."""
        self._read_until(lambda: words in self.text, timeout, words)
        return self.text

    def hang_up(self) -> None:
        """The terminal goes away, as when SSH is lost; nobody reads any more."""
        os.close(self._master)
        # For whoever closes it at the end.
        self._master = os.open(os.devnull, os.O_RDWR)
