"""The connectivity test of both ends, step by step as it runs: time, verdict, and what to do where one fails."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Button, Label, Static

from syncwizard.client import credentials, probes
from syncwizard.errors import Cancelled, End, SyncwizardError
from syncwizard.remedies import lines_of
from syncwizard.task.connectivity import TITLES, ConnectivityNews, StepBegan, StepEnded, StepName, steps_of
from syncwizard.task.drafting.draft import ENDS
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import format_seconds, one_line
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Box, Dialog
from syncwizard.tui.remedies import marked_lines

GLYPHS = {"passed": "✓", "warning": "!", "failed": "✗", "skipped": "–"}
WAITING, RUNNING = "·", "▸"
TITLE_WIDTH = 27
TIME_WIDTH = 8


class StepLine(Vertical):
    """One step of one end: a line, and below it what to do where it did not pass."""

    DEFAULT_CSS = """
    StepLine {
        height: auto;
        color: $text-muted;
        & > Horizontal { height: auto; }
        & .step-line--what { width: 39; }
        & .step-line--said { width: 1fr; height: auto; }
        & > .step-line--way { display: none; margin-left: 2; color: $foreground; }
        &.-running { color: $foreground; text-style: bold; }
        &.-passed { color: $foreground; }
        &.-warning { color: $text-warning; }
        &.-failed { color: $text-error; }
        &.-skipped { display: none; }
        &.-warning > .step-line--way, &.-failed > .step-line--way { display: block; }
    }
    """

    def __init__(self, step: StepName) -> None:
        super().__init__()
        self._step = step

    def compose(self) -> ComposeResult:
        """The line, and what to do."""
        with Horizontal():
            yield Static(f"{WAITING} {TITLES[self._step]}", markup=False, classes="step-line--what")
            yield Static("", markup=False, classes="step-line--said")
        yield Static("", markup=False, classes="step-line--way")

    def begin(self) -> None:
        """It runs."""
        self.set_classes("-running")
        self.query_one(".step-line--what", Static).update(f"{RUNNING} {TITLES[self._step]} …")

    def end(self, news: StepEnded) -> None:
        """It has its verdict."""
        self.set_classes(f"-{news.verdict}")
        time = "" if news.verdict == "skipped" else format_seconds(news.seconds)
        what = f"{GLYPHS[news.verdict]} {TITLES[self._step]:<{TITLE_WIDTH}}{time:>{TIME_WIDTH}}"
        self.query_one(".step-line--what", Static).update(what)
        said = news.message or ("skipped" if news.verdict == "skipped" else "")
        self.query_one(".step-line--said", Static).update(one_line(said))
        way = "\n".join(marked_lines(news.remedy))
        self.query_one(".step-line--way", Static).update(way)


class ConnectivityDialog(Dialog[bool]):
    """Its result is True when every step passed and the person goes on. Leaving it ends the test."""

    # The key of the step that asked for the test goes on with it, too.
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("wizard.next")]

    class Heard(Message):
        """The test has news."""

        def __init__(self, news: ConnectivityNews) -> None:
            super().__init__()
            self.news = news

    def __init__(self, spec: TaskSpec, typed: Handover) -> None:
        """`typed`: the secrets that were typed in this session."""
        super().__init__()
        self._spec = spec
        self._typed = typed
        self._probe: probes.Probe[ConnectivityNews] | None = None
        self._lines: dict[tuple[End, StepName], StepLine] = {}
        self._ended: dict[tuple[End, StepName], StepEnded] = {}

    def compose(self) -> ComposeResult:
        """A list of steps an end."""
        with Box("Test connectivity"):
            with VerticalScroll(classes="dialog-scroll"):
                for end in ENDS:
                    endpoint = self._spec.source if end == "source" else self._spec.destination
                    yield Label(f"{end.upper()}  {endpoint.describe()}", classes="dialog-end", markup=False)
                    for step in steps_of(end, endpoint):
                        self._lines[end, step] = StepLine(step)
                        yield self._lines[end, step]
            yield Static("", classes="dialog-status", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Cancel", id="cancel", compact=True)
                yield Button("Copy", id="copy", compact=True)
                yield Button("Test again", id="again", compact=True)
                yield Button("Continue", id="continue", variant="primary", compact=True)

    def action_next(self) -> None:
        """Goes on once both ends have passed."""
        if not self.query_one("#continue", Button).disabled:
            self._continue()

    def on_mount(self) -> None:
        """Begins at once."""
        self._test()

    def on_unmount(self) -> None:
        """Ends the tests: their dialog is gone."""
        if self._probe is not None:
            self._probe.cancel()

    @on(Button.Pressed, "#again")
    def _test(self) -> None:
        for name in ("continue", "again"):
            self.query_one(f"#{name}", Button).disabled = True
        self.query_one("#cancel").focus()
        self._ended.clear()
        self._say("")

        def test() -> None:
            credentials.keep_typed(self._spec, self._typed)
            secrets = credentials.collect(self._spec, self._typed)
            self._probe = probe = probes.connectivity(self._spec.source, self._spec.destination, secrets)
            probe.run(lambda news: self.post_message(self.Heard(news)))

        in_background(self, test, self._tested, self._broken)

    @on(Heard)
    def _heard(self, event: Heard) -> None:
        news = event.news
        line = self._lines[news.end, news.step]
        if isinstance(news, StepBegan):
            line.begin()
        else:
            self._ended[news.end, news.step] = news
            line.end(news)

    def _tested(self, result: None) -> None:
        self.query_one("#again", Button).disabled = False
        failed = {news.end for news in self._ended.values() if news.verdict == "failed"}
        if failed:
            where = " and ".join(f"the {end}" for end in ENDS if end in failed)
            self._say(f"✗ {where} cannot be used yet", failed=True)
            wrong = next(self._lines[place] for place, news in self._ended.items() if news.verdict == "failed")
            self.call_after_refresh(wrong.scroll_visible)
            self.query_one("#again").focus()
            return
        warnings = sum(1 for news in self._ended.values() if news.verdict == "warning")
        self._say("✓ both ends can be used" + (f"; {warnings} steps have something to know" if warnings else ""))
        self.query_one("#continue", Button).disabled = False
        self.query_one("#continue").focus()

    def _broken(self, error: SyncwizardError) -> None:
        if isinstance(error, Cancelled):
            return
        self.query_one("#again", Button).disabled = False
        self._say("\n".join((f"✗ {error}", *marked_lines(error.remedy))), failed=True)

    @on(Button.Pressed, "#continue")
    def _continue(self) -> None:
        self.dismiss(True)

    @on(Button.Pressed, "#cancel")
    def _cancel(self) -> None:
        self.action_back()

    @on(Button.Pressed, "#copy")
    def _copy(self) -> None:
        text = "\n".join(
            f"{news.end}  {TITLES[news.step]}: {news.verdict}, {format_seconds(news.seconds)}"
            + "".join(f"\n    {words}" for words in (news.message, *lines_of(news.remedy)) if words)
            for news in self._ended.values()
        )
        self.app.push_screen(CopyTextDialog("Connectivity", text, "syncwizard-connectivity.txt"))

    def _say(self, text: str, *, failed: bool = False) -> None:
        status = self.query_one(".dialog-status", Static)
        status.set_class(failed, "-failed")
        status.update(text)
