"""The screens in a browser: who is let in, what is drawn there, what cannot be done there, and how it ends."""

import asyncio
import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest

from tests.support.commands import spawn
from tests.support.picture import Picture
from tests.support.replay import store_task, write_journal
from tests.tui.test_tasks_screen import PAUSED

pytestmark = pytest.mark.slow
WAIT_SECONDS = 60.0
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@contextmanager
def serving(*arguments: str) -> Iterator[str]:
    """The address that `syncwizard serve` prints; it is ended by SIGTERM, and in order."""
    process = spawn("serve", "--port", "0", *arguments)
    assert process.stdout is not None and process.stderr is not None
    try:
        address = process.stdout.readline().strip()
        assert address, process.stderr.read()
        yield address
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_SECONDS) == 0
        assert "Traceback" not in process.stderr.read()
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def address() -> Iterator[str]:
    """Of a list with one task, which is paused."""
    write_journal(store_task("kb"), PAUSED)
    with serving() as found:
        yield found


class Viewer:
    """What a browser does with the websocket: keys go, pictures come."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.picture = Picture(24, 80)

    async def press(self, *keys: str) -> None:
        for each in keys:
            await self.socket.send_json(["stdin", each])

    async def until(self, condition: Callable[[str], bool]) -> str:
        """Draws what comes until the condition holds of the text."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not condition(self.picture.text):
                    message = await self.socket.receive()
                    assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), message
                    if message.type == aiohttp.WSMsgType.BINARY:
                        self.picture.feed(message.data.decode())
        except TimeoutError:
            raise AssertionError(self.picture.text) from None
        return self.picture.text


@asynccontextmanager
async def looking(address: str) -> AsyncIterator[Viewer]:
    """Opens the page, as a browser does, and the websocket with the cookie that came with it."""
    base = f"http://{urlsplit(address).netloc}"
    # As for an address that is an IP address.
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar) as session:
        async with session.get(address) as page:
            assert page.status == 200 and "no-referrer" in page.headers["Referrer-Policy"]
            cookie = page.headers["Set-Cookie"]
            assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
            text = await page.text()
        # Nothing is loaded from elsewhere, and all of it is there.
        for path in re.findall(r'(?:src|href)="(?!data:)([^"]+)"', text):
            async with session.get(f"{base}{path}") as part:
                assert path.startswith("/") and part.status == 200, path
        async with session.ws_connect(f"{base}/ws?width=80&height=24", headers={"Origin": base}) as socket:
            yield Viewer(socket)


async def test_a_request_without_the_token_or_of_another_site_gets_nothing(address: str) -> None:
    parts = urlsplit(address)
    base, token = f"http://{parts.netloc}", parts.query
    assert parts.hostname == "127.0.0.1"
    wrong = "token=" + "x" * 43
    refused: list[tuple[str, dict[str, str]]] = [
        *((path, {}) for path in ("/", "/ws", "/static/js/textual.js", "/own/page.js", "/download/x", "/static/")),
        *((f"{path}?{given}", {}) for path in ("/", "/ws") for given in (wrong, "token=", "token=%ff", "token=%C3%A9")),
        ("/", {"Cookie": "syncwizard=1; token=x"}),
        # A name of another site that resolves to this machine, and a page of another site.
        (f"/?{token}", {"Host": f"evil.example:{parts.port}"}),
        *(
            (f"{path}?{token}", {"Origin": origin})
            for path in ("/", "/ws")
            for origin in ("http://evil.example", "null")
        ),
    ]
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    async with aiohttp.ClientSession() as session:
        for path, headers in refused:
            key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", **upgrade} if path.startswith("/ws") else {}
            async with session.get(f"{base}{path}", headers={**key, **headers}) as response:
                assert response.status == 403, (path, headers)
                assert "Set-Cookie" not in response.headers and token not in await response.text()


async def test_who_has_the_token_sees_the_screens_and_can_change_nothing(address: str) -> None:
    async with looking(address) as viewer:
        await viewer.until(lambda text: "paused" in text and "kb" in text)
        # Release, new, clone, demo, resume: what follows them is the first that does anything.
        await viewer.press("D", "n", "c", "t", "r", "?")
        text = await viewer.until(
            lambda text: "Leave; engines go on" in text or "Release" in text or "New task" in text
        )
        assert "Leave; engines go on" in text
        await viewer.press("\x1b")
        await viewer.until(lambda text: "Leave; engines go on" not in text)
        await viewer.press("\r")
        text = await viewer.until(lambda text: "read-only" in text)
        # A report can be read there, and writes no file.
        await viewer.press("w")
        text = await viewer.until(lambda text: "Copy" in text)
        assert "Write to file" not in text


async def test_one_task_can_be_served_and_changed_where_that_is_asked_for() -> None:
    write_journal(store_task("kb"), PAUSED)
    with serving("kb", "--allow-changes") as address:
        async with looking(address) as viewer:
            text = await viewer.until(lambda text: "Resume" in text)
            assert "read-only" not in text
            await viewer.press("D")
            await viewer.until(lambda text: "Release kb" in text)
            # The browser is closed: its process ends, or the server would not.


def test_without_the_extra_an_error_names_it() -> None:
    code = (
        "import sys; sys.modules['textual_serve'] = None\nfrom syncwizard.cli.main import run; sys.exit(run(['serve']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "pip install 'syncwizard[web]'" in done.stderr and "Traceback" not in done.stderr


def test_an_address_that_is_taken_is_a_usage_error(address: str) -> None:
    process = spawn("serve", "--port", str(urlsplit(address).port))
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "cannot listen at 127.0.0.1" in errors and "--port" in errors


@contextmanager
def browser() -> Iterator[str]:
    """Where a headless Chromium is driven from."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        words = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--remote-debugging-port=0",
            "--disable-dev-shm-usage",
        ]
        process = subprocess.Popen(
            [CHROMIUM, *words, f"--user-data-dir={folder}", "about:blank"], stderr=subprocess.PIPE, text=True
        )
        assert process.stderr is not None
        try:
            yield next(
                found[1] for line in process.stderr if (found := re.search(r"DevTools listening on (\S+)", line))
            )
        finally:
            process.kill()
            process.communicate()


async def test_a_browser_draws_the_screens(address: str) -> None:
    with browser() as door:
        async with aiohttp.ClientSession() as session:
            async with session.put(f"http://{urlsplit(door).netloc}/json/new?{address}") as opened:
                target: dict[str, Any] = json.loads(await opened.text())
            async with session.ws_connect(target["webSocketDebuggerUrl"]) as socket:

                async def ask(expression: str) -> Any:
                    """What the page answers."""
                    await socket.send_json(
                        {
                            "id": 1,
                            "method": "Runtime.evaluate",
                            "params": {"expression": expression, "returnByValue": True},
                        }
                    )
                    while True:
                        answer = await socket.receive_json()
                        if answer.get("id") == 1:
                            return answer["result"]["result"].get("value")

                async with asyncio.timeout(WAIT_SECONDS):
                    while "-first-byte" not in (await ask("document.body?.className") or ""):
                        await asyncio.sleep(0.05)
                    # The token is not in sight of those to whom the screen is shown.
                    assert await ask("location.pathname + location.search") == "/"
                    assert await ask("document.querySelectorAll('#terminal canvas').length")
