"""Chooses objects of a catalogue: the source's tree beside what is selected of it, with a filter over both.

What a tick means is task/choice's; this owns what is open, filtered and under the cursor, and the steps back.
"""

from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from syncwizard.task.drafting.catalogue import Catalogue
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.outline import Groups, Line, chosen, count, everything, objects_of
from syncwizard.task.text import one_line
from syncwizard.tui.actions import bindings
from syncwizard.tui.widgets.lines import Lines, PaneTitle
from syncwizard.tui.widgets.object_line import HEADING, describe_tally, tick_of
from syncwizard.tui.widgets.object_list import ObjectList
from syncwizard.tui.widgets.object_tree import Tree
from syncwizard.tui.widgets.table_details import describe_table

STEPS_KEPT = 100
# Of lines, for the list of the selected with a table's columns below it.
LEAST_HEIGHT = 12


class FilterInput(Input):
    """The words of a filter; Enter and down lead to what they found."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,down", "leave", show=False)]

    def action_leave(self) -> None:
        """Gives the focus back."""
        next(node for node in self.ancestors if isinstance(node, ObjectPicker)).leave_filter()


class ObjectPicker(Vertical):
    """Two lists over one choice; says `Changed` with each tick. Narrow, one of them is in sight at a time."""

    DEFAULT_CSS = """
    ObjectPicker {
        height: 1fr;
        & > #picker-head { height: 1; }
        & #picker-head-text { width: 1fr; color: $text; text-wrap: nowrap; text-overflow: ellipsis; }
        & #picker-filter { width: 1fr; display: none; }
        &.-filtering #picker-head-text { width: 46; }
        & > #picker-panes { height: 1fr; }
        & .picker-pane { width: 1fr; }
        & .picker-pane-head { height: 1; }
        & .picker-title { width: 1fr; color: $text-muted; text-style: bold; }
        & .picker-title, & #picker-head-text { text-wrap: nowrap; text-overflow: ellipsis; }
        & #picker-table { display: none; height: auto; margin-right: 1; }
        & #picker-columns { padding: 0 1; text-wrap: nowrap; }
        & .picker-heading { width: auto; color: $text-muted; margin-right: 1; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("picker.filter", "picker.all", "picker.none", "picker.undo", "picker.other", "picker.clear-filter"),
    ]

    class Changed(Message):
        """Something else is chosen now."""

        def __init__(self, picker: "ObjectPicker", choice: ObjectChoice) -> None:
            super().__init__()
            self.picker = picker
            self.choice = choice

        @property
        def control(self) -> "ObjectPicker":
            """The picker."""
            return self.picker

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.choice = ObjectChoice(catalogue=Catalogue())
        self._before: list[ObjectChoice] = []
        self._words: tuple[str, ...] = ()
        self._source = Tree()
        self._selected = Tree(all_open=True)

    def compose(self) -> ComposeResult:
        """The filter and its count, then the lists."""
        with Horizontal(id="picker-head"):
            yield FilterInput(id="picker-filter", compact=True, placeholder="words of names, in any order")
            yield Static("", id="picker-head-text", markup=False)
        with Horizontal(id="picker-panes"):
            with Vertical(id="pane-source", classes="picker-pane"):
                with Horizontal(classes="picker-pane-head"):
                    yield Static("", id="source-title", classes="picker-title", markup=False)
                    yield Static(HEADING, classes="picker-heading", markup=False)
                yield ObjectList(ticks=True, id="source")
            with Vertical(id="pane-selected", classes="picker-pane"):
                with Horizontal(classes="picker-pane-head"):
                    yield Static("Selected", classes="picker-title", markup=False)
                    yield Static(HEADING, classes="picker-heading", markup=False)
                yield ObjectList(ticks=False, id="selected")
                with Vertical(id="picker-table"):
                    yield PaneTitle("", id="picker-table-title")
                    yield Lines(id="picker-columns")

    def load(self, choice: ObjectChoice) -> None:
        """Shows a catalogue and what is chosen of it. What was open stays open."""
        first = not self.choice.catalogue.schemas
        self.choice = choice
        self._before.clear()
        if first:
            self._source.open_all(everything(choice))
        self._source.fill(everything(choice), self._words)
        self._show_all()

    def explain(self, text: str, *, keep: bool = False) -> None:
        """Says why there is no tree; one that is to be kept stays, with the words above it."""
        if not keep:
            self.choice = ObjectChoice(catalogue=Catalogue())
            # What would be taken back is out of sight.
            self._before.clear()
            self._source.fill({}, ())
            self.source.show(self.choice, self._source.lines, text)
            self._show_selected()
            self.query_one("#picker-head-text", Static).update("")
        self._title(f"Source · {text}" if keep else "Source")

    @property
    def filter(self) -> Input:
        """Where the words of the filter are typed."""
        return self.query_one("#picker-filter", Input)

    @property
    def source(self) -> ObjectList:
        """The list of what there is."""
        return self.query_one("#source", ObjectList)

    @property
    def selected(self) -> ObjectList:
        """The list of what is chosen."""
        return self.query_one("#selected", ObjectList)

    @property
    def line(self) -> Line | None:
        """The line under the cursor of the list in sight."""
        return self._list_in_sight().line

    @property
    def groups(self) -> Groups:
        """What the list in sight shows."""
        self._follow_filter()
        return (self._source if self._list_in_sight() is self.source else self._selected).groups

    def replace(self, choice: ObjectChoice) -> None:
        """Another choice over the same catalogue; it can be undone."""
        if choice.schemas != self.choice.schemas:
            self._before = [*self._before[-STEPS_KEPT:], self.choice]
            self._take(choice)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Esc is for the filter as long as there is one."""
        if action == "clear_filter":
            return self.filter.display
        return not (action == "undo" and not self._before)

    def action_filter(self) -> None:
        """Asks for words."""
        self._show_filter(True)
        # Not by the way of a message: what is typed next must not come before it.
        self.screen.set_focus(self.filter)

    def action_clear_filter(self) -> None:
        """All objects again."""
        self.filter.value = ""
        self.leave_filter()

    def leave_filter(self) -> None:
        """Back to what was found; without words the filter goes."""
        self._follow_filter()
        self._show_filter(bool(self._words))
        self.screen.set_focus(self._list_in_sight())

    def action_all(self) -> None:
        """Ticks what is shown: with a filter those objects, else every schema."""
        self._follow_filter()
        shown = objects_of(self._source.groups)
        self.replace(self.choice.with_objects(shown, True) if self._words else self.choice.with_everything())

    def action_none(self) -> None:
        """Unticks what is shown."""
        self._follow_filter()
        shown = objects_of(self._source.groups)
        nothing = ObjectChoice(catalogue=self.choice.catalogue)
        self.replace(self.choice.with_objects(shown, False) if self._words else nothing)

    def action_undo(self) -> None:
        """The choice before the last tick."""
        if self._before:
            self._take(self._before.pop())

    def action_other(self) -> None:
        """The other list."""
        on_source = self._list_in_sight() is self.source
        self.set_class(on_source, "-selected")
        self._show_selected()
        self._list_in_sight().focus()

    @on(Input.Changed, "#picker-filter")
    def _filter(self, event: Input.Changed) -> None:
        event.stop()
        self._follow_filter()

    def _follow_filter(self) -> None:
        """Shows what the words of the filter find. Whatever acts on what is shown asks first: a key may be faster than
        the message of a change."""
        words = tuple(self.filter.value.lower().split())
        if words != self._words:
            self._words = words
            self._source.refilter(everything(self.choice), words)
            self._show_all()
            self.refresh_bindings()

    def _show_filter(self, shown: bool) -> None:
        self.filter.display = shown
        self.set_class(shown, "-filtering")
        self.refresh_bindings()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The list with the focus is the one in sight when there is room for one."""
        if event.widget in (self.source, self.selected):
            self.set_class(event.widget is self.selected, "-selected")

    @on(ObjectList.Moved)
    def _describe(self) -> None:
        """The table under the cursor, where there is room for it."""
        each = self.line.object if self.line is not None else None
        table, pane = self.query_one("#picker-table"), self.query_one("#pane-selected")
        roomy = pane.display and self.screen.has_class("-wide") and pane.size.height >= LEAST_HEIGHT
        table.display = roomy and each is not None and each.relation in self.choice.catalogue.columns_of
        if each is not None and table.display:
            name = f"{one_line(each.schema)}.{one_line(each.name)}"
            self.query_one("#picker-table-title", PaneTitle).say(f"{name} · columns and indexes")
            width, height = pane.size.width - 4, pane.size.height // 2 - 1
            self.query_one("#picker-columns", Lines).show(describe_table(each, self.choice, width, height))

    @on(ObjectList.Wanted)
    def _do(self, event: ObjectList.Wanted) -> None:
        event.stop()
        tree = self._source if event.control is self.source else self._selected
        match event.what:
            case "tick":
                self.replace(self._ticked(tree, event.line))
            case "whole":
                schema = event.line.node.schema
                some = self.choice.view(schema).tally.objects
                change = self.choice.with_whole(schema, not self.choice.is_whole(schema))
                self.replace(change if some else self.choice.with_schema(schema, True))
            case "expand" if event.line.expanded:
                event.control.action_down()
            case "expand" | "collapse" if event.line.below:
                tree.open(event.line.node, event.what == "expand", self._words)
                event.control.show(self.choice, tree.lines)

    def _ticked(self, tree: Tree, line: Line) -> ObjectChoice:
        """The choice after a tick on a line. Under a filter it is about the objects in sight and no others."""
        choice, node = self.choice, line.node
        ticked = tree is self._source and tick_of(line, choice) != "all"
        if line.object is not None:
            return choice.with_objects([line.object], ticked)
        if line.members:
            return choice.with_objects(line.members, ticked)
        if self._words:
            shown = objects_of(tree.groups, node)
            ticked = tree is self._source and not all(map(choice.has, shown))
            return choice.with_objects(shown, ticked)
        if node.kind is not None and node.schema in choice.catalogue.by_kind:
            return choice.with_kind(node.schema, node.kind, ticked)
        return choice.with_schema(node.schema, ticked)

    def _take(self, choice: ObjectChoice) -> None:
        self.choice = choice
        self.source.show(choice, self._source.lines)
        self._show_selected()
        self._say()
        self.refresh_bindings()
        self.post_message(self.Changed(self, choice))

    def _show_all(self) -> None:
        self.source.show(self.choice, self._source.lines, self._when_empty())
        self._show_selected()
        self._say()

    def _show_selected(self) -> None:
        """Only when it is in sight: arranging many thousands of selected objects costs some milliseconds."""
        if self.query_one("#pane-selected").display:
            self._selected.fill(chosen(self.choice), self._words)
            empty = "nothing selected yet: Space ticks at the source" if not self._words else self._when_empty()
            self.selected.show(self.choice, self._selected.lines, empty)

    def on_resize(self) -> None:
        """What comes into sight with more room is filled then."""
        self.call_after_refresh(self._show_selected)
        self.call_after_refresh(self._describe)

    def _say(self) -> None:
        total, shown = len(self.choice.catalogue.objects), count(self._source.groups)
        text = f"Selected: {describe_tally(self.choice.tally)}"
        if self._words:
            text = f" {shown:,} of {total:,} · Enter; a ticks, n unticks them"
        self.query_one("#picker-head-text", Static).update(text, layout=False)
        schemas = len(self.choice.catalogue.by_kind)
        self._title(f"Source: {total:,} objects in {schemas:,} schemas")

    def _title(self, text: str) -> None:
        self.query_one("#source-title", Static).update(text, layout=False)

    def _when_empty(self) -> str:
        return "no object has these words in its name" if self._words else "there are no objects at the source"

    def _list_in_sight(self) -> ObjectList:
        return self.selected if self.has_class("-selected") else self.source
