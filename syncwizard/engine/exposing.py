"""Exposes the figures of a task to monitoring systems: a file that is replaced, and an address that answers.

In threads of their own: neither a slow disk nor a slow reader holds the engine up.
"""

import contextlib
import os
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from syncwizard.task.monitoring import Metrics, address_of

if TYPE_CHECKING:
    from syncwizard.engine.metrics_address import MetricsServer

# Finer than Prometheus asks.
WRITE_SECONDS = 5.0
# The reader of the last moment is not waited for any longer.
READER_SECONDS = 2.0

# The text of this moment, in OpenMetrics or else in the text format of Prometheus.
Render = Callable[[bool], str]


class Exposing:
    """The file and the address of one engine, where its task has them."""

    def __init__(self, settings: Metrics, render: Render, trouble: Callable[[str], None]) -> None:
        """`render` may be called in any thread; `trouble` gets a sentence once where something cannot be exposed."""
        self._file = Path(settings.file) if settings.file else None
        self._address = address_of(settings.listen) if settings.listen else None
        self._render = render
        self._trouble = trouble
        self._stopped = threading.Event()
        self._refused = False
        self._writer: threading.Thread | None = None
        self._server: MetricsServer | None = None

    def start(self) -> None:
        """Begins to write and to answer."""
        if self._file is not None:
            self._writer = threading.Thread(target=self._write_on, args=(self._file,), name="metrics", daemon=True)
            self._writer.start()
        if self._address is not None:
            self._listen(*self._address)

    def stop(self) -> None:
        """Answers no more, and writes the file a last time: it tells of the end."""
        self._stopped.set()
        if self._server is not None:
            # It waits for the reader of this moment, who may never come to an end.
            ending = threading.Thread(target=self._server.shutdown, daemon=True)
            ending.start()
            ending.join(READER_SECONDS)
            self._server.server_close()
        if self._writer is not None and self._file is not None:
            self._writer.join(WRITE_SECONDS)
            self._write(self._file)

    def _write_on(self, path: Path) -> None:
        while not self._stopped.is_set():
            self._write(path)
            self._stopped.wait(WRITE_SECONDS)

    def _write(self, path: Path) -> None:
        try:
            replace_public(path, self._render(False))
        except OSError as error:
            if not self._refused:
                self._trouble(f"the metrics cannot be written to {path}: {error.strerror or error}")
            self._refused = True
        else:
            self._refused = False

    def _listen(self, host: str, port: int) -> None:
        # Most engines have no address, and idle for weeks.
        from syncwizard.engine.metrics_address import MetricsServer

        try:
            self._server = MetricsServer(host, port, self._render)
        except OSError as error:
            self._trouble(f"the metrics cannot be offered at {host}:{port}: {error.strerror or error}")
            return
        threading.Thread(target=self._server.serve_forever, name="metrics address", daemon=True).start()


def replace_public(path: Path, text: str) -> None:
    """Replaces the file in one step, readable by any user: node_exporter is another one. Raises OSError.

    Not flushed to the disk: after a crash of the machine it is written anew.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            os.fchmod(file.fileno(), 0o644)
        Path(name).replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
