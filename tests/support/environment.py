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


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """A short path, for sockets, that the servers' account can reach."""
    folder = Path(tempfile.mkdtemp(prefix="sw-"))
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
