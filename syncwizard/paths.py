"""Every path of ours, by the XDG conventions."""

import hashlib
import os
import tempfile
import uuid
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
    """Where tasks are kept that somebody is still describing."""
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


def task_folder(task_id: uuid.UUID) -> Path:
    """The folder of a task: task.yaml, journal.db, engine.log, engine.lock."""
    return tasks_folder() / str(task_id)


def control_socket(task_id: uuid.UUID) -> Path:
    """The control socket of a task's engine: in the runtime directory, unless that makes it too long."""
    path = Path(platformdirs.user_runtime_dir(APPLICATION)) / f"{task_id.hex}.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_BYTES:
        return path
    # Two state directories (tests, containers) must not meet in the short folder.
    place = hashlib.sha256(os.fsencode(path.parent)).hexdigest()[:8]
    return Path(tempfile.gettempdir()) / f"{APPLICATION}-{os.getuid()}-{place}" / f"{task_id.hex[:12]}.sock"


def ensure_private_folder(path: Path) -> Path:
    """Creates the folder for its owner alone; raises PermissionError when it belongs to somebody else."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if found.st_uid != os.getuid():
        raise PermissionError(f"{path} belongs to another user")
    if found.st_mode & 0o077:
        path.chmod(0o700)
    return path
