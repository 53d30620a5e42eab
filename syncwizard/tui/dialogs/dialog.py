"""What all dialogs share: a box over the screen, a title, Esc that leaves without doing anything."""

from time import monotonic
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from syncwizard.tui.actions import bindings, display_key
from syncwizard.tui.confirming import NOT_READ_YET, PRESSING_BUTTONS

Answer = TypeVar("Answer")
SCROLLING = {
    "up": "up",
    "down": "down",
    "pageup": "page_up",
    "pagedown": "page_down",
    "home": "home",
    "end": "end",
}
# Of a terminal; with fewer nothing is left empty.
USUAL_LINES = 24
BETWEEN_BUTTONS = {"left": -1, "right": 1}


class Dialog(ModalScreen[Answer | None]):
    """Answers None when it is left by Esc. Its first child is a `Box`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("screen.back"),
        # A long text is read from wherever the focus is: what has uses of its own for these keys comes first.
        *(Binding(key, f"scroll_text('{way}')", show=False) for key, way in SCROLLING.items()),
        *(Binding(key, f"next_button({step})", show=False) for key, step in BETWEEN_BUTTONS.items()),
        # A dialog hides the application's own keys.
        *bindings("app.manual", methods={"app.manual": "app.open_manual"}),
    ]

    # What confirms: keys, and buttons by their ids.
    confirming_keys: ClassVar[tuple[str, ...]] = ()
    confirming_buttons: ClassVar[tuple[str, ...]] = ()
    painted_at = NOT_READ_YET

    def on_mount(self) -> None:
        """From the first paint on it can be read."""
        self.call_after_refresh(self._is_read)

    def _is_read(self) -> None:
        self.painted_at = monotonic()

    def confirms(self, key: str, action: str) -> bool:
        """Whether the key is one that confirms, or presses a button that does."""
        pressed = self.focused.id if key in PRESSING_BUTTONS and self.focused is not None else None
        return key in self.confirming_keys or pressed in self.confirming_buttons

    def show_too_soon(self, key: str) -> None:
        """Says in the frame that the key did nothing."""
        self.query_one(Box).border_subtitle = f"{display_key(key)} came too early: press it again · Esc: back"

    def on_resize(self, event: Resize) -> None:
        """What is around the text makes room where there are few lines."""
        self.set_class(event.size.height < USUAL_LINES, "-tiny")

    def action_scroll_text(self, way: str) -> None:
        """Scrolls the dialog's text, if it has one that scrolls."""
        for text in self.query(VerticalScroll):
            getattr(text, f"scroll_{way}")(animate=False)
            return

    def action_next_button(self, step: int) -> None:
        """Goes to the button beside the one with the focus."""
        buttons = [button for button in self.query(Button) if button.focusable]
        if self.focused in buttons:
            index = buttons.index(self.focused) + step
            buttons[max(0, min(index, len(buttons) - 1))].focus()

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


class LongText(VerticalScroll, can_focus=False):
    """A text of any length; the dialog's own keys scroll it, so that the buttons stay in sight and keep the focus."""

    def __init__(self, text: str) -> None:
        super().__init__(classes="dialog-scroll")
        self._text = text

    def compose(self) -> ComposeResult:
        """The text as it is."""
        yield Static(self._text, classes="dialog-text", markup=False)
