"""The application as a test runs it: its own clock, the dark theme, replayed tasks."""

import time
from collections.abc import Mapping
from pathlib import Path, PurePath

from textual.app import App
from textual.pilot import Pilot

from syncwizard.client.looking import Seen
from syncwizard.tui import app as application
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.monitor.link import EngineLink, View
from syncwizard.tui.opening import Leaving, Opening
from syncwizard.tui.settings import Settings, ThemeName
from tests.support.replay import NOW, Replay

Running = Pilot[Leaving]

NARROW = (80, 24)
WIDE = (120, 40)


def task_list(
    *everything: Seen, theme: ThemeName = "dark", keys: Mapping[str, str] | None = None, read_only: bool = False
) -> SyncwizardApp:
    """The application at its list of these tasks."""
    return SyncwizardApp(
        clock=lambda: NOW,
        given=Settings(theme=theme, question_delay=0, keys=dict(keys or {}), read_only=read_only),
        look=lambda: list(everything),
        follow=Replay(View(seen=everything[0])) if everything else EngineLink,
    )


def monitor(view: View, *, theme: ThemeName = "dark", now: float = NOW, follow: Replay | None = None) -> SyncwizardApp:
    """The application at the monitor of the view's task; `follow` hands it the view, and others later."""
    return SyncwizardApp(
        Opening(screen="monitor", task=view.seen.task),
        clock=lambda: now,
        given=Settings(theme=theme, question_delay=0),
        look=lambda: [view.seen],
        follow=follow or Replay(view),
    )


def text_on(app: App[Leaving]) -> str:
    """What stands on the screen, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in line).rstrip() for line in lines)


async def shown(pilot: Running, text: str, *, gone: bool = False, seconds: float = 10.0) -> str:
    """Waits until the text stands on the screen (or no more); the whole screen then."""
    deadline = time.monotonic() + seconds
    while (text in text_on(pilot.app)) == gone:
        assert time.monotonic() < deadline, f"{text!r} {'stayed' if gone else 'did not come'}:\n{text_on(pilot.app)}"
        await pilot.pause(0.02)
    return text_on(pilot.app)


def stylesheets(*names: str) -> list[str | PurePath]:
    """The application's own, for a test's application of another module."""
    return [Path(application.__file__).parent / "styles" / f"{name}.tcss" for name in names]
