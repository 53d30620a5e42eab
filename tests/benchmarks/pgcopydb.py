"""pgcopydb as a peer, where the machine has it."""

import os
import shutil
import subprocess
from pathlib import Path

from syncwizard.stages.context import COPY_WORKERS
from tests.benchmarks.bench import Bench, checked, seconds_of

# Since 0.16.
BINARY = "--use-copy-binary"


def ways() -> dict[str, tuple[str, ...]]:
    """What the installed version can do, by a name for it: its further options. Empty without pgcopydb."""
    program = shutil.which("pgcopydb")
    if program is None:
        return {}
    shown = subprocess.run([program, "clone", "--help"], capture_output=True, text=True, check=False)
    binary = {f"pgcopydb {BINARY}": (BINARY,)} if BINARY in shown.stdout + shown.stderr else {}
    return {"pgcopydb": (), **binary}


def clone(found: Bench, database: str, options: tuple[str, ...]) -> None:
    """Everything of the database `bench` into an empty one of the destination."""
    _run(found, database, "clone", "--index-jobs", str(COPY_WORKERS), *options)


def copy(found: Bench, database: str, table: str, options: tuple[str, ...]) -> float:
    """Seconds for the rows of one table, which exists at the destination."""
    chosen = found.folder / f"only-{table}"
    chosen.write_text(f"[include-only-table]\npublic.{table}\n")
    return seconds_of(lambda: _run(found, database, "copy", "table-data", "--filters", str(chosen), *options))


def _run(found: Bench, database: str, *words: str) -> None:
    folder = Path(found.folder) / f"pgcopydb-{database}"
    ends = ("--source", _url(found, "bench", source=True), "--target", _url(found, database))
    command = ["pgcopydb", *words, *ends, "--table-jobs", str(COPY_WORKERS), "--dir", str(folder)]
    # It calls pg_dump and pg_restore, which are to be those of the newer server.
    checked(command, {**os.environ, "PATH": f"{found.destination.bin}{os.pathsep}{os.environ['PATH']}"})


def _url(found: Bench, database: str, *, source: bool = False) -> str:
    end = (found.source if source else found.destination).endpoint(database)
    return f"postgresql:///{database}?host={end.host}&port={end.port}&user={end.user}"
