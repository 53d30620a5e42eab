"""The connectivity test of one end where it belongs: below the fields of the end, in a few lines."""

from collections.abc import Mapping

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import Button

from syncwizard.client import credentials, probes
from syncwizard.errors import Cancelled, End, SyncwizardError
from syncwizard.remedies import lines_of
from syncwizard.task.connectivity import TITLES, ConnectivityNews, StepBegan, StepEnded, StepName
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import counted, format_seconds, one_line
from syncwizard.tui.background import in_background
from syncwizard.tui.formatting import Part, Tone
from syncwizard.tui.remedies import marked_lines
from syncwizard.tui.widgets.lines import Lines

# The field that is looked at first where a step failed.
FIELDS: Mapping[StepName, str] = {
    "resolve": "host",
    "tunnel": "ssh",
    "connect": "port",
    "tls": "mode",
    # Refused for the password more often than for the name.
    "login": "secret",
    "database": "database",
    "version": "host",
    "replication": "user",
    "writing": "user",
}
# What a passed step says that is worth a line.
NOTABLE: tuple[StepName, ...] = ("version", "tls", "login")


class EndTest(Vertical):
    """Runs the test of one end, and says `Ended` when it is over. It owns its process, which ends with it."""

    DEFAULT_CSS = """
    EndTest {
        height: auto;
        display: none;
        margin: 0 1;
        border-top: solid $border-blurred;
        &.-known { display: block; }
        & > Lines { height: auto; }
        & > Button { display: none; }
        &.-wrong > Button { display: block; }
    }
    """

    class Ended(Message):
        """The test is over; `passed` with nothing to say, or `wrong` at a field."""

        def __init__(self, end: End, field: str, *, passed: bool, warned: bool) -> None:
            super().__init__()
            self.end: End = end
            self.field = field
            self.passed, self.warned = passed, warned

    class Heard(Message):
        """The test with this number has news."""

        def __init__(self, number: int, news: ConnectivityNews) -> None:
            super().__init__()
            self.number, self.news = number, news

    class Asked(Message):
        """All that the test has found is to be shown."""

        def __init__(self, end: End, text: str) -> None:
            super().__init__()
            self.end: End = end
            self.text = text

    def __init__(self, end: End) -> None:
        super().__init__(id=f"test-{end}")
        self.end: End = end
        self.running = False
        self._probe: probes.Probe[ConnectivityNews] | None = None
        self._number = 0
        self._ended: dict[StepName, StepEnded] = {}

    def compose(self) -> ComposeResult:
        """What was found, and the way to all of it."""
        yield Lines()
        yield Button("All of it, to copy…", compact=True)

    def test(self, spec: TaskSpec, typed: Handover) -> None:
        """Begins, in a process of its own; one that runs is given up."""
        self.stop()
        self.running = True
        number, end = self._number, self.end
        self._ended = {}
        self._say([[("▸ testing …", "accent")]])

        def work() -> None:
            credentials.keep_typed(spec, typed)
            secrets = credentials.collect(spec, typed)
            source, destination = (spec.source, None) if end == "source" else (None, spec.destination)
            self._probe = probe = probes.connectivity(source, destination, secrets)
            if number != self._number:
                probe.cancel()
            probe.run(lambda news: self.post_message(self.Heard(number, news)))

        def done(result: None) -> None:
            if number == self._number:
                self.end_test()

        in_background(self, work, done, lambda error: self._broken(number, error))

    def stop(self) -> None:
        """Ends a test that runs."""
        if self.running:
            self._say([[("– stopped; F5 tests again", "muted")]])
        self._give_up()

    def _give_up(self) -> None:
        self._number += 1
        if self.running and self._probe is not None:
            self._probe.cancel()
        self.running = False

    def forget(self) -> None:
        """What was found is of another end."""
        self._give_up()
        self._ended = {}
        self.remove_class("-known", "-wrong")

    def on_unmount(self) -> None:
        """No probe outlives the screen."""
        self._give_up()

    def on_end_test_heard(self, event: Heard) -> None:
        """Shows where it is."""
        event.stop()
        if event.number == self._number:
            self.hear(event.news)

    def hear(self, news: ConnectivityNews) -> None:
        """Takes news in."""
        if isinstance(news, StepBegan):
            self._say([*self._found(), [(f"▸ {TITLES[news.step]} …", "accent")]])
        else:
            self._ended[news.step] = news

    def end_test(self) -> None:
        """All steps are through: says what there is to know."""
        self.running = False
        failed = next((news for news in self._ended.values() if news.verdict == "failed"), None)
        warned = any(news.verdict == "warning" for news in self._ended.values())
        self.set_class(failed is not None or warned, "-wrong")
        self._say(self._found())
        field = FIELDS[failed.step] if failed is not None else ""
        self.post_message(self.Ended(self.end, field, passed=failed is None, warned=warned))

    def _broken(self, number: int, error: SyncwizardError) -> None:
        if number != self._number or isinstance(error, Cancelled):
            return
        self.running = False
        lines: list[list[Part]] = [[(f"✗ {error}", "bad")]]
        self._say(lines + [[(line, "plain")] for line in marked_lines(error.remedy)])
        self.post_message(self.Ended(self.end, "", passed=False, warned=False))

    def _found(self) -> list[list[Part]]:
        """What went wrong with what helps; of what passed what is worth knowing."""
        lines: list[list[Part]] = []
        good = [news for news in self._ended.values() if news.verdict == "passed"]
        bad = [news for news in self._ended.values() if news.verdict in ("warning", "failed")]
        facts = [one_line(news.message) for news in good if news.step in NOTABLE and news.message]
        took = format_seconds(sum(news.seconds for news in good))
        if good and not any(news.verdict == "failed" for news in bad):
            lines.append([("✓ ", "good"), (" · ".join([*facts, took]), "plain")])
        elif good:
            lines.append([("✓ ", "good"), (f"{counted(len(good), 'step')} passed, {took}", "muted")])
        for news in bad:
            tone: Tone = "warn" if news.verdict == "warning" else "bad"
            glyph = "▲" if news.verdict == "warning" else "✗"
            lines.append([(f"{glyph} {TITLES[news.step]}: {one_line(news.message)}", tone)])
            lines += [[(line, "plain")] for line in marked_lines(news.remedy)]
        return lines

    def _say(self, lines: list[list[Part]]) -> None:
        self.add_class("-known")
        self.query_one(Lines).show(lines)
        if lines and self.running:
            self.remove_class("-wrong")

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Asks for all of it to be shown."""
        event.stop()
        self.post_message(self.Asked(self.end, self.text))

    @property
    def text(self) -> str:
        """Every step with its time and its words."""
        return "\n".join(
            f"{news.end}  {TITLES[news.step]}: {news.verdict}, {format_seconds(news.seconds)}"
            + "".join(f"\n    {words}" for words in (news.message, *lines_of(news.remedy)) if words)
            for news in self._ended.values()
        )
