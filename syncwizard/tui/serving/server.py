"""Serves the screens to browsers: each that has the token gets a process of its own, which ends with it.

Textual's own server checks nothing and prints a banner; what draws the screens in the page is taken from it.
"""

import asyncio
import shlex
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web
from textual_serve.server import Server

from syncwizard.errors import UsageError
from syncwizard.tui.serving.guard import Guard

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

# Processes at once: each has a browser before it.
MOST_VIEWERS = 20
PAGE = Path(__file__).parent / "page"
# How long the screens of those who still look may take to end.
END_SECONDS = 5.0
# The page draws with styles that its script writes; nothing comes from another machine, and no site frames it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
REFUSED = "syncwizard: the address lacks the token that `syncwizard serve` has printed\n"
NOT_OURS = "syncwizard: not an address of this server\n"
FULL = "syncwizard: too many are looking already\n"


class ScreenServer(Server):
    """Serves what `arguments` of this program show to those that `guard` lets in."""

    def __init__(self, arguments: Sequence[str], guard: Guard) -> None:
        command = "exec " + shlex.join([sys.executable, "-m", "syncwizard", *arguments])
        super().__init__(command, title="syncwizard", templates_path=PAGE)
        self._guard = guard
        self._viewers = 0

    async def make_app(self) -> web.Application:
        """The application, with the guard before each of its routes."""
        app = await self._make_app()
        app.middlewares.append(self._let_in)
        app.router.add_static("/own", PAGE)
        app.on_response_prepare.append(_add_headers)
        return app

    async def on_startup(self, app: web.Application) -> None:
        """Prints nothing: the address is printed once it answers."""

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """The screens, as long as there is a process left for them."""
        if self._viewers >= MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text=FULL)
        self._viewers += 1
        try:
            return await super().handle_websocket(request)
        finally:
            self._viewers -= 1

    @web.middleware
    async def _let_in(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        guard = self._guard
        if not guard.is_ours(request.host, request.headers.get("Origin")):
            raise web.HTTPForbidden(text=NOT_OURS)
        given = request.query.get("token")
        if given is None:
            if not guard.is_kept(request.cookies.get(guard.cookie, "")):
                raise web.HTTPForbidden(text=REFUSED)
            return await handler(request)
        if not guard.is_token(given):
            raise web.HTTPForbidden(text=REFUSED)
        response = await handler(request)
        if not response.prepared:
            response.set_cookie(guard.cookie, guard.kept, httponly=True, samesite="Strict", path="/")
        return response


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.update(HEADERS)


def serve(arguments: Sequence[str], host: str, port: int, ready: Callable[[str], object]) -> None:
    """Serves until SIGINT or SIGTERM; `ready` is given the address, with the token, as soon as it answers.

    `port` 0 is a free one. Raises UsageError where the address cannot be had.
    """
    asyncio.run(_serve(arguments, host, port, ready))


async def _serve(arguments: Sequence[str], host: str, port: int, ready: Callable[[str], object]) -> None:
    guard = Guard(host)
    application = await ScreenServer(arguments, guard).make_app()
    runner = web.AppRunner(application, handle_signals=False, access_log=None, shutdown_timeout=END_SECONDS)
    await runner.setup()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except OSError as error:
            raise UsageError(
                f"cannot listen at {host}:{port}",
                detail=error.strerror or str(error),
                remedy="choose another with --port; 0 is one that is free",
            ) from error
        ready(_address(host, runner.addresses[0][1], guard.token))
        await ended.wait()
    finally:
        await runner.cleanup()


def _address(host: str, port: int, token: str) -> str:
    """The address to open, of a machine that has a name where it listens at all of its own."""
    if host in ("0.0.0.0", "::"):
        host = socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"
