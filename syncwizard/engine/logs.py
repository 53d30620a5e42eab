"""The log of an engine: a rotating file, or the terminal in the foreground; never with a secret in it."""

import logging
import logging.handlers
import sys
from collections.abc import Collection
from pathlib import Path

from syncwizard.task.handover import Handover
from syncwizard.task.redaction import Redactor
from syncwizard.task.text import clean_lines, one_line

FILE_NAME = "engine.log"

# Enough to tell the story of a bad week; an engine that retries every 30 s writes about 300 kB a day.
FILE_BYTES = 5 * 1024 * 1024
FILES_KEPT = 3


LAYOUT = "%(asctime)s %(levelname)s %(message)s"


class CleanFormatter(logging.Formatter):
    """Formats records, tracebacks included, without secrets, and with what a terminal would obey shown as escapes:
    names and messages of servers are in them."""

    def __init__(self, secrets: Collection[str], layout: str = LAYOUT) -> None:
        super().__init__(layout)
        self._redact = Redactor(secrets)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is logging's
        # A secret is looked for before its characters are escaped.
        record.message = one_line(self._redact(record.message))
        return super().formatMessage(record)

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        # The message is without them by now; a traceback is not.
        return clean_lines(self._redact(text) if record.exc_text or record.stack_info else text)


def configure(folder: Path, secrets: Collection[str], *, foreground: bool) -> None:
    """Sends the log of this process to `engine.log` in the folder, in the foreground to stderr."""
    handler: logging.Handler
    if foreground:
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.handlers.RotatingFileHandler(
            folder / FILE_NAME, maxBytes=FILE_BYTES, backupCount=FILES_KEPT, encoding="utf-8"
        )
    handler.setFormatter(CleanFormatter(secrets))
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def configure_stderr(secrets: Handover | None, layout: str = LAYOUT) -> None:
    """Sends the warnings of a process that has no log of its own to its stderr, which is the engine's log or a
    terminal; `secrets` is what it was handed over."""
    known = [] if secrets is None else secrets.texts
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(CleanFormatter(known, layout))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
