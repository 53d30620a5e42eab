"""What all dialogs share: a box over the screen, a title, Esc that leaves without doing anything."""

from typing import ClassVar, TypeVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from syncwizard.tui.actions import bindings

Answer = TypeVar("Answer")


class Dialog(ModalScreen[Answer | None]):
    """Answers None when it is left by Esc. Its first child is a `Box`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("screen.back"),
        # A dialog hides the application's own keys.
        *bindings("app.manual", methods={"app.manual": "app.open_manual"}),
    ]

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
