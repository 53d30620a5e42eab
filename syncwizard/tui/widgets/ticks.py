"""Some of a few, all in sight on one line: left and right move, Space ticks; a fixed one is always ticked."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget


class Ticks(Widget, can_focus=True):
    """Any of `options`, (value, label) each; says `Changed` when a person ticks or unticks one."""

    DEFAULT_CSS = """
    Ticks {
        height: 1;
        width: 1fr;
        & > .ticks--fixed { color: $text-muted; }
        &:focus > .ticks--cursor { color: $block-cursor-foreground; background: $block-cursor-background; }
        &:nocolor:focus > .ticks--cursor { text-style: bold reverse; }
    }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {"ticks--fixed", "ticks--cursor"}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "move(-1)", "Previous", show=False),
        Binding("right", "move(1)", "Next", show=False),
        Binding("space", "tick", "Tick", show=False),
    ]

    values: reactive[frozenset[str]] = reactive(frozenset())
    cursor = reactive(0)

    class Changed(Message):
        """Another one is ticked, or one less. `values` in the order of the options."""

        def __init__(self, ticks: "Ticks", values: list[str]) -> None:
            super().__init__()
            self.ticks = ticks
            self.values = values

        @property
        def control(self) -> "Ticks":
            """The widget that changed."""
            return self.ticks

    def __init__(
        self, options: Sequence[tuple[str, str]], fixed: Collection[str] = (), *, id: str | None = None
    ) -> None:
        """`fixed`: values that cannot be unticked."""
        super().__init__(id=id)
        self.options = list(options)
        self._fixed = frozenset(fixed)

    def render(self) -> Content:
        """A box before each label: it must be seen without colours too."""
        parts = []
        for number, (value, label) in enumerate(self.options):
            part = Content(f"[{'x' if value in self.values | self._fixed else ' '}] {label}")
            if value in self._fixed:
                part = part.stylize(self.get_visual_style("ticks--fixed"))
            if number == self.cursor:
                part = part.stylize(self.get_visual_style("ticks--cursor"))
            parts.append(part)
        return Content("  ").join(parts)

    def action_move(self, by: int) -> None:
        """Goes to a neighbour; the ends do not meet."""
        self.cursor = min(max(self.cursor + by, 0), len(self.options) - 1)

    def action_tick(self) -> None:
        """Ticks the one under the cursor, or not any more."""
        value = self.options[self.cursor][0]
        if value not in self._fixed:
            self.values = self.values ^ {value}
            ticked = [each for each, _ in self.options if each in self.values | self._fixed]
            self.post_message(self.Changed(self, ticked))

    def on_click(self, event: events.Click) -> None:
        """Ticks what is under the pointer."""
        left = 0
        for number, (_, label) in enumerate(self.options):
            left += len(label) + 6
            if event.x < left:
                self.cursor = number
                self.action_tick()
                return
