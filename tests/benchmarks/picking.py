"""The picker over many objects: opening it, filtering key by key, ticking; each until its last paint."""

import asyncio
import time
from typing import Any, NamedTuple

from textual.pilot import Pilot

from syncwizard.client import probes
from syncwizard.demo.servers import Cluster
from syncwizard.task.drafting.catalogue import Catalogue, assemble
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint, TaskSpec
from tests.benchmarks.results import percentile, print_table
from tests.support.environment import make_plain, temporary_folder
from tests.tui.apps import NARROW, WIDE
from tests.tui.catalogues import large
from tests.tui.test_object_picker import PickerApp

OPEN_SECONDS = 1.0
KEY_SECONDS = 0.1
WORDS = ("table_0", "17 schema_01", "view")
TICKS = ("g", "n", "a", "n", "space", "j", "space", "enter", "j", "space", "u", "w")
TABLES_A_TRANSACTION = 500


class Cost(NamedTuple):
    """Of one key: until the last paint that it caused, and processor time, which a busy machine does not stretch."""

    wall_seconds: float
    processor_seconds: float


class TimedApp(PickerApp):
    """Notes when something was last painted."""

    painted = 0.0

    def _display(self, screen: Any, renderable: Any) -> None:
        super()._display(screen, renderable)
        self.painted = time.perf_counter()


def run(count: int, *, listing: bool) -> None:
    """Prints a table for both sizes of terminal; with `listing` also how long a real server's objects take."""
    catalogue = large(count)
    rows = [row for size in (NARROW, WIDE) for row in asyncio.run(_measure(catalogue, size))]
    print_table((f"{count:,} objects", "terminal", "median", "longest", "processor", "budget"), rows)
    if listing:
        make_plain()
        print_table(("listing", "seconds"), [(f"{count:,} tables of a server", f"{_list(count):.2f}")])


async def _measure(catalogue: Catalogue, size: tuple[int, int]) -> list[tuple[str, ...]]:
    app = TimedApp(Catalogue())
    terminal = f"{size[0]}×{size[1]}"
    async with app.run_test(size=size) as pilot:
        began = time.perf_counter()
        app.picker.load(ObjectChoice(catalogue=catalogue))
        await pilot.pause()
        opened = app.painted - began
        keys: list[Cost] = []
        for words in WORDS:
            await pilot.press("slash")
            keys += [await _press(app, pilot, key) for key in words]
            await pilot.press("escape")
        ticks = [await _press(app, pilot, key) for key in TICKS]
    return [
        ("open", terminal, f"{opened * 1000:.0f} ms", "", "", f"≤ {OPEN_SECONDS * 1000:.0f} ms"),
        ("key in the filter", terminal, *_figures(keys), f"≤ {KEY_SECONDS * 1000:.0f} ms"),
        ("tick, all, none, undo", terminal, *_figures(ticks), ""),
    ]


async def _press(app: TimedApp, pilot: Pilot[None], key: str) -> Cost:
    began, processor = time.perf_counter(), time.process_time()
    await pilot.press({"_": "underscore", " ": "space"}.get(key, key))
    return Cost(max(0.0, app.painted - began), time.process_time() - processor)


def _figures(costs: list[Cost]) -> tuple[str, str, str]:
    wall = [cost.wall_seconds for cost in costs]
    processor = percentile([cost.processor_seconds for cost in costs], 0.5)
    return f"{percentile(wall, 0.5) * 1000:.0f} ms", f"{max(wall) * 1000:.0f} ms", f"{processor * 1000:.0f} ms"


def _list(count: int) -> float:
    with temporary_folder(on_disk=True) as folder:
        cluster = Cluster(folder / "source", 16, durable=False, settings={"max_locks_per_transaction": "2000"})
        try:
            cluster.create().start()
            with cluster.connect() as session:
                for start in range(0, count, TABLES_A_TRANSACTION):
                    numbers = range(start, start + TABLES_A_TRANSACTION)
                    tables = (f"CREATE TABLE t{number} (id int PRIMARY KEY)" for number in numbers)
                    session.execute("; ".join(tables).encode())
            began = time.perf_counter()
            news: list[Any] = []
            task = TaskSpec(name="many", source=cluster.endpoint("postgres"), destination=Endpoint(), objects=[])
            probes.catalogue(task, Handover()).run(news.append)
            assemble(news)
            return time.perf_counter() - began
        finally:
            cluster.destroy()
