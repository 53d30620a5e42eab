"""A choice of a few on one line: left and right change it. All are in sight where there is room, the chosen one in
brackets; else the chosen one alone, between arrows."""

from collections.abc import Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Choice(Widget, can_focus=True):
    """One of `options`, (value, label) each; says `Changed` when a person chooses another."""

    DEFAULT_CSS = """
    Choice {
        height: 1;
        width: 1fr;
        color: $text-muted;
        & > .choice--chosen { color: $text; text-style: bold; }
        &:focus > .choice--chosen { color: $block-cursor-foreground; background: $block-cursor-background; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"choice--chosen"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous", show=False),
        Binding("right,space", "move(1)", "Next", show=False),
    ]

    value = reactive("")

    class Changed(Message):
        """Another option was chosen."""

        def __init__(self, choice: "Choice", value: str) -> None:
            super().__init__()
            self.choice = choice
            self.value = value

        @property
        def control(self) -> "Choice":
            """The choice that changed."""
            return self.choice

    def __init__(
        self, options: Sequence[tuple[str, str]], value: str = "", *, id: str | None = None, classes: str | None = None
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.options = list(options)
        self.set_reactive(Choice.value, value or self.options[0][0])

    def render(self) -> Content:
        """All options, the chosen one in brackets: it must be seen without colours too. Or that one alone."""
        style = self.get_visual_style("choice--chosen")
        if sum(len(label) + 2 for _, label in self.options) > self.size.width > 0:
            label = next((label for value, label in self.options if value == self.value), self.value)
            return Content("").join([Content("‹ "), Content.styled(label, style), Content(" ›")])
        parts = [
            Content(f"[{label}]").stylize(style) if value == self.value else Content(f" {label} ")
            for value, label in self.options
        ]
        return Content("").join(parts)

    def action_move(self, by: int) -> None:
        """Chooses a neighbour; the ends do not meet."""
        values = [value for value, _ in self.options]
        place = values.index(self.value) + by
        self._choose(values[min(max(place, 0), len(values) - 1)])

    def on_click(self, event: events.Click) -> None:
        """Chooses what is under the pointer."""
        if sum(len(label) + 2 for _, label in self.options) > self.size.width:
            self.action_move(-1 if event.x < 2 else 1)
            return
        left = 0
        for value, label in self.options:
            left += len(label) + 2
            if event.x < left:
                self._choose(value)
                return

    def _choose(self, value: str) -> None:
        if value != self.value:
            self.value = value
            self.post_message(self.Changed(self, value))
