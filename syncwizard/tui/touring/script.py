"""A tour as data: the caption of each step, its keys, and the condition that ends it. Knows no Textual."""

from collections.abc import Callable

import msgspec

# What a caption has room for, at 80 columns.
CAPTION_COLUMNS = 78


class Paste(msgspec.Struct, frozen=True):
    """A text that arrives at once, as a terminal pastes it."""

    text: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One caption of a tour, and what happens below it.

    - `caption`: a line of at most CAPTION_COLUMNS
    - `act`: done in a thread before the keys, outside the screens; a text that it returns is shown under `shows`
    - `keys`: pressed in order
    - `until`: one of these stands on the screen then; nothing is waited for where there is none
    - `undo`: the keys that lead back to the step before, for steps that can be taken back
    """

    caption: str
    act: Callable[[], str | None] | None = None
    shows: str = ""
    keys: tuple[str | Paste, ...] = ()
    until: tuple[str, ...] = ()
    undo: tuple[str, ...] = ()

    @property
    def can_be_undone(self) -> bool:
        """Whether the step before can be shown again.

        >>> Step(caption="look").can_be_undone, Step(caption="go", keys=("f8",)).can_be_undone
        (True, False)
        """
        return bool(self.undo) or (self.act is None and not self.keys)


class Tour(msgspec.Struct, frozen=True, kw_only=True):
    """The steps in order. `pace`: 1 leaves time to read each caption, 0 none; `left` is called, in a thread, when a
    person takes over in the middle or the tour has ended."""

    steps: tuple[Step, ...]
    pace: float = 1.0
    left: Callable[[], object] = lambda: None


def reading_seconds(caption: str) -> float:
    """How long a caption stands once what it announces is on the screen.

    >>> round(reading_seconds("n begins a new one"), 2), round(reading_seconds("x" * 78), 2)
    (2.58, 6.18)
    """
    return 1.5 + 0.06 * len(caption)
