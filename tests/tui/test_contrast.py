"""Everything on a screen can be read: a contrast of 4.5 between each text and its ground, in every theme."""

from collections.abc import Iterator
from typing import Any

import pytest
from rich.color import Color, ColorSystem
from rich.segment import Segment
from rich.terminal_theme import TerminalTheme
from textual.pilot import Pilot

from syncwizard.client import probes
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.dialogs.dialog import Box
from syncwizard.tui.opening import Opening
from syncwizard.tui.settings import Settings, ThemeName
from syncwizard.tui.themes import THEMES
from syncwizard.tui.wizard.end_test import EndTest
from syncwizard.tui.wizard.endpoints import EndpointsStep
from syncwizard.tui.wizard.screen import WizardScreen
from tests.support.replay import NOW, copying, remembered, store_task, synchronizing, through, view_of
from tests.tui.apps import WIDE, monitor, shown
from tests.tui.test_pages import FOUND, VALUES, Told, compared, explaining
from tests.tui.test_snapshots import RETRYING, several_tasks
from tests.tui.test_wizard_snapshots import DRAFT, ITEMS, NEWS, replayed

pytestmark = pytest.mark.slow

# WCAG 2.1, 1.4.3: the least contrast of text.
LEAST = 4.5
# xterm's own 16 colours, on either ground.
_NORMAL = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
]
_BRIGHT = [
    *[(127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255)],
    *[(0, 255, 255), (255, 255, 255)],
]
TERMINALS = {
    "ansi-dark": TerminalTheme((0, 0, 0), (229, 229, 229), _NORMAL, _BRIGHT),
    "ansi-light": TerminalTheme((255, 255, 255), (0, 0, 0), _NORMAL, _BRIGHT),
}
# What is drawn and not read: rules, bars, frames, the dots of a chart.
DRAWN = set(" ─━│┤└┬┴├┐┘┌╭╮╯╰▶▌▔▁▂▃▄▅▆▇█▐▕▏▎▊■┃╶╷╵╴·•") | {chr(code) for code in range(0x2800, 0x2900)}
# One of each ground for daily use.
EVERY_THEME = pytest.mark.parametrize(
    "theme", [name if name in ("dark", "ansi-light") else pytest.param(name, marks=pytest.mark.slow) for name in THEMES]
)


def luminance(rgb: tuple[int, ...]) -> float:
    """How bright a colour is, from 0 to 1 (WCAG 2.1)."""
    linear = [each / 255 / 12.92 if each <= 10 else ((each / 255 + 0.055) / 1.055) ** 2.4 for each in rgb]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: tuple[int, ...], other: tuple[int, ...]) -> float:
    """Between two colours, from 1 to 21 (WCAG 2.1)."""
    dark, bright = sorted((luminance(one), luminance(other)))
    return (bright + 0.05) / (dark + 0.05)


def colours_of(segment: Segment, theme: str) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """Text and ground, as they are and in 256 colours."""
    style = segment.style
    assert style is not None
    fore, back = style.color or Color.default(), style.bgcolor or Color.default()
    if style.reverse:
        fore, back = back, fore
    terminal = TERMINALS.get(theme)
    yield (
        tuple(fore.get_truecolor(terminal, not style.reverse)),
        tuple(back.get_truecolor(terminal, bool(style.reverse))),
    )
    if terminal is None:
        fewer = [each.downgrade(ColorSystem.EIGHT_BIT).get_truecolor() for each in (fore, back)]
        yield tuple(fewer[0]), tuple(fewer[1])


def unreadable(app: Any) -> list[str]:
    """What stands on the screen and cannot be read, with its contrast."""
    found = []
    # What lies under a dialog is dimmed: it is not to be read then.
    box = next(iter(app.screen.query(Box)), None)
    region = app.screen.region if box is None else box.region
    for line in app.screen._compositor.render_strips()[region.y : region.bottom]:
        for segment in line.crop(region.x, region.right):
            text = "".join(each for each in segment.text if each not in DRAWN)
            if not text or segment.style is None:
                continue
            worst = min(contrast(*pair) for pair in colours_of(segment, app.theme))
            if worst < LEAST or segment.style.dim:
                found.append(f"{worst:.2f} {segment.text.strip()!r} {segment.style}")
    return found


async def _read(pilot: "Pilot[Any]", *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()
    assert unreadable(pilot.app) == []


@EVERY_THEME
async def test_the_task_list_and_its_dialogs_can_be_read(theme: ThemeName) -> None:
    async with several_tasks(theme).run_test(size=WIDE) as pilot:
        await shown(pilot, "in step")
        await _read(pilot)
        # Each line once under the cursor: failed, paused, at work.
        for _ in range(5):
            await _read(pilot, "j")
        await _read(pilot, "slash", "w")
        await _read(pilot, "escape", "question_mark")
        await _read(pilot, "escape", "g", "D")


@EVERY_THEME
@pytest.mark.parametrize("state", ["retrying", "copying"])
async def test_the_monitor_can_be_read(theme: ThemeName, state: str) -> None:
    task, past = store_task("kb"), remembered(600)
    retrying = view_of(task, RETRYING, synchronizing(latency_at=NOW - 126.0, source_at=NOW - 126.0), history=past)
    view = retrying if state == "retrying" else view_of(task, through("full"), copying(), history=past)
    # At this width everything is in sight at once.
    async with monitor(view, theme=theme).run_test(size=WIDE) as pilot:
        await shown(pilot, "kb.passages")
        await _read(pilot)
        await _read(pilot, "2")


@EVERY_THEME
async def test_the_pages_can_be_read(theme: ThemeName, monkeypatch: pytest.MonkeyPatch) -> None:
    view = compared(FOUND, ended=True)
    explaining(monkeypatch, view)
    monkeypatch.setattr(probes, "row", lambda spec, secrets, table, key: Told(VALUES))
    async with monitor(view, theme=theme).run_test(size=WIDE) as pilot:
        await shown(pilot, "kb.passages")
        await pilot.press("e")
        await shown(pilot, "held by")
        await _read(pilot)
        await pilot.press("escape", "v")
        await shown(pilot, "2 changed")
        await _read(pilot, "j")
        await _read(pilot, "v")
        await pilot.press("escape", "g", "enter", "enter")
        await shown(pilot, "columns differ")
        await _read(pilot)
        await _read(pilot, "tab")


@EVERY_THEME
async def test_the_wizard_can_be_read(theme: ThemeName) -> None:
    app = SyncwizardApp(Opening(), clock=lambda: NOW, given=Settings(theme=theme, question_delay=0), look=list)
    async with app.run_test(size=WIDE) as pilot:
        await app.push_screen(WizardScreen(DRAFT, [EndpointsStep, replayed(ITEMS)]))
        await shown(pilot, "What to mind")
        for news in NEWS:
            app.screen.query_one(f"#test-{news.end}", EndTest).hear(news)
        app.screen.query_one("#test-source", EndTest).end_test()
        await shown(pilot, "Right and room to replicate")
        await _read(pilot)
        # The first choice with the focus, then a field with a value that is wrong.
        await _read(pilot, "tab", "tab", "tab")
        app.screen.go_on()  # type: ignore[attr-defined]
        await shown(pilot, "stands in the way")
        await _read(pilot)
        await _read(pilot, "j")
