"""What commands do with a terminal beyond lines: a text that is drawn again in its place, and a bell."""

import shutil
import sys
import time
from collections.abc import Callable

from syncwizard.task.text import clean_lines, one_line

LOOK_SECONDS = 2.0
HOME, TO_LINE_END, TO_SCREEN_END, CLEAR = "\x1b[H", "\x1b[K", "\x1b[J", "\x1b[2J"
# Lines that are longer than the screen is wide end at its edge.
CUT, WRAP = "\x1b[?7l", "\x1b[?7h"


def draw_again(text: Callable[[], str | None]) -> None:
    """Draws the text over the screen every two seconds, until there is none or Ctrl-C.

    What is below the last line of the screen is not shown.
    """
    try:
        sys.stdout.write(CUT + CLEAR)
        while (found := text()) is not None:
            lines = clean_lines(found).split("\n")[: shutil.get_terminal_size().lines - 1]
            sys.stdout.write(HOME + "".join(f"{line}{TO_LINE_END}\n" for line in lines) + TO_SCREEN_END)
            sys.stdout.flush()
            time.sleep(LOOK_SECONDS)
    finally:
        sys.stdout.write(WRAP)
        sys.stdout.flush()


def ring(message: str) -> None:
    """Rings the bell of the terminal on standard error, and has it show the message where it knows how (OSC 9);
    nothing where that is no terminal."""
    if sys.stderr.isatty():
        # What a terminal would take for the end of the message is an escape by then.
        sys.stderr.write(f"\a\x1b]9;{one_line(message)}\x1b\\")
        sys.stderr.flush()
