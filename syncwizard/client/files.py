"""Writes what a user keeps of a task."""

import os
from pathlib import Path

from syncwizard import paths
from syncwizard.errors import UsageError


def write_private(path: Path, text: str) -> None:
    """Writes a text file that its owner alone may read; raises UsageError."""
    try:
        with os.fdopen(paths.open_private_file(path), "w", encoding="utf-8") as stream:
            stream.write(text + "\n")
    except OSError as error:
        raise UsageError(
            "the file cannot be written",
            where=str(path),
            detail=error.strerror or str(error),
            remedy="name another file",
        ) from error
