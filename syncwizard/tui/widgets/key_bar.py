"""The last line of a screen: the few keys that matter here, those that always work at its right end."""

from collections.abc import Sequence

from textual.content import Content
from textual.events import Click
from textual.screen import Screen
from textual.widget import Widget

from syncwizard.tui.actions import Available, available
from syncwizard.tui.confirming import Refusing

# At the right end, whatever the width.
ALWAYS = ("app.help", "app.quit")
GAP = "  "


class KeyBar(Widget):
    """One line below a rule, drawn from the actions that can be run now; a click runs one. The first stands out.

    It is one widget without children: a footer that is built anew at each change of focus costs an open monitor
    memory all day. A screen may name `urgent_actions`: those that matter now come first, in that order, shown otherwise
    or not; and `quiet_actions`: those that work now, and are not what one does now.
    """

    DEFAULT_CSS = """
    KeyBar {
        dock: bottom;
        height: 2;
        padding: 0 1;
        border-top: solid $border-blurred;
        color: $foreground;
        text-wrap: nowrap;
        & > .key-bar--key { color: $primary; text-style: bold; }
        & > .key-bar--first { color: $text; text-style: bold; }
    }
    """
    COMPONENT_CLASSES = {"key-bar--key", "key-bar--first"}  # noqa: RUF012
    ALLOW_SELECT = False

    def __init__(self) -> None:
        super().__init__()
        self._places: list[tuple[int, int, Available]] = []

    def on_mount(self) -> None:
        """Follows what the screen offers."""
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def _changed(self, screen: Screen[object]) -> None:
        self.refresh()

    def render(self) -> Content:
        """As many keys as there is room for."""
        urgent: Sequence[str] = getattr(self.screen, "urgent_actions", ())
        quiet: Sequence[str] = getattr(self.screen, "quiet_actions", ())
        actions = [each for each in available(self.screen) if (each.show and each.id not in quiet) or each.id in urgent]
        actions.sort(key=lambda each: urgent.index(each.id) if each.id in urgent else len(urgent))
        right = [each for each in actions if each.id in ALWAYS]
        left = fitting([each for each in actions if each.id not in ALWAYS], self.size.width - _width(right) - len(GAP))
        style, first = (self.get_visual_style(f"key-bar--{part}") for part in ("key", "first"))
        parts: list[Content] = []
        self._places = []
        column = 0
        for index, each in enumerate([*left, *right]):
            gap = 0 if index == 0 else len(GAP)
            if index == len(left):
                gap = max(gap, self.size.width - _width(right) - column)
            column += gap
            label = Content.styled(f" {each.label}", first) if index == 0 else Content(f" {each.label}")
            parts += [Content(" " * gap), Content.styled(each.key, style), label]
            self._places.append((column, column + _width([each]), each))
            column += _width([each])
        return Content("").join(parts)

    async def on_click(self, event: Click) -> None:
        """Runs the action under the pointer."""
        column = event.x - self.styles.padding.left
        for start, end, each in self._places:
            if start <= column < end and not self._is_refused(each, event.time):
                await self.app.run_action(each.call, each.node)

    def _is_refused(self, action: Available, clicked_at: float) -> bool:
        """The second click of two may lie on a question that the first one has brought."""
        return isinstance(self.app, Refusing) and self.app.is_refused(action.key, action.id, clicked_at)


def _width(actions: list[Available]) -> int:
    return sum(len(each.key) + 1 + len(each.label) for each in actions) + len(GAP) * max(0, len(actions) - 1)


def fitting(actions: list[Available], width: int) -> list[Available]:
    """As many of the first actions as fit into so many columns."""
    for count in range(len(actions), 0, -1):
        if _width(actions[:count]) <= width:
            return actions[:count]
    return []
