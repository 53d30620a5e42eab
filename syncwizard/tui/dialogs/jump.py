"""Labels on everything that can take the focus: one more key, and it has it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Key
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Static

from syncwizard.tui.actions import bindings

# The home row first; without letters that look like others.
LETTERS = "asdfjkghqwertyuiopzxcvbnm"


class JumpDialog(ModalScreen[Widget | None]):
    """Answers with the widget whose label was pressed; any other key leaves everything as it is."""

    DEFAULT_CSS = """
    JumpDialog {
        background: transparent;
        layout: vertical;
        & > Static {
            position: absolute;
            width: 3;
            height: 1;
            background: $block-cursor-background;
            color: $block-cursor-foreground;
            text-style: bold;
        }
        & > Static:nocolor { text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [*bindings("screen.back")]

    def __init__(self, targets: list[Widget]) -> None:
        super().__init__()
        self._targets = dict(zip(LETTERS, targets, strict=False))

    def compose(self) -> ComposeResult:
        """A label on each, at its upper left corner."""
        for letter, target in self._targets.items():
            label = Static(f" {letter} ", markup=False)
            label.styles.offset = (target.region.x, target.region.y)
            yield label

    def on_key(self, event: Key) -> None:
        """Chooses, or leaves."""
        event.stop()
        self.dismiss(self._targets.get(event.key))

    def action_back(self) -> None:
        """Leaves everything as it is."""
        self.dismiss(None)


def targets_of(widgets: list[Widget]) -> list[Widget]:
    """Those of which something is in sight."""
    return [widget for widget in widgets if widget.region and widget.screen.region.overlaps(widget.region)]
