"""Exposes the figures of a task to monitoring systems: a file that is replaced, and an address that answers.

In threads of their own: neither a slow disk nor a slow reader holds the engine up.
"""

import contextlib
import logging
import os
import socket
import tempfile
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import TCPServer

from syncwizard.task.figures.openmetrics import OPENMETRICS, TEXT
from syncwizard.task.monitoring import Metrics, address_of

log = logging.getLogger(__name__)

# Finer than Prometheus asks.
WRITE_SECONDS = 5.0
# A reader that says nothing for so long is cut off: others wait meanwhile.
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
        self._server: TCPServer | None = None

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
        render = self._render

        class Handler(_Handler):
            text = staticmethod(render)

        # Not HTTPServer: that asks a name server for the name of this machine.
        class Server(TCPServer):
            allow_reuse_address = True
            address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

        try:
            self._server = Server((host, port), Handler)
        except OSError as error:
            self._trouble(f"the metrics cannot be offered at {host}:{port}: {error.strerror or error}")
            return
        threading.Thread(target=self._server.serve_forever, name="metrics address", daemon=True).start()


class _Handler(BaseHTTPRequestHandler):
    """Answers GET /metrics, one reader at a time."""

    timeout = READER_SECONDS
    server_version = "syncwizard"
    sys_version = ""
    text: Render

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "the figures are at /metrics")
            return
        openmetrics = "application/openmetrics-text" in self.headers.get("Accept", "")
        body = type(self).text(openmetrics).encode()
        self.send_response(200)
        self.send_header("Content-Type", OPENMETRICS if openmetrics else TEXT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)


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
