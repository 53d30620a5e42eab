"""The demo as its first user meets it: at a terminal, with one key."""

import pytest

from tests.support.screen_terminal import ScreenTerminal

NEXT = "\x1b[19~"


@pytest.mark.slow
def test_pressing_next_through_the_wizard_starts_the_demo_which_goes_on_until_it_is_ended() -> None:
    with ScreenTerminal("demo") as terminal:
        terminal.until_seen("Test both", timeout=300)
        terminal.press(NEXT)
        terminal.until_seen("Existing tables", timeout=60)
        terminal.until_seen("passages", timeout=60)
        terminal.press(NEXT)
        terminal.until_seen("How long trouble is retried", timeout=60)
        terminal.press(NEXT)
        terminal.until_seen("success rate 100", timeout=120)
        terminal.press(NEXT)
        terminal.until_seen("Removed by", timeout=60)
        terminal.confirm(NEXT, "in step", timeout=300)
        terminal.press("q")
        terminal.until_seen("Enter opens the screens again", timeout=60)
        terminal.press("\r")
        terminal.until_seen("● 1 in step")
        terminal.press("q")
        terminal.until_seen("Enter opens the screens again")
        terminal.press("q\r")
        printed = terminal.finish()
    assert "The workload has ended after" in printed
    assert "The task demo is paused: the demo's servers stop with the demo." in printed
