"""What is below the figures of the monitor: one of its panes by its number, or all of them where there is room."""

from typing import cast

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Click
from textual.getters import query_one
from textual.message import Message

from syncwizard.tui.formatting import Part
from syncwizard.tui.monitor.activity import Activity
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.panes import ChartsPane, LastEvents, ListPane, LogPane, StagesPane, TablesPane
from syncwizard.tui.monitor.remembered import Chosen
from syncwizard.tui.opening import Home
from syncwizard.tui.widgets.lines import Lines

PANES = ("now", "tables", "charts", "log", "stages")
# What takes the focus in each.
TARGETS = {
    "now": "monitor-stages",
    "tables": "monitor-tables",
    "charts": "monitor-charts",
    "log": "monitor-log",
    "stages": "monitor-stages",
}
# In which of them each part is to be seen; all but the last events where there is room.
SHOWN_IN = {
    "monitor-stages": ("now", "stages"),
    "monitor-charts": ("charts",),
    "pane-tables": ("now", "tables"),
    "pane-log": ("log",),
    "monitor-last": ("now",),
}


def tab_texts(chosen: str) -> list[str]:
    """The panes by their numbers, as they stand in the line of tabs."""
    return [f"{'▸' if name == chosen else ' '}{number} {name.title()} " for number, name in enumerate(PANES, 1)]


class Body(Vertical):
    """The panes. Says `Turned` when another one was asked for by the pointer."""

    stages = query_one(StagesPane)
    tables = query_one(TablesPane)
    charts = query_one(ChartsPane)
    events = query_one(LogPane)
    last = query_one(LastEvents)

    class Turned(Message):
        """A pane is asked for."""

        def __init__(self, pane: str) -> None:
            super().__init__()
            self.pane = pane

    def __init__(self) -> None:
        super().__init__(id="monitor-body")
        self.pane = PANES[0]

    def compose(self) -> ComposeResult:
        """The tabs, the stages beside the charts, the tables, the events."""
        yield Lines(id="monitor-tabs")
        with Horizontal(id="monitor-upper"):
            yield StagesPane(id="monitor-stages")
            yield ChartsPane(id="monitor-charts")
        yield TablesPane()
        yield LastEvents(id="monitor-last")
        yield LogPane()

    @property
    def is_wide(self) -> bool:
        """Whether there is room for all."""
        return self.screen.size.width >= cast(Home, self.app).WIDE_COLUMNS

    def in_sight(self, pane: str) -> bool:
        """Whether the pane is to be seen, alone or with others; the tables are part of what is now."""
        return self.is_wide or self.pane == pane or (pane == "tables" and self.pane == "now")

    def turn_to(self, pane: str) -> None:
        """Shows the pane, and gives it the focus."""
        self.pane = pane
        self.rearrange()
        self.query_one(f"#{TARGETS[pane]}").focus()

    def rearrange(self) -> None:
        """One of them, or all where there is room.

        Not by classes of the screen: these style every widget on it again, which took two thirds of a key's time.
        """
        for widget, panes in SHOWN_IN.items():
            in_sight = widget != "monitor-last" if self.is_wide else self.pane in panes
            self.query_one(f"#{widget}").display = in_sight
        self.query_one("#monitor-upper").display = self.is_wide or self.pane in ("now", "stages", "charts")
        self.query_one("#monitor-upper").set_class(self.pane != "now" or self.is_wide, "-whole")
        width = self.screen.size.width
        texts = tab_texts(self.pane)
        tabs: list[Part] = [
            (text, "accent" if name == self.pane else "muted") for name, text in zip(PANES, texts, strict=True)
        ]
        self.query_one("#monitor-tabs", Lines).show([[*tabs, ("─" * max(0, width - sum(map(len, texts))), "faint")]])

    @on(Click, "#monitor-tabs")
    def _tab_clicked(self, event: Click) -> None:
        column = 0
        for pane, text in zip(PANES, tab_texts(self.pane), strict=True):
            column += len(text)
            if event.x < column:
                self.post_message(self.Turned(pane))
                return

    def draw_lists(self, view: View, now: float, activity: Activity) -> None:
        """Tables and events, as far as they are in sight."""
        self.draw_tables(view, now, activity)
        if self.in_sight("log"):
            self.events.show(view)
        if self.pane == "now" and not self.is_wide:
            self.last.show_last(view)

    def draw_tables(self, view: View, now: float, activity: Activity) -> None:
        """The tables alone."""
        if self.in_sight("tables"):
            self.tables.show(view, now, activity)

    def draw_stages(self, view: View, now: float) -> None:
        """The stages and positions: in a few lines beside other things, else whole."""
        if self.is_wide or self.pane in ("now", "stages"):
            self.stages.show(view, now, brief=not self.is_wide and self.pane == "now")

    def draw_charts(self, view: View, now: float, end: str) -> None:
        """The charts, where they are in sight; `end`: what stands at the end of their time."""
        if self.in_sight("charts"):
            self.charts.show(view, now, end)

    @property
    def chosen(self) -> Chosen:
        """What the panes are sorted and filtered by."""
        return Chosen(
            sort=self.tables.sort,
            level=self.events.level,
            range=self.charts.shown_range.name,
            words=self.tables.words,
        )

    def choose(self, chosen: Chosen) -> None:
        """As it was left, from the next drawing on."""
        self.tables.sort_by(chosen.sort)
        self.events.level_of(chosen.level)
        self.charts.range_of(chosen.range)
        self.filter_by(chosen.words)

    def filter_by(self, words: str) -> None:
        """Only tables and events that contain the words, from the next drawing on."""
        self.tables.words = self.events.words = words

    def list_in_sight(self) -> ListPane:
        """The list that a filter is for."""
        return self.events if self.pane == "log" else self.tables
