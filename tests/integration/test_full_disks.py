"""Disks that are full: the destination's is waited for, this machine's is named."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.demo import installations
from syncwizard.task.specification import Synchronization
from tests.support.commands import report, syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.waiting import until

TABLE = "CREATE TABLE notes (id int PRIMARY KEY, body text STORAGE EXTERNAL)"
MEGABYTE = 1024 * 1024


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


def fill(folder: Path, leaving: int = 0) -> Path:
    """A file that takes all that is free there, but `leaving` bytes; it is given back when the file goes."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file:
        room = shutil.disk_usage(folder).free - leaving
        # Some blocks are for the file system itself.
        for size in (MEGABYTE, 4096, 1):
            try:
                while file.tell() + size <= room:
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


def test_a_full_disk_of_the_destination_is_waited_for_and_named(
    pair: DatabasePair, tmp_path: Path, server_folder: Path
) -> None:
    with small_disk(server_folder / "small", 32) as disk:
        place = disk / "tablespace"
        place.mkdir(mode=0o700)
        account = installations.server_account()
        if account is not None:
            os.chown(place, account.uid, account.gid)
        pair.destination.execute(f"CREATE TABLESPACE small LOCATION '{place}'".encode())
        pair.source.execute(TABLE)
        pair.destination.execute(f"{TABLE} TABLESPACE small".encode())
        try:
            types = Synchronization(types=["full", "incremental"])
            path = write_task_file(pair.spec(name="kb", id=None, synchronization=types), tmp_path)
            syncwizard("start", path, "--until", "caught-up")
            ballast = fill(disk, leaving=2 * MEGABYTE)
            pair.source.execute("INSERT INTO notes SELECT n, repeat('x', 1000000) FROM generate_series(1, 8) AS n")
            trouble = until(lambda: report("status", "kb")["retrying"], timeout=60, what="the state retrying")
            assert "No space left on device" in trouble["failure"]["detail"]
            # It is no lost connection: ten minutes are allowed, not twelve hours.
            assert 500 < trouble["until"] - trouble["since"] < 700
            ballast.unlink()
            syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "90")
            row = pair.destination.execute("SELECT count(*), sum(length(body)) FROM notes").fetchone()
            assert row == (8, 8_000_000)
            syncwizard("pause", "kb")
            syncwizard("release", "kb")
        finally:
            for task in tasks.list_tasks():
                holder = task.find_engine()
                if holder is not None:
                    os.kill(holder.pid, signal.SIGKILL)
                    wait_for_end(task)
            pair.destination.execute("DROP TABLE notes")
            pair.destination.execute("DROP TABLESPACE small")


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
        said = syncwizard("status", "kb").stdout
        assert f"No space is left in {tasks.find_task('kb').folder}: make room there, then continue with" in said
        ballast.unlink()
        syncwizard("resume", "kb", "--until", "caught-up")
        syncwizard("pause", "kb")
        syncwizard("release", "kb")
