"""What the tones of a text look like: known once, by the application, and not by each widget that has some.

Component classes are matched with every rule when a widget is styled again, as on each change of focus: seven of them
on each of twenty widgets were half of what a key of the monitor costs.
"""

from textual.css.styles import RenderStyles
from textual.style import Style
from textual.widget import Widget

from syncwizard.tui.formatting import TONES, Tone

# Figures of another time are greyed, whatever they say.
AGED = "aged"
TONE_CLASSES = {f"tone--{tone}" for tone in (*TONES, AGED)}


class Toned(Widget):
    """A widget whose text has tones."""

    def get_component_styles(self, *names: str) -> RenderStyles:
        """Those of tones are the application's."""
        if any(name in TONE_CLASSES for name in names):
            return self.app.get_component_styles(*names)
        return super().get_component_styles(*names)

    def tone_style(self, tone: Tone) -> Style:
        """How the tone looks here."""
        return self.get_visual_style(f"tone--{tone}", *([f"tone--{AGED}"] if self.has_class("-aged") else []))
