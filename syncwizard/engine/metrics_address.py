"""The address at which an engine answers with its figures."""

import logging
import socket
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer

from syncwizard.task.figures.openmetrics import OPENMETRICS, TEXT

log = logging.getLogger(__name__)

# A reader that says nothing for so long is cut off: others wait meanwhile.
READER_SECONDS = 2.0


class MetricsServer(TCPServer):
    """Listens; answers one reader at a time. Not HTTPServer: that asks a name server for the name of this machine."""

    allow_reuse_address = True

    def __init__(self, host: str, port: int, render: Callable[[bool], str]) -> None:
        """`render` makes the text of the moment, in OpenMetrics or else in the text format of Prometheus. Raises
        OSError."""
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.render = render
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    """Answers GET /metrics."""

    timeout = READER_SECONDS
    server_version = "syncwizard"
    sys_version = ""
    server: MetricsServer

    def do_GET(self) -> None:
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "the figures are at /metrics")
            return
        openmetrics = "application/openmetrics-text" in self.headers.get("Accept", "")
        body = self.server.render(openmetrics).encode()
        self.send_response(200)
        self.send_header("Content-Type", OPENMETRICS if openmetrics else TEXT)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        log.debug(format, *args)
