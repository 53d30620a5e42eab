"""The screens at a pseudo terminal: how soon they are there, how soon they answer a key, and what watching costs."""

import os
import subprocess
import sys
import time
from statistics import median

from tests.benchmarks import picking
from tests.benchmarks.backlogs import SCALE
from tests.benchmarks.bench import Bench, bench, say, seconds_of
from tests.benchmarks.latency import tpcb
from tests.benchmarks.processor import processes
from tests.benchmarks.results import percentile, print_table
from tests.support.screen_terminal import ScreenTerminal

VERSION_SECONDS = 0.2
PAINT_SECONDS = 1.0
KEY_SECONDS = 0.08
PROCESSOR_SHARE = 0.03

LOAD_RATE = 2000
# Longer than anything is measured under it; it is ended then.
LOAD_SECONDS = 600.0
# Imports, the first look at the task, and the first charts.
SETTLE_SECONDS = 8.0
# What each key of the monitor brings into sight that none of the other panes has.
PANES = {"2": "Tables (", "3": "Rows a second", "4": "Events (", "1": "Positions"}

Row = tuple[str, ...]


def run(repeats: int, seconds: float, objects: int) -> None:
    """Prints figures beside their budgets; processor use is measured for so many seconds each."""
    os.environ["TERM"] = "xterm-256color"
    rows: list[Row] = []
    with bench() as found:
        rows.append(_row("--version", [seconds_of(_version) for _ in range(repeats)], VERSION_SECONDS))
        rows.append(_row("first paint of the task list", [_first_paint() for _ in range(repeats)], PAINT_SECONDS))
        rows += _monitor(found, repeats, seconds)
    print_table(("what", "median", "p95", "budget"), rows)
    picking.run(objects, listing=False)


def _row(what: str, values: list[float], budget: float) -> Row:
    figures = (f"{value * 1000:.0f} ms" for value in (median(values), percentile(values, 0.95)))
    return (what, *figures, f"≤ {budget * 1000:.0f} ms")


def _version() -> None:
    subprocess.run([sys.executable, "-m", "syncwizard", "--version"], check=True, stdout=subprocess.DEVNULL)


def _first_paint() -> float:
    """From the command to the first thing to read."""
    began = time.perf_counter()
    with ScreenTerminal() as terminal:
        terminal.until_seen("Keys")
        return time.perf_counter() - began


def _monitor(found: Bench, repeats: int, seconds: float) -> list[Row]:
    """The monitor of one task: under full load, and while nothing happens."""
    found.source.create_database("bench")
    found.destination.create_database("ours")
    found.run(found.source, "pgbench", "-i", "-q", "-s", str(SCALE), database="bench")
    task = found.task("bench", "ours")
    say("starting the task")
    task.start("caught-up")
    rows: list[Row] = []
    with ScreenTerminal("open", task.spec.name) as terminal:
        terminal.until_seen("● in step")
        _read_for(terminal, SETTLE_SECONDS)
        say(f"processor use of an idle monitor, {seconds:.0f} s")
        rows.append(_share("nothing happens", terminal, seconds))
        with tpcb(found, LOAD_RATE, LOAD_SECONDS):
            _read_for(terminal, SETTLE_SECONDS)
            say(f"keys and processor use under {LOAD_RATE:,} transactions a second")
            keys = [_press(terminal, key) for _ in range(repeats) for key in PANES]
            rows.append(_share(f"{LOAD_RATE:,} TPC-B/s", terminal, seconds))
            terminal.press("3")
            rows.append(_share(f"{LOAD_RATE:,} TPC-B/s, charts in sight", terminal, seconds))
        terminal.press("q")
        terminal.finish()
    task.end()
    return [_row(f"key to paint, {LOAD_RATE:,} TPC-B/s", keys, KEY_SECONDS), *rows]


def _press(terminal: ScreenTerminal, key: str) -> float:
    """Seconds from a key to the pane that it brings."""
    began = time.perf_counter()
    terminal.press(key)
    terminal.until_seen(PANES[key])
    return time.perf_counter() - began


def _share(what: str, terminal: ScreenTerminal, seconds: float) -> Row:
    """The share of a core that the screens take, while they are read."""
    before = _processor_seconds(terminal)
    took = seconds_of(lambda: _read_for(terminal, seconds))
    share = (_processor_seconds(terminal) - before) / took
    return (f"processor use of the monitor, {what}", f"{share:.1%}", "", f"≤ {PROCESSOR_SHARE:.0%}")


def _processor_seconds(terminal: ScreenTerminal) -> float:
    return dict(processes())[terminal.process.pid].seconds


def _read_for(terminal: ScreenTerminal, seconds: float) -> None:
    """Reads what is drawn, for so long; an unread terminal would stop the screens."""
    end = time.monotonic() + seconds
    terminal.until(lambda: time.monotonic() > end, "the time is over", timeout=seconds + 60)
