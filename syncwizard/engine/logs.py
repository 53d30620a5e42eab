"""The log of an engine: a rotating file, or the terminal in the foreground; never with a secret in it."""

import logging
import logging.handlers
import sys
from collections.abc import Collection
from pathlib import Path

FILE_NAME = "engine.log"

# Enough to tell the story of a bad week; an engine that retries every 30 s writes about 300 kB a day.
FILE_BYTES = 5 * 1024 * 1024
FILES_KEPT = 3


class RedactingFormatter(logging.Formatter):
    """Formats records, tracebacks included, with every known secret blotted out."""

    def __init__(self, secrets: Collection[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(message)s")
        # The longest first: one may be part of another.
        self._secrets = sorted((secret for secret in secrets if secret), key=len, reverse=True)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text


def configure(folder: Path, secrets: Collection[str], *, foreground: bool) -> None:
    """Sends the log of this process to `engine.log` in the folder, in the foreground to stderr."""
    handler: logging.Handler
    if foreground:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.handlers.RotatingFileHandler(
            folder / FILE_NAME, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
        )
    handler.setFormatter(RedactingFormatter(secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
