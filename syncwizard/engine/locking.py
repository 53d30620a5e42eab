"""The lock that keeps a second engine off a task on this machine, and tells whether one is alive.

The kernel drops the lock with the process that holds it, so it is the truth where a pid file would be a rumour.
"""

import fcntl
import os
import time
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from syncwizard import paths

FILE_NAME = "engine.lock"
# The purpose of the holder that clients connect to.
ENGINE = "engine"

# A client that looks whether the lock is held takes it for an instant; an engine must not fail over that.
_PATIENCE_SECONDS = 1.0
_PAUSE_SECONDS = 0.02


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Who holds the lock, as written into the file; `socket` is empty for a process without one, or not yet."""

    pid: int
    socket: str = ""
    purpose: str = ENGINE


class Held(Exception):
    """Another process holds the lock."""

    def __init__(self, holder: Holder | None) -> None:
        super().__init__("the task is locked")
        self.holder = holder


class TaskLock:
    """The lock of a task, held until closed."""

    def __init__(self, task_id: uuid.UUID, purpose: str = ENGINE, socket: str = "") -> None:
        """Takes the lock; raises Held when another process has it."""
        path = paths.task_folder(task_id) / FILE_NAME
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            _lock_patiently(self._descriptor)
        except BlockingIOError as error:
            os.close(self._descriptor)
            raise Held(_read_holder(path)) from error
        self._purpose = purpose
        # What the last holder left, for its successor to clear away.
        self.before = _read_holder(path)
        self.announce(socket)

    def announce(self, socket: str) -> None:
        """Says where the control socket is; a reader in the middle of it reads again."""
        content = msgspec.json.encode(Holder(pid=os.getpid(), socket=socket, purpose=self._purpose))
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, content, 0)

    def close(self) -> None:
        """Gives the lock back."""
        os.close(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def find_holder(task_id: uuid.UUID) -> Holder | None:
    """The living process that holds the task's lock, None when there is none.

    A process writes its id a moment after it has the lock; this waits for it, and returns 0 for one that never does.
    """
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while (holder := _look(paths.task_folder(task_id) / FILE_NAME)) is not None and holder.pid == 0:
        if time.monotonic() > deadline:
            break
        time.sleep(_PAUSE_SECONDS)
    return holder


def _look(path: Path) -> Holder | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return _read_holder(path) or Holder(pid=0)
    finally:
        os.close(descriptor)
    return None


def _lock_patiently(descriptor: int) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _read_holder(path: Path) -> Holder | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Holder)
    except (OSError, msgspec.MsgspecError):
        return None
