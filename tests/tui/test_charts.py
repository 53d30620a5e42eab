"""What the charts of the monitor say in plain characters: they need no colour."""

import pytest
from textual.geometry import Region

from syncwizard.tui.monitor.chart import AXIS_COLUMNS, LAST_COLUMNS, Chart
from syncwizard.tui.settings import ThemeName
from tests.support.replay import NOW, remembered, store_task, synchronizing, through, totals, view_of
from tests.tui.apps import NARROW, WIDE, Running, monitor, shown

RUNNING = [*through("incremental"), (NOW - 5.0, totals())]
BLANK = "⠀"


async def lines_of(pilot: Running, name: str) -> list[str]:
    """The chart's lines as they are on the screen."""
    await pilot.pause()
    chart = pilot.app.screen.query_one(f"#{name}-chart", Chart)
    return [strip.text for strip in chart.render_lines(Region(0, 0, *chart.size))]


def is_drawn(line: str, column: int) -> bool:
    return BLANK < line[column] <= "⣿"


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
@pytest.mark.parametrize("theme", ["dark", "ansi-dark"])
async def test_charts_stand_under_each_other_with_their_last_values(size: tuple[int, int], theme: ThemeName) -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=remembered(600)), theme=theme)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "indexes")
        await pilot.press("3")
        latency, rate = await lines_of(pilot, "latency"), await lines_of(pilot, "rate")
        assert [len(line) for line in latency + rate] == [len(latency[0])] * len(latency + rate)
        assert {line[AXIS_COLUMNS - 1] for line in latency[:-2] + rate[:-2]} == {"┤", "│"}
        # The moments are the same, below each other.
        assert latency[-2:] == rate[-2:]
        assert latency[-1].rstrip().endswith("now")
        # The latest value at the end of the line, its unit with it.
        assert any(line[-LAST_COLUMNS:].strip().endswith("ms") for line in latency[:-2])
        [last] = [int(line[-LAST_COLUMNS:]) for line in rate[:-2] if line[-LAST_COLUMNS:].strip()]
        assert 490 <= last <= 500


async def test_a_pause_is_a_gap_and_a_spike_has_its_height_written_beside_it() -> None:
    past = remembered(3 * 3600, (2400, 1200))
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=past))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "indexes")
        await pilot.press("t")
        latency = await lines_of(pilot, "latency")
        width = len(latency[0]) - AXIS_COLUMNS - LAST_COLUMNS
        drawn = [any(is_drawn(line, AXIS_COLUMNS + column) for line in latency[:-2]) for column in range(width)]
        # Of the hour from 40 to 20 minutes ago nothing was measured.
        assert not any(drawn[width // 3 + 2 : 2 * width // 3 - 2])
        assert all(drawn[: width // 3 - 1]) and all(drawn[2 * width // 3 + 1 : -1])
        assert any("40" in line and "ms" in line for line in latency[:-2])


async def test_a_chart_without_a_figure_says_so() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing()))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "nothing was measured yet")


async def test_a_chart_is_built_once_for_what_it_shows() -> None:
    app = monitor(view_of(store_task(), RUNNING, synchronizing(), history=remembered(600)))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "indexes")
        await pilot.pause()
        chart = pilot.app.screen.query_one("#latency-chart", Chart)
        built = chart.render_line(0)
        assert chart.render_line(0) is built
        chart.show([1.0, 2.0], [])
        assert chart.render_line(0) is not built
