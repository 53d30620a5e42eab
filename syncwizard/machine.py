"""What this machine gives to its processes: open files, room on its disks, a life after the last logout."""

import getpass
import os
import resource
import shutil
import socket
import subprocess
from pathlib import Path

from syncwizard import paths

# An engine has a few dozen: connections, pipes of its children, journal and log.
OPEN_FILES = 256
# Journal and log of a task stay far below it; its dump of definitions may need some of it.
SCARCE_BYTES = 1_000_000_000
LINGERING = Path("/var/lib/systemd/linger")
PROGRAM_SECONDS = 10.0


def operator() -> str:
    """Who is at this machine, as `user@host`; behind sudo the user who called it."""
    return f"{os.environ.get('SUDO_USER') or getpass.getuser()}@{socket.gethostname()}"


def open_files() -> int | None:
    """How many files a process may have open; None for any number."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def free_bytes(folder: Path) -> int:
    """The room on the disk where the folder is, or will be."""
    return shutil.disk_usage(paths.nearest_existing(folder)).free


def lingers(user: str) -> bool:
    """Whether logind leaves the user's processes alone after the last logout."""
    return (LINGERING / user).exists()


def kills_user_processes() -> bool | None:
    """Whether logind ends what a user leaves running; None where there is none to ask."""
    command = ["loginctl", "show-session", "--property=KillUserProcesses"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=PROGRAM_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    answer = done.stdout.strip()
    return answer.endswith("=yes") if done.returncode == 0 and answer else None
