"""The themes, and which one a terminal gets. Colours are those of the 256-colour palette: the same over any SSH."""

from textual.theme import BUILTIN_THEMES, Theme

from syncwizard.tui.settings import ThemeName

_DARK = Theme(
    name="dark",
    primary="#5fafd7",
    secondary="#87afaf",
    accent="#d7af87",
    warning="#ffaf5f",
    error="#ff5f5f",
    success="#87d787",
    foreground="#d0d0d0",
    background="#1c1c1c",
    surface="#262626",
    panel="#303030",
    variables={
        "text-muted": "#949494",
        "text-disabled": "#6c6c6c",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-background": "#005f87",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-foreground": "#d0d0d0",
        "block-cursor-blurred-background": "#303030",
        "border": "#5fafd7",
        "border-blurred": "#444444",
        "input-cursor-background": "#d0d0d0",
        "input-cursor-foreground": "#1c1c1c",
        "button-foreground": "#d0d0d0",
    },
)
_LIGHT = Theme(
    name="light",
    dark=False,
    primary="#005f87",
    secondary="#005f5f",
    accent="#875f00",
    warning="#af5f00",
    error="#af0000",
    success="#005f00",
    foreground="#262626",
    background="#eeeeee",
    surface="#e4e4e4",
    panel="#d0d0d0",
    variables={
        "text-muted": "#585858",
        "text-disabled": "#808080",
        "block-cursor-foreground": "#ffffff",
        "block-cursor-background": "#005f87",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-foreground": "#262626",
        "block-cursor-blurred-background": "#d0d0d0",
        "border": "#005f87",
        "border-blurred": "#b2b2b2",
        "button-foreground": "#262626",
    },
)
_HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#5fffff",
    secondary="#ffffff",
    accent="#ffff5f",
    warning="#ffff00",
    error="#ff8787",
    success="#5fff5f",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#262626",
    text_alpha=1.0,
    variables={
        "text": "#ffffff",
        "text-muted": "#eeeeee",
        "text-disabled": "#d0d0d0",
        "foreground-muted": "#eeeeee",
        "foreground-disabled": "#d0d0d0",
        "block-cursor-foreground": "#000000",
        "block-cursor-background": "#ffff00",
        "block-cursor-text-style": "bold",
        "block-cursor-blurred-foreground": "#ffffff",
        "block-cursor-blurred-background": "#444444",
        "border": "#ffff00",
        "border-blurred": "#ffffff",
        "button-foreground": "#ffffff",
    },
)
THEMES: dict[ThemeName, Theme] = {
    "dark": _DARK,
    "light": _LIGHT,
    "high-contrast": _HIGH_CONTRAST,
    "ansi-dark": BUILTIN_THEMES["ansi-dark"],
    "ansi-light": BUILTIN_THEMES["ansi-light"],
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
