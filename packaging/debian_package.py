"""Builds a package for Debian and Ubuntu with everything in it: `python packaging/debian_package.py FOLDER`.

The program and its dependencies lie in /opt/syncwizard, apart from the system's Python packages. The package depends on
Python of the minor version that builds it: compiled dependencies are for that one. `--bare` leaves the dependencies
out, for a look at the rest.
"""

import argparse
import gzip
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from syncwizard import __version__

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(Path(__file__).parent))
from man_pages import write_pages  # noqa: E402 - it lies beside this file

HOME = "opt/syncwizard"
LAUNCHER = f"""#!/bin/sh
PYTHONPATH=/{HOME} exec /usr/bin/python3 -P -m syncwizard "$@"
"""
COMPLETIONS = {
    "bash": "usr/share/bash-completion/completions/syncwizard",
    "zsh": "usr/share/zsh/vendor-completions/_syncwizard",
    "fish": "usr/share/fish/vendor_completions.d/syncwizard.fish",
}


def control(architecture: str, kilobytes: int) -> str:
    """What the package manager has to know."""
    major, minor = sys.version_info[:2]
    return f"""Package: syncwizard
Version: {__version__}
Section: database
Priority: optional
Architecture: {architecture}
Installed-Size: {kilobytes}
Depends: python3 (>= {major}.{minor}), python3 (<< {major}.{minor + 1}), postgresql-client
Recommends: openssh-client
Maintainer: syncwizard maintainers <maintainers@invalid>
Description: synchronizes PostgreSQL databases from the terminal
 Copies schema and rows of a PostgreSQL database to another server and keeps it in step: pgvector first, watched from a
 wizard and a monitor that work over SSH.
"""


UNITS = ("syncwizard@.service", "syncwizard-alerts.service", "syncwizard-alerts.timer")


def fill(tree: Path, *, bare: bool) -> None:
    """Puts every file at its place below `tree`."""
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-compile", "--target", str(tree / HOME)]
    subprocess.run([*install, *(["--no-deps", "--no-build-isolation"] if bare else []), str(ROOT)], check=True)
    _write(tree / "usr/bin/syncwizard", LAUNCHER.encode(), mode=0o755)
    for name in UNITS:
        unit = (ROOT / "packaging" / name).read_text(encoding="utf-8")
        # The unit's first line names the place for a unit of one user's own.
        lines = unit.replace("%h/.local/bin/syncwizard", "/usr/bin/syncwizard").splitlines(keepends=True)[1:]
        _write(tree / "usr/lib/systemd/user" / name, "".join(lines).encode())
    for shell, place in COMPLETIONS.items():
        command = [sys.executable, "-P", "-m", "syncwizard", "completion", shell]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        written = subprocess.run(command, env=environment, capture_output=True, check=True)
        _write(tree / place, written.stdout)
    for name in ("LICENSE", "CHANGELOG.md"):
        _write(tree / "usr/share/doc/syncwizard" / name, (ROOT / name).read_bytes())
    with tempfile.TemporaryDirectory() as folder:
        for page in write_pages(Path(folder)):
            _write(tree / "usr/share/man/man1" / f"{page.name}.gz", gzip.compress(page.read_bytes(), mtime=0))


def _write(path: Path, content: bytes, *, mode: int = 0o644) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(mode)


def build(folder: Path, *, bare: bool) -> Path:
    """Builds the package in the folder; the file."""
    folder.mkdir(parents=True, exist_ok=True)
    asked = ["dpkg", "--print-architecture"]
    architecture = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()
    with tempfile.TemporaryDirectory() as work:
        tree = Path(work) / "tree"
        tree.mkdir(mode=0o755)
        fill(tree, bare=bare)
        size = sum(each.stat().st_size for each in tree.rglob("*") if each.is_file())
        _write(tree / "DEBIAN/control", control(architecture, size // 1024).encode())
        package = folder / f"syncwizard_{__version__}_{architecture}.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "--build", str(tree), str(package)], check=True)
    return package


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Builds a package for Debian and Ubuntu.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bare", action="store_true", help="without the dependencies")
    given = parser.parse_args()
    sys.stdout.write(f"{build(given.folder, bare=given.bare)}\n")
