"""A full disk under the tasks of this machine: the engine ends, and `status` says why."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from tests.support.commands import report, syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.waiting import until

TABLE = "CREATE TABLE notes (id int PRIMARY KEY, body text)"


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of its own at the folder, of so many megabytes; skips the test where none can be made."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this account may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """A file that takes all that is free there; it is given back when the file goes."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return ballast


@pytest.fixture(autouse=True)
def no_engine_stays(state_home: Path) -> Iterator[None]:
    yield
    for task in tasks.list_tasks():
        holder = task.find_engine()
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)
            wait_for_end(task)


@pytest.mark.slow
def test_an_engine_that_ended_on_a_full_disk_is_explained_by_status(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    pair.source.execute(TABLE)
    with small_disk(state_home / "state", 16) as disk:
        path = write_task_file(pair.spec(name="kb", id=None), tmp_path)
        syncwizard("start", path, "--until", "caught-up")
        ballast = fill(disk)
        os.kill(report("status", "kb")["engine"]["pid"], signal.SIGTERM)
        until(lambda: not report("status", "kb")["engine"]["alive"], timeout=60, what="the engine to end")
        printed = syncwizard("status", "kb").stdout
        assert f"No space is left in {tasks.find_task('kb').folder}: make room there, then continue with" in printed
        ballast.unlink()
        syncwizard("resume", "kb", "--until", "caught-up")
        syncwizard("pause", "kb")
        syncwizard("release", "kb", "--yes")
