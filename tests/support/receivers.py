"""Receivers of alerts as real servers: a mail server, a web server, a socket of syslog, a program."""

import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.support.network import free_port

ACCOUNT, PASSWORD = "alerts", "pike-perch-4711"


class Mailbox(Controller):
    """Keeps what it is sent, after STARTTLS and a login where it has a certificate; `implicit`: TLS from the start."""

    def __init__(self, certificate: tuple[Path, Path] | None = None, *, implicit: bool = False) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[str] = []
        options: dict[str, Any] = {}
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*certificate)
            options = {"authenticator": self._check, "auth_required": True}
            if implicit:
                # aiosmtpd knows no TLS below it, and would allow no login over it.
                options |= {"ssl_context": context, "auth_require_tls": False}
            else:
                options |= {"tls_context": context, "require_starttls": True}
        super().__init__(self, hostname="127.0.0.1", port=free_port(), **options)

    @property
    def address(self) -> str:
        return f"{self.hostname}:{self.port}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        self.recipients = envelope.rcpt_tos
        self.mails.append(message_from_bytes(content, EmailMessage, policy=policy.default))
        return "250 kept"

    def _check(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = LoginPassword(ACCOUNT.encode(), PASSWORD.encode())
        return AuthResult(success=given == right, handled=False)


@contextmanager
def mailbox(certificate: tuple[Path, Path] | None = None, *, implicit: bool = False) -> Iterator[Mailbox]:
    """A mail server for the block."""
    box = Mailbox(certificate, implicit=implicit)
    box.start()
    try:
        yield box
    finally:
        box.stop()


class Hook:
    """A web server that keeps what is posted; it answers with `status` and `answer`."""

    def __init__(self, port: int = 0) -> None:
        self.posts: list[Any] = []
        self.status, self.answer = 200, "ok"
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if hook.status == 200:
                    hook.posts.append(json.loads(body))
                self.send_response(hook.status)
                self.send_header("Location", "/elsewhere")
                self.end_headers()
                self.wfile.write(hook.answer.encode())

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", port), Handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def phases(self) -> list[tuple[str, str]]:
        """Rule and phase of what was posted in the generic shape."""
        return [(each["rule"], each["phase"]) for each in self.posts]

    def __enter__(self) -> "Hook":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def syslog(path: Path) -> Iterator[socket.socket]:
    """A socket as syslog has it on this machine."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.settimeout(30)
        yield listening


def program(path: Path, output: Path) -> Path:
    """A program that adds what it is given to a file, a line each time."""
    path.write_text(f"#!/bin/sh\ncat >> '{output}'\necho >> '{output}'\n")
    path.chmod(0o700)
    return path
