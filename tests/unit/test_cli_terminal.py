"""What commands do with a terminal: `status --watch` draws in place and puts the terminal back, `wait --bell` rings."""

import os
import pty
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.commands import syncwizard

TASK_ID = uuid.UUID(int=0xAB12CD34 << 96)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that was never started."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    folder = tmp_path / "syncwizard" / "tasks" / str(TASK_ID)
    folder.mkdir(parents=True)
    (folder / "task.yaml").write_text(
        f"version: 1\nid: {TASK_ID}\nname: kb\nsource: {{database: a}}\ndestination: {{database: b}}\n"
        "objects: [{schema: public}]\n"
    )


def at_terminal(*arguments: str, until: Callable[[bytes], bool] | None = None) -> tuple[bytes, int]:
    """What a command writes to a terminal, and its exit code; Ctrl-C once `until` holds of it."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "syncwizard", *arguments], stdin=follower, stdout=follower, stderr=follower
    )
    os.close(follower)
    written = b""
    try:
        while part := os.read(leader, 65536):
            written += part
            if until is not None and until(written):
                until = None
                process.send_signal(signal.SIGINT)
    except OSError:
        # Linux says so that the other side was closed.
        pass
    finally:
        os.close(leader)
    return written, process.wait(60)


@pytest.mark.usefixtures("stored")
def test_a_watched_task_is_drawn_in_its_place_until_ctrl_c() -> None:
    written, code = at_terminal("status", "kb", "--watch", until=lambda text: text.count(b"\x1b[H") >= 2)
    assert code == 130
    first, second = written.split(b"\x1b[H")[1:3]
    assert b"not-started" in first and b"not-started" in second
    # Wrapping, which was off, is on again.
    assert written.index(b"\x1b[?7l") < written.rindex(b"\x1b[?7h")


@pytest.mark.usefixtures("stored")
def test_watching_needs_a_terminal_and_one_task() -> None:
    assert "needs a terminal" in syncwizard("status", "kb", "--watch", expect=2).stderr
    assert "shows one task" in syncwizard("status", "--watch", expect=2).stderr


@pytest.mark.usefixtures("stored")
def test_the_bell_rings_where_a_terminal_hears_it_whichever_way_the_wait_ends() -> None:
    arguments = ("wait", "kb", "--until", "full", "--bell")
    written, code = at_terminal(*arguments)
    assert code == 2
    assert b"\a\x1b]9;kb: not full\x1b\\" in written
    assert "\a" not in syncwizard(*arguments, expect=2).stderr
    assert b"\a" not in at_terminal(*arguments[:-1])[0]
