"""Plain text for people: tables, fields, durations, times. Pure."""

import datetime
import json
import shlex
from collections.abc import Sequence
from pathlib import Path


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns aligned by spaces, a line a row; those whose numbers are in `right` are aligned to the right.

    >>> print(format_table(("TABLE", "ROWS"), [("a", "1"), ("bc", "20")], right=[1]))
    TABLE  ROWS
    a         1
    bc       20
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [header, *rows]) for index in range(len(header))]
    lines = [
        "  ".join(
            cell.rjust(widths[index]) if index in right else cell.ljust(widths[index]) for index, cell in enumerate(row)
        ).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join(lines)


def format_fields(fields: Sequence[tuple[str, str]]) -> str:
    """Names and values below each other.

    >>> print(format_fields([("state", "paused"), ("task", "kb")]))
    state  paused
    task   kb
    """
    width = max(len(name) for name, _ in fields)
    return "\n".join(f"{name.ljust(width)}  {one_line(value)}" for name, value in fields)


def format_seconds(seconds: float) -> str:
    """
    >>> format_seconds(0.0042), format_seconds(12.34), format_seconds(3725)
    ('4 ms', '12.3 s', '1 h 02 min')
    """
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def one_line(text: str) -> str:
    r"""The text without line breaks, and with what a terminal would obey or not show as escapes.

    >>> print(one_line("a\nb\x1b[31m\u202ec"))
    a\nb\x1b[31m\u202ec
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def clean_lines(text: str) -> str:
    r"""Lines as they are, each with what a terminal would obey or not show as escapes; for a text whose line breaks
    are ours, not a name's.

    >>> print(clean_lines("a\x1b[31m\nb\u202e"))
    a\x1b[31m
    b\u202e
    """
    return "\n".join(map(one_line, text.split("\n")))


def clean_json(text: str) -> str:
    r"""JSON, in which such characters are written as JSON escapes them.

    >>> print(clean_json('{"a": "\u202e\x9b"}'))
    {"a": "\u202e\u009b"}
    """
    return "\n".join(
        "".join(map(_json_character, line)) if not line.isprintable() else line for line in text.split("\n")
    )


def _json_character(each: str) -> str:
    return each if each.isprintable() else json.dumps(each)[1:-1]


def shell_word(path: str | Path) -> str:
    """A file's name to be pasted into a command: whole, and never taken for an option.

    >>> shell_word("kb.yaml"), shell_word("-my kb.yaml")
    ('kb.yaml', "'./-my kb.yaml'")
    """
    text = str(path)
    return shlex.quote(f"./{text}" if text.startswith("-") else text)


def local_time(at: float) -> str:
    """Seconds since the epoch as the reader's wall clock, with its offset."""
    return datetime.datetime.fromtimestamp(at).astimezone().isoformat(sep=" ", timespec="seconds")


def counted(number: int, noun: str, plural: str = "") -> str:
    """The number with its noun.

    >>> counted(1, "table"), counted(1_200, "table"), counted(2, "index", "indexes")
    ('1 table', '1,200 tables', '2 indexes')
    """
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def or_unknown(value: int | None) -> str:
    """
    >>> or_unknown(7), or_unknown(None)
    ('7', 'unknown')
    """
    return "unknown" if value is None else str(value)


def describe_bytes(count: float) -> str:
    """
    >>> describe_bytes(512), describe_bytes(3_500_000)
    ('512 B', '3.5 MB')
    """
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    raise AssertionError
