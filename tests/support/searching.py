"""Looks for texts where no secret may be: files, and the arguments and environments of processes."""

import threading
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# Where libpq takes a password from while pg_dump runs (DESIGN rule 18): of mode 0600, and gone with it.
PASSFILES = ("pg_dump.pass", "pg_dump.service")


def in_files(folders: Sequence[Path], texts: Collection[str]) -> list[str]:
    """Files below the folders that hold one of the texts, or have it in their name."""
    found = []
    for folder in folders:
        for path in folder.rglob("*"):
            if any(text in path.name for text in texts):
                found.append(f"name of {path}")
            try:
                if not path.is_file() or (path.name in PASSFILES and path.stat().st_mode & 0o077 == 0):
                    continue
                content = path.read_bytes()
            except OSError:
                continue
            found += [str(path) for text in texts if text.encode() in content]
    return found


def in_processes(texts: Collection[str], but_environment_of: Callable[[], Collection[int]] = lambda: ()) -> list[str]:
    """Processes of this machine that have one of the texts in their arguments or environment.

    `but_environment_of`: those that were given it; asked when one is found, because they come and go meanwhile.
    """
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        for name in ("cmdline", "environ"):
            if not _holds(folder / name, texts):
                continue
            if name == "environ" and (
                int(folder.name) in (given := but_environment_of())
                or _not_yet_itself(folder, given)
                # It may have begun its own program between the two looks.
                or not _holds(folder / name, texts)
            ):
                continue
            found.append(f"{folder / name}: {_arguments(folder)}")
    return found


def _holds(path: Path, texts: Collection[str]) -> bool:
    try:
        content = path.read_bytes()
    except OSError:
        return False
    return any(text.encode() in content for text in texts)


def _not_yet_itself(folder: Path, parents: Collection[int]) -> bool:
    """Whether the process is a copy that one of the parents made a moment ago, before it runs its own program."""
    try:
        parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError):
        return True  # gone
    if parent not in parents:
        return False
    return _arguments(folder) == _arguments(folder.parent / str(parent))


def arguments_of_processes() -> dict[int, bytes]:
    """The arguments of every process of this machine, each ended by a zero byte."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit():
                found[int(folder.name)] = (folder / "cmdline").read_bytes()
        except OSError:
            continue
    return found


def _arguments(folder: Path) -> str:
    try:
        return (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class Watch(threading.Thread):
    """Searches again and again while a block runs; `found` holds what any search found."""

    def __init__(self, *searches: Callable[[], list[str]]) -> None:
        super().__init__(name="watch", daemon=True)
        self._searches = searches
        self._stop_asked = threading.Event()
        self.found: set[str] = set()
        self.rounds = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop_asked.set()
        self.join()

    def run(self) -> None:
        """Searches until the block ends, and once more."""
        while True:
            last = self._stop_asked.wait(0.01)
            for search in self._searches:
                self.found.update(search())
            self.rounds += 1
            if last:
                return
