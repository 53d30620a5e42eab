"""The real program at a real terminal, and at none."""

import os
import re
import signal
import subprocess
import sys

import pytest

from syncwizard.tui.terminal import hung_up
from tests.support.replay import store_task, through, write_journal
from tests.support.screen_terminal import ScreenTerminal

# A foreground or background colour: 30 to 37, 90 to 97, 38;…, 40 to 47, 100 to 107, 48;….
COLOUR = re.compile(r"\x1b\[(?:[0-9;]*;)?(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:;[0-9;]*)?m")
MANY_COLOURS = re.compile(r"\x1b\[[0-9;]*[34]8;[25];[0-9;]*m")


def test_without_a_terminal_one_sentence_names_the_commands_that_need_none() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "syncwizard"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "the screens need a terminal" in done.stderr and "syncwizard new --plain, status" in done.stderr
    assert "\x1b" not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments", [(), ("new",), ("open", "kb")])
def test_a_dumb_terminal_gets_one_sentence(arguments: tuple[str, ...]) -> None:
    store_task("kb")
    with ScreenTerminal(*arguments, env={"TERM": "dumb"}) as terminal:
        text = terminal.finish(expect=2)
    assert "TERM is dumb" in text and "\x1b" not in text


def test_a_terminal_without_utf8_learns_how_to_get_it() -> None:
    with ScreenTerminal(env={"PYTHONIOENCODING": "latin-1", "PYTHONUTF8": "0"}) as terminal:
        assert "LC_ALL=C.UTF-8" in terminal.finish(expect=2)


def test_q_leaves_and_says_how_to_come_back() -> None:
    write_journal(store_task("kb"), through("full"))
    with ScreenTerminal("open", "kb") as terminal:
        terminal.wait_for("The engine died")
        terminal.press("q")
        assert "come back with: syncwizard open kb" in terminal.finish()


def test_a_hang_up_ends_the_process_at_once() -> None:
    with ScreenTerminal() as terminal:
        terminal.wait_for("No tasks yet")
        terminal.hang_up()
        assert terminal.process.wait(timeout=5.0) == 128 + signal.SIGHUP


def test_a_terminal_that_goes_without_a_signal_ends_the_process_too() -> None:
    with ScreenTerminal(controlling=False) as terminal:
        terminal.wait_for("No tasks yet")
        terminal.hang_up()
        assert terminal.process.wait(timeout=5.0) == 128 + signal.SIGHUP


def test_sigterm_gives_the_terminal_back() -> None:
    with ScreenTerminal() as terminal:
        terminal.wait_for("No tasks yet")
        terminal.process.terminate()
        text = terminal.finish(expect=128 + signal.SIGTERM)
    assert "\x1b[?1049l" in text


def test_no_color_draws_without_a_single_colour() -> None:
    write_journal(store_task("kb"), through("full"))
    with ScreenTerminal(env={"NO_COLOR": "1", "TERM": "xterm-256color"}) as terminal:
        terminal.wait_for("engine died")
        terminal.press("\r")
        text = terminal.wait_for("The engine died")
    assert not COLOUR.search(text)
    # Where the cursor is can be seen all the same.
    assert re.search(r"\x1b\[[0-9;]*7[;m]", text)


def test_a_terminal_of_sixteen_colours_gets_no_more() -> None:
    write_journal(store_task("kb"), through("full"))
    with ScreenTerminal(env={"TERM": "linux", "COLORTERM": ""}) as terminal:
        terminal.wait_for("engine died")
        terminal.press("\r")
        text = terminal.wait_for("The engine died")
    assert COLOUR.search(text)
    assert not MANY_COLOURS.search(text)


def test_the_command_line_imports_no_textual_before_it_draws() -> None:
    code = "import sys; import syncwizard.cli.screens, syncwizard.cli.main; sys.exit('textual' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_pipe_in_place_of_a_terminal_hangs_up_when_its_other_side_is_closed() -> None:
    reading, writing = os.pipe()
    try:
        assert not hung_up(reading, 0, is_terminal=False)
        os.close(writing)
        assert hung_up(reading, 0, is_terminal=False)
    finally:
        os.close(reading)
