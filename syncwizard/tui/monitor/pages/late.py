"""Why a task is late: the bottleneck and what to do, the chain of positions, and what each session waits for."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.getters import query_one

from syncwizard.client import bottleneck
from syncwizard.client.bottleneck import Explained
from syncwizard.errors import SyncwizardError
from syncwizard.task.text import one_line, span
from syncwizard.task.waits import SessionWait, describe_blocker, describe_wait
from syncwizard.tui.actions import bindings
from syncwizard.tui.background import in_background
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.formatting import Part, Tone
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.pages.page import TaskPage
from syncwizard.tui.remedies import marked_lines
from syncwizard.tui.task_actions import Secrets
from syncwizard.tui.widgets.columns import Cell, Column, Line
from syncwizard.tui.widgets.lines import Lines, PaneTitle
from syncwizard.tui.widgets.listing import Listing

COLUMNS = (
    Column(title="END", width=11),
    Column(title="SESSION", width=12, name=True),
    Column(title="PID", width=8, right=True),
    Column(title="STATE", width=8),
    Column(title="WAITS FOR"),
    Column(title="SINCE", width=9, right=True),
)
NAME_COLUMNS = 15


class LatePage(TaskPage):
    """Asks both ends when it opens, and again by a key: what they say is of that moment."""

    AUTO_FOCUS = "#late-sessions"
    BINDINGS: ClassVar[list[BindingType]] = bindings("late.again", "late.whole")

    listing = query_one("#late-sessions", Listing)
    _found: Explained | None = None
    _error: SyncwizardError | None = None
    _asking = False
    _asked_at = 0.0

    def content(self) -> ComposeResult:
        """The cause, the chain, the sessions, and the marked one whole."""
        yield PaneTitle("Why it is late", id="late-title")
        with VerticalScroll(classes="page-scroll", can_focus=False):
            yield Lines(id="late-cause", classes="page-text")
        yield PaneTitle("Sessions", id="late-sessions-title")
        yield Listing(COLUMNS, id="late-sessions")
        yield Lines(id="late-about", classes="page-about")

    def on_mount(self) -> None:
        """Asks at once."""
        self.action_again()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing to copy before there is an answer."""
        return self._found is not None if action == "whole" else not (action == "again" and self._asking)

    def offers(self) -> tuple[object, ...]:
        """Whether it may be asked again."""
        return (self._asking, self._found is not None)

    def action_again(self) -> None:
        """Asks the engine and both ends again."""
        self.task_actions.with_secrets(self.stored, self._ask)

    def action_whole(self) -> None:
        """All of it as the command prints it."""
        if self._found is not None:
            name = f"{self.stored.spec.short_id}-late.txt"
            self.app.push_screen(CopyTextDialog("Why it is late", bottleneck.describe(self._found), name))

    def _ask(self, secrets: Secrets) -> None:
        self._asking = True
        self._draw()
        in_background(self, lambda: bottleneck.explain(self.stored, secrets()), self._came, self._failed)

    def _came(self, found: Explained) -> None:
        self._found, self._error = found, None
        self._ended()

    def _failed(self, error: SyncwizardError) -> None:
        self._found, self._error = None, error
        self._ended()

    def _ended(self) -> None:
        self._asking, self._asked_at = False, self.home.clock()
        self._draw()

    @on(Listing.Moved)
    def _moved(self) -> None:
        self._draw()

    def draw(self, view: View, now: float) -> None:
        """What was found, with its age."""
        old = f" · asked {span(now - self._asked_at)} ago" if self._asked_at else ""
        self.query_one("#late-title", PaneTitle).say(
            "Why it is late" + (" · asking both ends …" if self._asking else old)
        )
        self.query_one("#late-cause", Lines).show(self._cause())
        sessions = self._found.waits.sessions if self._found is not None else ()
        self.query_one("#late-sessions-title", PaneTitle).say(f"Sessions ({len(sessions)}) · of the task, at both ends")
        self.listing.show([_line(str(index), each) for index, each in enumerate(sessions)])
        marked = sessions[int(self.listing.key)] if self.listing.key is not None and sessions else None
        about = self.query_one("#late-about", Lines)
        about.display = marked is not None
        about.show(_about(marked) if marked is not None else [])

    def _cause(self) -> list[list[Part]]:
        if self._error is not None:
            lines: list[list[Part]] = [[(f"✗ {one_line(self._error.title)}", "bad")]]
            lines += [[(one_line(self._error.detail), "plain")]] if self._error.detail else []
            return lines + [[(line, "plain")] for line in marked_lines(self._error.remedy)]
        if self._found is not None:
            return cause_lines(self._found)
        return [] if self._asking else [[("Nothing was asked yet: r asks both ends.", "muted")]]


def cause_lines(found: Explained) -> list[list[Part]]:
    """The bottleneck in a sentence, what to do, and the positions with their rates."""
    well = found.cause.name in ("none", "old transaction")
    glyph, tone = _GLYPHS.get(found.cause.name, ("▲", "warn"))
    lines: list[list[Part]] = [[(f"{glyph} ", tone), (one_line(found.cause.sentence), "plain" if well else "strong")]]
    if advice := bottleneck.advice_of(found):
        lines.append([("  → ", "accent"), (advice, "plain")])
    fields = bottleneck.chain_of(found)
    return lines + [[(f"{name:<{NAME_COLUMNS}}", "muted"), (one_line(text), "plain")] for name, text in fields]


_GLYPHS: dict[str, tuple[str, Tone]] = {"none": ("●", "good"), "stage": ("◐", "accent")}


def _line(key: str, session: SessionWait) -> Line:
    blocked = bool(session.blockers)
    waits = describe_wait(session) or "–"
    return Line(
        key=key,
        cells=(
            Cell(session.end),
            Cell(one_line(session.part)),
            Cell(str(session.pid)),
            Cell(session.state, "muted" if session.state == "idle" else "plain"),
            Cell(f"▲ {waits}" if blocked else waits, "warn" if blocked else "plain"),
            Cell(span(session.seconds), "muted"),
        ),
    )


def _about(session: SessionWait) -> list[list[Part]]:
    """What a session runs, and who is in its way."""
    lines: list[list[Part]] = [[("held by ", "muted"), (describe_blocker(each), "warn")] for each in session.blockers]
    lines.append([("runs ", "muted"), (one_line(session.query) or "nothing", "plain")])
    return lines
