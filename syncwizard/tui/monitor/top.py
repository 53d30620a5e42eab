"""The top of the monitor: whose figures these are, what is wrong, and the headline figures; now, or at another time."""

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.getters import query_one

from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import span
from syncwizard.tui.formatting import moment
from syncwizard.tui.monitor.figures import are_old, figures_of
from syncwizard.tui.monitor.headline import Headline
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.past import figures_at
from syncwizard.tui.monitor.view import head_lines
from syncwizard.tui.trouble import trouble_lines, trouble_of
from syncwizard.tui.widgets.lines import Lines


class Top(Vertical):
    """Says by the classes of the screen whether there is trouble and whether an engine lives: other parts give way."""

    headline = query_one(Headline)

    def compose(self) -> ComposeResult:
        """From the top."""
        yield Lines(id="monitor-head", classes="head")
        yield Lines(id="monitor-trouble")
        yield Headline()

    def show(self, view: View, spec: TaskSpec, now: float) -> None:
        """As it is now."""
        seen, headline = view.seen, self.headline
        self._head(view, spec, now, "")
        trouble = trouble_of(seen, now, view.figures_at)
        self._say(trouble is not None, stopped=not seen.liveness.alive)
        lines = self.query_one("#monitor-trouble", Lines)
        lines.show(trouble_lines(trouble) if trouble else [])
        lines.set_class(trouble is not None and trouble.tone == "bad", "-bad")
        headline.show(figures_of(view, now, headline.trail_columns), aged=are_old(view, now))

    def show_past(self, view: View, spec: TaskSpec, at: float, now: float) -> None:
        """As it was; what was wrong then is among the events."""
        headline = self.headline
        self._head(view, spec, at, f"▲ as of {moment(at, now)}, {span(now - at)} ago")
        self._say(False, stopped=False)
        headline.show(figures_at(view.history, at, headline.trail_columns), aged=True)

    def _head(self, view: View, spec: TaskSpec, now: float, past: str) -> None:
        self.query_one("#monitor-head", Lines).show(head_lines(view, spec, now, self.screen.size.width - 2, past))

    def _say(self, trouble: bool, *, stopped: bool) -> None:
        self.screen.set_class(trouble, "-trouble")
        self.screen.set_class(stopped, "-stopped")
