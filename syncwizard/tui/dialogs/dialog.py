"""What all dialogs share: a box over the screen, a title, Esc that leaves without doing anything."""

from typing import ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from syncwizard.tui.actions import bindings

Answer = TypeVar("Answer")
SCROLLING = {
    "up": "up",
    "down": "down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "home",
    "end": "end",
}


class Dialog(ModalScreen[Answer | None]):
    """Answers None when it is left by Esc. Its first child is a `Box`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("screen.back"),
        # A dialog hides the application's own keys.
        *bindings("app.manual", methods={"app.manual": "app.open_manual"}),
        # Wherever the focus is: what is below the fold may be the reason.
        *(Binding(key, f"scroll_text('{how}')", show=False) for key, how in SCROLLING.items()),
    ]

    def action_scroll_text(self, how: str) -> None:
        """Scrolls the long part of the dialog, where it has one."""
        for part in self.query(".dialog-scroll").results(VerticalScroll):
            getattr(part, f"scroll_{how}")(animate=False)

    def action_back(self) -> None:
        """Leaves without an answer."""
        self.dismiss(None)


class Box(Vertical):
    """The frame of a dialog, with its title in the border."""

    def __init__(self, title: str, *, severe: bool = False) -> None:
        super().__init__(classes="-severe" if severe else "")
        # A title may name a task or a table, whose brackets are no markup.
        self.border_title = Content(title)
        self.border_subtitle = "Esc: back"
