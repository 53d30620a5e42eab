"""Every path of ours, by the XDG conventions."""

import contextlib
import errno
import os
import stat
import tempfile
import uuid
import warnings
from pathlib import Path

import platformdirs

APPLICATION = "syncwizard"

# The specification of a task, in its folder.
TASK_FILE = "task.yaml"

# A socket's path must fit sockaddr_un: 108 bytes with the closing zero on Linux, 104 on macOS.
SOCKET_PATH_BYTES = 103


def state_folder() -> Path:
    """`$XDG_STATE_HOME/syncwizard`."""
    return Path(platformdirs.user_state_dir(APPLICATION))


def connections_file() -> Path:
    """The saved connections: `$XDG_CONFIG_HOME/syncwizard/connections.yaml`."""
    return Path(platformdirs.user_config_dir(APPLICATION)) / "connections.yaml"


def drafts_folder() -> Path:
    """Where tasks are kept that are still being described."""
    return state_folder() / "drafts"


def settings_file() -> Path:
    """What the user may set for the screens: `$XDG_CONFIG_HOME/syncwizard/config.yaml`."""
    return Path(platformdirs.user_config_dir(APPLICATION)) / "config.yaml"


def preferences_file() -> Path:
    """What the screens remember by themselves: `$XDG_STATE_HOME/syncwizard/screens.json`."""
    return state_folder() / "screens.json"


def defect_file() -> Path:
    """The traceback of the last defect that ended the screens."""
    return state_folder() / "screens-defect.txt"


def tasks_folder() -> Path:
    """Where every task has its folder."""
    return state_folder() / "tasks"


def task_ids() -> list[uuid.UUID]:
    """The tasks that have a folder here."""
    found = []
    with contextlib.suppress(FileNotFoundError):
        for folder in tasks_folder().iterdir():
            with contextlib.suppress(ValueError):
                found.append(uuid.UUID(folder.name))
    return found


def task_folder(task_id: uuid.UUID) -> Path:
    """The folder of a task: task.yaml, journal.db, engine.log, engine.lock."""
    return tasks_folder() / str(task_id)


def socket_places(task_id: uuid.UUID) -> list[Path]:
    """Where the control socket of a task's engine may be, the best first: the runtime directory, then the task's own
    folder. One whose name is too long for a socket is not among them; where the socket is, the task's lock says."""
    places = [
        _runtime_folder() / f"{task_id.hex}.sock",
        task_folder(task_id) / "control.sock",
    ]
    return [place for place in places if len(os.fsencode(place)) <= SOCKET_PATH_BYTES]


def _runtime_folder() -> Path:
    with warnings.catch_warnings():
        # Where XDG_RUNTIME_DIR is not set it is a folder in /tmp, which `ensure_private_folder` makes ours alone.
        warnings.simplefilter("ignore")
        return Path(platformdirs.user_runtime_dir(APPLICATION))


def ensure_private_folder(path: Path) -> Path:
    """Creates the folder for its owner alone; raises PermissionError for one that belongs to another user, or that
    is reached by a link which another user could have planted."""
    path = path.absolute()
    if planted := next(filter(_may_be_planted, (path, *path.parents)), None):
        raise PermissionError(errno.EACCES, "it is a link in a folder that others can write to", str(planted))
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    # What is looked at and changed is what was opened: the name may stand for something else by then.
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | (0 if path.is_symlink() else os.O_NOFOLLOW))
    try:
        found = os.fstat(descriptor)
        if found.st_uid != os.geteuid():
            raise PermissionError(errno.EACCES, "the folder belongs to another user", str(path))
        if found.st_mode & 0o077:
            os.fchmod(descriptor, 0o700)
    finally:
        os.close(descriptor)
    return path


def nearest_existing(path: Path) -> Path:
    """The path, else the nearest of the folders above it that there is."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if each.exists())


def trouble_with(folder: Path) -> str:
    """Why `ensure_private_folder` could not make this folder, or nothing could be written in it; empty where it
    could. Leaves nothing behind."""
    if planted := next(filter(_may_be_planted, (folder.absolute(), *folder.absolute().parents)), None):
        return f"{planted} is a link in a folder that others can write to"
    existing = nearest_existing(folder)
    try:
        # Whether it can be written is known by writing: rights say nothing of a file system that is read-only or full.
        with tempfile.TemporaryFile(dir=existing) as trial:
            trial.write(b"\0")
    except OSError as error:
        return (error.strerror or str(error)) + (f" ({existing})" if existing != folder else "")
    if existing == folder.absolute() and folder.stat().st_uid != os.geteuid():
        return "the folder belongs to another user"
    return ""


def open_private_file(path: Path) -> int:
    """A descriptor of the file for writing, made for its owner alone; a device or a pipe stays as it is.

    Raises PermissionError for a file that another user put there or can reach: in a folder that others can write to,
    a link, a file of another user, or one with a second name.
    """
    path = path.absolute()
    shared = not _is_ours_alone(path.parent)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | (os.O_NOFOLLOW if shared else 0), 0o600)
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode):
        if shared and (found.st_uid != os.geteuid() or found.st_nlink != 1):
            os.close(descriptor)
            raise PermissionError(errno.EACCES, "it is another user's, in a folder that others can write to", str(path))
        os.fchmod(descriptor, 0o600)
        os.ftruncate(descriptor, 0)
    return descriptor


def _may_be_planted(path: Path) -> bool:
    """Whether this is a link that another user could have made."""
    return path.is_symlink() and not _is_ours_alone(path.parent)


def _is_ours_alone(folder: Path) -> bool:
    """Whether only we and the system's administrator can make names in the folder."""
    found = folder.stat()
    return found.st_uid in (0, os.geteuid()) and not found.st_mode & 0o022
