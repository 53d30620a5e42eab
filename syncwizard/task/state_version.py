"""Which code made a state of its events: a state that was kept is used only by the code that would make the same."""

import functools
import hashlib
from pathlib import Path

from syncwizard import __version__

# What decides how events become a state, and what a state is.
MODULES = (
    "../remedies",
    "copying_again",
    "ddl",
    "earlier",
    "events",
    "facts",
    "names",
    "parts",
    "quarantine",
    "stages",
    "state",
    "reducer",
    "reducing/core",
    "reducing/definitions",
    "reducing/quarantine",
    "reducing/tables",
    "reducing/verifications",
    "table_events",
    "narration",
    "layered",
    "verification",
    "verification_words",
    "switchover",
    "switching",
)


@functools.cache
def state_version() -> str:
    """A digest of these modules' text, beside the version: another reducer of the same version makes other states."""
    digest = hashlib.sha256(__version__.encode())
    for name in MODULES:
        path = Path(__file__).parent / f"{name}.py"
        if path.exists():
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
