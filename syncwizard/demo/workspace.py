"""The demo's own folder: two servers, a task file, and state directories apart from those of the user's real tasks."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

import msgspec

from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.errors import UsageError

DATABASE = "kb"
# Below /tmp for the length of socket paths, whatever TMPDIR is.
SHORT_FOLDER = Path("/tmp")


class Workspace(msgspec.Struct, frozen=True):
    """Where a demo runs; both servers have an empty database `kb`."""

    folder: Path
    source: Cluster
    destination: Cluster


@contextmanager
def workspace(keep: Path | None) -> Iterator[Workspace]:
    """Creates and starts both servers, and stops them at the end; the folder stays only when `keep` names it.

    Raises UsageError when the folder is not empty or nothing can serve as PostgreSQL.
    """
    source_version, destination_version = installations.versions_with_pgvector()
    with ExitStack() as stack:
        if keep is None:
            folder = Path(tempfile.mkdtemp(prefix="syncwizard-demo-", dir=SHORT_FOLDER))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            # The servers' account passes through; what is private lies in folders of its own.
            folder.chmod(0o711)
        else:
            folder = _empty_folder(keep)
        source = Cluster(folder / "source", source_version)
        destination = Cluster(folder / "destination", destination_version)
        stack.enter_context(_terminated_like_interrupted())
        stack.enter_context(_own_state(folder / "state"))
        stack.enter_context(_preferred_programs(destination.bin))
        for cluster in (source, destination):
            stack.enter_context(cluster.create().start())
            cluster.create_database(DATABASE)
        yield Workspace(folder, source, destination)


def _empty_folder(folder: Path) -> Path:
    folder = folder.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(
            "the folder of --keep is not empty", where=str(folder), remedy="name one that does not exist yet"
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def _own_state(folder: Path) -> Iterator[None]:
    """Points every directory of ours below the folder, for us and for the engine that we start."""
    folder.mkdir(mode=0o700)
    names = ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    with _environment({name: str(folder) for name in names}):
        yield


@contextmanager
def _preferred_programs(directory: Path) -> Iterator[None]:
    """Puts the newest pg_dump in front: one that is older than its server refuses to work."""
    with _environment({"PATH": f"{directory}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}):
        yield


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _terminated_like_interrupted() -> Iterator[None]:
    """Makes SIGTERM, and a terminal that is closed, end the demo in order, as Ctrl-C does: nothing of it may go on in
    the background, or stay on the disk."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    # What runs under nohup goes on.
    caught = [number for number, handler in before.items() if handler is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])
