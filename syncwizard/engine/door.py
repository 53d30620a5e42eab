"""Where an engine listens: a socket's file in the first place that takes it, and in another when that one is lost."""

import contextlib
import functools
import os
import socket
import stat
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from syncwizard import paths
from syncwizard.errors import TaskFailed

# The folder of a socket that fits nowhere else: a name that cannot be known beforehand, made anew each time.
TEMPORARY_PREFIX = f"{paths.APPLICATION}-"
# A folder for temporary files may have a name that leaves no room for a socket.
SHORTEST_TEMPORARY = "/tmp"
# What is left of a socket's path for it, with the new folder's name and the file's.
TEMPORARY_BYTES = 60


class Door:
    """The socket's file of one engine."""

    def __init__(self, places: Sequence[Path], opened: Callable[[Path], object]) -> None:
        """`places` are tried in turn, then a new folder for temporary files; `opened` is called with each place that
        was taken, for clients to find it."""
        self._places = places
        self._opened = opened
        self._path: Path | None = None
        self._file: tuple[int, int] | None = None

    @property
    def path(self) -> Path | None:
        """Where the socket is, None while there is none."""
        return self._path

    @property
    def stands(self) -> bool:
        """Whether the file is still the one that was made: folders are removed, and may be replaced by others."""
        try:
            return self._path is not None and _identity(self._path) == self._file
        except OSError:
            return False

    def open(self) -> socket.socket:
        """A listening socket in the first place that takes it, in place of what a dead engine left there. The caller
        holds the task's lock. Raises TaskFailed."""
        self.remove()
        troubles = []
        for make in self._ways():
            try:
                place = make()
                listening = _bound(place)
            except OSError as error:
                troubles.append(f"{error.filename}: {error.strerror}" if error.filename else str(error))
                continue
            self._path, self._file = place, _identity(place)
            self._opened(place)
            return listening
        raise TaskFailed(
            "no control socket can be made",
            detail="; ".join(troubles),
            remedy="set XDG_RUNTIME_DIR to a folder of your own with a short name",
        )

    def remove(self) -> None:
        """Takes the file away, and its folder where that was made for it alone."""
        if self._path is not None and self.stands:
            remove_left(self._path)
        self._path = self._file = None

    def _ways(self) -> Iterator[Callable[[], Path]]:
        """What makes each place ready and returns it."""
        for place in self._places:
            yield functools.partial(_in_private_folder, place)
        for folder in dict.fromkeys((tempfile.gettempdir(), SHORTEST_TEMPORARY)):
            if len(os.fsencode(folder)) <= TEMPORARY_BYTES:
                yield functools.partial(_in_new_folder, folder)


def _in_private_folder(place: Path) -> Path:
    paths.ensure_private_folder(place.parent)
    return place


def _in_new_folder(folder: str) -> Path:
    return Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder)) / "control.sock"


def remove_left(path: Path) -> None:
    """Removes a socket's file that no process listens at, and the folder that was made for it alone."""
    with contextlib.suppress(OSError):
        folder = path.parent.lstat()
        if stat.S_ISLNK(folder.st_mode) or folder.st_uid != os.geteuid():
            return
        path.unlink(missing_ok=True)
        if path.parent.name.startswith(TEMPORARY_PREFIX):
            path.parent.rmdir()


def _bound(path: Path) -> socket.socket:
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file this mode, less the umask; elsewhere the folder's mode keeps others out.
        with contextlib.suppress(OSError):
            os.fchmod(listening.fileno(), 0o600)
        listening.bind(str(path))
    except OSError:
        listening.close()
        remove_left(path)
        raise
    return listening


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino
