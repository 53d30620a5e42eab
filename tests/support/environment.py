"""The environment of a test run: none of the variables and directories of the person who runs it."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from syncwizard.demo.installations import find

XDG_NAMES = ("STATE_HOME", "CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR")


MEMORY = Path("/dev/shm")
ROOM = 6 << 30
"""Bytes that have to be free in MEMORY before servers live there; the machine must have twice as much."""


def _memory_has_room() -> bool:
    try:
        room = os.statvfs(MEMORY)
        physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return False
    return (
        not room.f_flag & os.ST_NOEXEC
        and os.access(MEMORY, os.W_OK)
        and room.f_bavail * room.f_frsize >= ROOM
        and physical >= 2 * ROOM
    )


@contextmanager
def temporary_folder(*, on_disk: bool = False) -> Iterator[Path]:
    """A short path, for sockets, that the servers' account can reach.

    In memory where there is room: a database, of which most tests need two, is made there in a tenth of the time.
    """
    folder = Path(tempfile.mkdtemp(prefix="sw-", dir=None if on_disk or not _memory_has_room() else MEMORY))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def fresh_home(folder: Path) -> dict[str, str]:
    """Directories below `folder` of a user who never ran syncwizard, as environment variables."""
    variables = {}
    for name in XDG_NAMES:
        directory = folder / name.lower().split("_")[0]
        directory.mkdir(mode=0o700)
        variables[f"XDG_{name}"] = str(directory)
    return variables


def make_plain() -> None:
    """Drops libpq's variables; pg_dump is that of the newest server; Ctrl-C works, also in what is started."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell hands it to what it runs in the background.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]
    newest = find(18)
    if newest:
        os.environ["PATH"] = f"{newest.bin}{os.pathsep}{os.environ.get('PATH', '')}"
