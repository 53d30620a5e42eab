"""The folders: whether what is to be kept in them can be written, and how much room there is."""

import uuid
from collections.abc import Iterator
from pathlib import Path

from syncwizard import machine, paths
from syncwizard.client.doctor.finding import Finding, failed, ok, warning
from syncwizard.task.text import describe_bytes


def findings() -> Iterator[Finding]:
    """State, control sockets, configuration."""
    yield of_state(paths.tasks_folder())
    yield of_sockets([place.parent for place in paths.socket_places(uuid.UUID(int=0))])
    yield of_configuration(paths.settings_file().parent)


def of_state(folder: Path) -> Finding:
    """Where tasks are kept."""
    if trouble := paths.trouble_with(folder):
        return failed(
            "state", f"{folder}: {trouble}", "make the folder writable for this account, or set XDG_STATE_HOME"
        )
    free = machine.free_bytes(folder)
    text = f"{folder}, {describe_bytes(free)} free"
    if free < machine.SCARCE_BYTES:
        return warning("state", text, "make room: a task stops where its journal cannot be written")
    return ok("state", text)


def of_sockets(folders: list[Path]) -> Finding:
    """Where engines listen for commands, the best place first; the last are the tasks' own folders."""
    for folder in folders:
        # A task's own folder is as writable as the state is, of which there is a line.
        if folder.is_relative_to(paths.tasks_folder()):
            return ok("sockets", f"in the folders of the tasks, below {paths.tasks_folder()}")
        if not paths.trouble_with(folder):
            return ok("sockets", str(folder))
    return failed("sockets", "no folder with a name short enough for a socket", "set XDG_RUNTIME_DIR to a shorter one")


def of_configuration(folder: Path) -> Finding:
    """Where connections are saved, and keys and theme of the screens."""
    if trouble := paths.trouble_with(folder):
        return warning(
            "configuration",
            f"{folder}: {trouble}: connections cannot be saved",
            "make the folder writable for this account, or set XDG_CONFIG_HOME",
        )
    return ok("configuration", str(folder))
