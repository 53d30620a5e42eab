"""The themes, and which one a terminal gets. Colours are those of the 256-colour palette: the same over any SSH.

Three levels of text (`text`, `foreground`, `text-muted`) and five meanings; each can be read on every ground of its
theme, that of the cursor's line included, which is `block-hover-background` (`tests/tui/test_contrast.py`).
"""

from textual.theme import Theme

from syncwizard.tui.settings import ThemeName


def _variables(**given: str) -> dict[str, str]:
    """Textual's variables, with those that it would mix from others: a mixed colour has a contrast of its own."""
    names = {name.replace("_", "-"): value for name, value in given.items()}
    strong, muted = names["text"], names["text-muted"]
    return {
        "text-disabled": muted,
        "foreground-muted": muted,
        "foreground-disabled": muted,
        "button-foreground": strong,
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-foreground": strong,
        "input-selection-foreground": names["block-cursor-foreground"],
        "input-selection-background": names["block-cursor-background"],
        **names,
    }


def _meanings(primary: str, secondary: str, accent: str, warning: str, error: str, success: str) -> dict[str, str]:
    """The texts in the colours of the theme themselves."""
    return {
        "text_primary": primary,
        "text_secondary": secondary,
        "text_accent": accent,
        "text_warning": warning,
        "text_error": error,
        "text_success": success,
    }


_DARK = Theme(
    name="dark",
    primary="#5fafff",
    secondary="#87afaf",
    accent="#d7af87",
    warning="#ffaf5f",
    error="#ff5f5f",
    success="#87d787",
    foreground="#c6c6c6",
    background="#121212",
    surface="#1c1c1c",
    panel="#262626",
    variables=_variables(
        **_meanings("#5fafff", "#87afaf", "#d7af87", "#ffaf5f", "#ff5f5f", "#87d787"),
        text="#ffffff",
        text_muted="#949494",
        block_cursor_foreground="#ffffff",
        block_cursor_background="#005faf",
        block_cursor_blurred_background="#262626",
        # On 256 colours it is #00005f.
        block_hover_background="#1a2a40",
        border="#5fafff",
        border_blurred="#444444",
        input_cursor_background="#c6c6c6",
        input_cursor_foreground="#121212",
    ),
)
_LIGHT = Theme(
    name="light",
    dark=False,
    primary="#005faf",
    secondary="#005f5f",
    accent="#5f5f00",
    warning="#875f00",
    error="#af0000",
    success="#005f00",
    foreground="#262626",
    background="#ffffff",
    surface="#eeeeee",
    panel="#eeeeee",
    variables=_variables(
        **_meanings("#005faf", "#005f5f", "#5f5f00", "#875f00", "#af0000", "#005f00"),
        text="#000000",
        text_muted="#585858",
        block_cursor_foreground="#ffffff",
        block_cursor_background="#005faf",
        block_cursor_blurred_background="#eeeeee",
        block_hover_background="#d7ffff",
        border="#005faf",
        border_blurred="#b2b2b2",
        input_cursor_background="#262626",
        input_cursor_foreground="#ffffff",
    ),
)
_HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#5fffff",
    secondary="#ffffff",
    accent="#ffff5f",
    warning="#ffaf00",
    error="#ff8787",
    success="#5fff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#262626",
    text_alpha=1.0,
    variables=_variables(
        **_meanings("#5fffff", "#ffffff", "#ffff5f", "#ffaf00", "#ff8787", "#5fff5f"),
        text="#ffffff",
        text_muted="#d0d0d0",
        block_cursor_foreground="#000000",
        block_cursor_background="#ffff00",
        block_cursor_blurred_background="#262626",
        block_hover_background="#303030",
        border="#ffff00",
        border_blurred="#ffffff",
        input_cursor_background="#ffffff",
        input_cursor_foreground="#000000",
    ),
)
# Of the 16 colours only those are taken that can be read on the ground they are for. Bright black is not: where a
# palette makes it the ground itself, as Solarized does, nothing of it would be seen; rules are no loss.
_ANSI_DARK = Theme(
    name="ansi-dark",
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    warning="ansi_yellow",
    error="ansi_bright_red",
    success="ansi_green",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    ansi=True,
    variables=_variables(
        **_meanings("ansi_cyan", "ansi_cyan", "ansi_cyan", "ansi_yellow", "ansi_bright_red", "ansi_green"),
        ansi_background="ansi_black",
        ansi_foreground="ansi_white",
        text="ansi_default",
        text_muted="ansi_white",
        block_cursor_foreground="ansi_black",
        block_cursor_background="ansi_white",
        block_cursor_blurred_background="ansi_default",
        block_hover_background="ansi_default",
        border="ansi_cyan",
        border_blurred="ansi_bright_black",
        input_cursor_background="ansi_white",
        input_cursor_foreground="ansi_black",
        screen_selection_background="ansi_cyan",
        screen_selection_foreground="ansi_black",
    ),
)
_ANSI_LIGHT = Theme(
    name="ansi-light",
    dark=False,
    primary="ansi_blue",
    secondary="ansi_blue",
    accent="ansi_magenta",
    warning="ansi_magenta",
    error="ansi_red",
    success="ansi_blue",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    ansi=True,
    variables=_variables(
        **_meanings("ansi_blue", "ansi_blue", "ansi_magenta", "ansi_magenta", "ansi_red", "ansi_blue"),
        ansi_background="ansi_white",
        ansi_foreground="ansi_black",
        text="ansi_default",
        text_muted="ansi_default",
        block_cursor_foreground="ansi_bright_white",
        block_cursor_background="ansi_blue",
        block_cursor_blurred_background="ansi_default",
        block_hover_background="ansi_default",
        border="ansi_blue",
        border_blurred="ansi_bright_black",
        input_cursor_background="ansi_black",
        input_cursor_foreground="ansi_bright_white",
        scrollbar_background="ansi_default",
        screen_selection_background="ansi_blue",
        screen_selection_foreground="ansi_bright_white",
    ),
)
THEMES: dict[ThemeName, Theme] = {
    "dark": _DARK,
    "light": _LIGHT,
    "high-contrast": _HIGH_CONTRAST,
    "ansi-dark": _ANSI_DARK,
    "ansi-light": _ANSI_LIGHT,
}


def choose_theme(wanted: ThemeName | None, color_system: str | None, *, no_color: bool) -> ThemeName:
    """The theme for a terminal: what the user wants, else by how many colours it has.

    Without colour only a theme of the terminal's own foreground and background can be read.

    >>> choose_theme(None, "truecolor", no_color=False), choose_theme(None, "standard", no_color=False)
    ('dark', 'ansi-dark')
    >>> choose_theme("light", "standard", no_color=False), choose_theme("light", "256", no_color=True)
    ('light', 'ansi-dark')
    """
    if no_color:
        return "ansi-dark"
    if wanted is not None:
        return wanted
    return "dark" if color_system in ("256", "truecolor") else "ansi-dark"


def next_theme(name: str) -> ThemeName:
    """The one after it, around.

    >>> next_theme("dark"), next_theme("ansi-light")
    ('light', 'dark')
    """
    names = list(THEMES)
    return names[(names.index(name) + 1) % len(names)] if name in names else names[0]
