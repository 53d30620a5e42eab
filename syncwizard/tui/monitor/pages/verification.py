"""The comparison of both ends: begun, watched while it goes on, its results by table, and the repair of rows."""

import uuid
from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.getters import query_one
from textual.widgets import Input

from syncwizard.client import verifying
from syncwizard.task.state import Verification
from syncwizard.task.text import counted
from syncwizard.task.verification import TableVerification, VerificationOrder
from syncwizard.tui.actions import bindings
from syncwizard.tui.dialogs.confirm import ConfirmDialog, TypedConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.verify import VerifyDialog
from syncwizard.tui.monitor.link import View
from syncwizard.tui.monitor.pages.page import TaskPage, turn_to
from syncwizard.tui.monitor.pages.rows import RowsPage
from syncwizard.tui.monitor.pages.verification_lines import about, columns_of, headline, lines_of
from syncwizard.tui.read_only import is_refused
from syncwizard.tui.tasks.lines import matches, text_of
from syncwizard.tui.widgets.columns import Line
from syncwizard.tui.widgets.lines import Lines, PaneTitle
from syncwizard.tui.widgets.listing import Listing

REPAIR_TEXT = (
    "The source's rows are written at the destination in place of those that differ, between two transactions of the "
    "stream, and compared again. Rows that only the destination has stay. Tables: {tables}"
)


class VerificationPage(TaskPage):
    """Draws the task's latest comparison, as its events tell it."""

    AUTO_FOCUS = "#verification-tables"
    BINDINGS: ClassVar[list[BindingType]] = bindings(
        *("verification.open", "verification.compare", "verification.halt", "verification.repair"),
        *("verification.filter", "verification.whole"),
    )

    listing = query_one("#verification-tables", Listing)
    # The line that the cursor was put on, for as long as it stays there by itself.
    _first: str | None = None
    filter = query_one("#verification-filter", Input)

    def content(self) -> ComposeResult:
        """How far it is, the tables, and the marked one in words."""
        yield PaneTitle("Verification", id="verification-title")
        yield Lines(id="verification-head", classes="page-text")
        yield Input(placeholder="filter: words · Esc clears", id="verification-filter", compact=True)
        yield PaneTitle("Tables", id="verification-tables-title")
        yield Listing((), id="verification-tables")
        yield Lines(id="verification-about", classes="page-about")

    def on_mount(self) -> None:
        """Begins without a filter."""
        self.filter.display = False

    @property
    def found(self) -> Verification | None:
        """The latest comparison."""
        return None if self.view is None else self.view.seen.state.verification

    @property
    def marked(self) -> TableVerification | None:
        """The table under the cursor."""
        found, key = self.found, self.listing.key
        return None if found is None or key is None else found.tables.get(key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What fits: nothing can be compared without an engine, nothing repaired that does not differ."""
        if is_refused(action):
            return False
        found, alive = self.found, self.view is not None and self.view.seen.liveness.alive
        at_work = found is not None and found.ended_at is None
        match action:
            case "compare":
                return alive and not at_work
            case "halt":
                return alive and at_work
            case "repair":
                return alive and not at_work and bool(self._differing())
            case "open":
                return self.marked is not None and bool(self.marked.rows)
            case "whole" | "filter":
                return found is not None
        return True

    def offers(self) -> tuple[object, ...]:
        """What the actions depend on."""
        return tuple(self.check_action(each, ()) for each in ("compare", "halt", "repair", "open", "whole"))

    def draw(self, view: View, now: float) -> None:
        """The comparison as it is by now."""
        found, width = view.seen.state.verification, self.listing.room
        self.query_one("#verification-head", Lines).show(headline(found, now, alive=view.seen.liveness.alive))
        lines = lines_of(found, width) if found is not None else []
        shown = [line for line in lines if matches(text_of(line), self.filter.value)]
        kind = "Definitions" if found is not None and found.order.mode == "schema" else "Tables"
        count = f"{len(lines):,}" if len(shown) == len(lines) else f"{len(shown):,} of {len(lines):,}"
        # The list stays: what has the focus must.
        for name in ("tables-title", "about"):
            self.query_one(f"#verification-{name}").display = found is not None
        self.query_one("#verification-tables-title", PaneTitle).say(f"{kind} ({count}) · what differs first")
        if width:
            self.listing.show(shown, columns_of(found, width))
            self._stay_on_top(shown)
        words = self.query_one("#verification-about", Lines)
        words.show(about(found, self.listing.key))

    def _stay_on_top(self, lines: Sequence[Line]) -> None:
        """Tables come in as they are compared: a cursor that was not moved stays on the first of them."""
        if lines and self.listing.key == self._first:
            self.listing.go_to(lines[0].key)
            self._first = lines[0].key
        elif self._first is None:
            self._first = self.listing.key

    def action_back(self) -> None:
        """Clears the filter, else leaves."""
        if self.filter.display:
            self.filter.value, self.filter.display = "", False
            self.listing.focus()
            self._draw()
        else:
            super().action_back()

    def action_filter(self) -> None:
        """Asks for words."""
        self.filter.display = True
        self.filter.focus()

    @on(Listing.Chosen)
    def action_open(self) -> None:
        """The rows of the marked table that differ."""
        if (table := self.marked) is not None and table.rows:
            turn_to(self.app, RowsPage(self.stored, lambda: self.view, table))

    def action_compare(self) -> None:
        """Asks what, then has the engine compare."""

        def answered(order: VerificationOrder | None) -> None:
            if order is not None:
                self.task_actions.do(
                    "beginning to compare", lambda: verifying.begin(self.stored, order), lambda _: None
                )

        self.app.push_screen(VerifyDialog(self.marked.table if self.marked is not None else None), answered)

    def action_halt(self) -> None:
        """Asks, then ends it."""

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self.task_actions.do("ending the comparison", lambda: verifying.stop(self.stored), lambda _: None)

        text = "What was compared is kept; what was not is not called equal."
        self.app.push_screen(ConfirmDialog("End the comparison?", text, "End it"), answered)

    def action_repair(self) -> None:
        """Asks for the task's name, then has the rows written and compared again."""
        tables = self._differing()
        if not tables:
            return
        order = VerificationOrder(
            id=uuid.uuid4(), tables=tuple(each.table for each in tables), repair=True, ignore_extra=True
        )

        def answered(confirmed: bool | None) -> None:
            if confirmed:
                self.task_actions.do("beginning to repair", lambda: verifying.begin(self.stored, order), lambda _: None)

        spec = self.stored.spec
        dialog = TypedConfirmDialog(
            f"Repair {counted(len(tables), 'table')}",
            REPAIR_TEXT.format(tables=len(tables)),
            name=self.stored.label,
            source=spec.source.describe(),
            destination=spec.destination.describe(),
            verb="Repair",
            details="\n".join(f"{each.table}: {each.changed + each.only_source:,} rows" for each in tables),
        )
        self.task_actions.ask(self.stored, dialog, "Repair", answered)

    def action_whole(self) -> None:
        """What was found, as the command prints it."""
        if (found := self.found) is not None:
            name = f"{self.stored.spec.short_id}-verification.txt"
            self.app.push_screen(CopyTextDialog("Verification", verifying.describe(found), name))

    @on(Listing.Moved)
    def _moved(self) -> None:
        self._draw()

    @on(Input.Changed, "#verification-filter")
    def _filtered(self) -> None:
        self._draw()

    @on(Input.Submitted, "#verification-filter")
    def _filter_done(self) -> None:
        self.listing.focus()

    def _differing(self) -> list[TableVerification]:
        """Tables with rows that a repair writes."""
        found = self.found
        if found is None or found.order.mode != "rows":
            return []
        return [each for each in found.of("different") if (each.changed or each.only_source) and each.key_columns]
