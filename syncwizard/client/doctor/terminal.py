"""The terminal: whether the screens show as they are meant."""

import locale
import os
import sys
from collections.abc import Iterator, Mapping

from syncwizard.client.doctor.finding import Finding, ok, warning

# What the screens are drawn for.
COLUMNS, LINES = 80, 24


def findings() -> Iterator[Finding]:
    """Size, kind with colours, characters."""
    if not sys.stdout.isatty():
        yield ok("terminal", "standard output is none")
    else:
        size = os.get_terminal_size(sys.stdout.fileno())
        yield of_size(size.columns, size.lines)
    yield of_kind(os.environ)
    yield of_encoding(locale.getpreferredencoding(do_setlocale=False))


def of_size(columns: int, lines: int) -> Finding:
    """Its size, in characters.

    >>> of_size(80, 24).level, of_size(79, 24).level
    ('ok', 'warning')
    """
    text = f"{columns} columns, {lines} lines"
    if columns >= COLUMNS and lines >= LINES:
        return ok("terminal", text)
    return warning("terminal", f"{text}: the screens need {COLUMNS} by {LINES}", "enlarge the window")


def of_kind(environment: Mapping[str, str]) -> Finding:
    """What it calls itself, how many colours it promises, and what stands between.

    >>> of_kind({"TERM": "xterm-256color", "COLORTERM": "truecolor"}).message
    'TERM=xterm-256color, 16.7 million colours'
    >>> of_kind({"TERM": "xterm-256color", "TMUX": "/tmp/tmux-0/default,1,0"}).level
    'warning'
    """
    kind = environment.get("TERM", "")
    if kind in ("", "dumb", "unknown"):
        named = f"TERM={kind}" if kind else "TERM is not set"
        return warning("colours", f"{named}: the screens cannot be drawn", "set TERM, for example to xterm-256color")
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        colours = "16.7 million colours"
    else:
        colours = "256 colours" if "256color" in kind or "direct" in kind else "16 colours"
    text = f"TERM={kind}, {colours}" + (", none used (NO_COLOR)" if environment.get("NO_COLOR") else "")
    if not environment.get("TMUX"):
        return ok("colours", text)
    if not kind.startswith(("tmux", "screen")):
        return warning(
            "colours", f"{text}, inside tmux", 'put `set -g default-terminal "tmux-256color"` into ~/.tmux.conf'
        )
    return ok("colours", f"{text}, inside tmux")


def of_encoding(name: str) -> Finding:
    """The characters that can be written.

    >>> of_encoding("utf-8").level, of_encoding("ANSI_X3.4-1968").level
    ('ok', 'warning')
    """
    if name.lower().replace("-", "") == "utf8":
        return ok("characters", "UTF-8")
    return warning("characters", f"{name}: lines and marks cannot be written", "set LANG to a UTF-8 locale: C.UTF-8")
