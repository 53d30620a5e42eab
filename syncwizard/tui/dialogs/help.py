"""All that can be done at this moment, to search by words and to run."""

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.events import Key
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from syncwizard.tui.actions import Available, matching
from syncwizard.tui.dialogs.dialog import Box, Dialog


class HelpDialog(Dialog[Available]):
    """Answers with the action that was chosen."""

    def __init__(self, actions: list[Available]) -> None:
        super().__init__()
        self._actions = actions
        self._shown: list[Available] = []

    def compose(self) -> ComposeResult:
        """A field for words over the list."""
        with Box("What can be done here"):
            yield Input(placeholder="search, then Enter runs the marked one", compact=True)
            yield OptionList(compact=True)

    def on_mount(self) -> None:
        """Shows everything."""
        self._show("")
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _searched(self, event: Input.Changed) -> None:
        self._show(event.value)

    @on(Input.Submitted)
    def _entered(self) -> None:
        index = self.query_one(OptionList).highlighted
        if index is not None:
            self.dismiss(self._shown[index])

    @on(OptionList.OptionSelected)
    def _chosen(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(self._shown[event.option_index])

    def on_key(self, event: Key) -> None:
        """The arrows move the mark while words are typed."""
        options = self.query_one(OptionList)
        if event.key in ("down", "up") and not options.has_focus:
            options.action_cursor_down() if event.key == "down" else options.action_cursor_up()
            event.prevent_default()
            event.stop()

    def _show(self, words: str) -> None:
        self._shown = matching(self._actions, words)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options([Option(_line(each)) for each in self._shown])
        options.highlighted = 0 if self._shown else None
        self._say_marked()

    @on(OptionList.OptionHighlighted)
    def _say_marked(self) -> None:
        """The name of the marked action, which the key map of the settings wants; in its line it would need a second
        one at 80 columns."""
        index, count = self.query_one(OptionList).highlighted, len(self._shown)
        name = self._shown[index].id if index is not None else ""
        rest = "Esc: back" if count == len(self._actions) else f"{count} of {len(self._actions)}"
        self.query_one(Box).border_subtitle = " · ".join(filter(None, (name, rest)))


def _line(action: Available) -> Content:
    return Content.assemble((f"{action.key:<7}", "$primary bold"), (f"{action.label:<15}", "bold"), action.tooltip)
