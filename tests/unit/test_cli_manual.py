"""The manual in the terminal: formatted for a reader, plain where it is piped, from the installed package alone."""

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from syncwizard import manual
from tests.support.commands import report, syncwizard

STYLE = re.compile(r"\x1b\[[0-9;]*m")
BOLD = "\x1b[1"
COLOUR = re.compile(r"\x1b\[(?:[0-9]+;)*[34][0-7](?:;[0-9]+)*m")


@pytest.fixture
def pager(tmp_path: Path) -> str:
    """A `less` that asks nothing: it shows all at once."""
    path = tmp_path / "less"
    path.write_text('#!/bin/sh\nprintf "options %s\\n" "$LESS"\nexec cat\n')
    path.chmod(0o755)
    return str(path)


def _at_terminal(*arguments: str, **environment: str) -> str:
    """What a command writes to a terminal of 80 columns."""
    leader, follower = pty.openpty()
    given = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environment}
    given.pop("LESS", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "syncwizard", *arguments], stdin=follower, stdout=follower, stderr=follower, env=given
    )
    os.close(follower)
    written = b""
    try:
        while part := os.read(leader, 65536):
            written += part
    except OSError:
        # Linux says so that the other side was closed.
        pass
    finally:
        os.close(leader)
    assert process.wait(30) == 0
    return written.decode()


def test_without_a_topic_each_has_one_line() -> None:
    lines = syncwizard("manual").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(manual.NAMES)
    assert all(line.endswith(topic.about) for line, topic in zip(lines, manual.topics(), strict=True))


def test_what_is_piped_on_is_the_markdown_itself() -> None:
    assert syncwizard("manual", "limits").stdout == manual.read("limits")


def test_a_script_gets_topics_and_text_as_json() -> None:
    assert [topic["name"] for topic in report("manual")] == list(manual.NAMES)
    assert report("manual", "speed") == {"topic": "speed", "markdown": manual.read("speed")}


def test_a_wrong_topic_is_exit_code_2_with_the_nearest_name() -> None:
    done = syncwizard("manual", "prepare", expect=2)
    assert done.stdout == ""
    assert "there is no topic `prepare` in the manual" in done.stderr
    assert "did you mean `preparing`?" in done.stderr


def test_a_terminal_shows_formatted_text_in_a_pager_with_the_topics_that_links_lead_to(pager: str) -> None:
    text = _at_terminal("manual", "first-steps", PAGER=pager)
    assert text.startswith("options -R")
    assert BOLD in text and "| --- |" not in text
    assert "preparing both ends (topic preparing)" in " ".join(STYLE.sub("", text).split())
    assert max(map(len, STYLE.sub("", text).splitlines())) <= 80


def test_a_dumb_terminal_gets_plain_text(pager: str) -> None:
    text = _at_terminal("manual", "first-steps", TERM="dumb", PAGER=pager)
    assert not STYLE.search(text) and "| --- |" in text and "options" not in text


def test_no_color_leaves_bold_and_no_colour(pager: str) -> None:
    text = _at_terminal("manual", "first-steps", NO_COLOR="1", PAGER=pager)
    assert BOLD in text and not COLOUR.search(text)


def test_only_the_formatted_text_costs_the_import_of_rich() -> None:
    heavy = ("rich.markdown", "textual")
    code = f"import sys, syncwizard.cli.manual; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"
