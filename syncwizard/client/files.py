"""Writes what a user keeps of a task."""

import os
import stat
from pathlib import Path

from syncwizard.errors import UsageError


def write_private(path: Path, text: str) -> None:
    """Writes a text readable by its owner alone, who decides whom to send it to; raises UsageError."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            # The mode above is that of a new file, and a device belongs to all.
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, 0o600)
                stream.truncate()
            stream.write(text + "\n")
    except OSError as error:
        raise UsageError(
            "the file cannot be written",
            where=str(path),
            detail=error.strerror or str(error),
            remedy="name another file",
        ) from error
