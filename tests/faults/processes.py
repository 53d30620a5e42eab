"""The engine's processes as the system shows them: the engine by its task's lock, children by their parent."""

import os
import signal
import subprocess
import uuid

from syncwizard.engine.locking import find_holder


def engine_of(task_id: uuid.UUID) -> int | None:
    """The process id of the task's engine, None when none lives."""
    holder = find_holder(task_id)
    return holder.pid if holder is not None and holder.purpose == "engine" else None


def children_of(parent: int, kind: str | None = None) -> list[int]:
    """A process's living children, those of an engine by their kind (`copy`, `apply`)."""
    listed = subprocess.run(
        # -ww: whole lines, whatever width the environment tells.
        ["ps", "-A", "-ww", "-o", "pid=,ppid=,stat=,args="],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    lines = [line.split() for line in listed.splitlines()]
    # On Linux an engine's children are those of its fork server.
    parents = {parent, *(int(pid) for pid, of, _, *words in lines if int(of) == parent and words[-1] == "forkserver")}
    return [
        int(pid)
        for pid, of, status, *words in lines
        if int(of) in parents and not status.startswith("Z") and kind in (None, words[-1])
    ]


def kill(pid: int) -> bool:
    """kill -9; False when the process had ended by itself."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True
