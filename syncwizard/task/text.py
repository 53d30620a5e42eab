"""Plain text for terminals: tables and fields, and the one way to write durations, sizes, counts and rates. Pure.

Widths are columns of a terminal: a Chinese character takes two, a combining one none.
"""

import datetime
import difflib
import json
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.cells import cell_len, set_cell_size

# Of the names that one sentence is about.
NAMES_SHOWN = 10


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> str:
    """Columns aligned by spaces, a line a row; those whose numbers are in `right` are aligned to the right.

    >>> print(format_table(("TABLE", "ROWS"), [("a", "1"), ("bc", "20")], right=[1]))
    TABLE  ROWS
    a         1
    bc       20
    >>> print(format_table(("TABLE", "ROWS"), [("日本", "1"), ("e\\u0301t", "20")]))
    TABLE  ROWS
    日本   1
    e\u0301t     20
    """
    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(cell_len(row[index]) for row in [header, *rows]) for index in range(len(header))]
    lines = [
        "  ".join(pad(cell, widths[index], right=index in right) for index, cell in enumerate(row)).rstrip()
        for row in [header, *rows]
    ]
    return "\n".join(lines)


def format_fields(fields: Sequence[tuple[str, str]]) -> str:
    """Names and values below each other.

    >>> print(format_fields([("state", "paused"), ("task", "kb")]))
    state  paused
    task   kb
    """
    width = max(cell_len(name) for name, _ in fields)
    return "\n".join(f"{pad(name, width)}  {one_line(value)}" for name, value in fields)


def pad(text: str, width: int, *, right: bool = False) -> str:
    """The text with spaces up to so many columns; never shortened.

    >>> pad("日本", 5), pad("日本", 5, right=True), pad("orders", 3)
    ('日本 ', ' 日本', 'orders')
    """
    space = " " * (width - cell_len(text))
    return space + text if right else text + space


def fit(text: str, width: int, *, right: bool = False) -> str:
    """The text in exactly so many columns; what is too long ends with an ellipsis.

    >>> fit("orders", 8), fit("orders", 8, right=True), fit("orders", 4), fit("日本語", 4)
    ('orders  ', '  orders', 'ord…', '日 …')
    """
    text = one_line(text)
    if cell_len(text) <= width:
        return pad(text, width, right=right)
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def shorten(text: str, width: int) -> str:
    """The text in at most so many columns, its middle left out where it is too long: both ends tell names apart.

    >>> shorten("public.orders", 20), shorten("public.a_very_long_name_of_a_table_2026_11", 20)
    ('public.orders', 'public.a_…le_2026_11')
    >>> cell_len(shorten("日本語の長い名前のテーブル", 11))
    11
    """
    if cell_len(text) <= width:
        return text
    head = set_cell_size(text, width // 2 - 1)
    room, start = width - width // 2, len(text)
    while start and cell_len(text[start - 1 :]) <= room:
        start -= 1
    return f"{head}…" + " " * (room - cell_len(text[start:])) + text[start:]


def shorten_words(text: str, width: int) -> str:
    """Words in at most so many columns, the middle ones left out where they are too many.

    >>> shorten_words("the source is down since noon; it began with a lost socket", 40)
    'the source is down … with a lost socket'
    >>> shorten_words("a_name_that_takes_all_the_room_there_is", 20)
    'a_name_th…m_there_is'
    """
    if cell_len(text) <= width:
        return text
    words = text.split()
    head, tail = "", ""
    while words and cell_len(f"{head} {words[0]}".strip()) <= width // 2 - 2:
        head = f"{head} {words.pop(0)}".strip()
    while words and cell_len(f"{head} … {words[-1]} {tail}".strip()) <= width:
        tail = f"{words.pop()} {tail}".strip()
    return f"{head} … {tail}" if head and tail else shorten(text, width)


def fit_words(text: str, width: int) -> str:
    """As `fit`, but the end of what is too long is cut between words, where that costs less than half of the room.

    >>> fit_words("the engine died in schema", 16), fit_words("public.a_table_of_a_long_name", 16)
    ('the engine died…', 'public.a_table_…')
    """
    if cell_len(text) <= width:
        return fit(text, width)
    cut = set_cell_size(text, width - 1)
    head = cut.rpartition(" ")[0].rstrip(" ,;:·") if not text.startswith(f"{cut} ") else cut.rstrip()
    return fit(f"{head} …", width) if cell_len(head) > width // 2 else fit(text, width)


def format_seconds(seconds: float) -> str:
    """A duration that was measured, rounded to what a reader wants of one so long.

    >>> format_seconds(0.0042), format_seconds(12.34), format_seconds(3725), format_seconds(10_000_000)
    ('4 ms', '12.3 s', '1 h 02 min', '115 d 17 h')

    Rounding never leads past a unit's end:

    >>> format_seconds(0.9994), format_seconds(0.9996), format_seconds(119.96), format_seconds(3590), format_seconds(0)
    ('999 ms', '1.0 s', '2 min', '1 h 00 min', '0 ms')
    >>> format_seconds(86_380), format_seconds(-0.004)
    ('1 d 0 h', '0 ms')
    """
    seconds = max(0.0, seconds)
    if round(seconds * 1000) < 1000:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 120:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"


def span(seconds: float) -> str:
    """A duration that passes while it is read: in at most two units, without fractions, never ahead of time.

    >>> span(0.4), span(75), span(3700), span(200_000), span(-5)
    ('0 s', '1 min 15 s', '1 h 1 min', '2 d 7 h', '0 s')
    >>> span(59.9), span(3599.9), span(86_399.9), span(10_000_000)
    ('59 s', '59 min 59 s', '23 h 59 min', '115 d 17 h')
    """
    whole = max(0, int(seconds))
    for unit, name, small, small_name in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= unit:
            rest = whole % unit // small
            return f"{whole // unit} {name} {rest} {small_name}" if rest else f"{whole // unit} {name}"
    return f"{whole} s"


def age(seconds: float) -> str:
    """How long ago, in one unit.

    >>> age(0.4), age(75), age(7300), age(200_000)
    ('now', '1 min', '2 h', '2 d')
    """
    whole = max(0, int(seconds))
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min"), (2, "s")):
        if whole >= unit:
            return f"{whole // unit if unit > 2 else whole} {name}"
    return "now"


def coarse_seconds(seconds: float) -> str:
    """A duration that is a guess, in steps that one can bear.

    >>> coarse_seconds(1), coarse_seconds(41.3), coarse_seconds(57.4), coarse_seconds(95.0), coarse_seconds(4100)
    ('5 s', '40 s', '1 min', '2 min', '1 h 10 min')
    >>> coarse_seconds(59.5 * 60), coarse_seconds(40 * 3600), coarse_seconds(10_000_000)
    ('1 h', '40 h', '116 d')
    """
    if seconds < 55:
        step = 5 if seconds < 30 else 10
        return f"{max(step, round(seconds / step) * step)} s"
    minutes = max(1, round(seconds / 60))
    if minutes > 10:
        step = 10 if minutes >= 60 else 5
        minutes = round(minutes / step) * step
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours >= 48:
        return f"{round(minutes / 1440)} d"
    return f"{hours} h {rest} min" if rest and hours < 10 else f"{hours} h"


def round_seconds(seconds: float) -> str:
    """A time at an axis, which is round already.

    >>> round_seconds(0), round_seconds(0.0005), round_seconds(0.2), round_seconds(40), round_seconds(7200)
    ('0 s', '0.5 ms', '200 ms', '40 s', '2 h')
    >>> round_seconds(1.0), round_seconds(60.0), round_seconds(86_400.0)
    ('1 s', '1 min', '1 d')
    """
    if 0 < seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{seconds / unit:.4g} {name}"
    return f"{seconds:g} s"


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


def listed(names: Iterable[str]) -> str:
    """Names for a message, the first few.

    >>> listed(["a", "b"]), listed(map(str, range(12)))
    ('a, b', '0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more')
    """
    found = list(names)
    more = f" and {len(found) - NAMES_SHOWN:,} more" if len(found) > NAMES_SHOWN else ""
    return ", ".join(found[:NAMES_SHOWN]) + more


def or_unknown(value: int | None) -> str:
    """
    >>> or_unknown(7), or_unknown(None)
    ('7', 'unknown')
    """
    return "unknown" if value is None else str(value)


def describe_bytes(count: float) -> str:
    """A size in decimal units, as `du --si` and disks have them.

    >>> describe_bytes(512), describe_bytes(3_500_000), describe_bytes(1.5e15), describe_bytes(4e18)
    ('512 B', '3.5 MB', '1.5 PB', '4000.0 PB')

    Rounding never leads past a unit's end:

    >>> describe_bytes(999.4), describe_bytes(999.6), describe_bytes(999_949), describe_bytes(999_950)
    ('999 B', '1.0 kB', '999.9 kB', '1.0 MB')
    """
    if round(count) < 1000:
        return f"{count:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if round(count, 1) < 1000:
            return f"{count:.1f} {unit}"
    return f"{count / 1000:.1f} PB"


def describe_count(count: float) -> str:
    """Exact as long as it is short.

    >>> describe_count(999_999), describe_count(12_345_678), describe_count(3_210_000_000)
    ('999,999', '12.35 M', '3.21 G')
    >>> describe_count(999_999.6), describe_count(999_994_999), describe_count(999_995_000)
    ('1.00 M', '999.99 M', '1.00 G')
    """
    if round(count) < 1_000_000:
        return f"{count:,.0f}"
    return f"{count / 1e6:,.2f} M" if round(count / 1e6, 2) < 1000 else f"{count / 1e9:,.2f} G"


def short_count(count: float) -> str:
    """At most six characters: three digits that count.

    >>> short_count(0), short_count(3.4), short_count(9876), short_count(45_678), short_count(1_234_567)
    ('0', '3', '9,876', '45.7 k', '1.23 M')
    >>> short_count(9999.6), short_count(99_960), short_count(999_600), short_count(1e9)
    ('10.0 k', '100 k', '1.00 M', '1.00 G')
    """
    if round(count) < 10_000:
        return f"{count:,.0f}"
    for unit in ("k", "M", "G"):
        count /= 1000
        for digits, end in ((2, 10), (1, 100), (0, 1000)):
            if round(count, digits) < end:
                return f"{count:.{digits}f} {unit}"
    return f"{count / 1000:,.0f} T"


def round_count(count: float) -> str:
    """A count at an axis, which is round already.

    >>> round_count(0.5), round_count(2000.0), round_count(50_000.0), round_count(2e6), round_count(4e9)
    ('0.5', '2,000', '50 k', '2 M', '4 G')
    """
    if count < 10_000:
        return f"{count:,g}" if count >= 1 else f"{count:g}"
    for unit in ("k", "M"):
        count /= 1000
        if count < 1000:
            return f"{count:g} {unit}"
    return f"{count / 1000:,g} G"


def describe_rates(rows: float | None, size: float | None, what: str) -> str:
    """Rates a second that are known; empty when none is.

    >>> describe_rates(1234.5, 65_000.0, "rows")
    '1,234 rows/s, 65.0 kB/s'
    >>> describe_rates(None, None, "rows")
    ''
    """
    parts = [f"{describe_count(rows)} {what}/s"] if rows is not None else []
    parts += [f"{describe_bytes(size)}/s"] if size is not None else []
    return ", ".join(parts)


def nearest(given: str, valid: Iterable[str]) -> str | None:
    """The one of the valid names that `given` was probably meant to be; None where none is near.

    >>> nearest("tpye", ["type", "host"]), nearest("STATUS", ["status"]), nearest("zzz", ["type", "host"])
    ('type', 'status', None)
    """
    names = list(valid)
    known = {name.lower(): name for name in reversed(names)}
    exact = difflib.get_close_matches(given, names, n=1)
    found = exact or [known[each] for each in difflib.get_close_matches(given.lower(), known, n=1)]
    return found[0] if found else None


def did_you_mean(given: str, valid: Iterable[str]) -> str:
    """The nearest valid name as a question; empty where none is near.

    >>> did_you_mean("stauts", ["start", "status"]), did_you_mean("zzz", ["start"])
    ('did you mean `status`?', '')
    """
    near = nearest(given, valid)
    return f"did you mean `{near}`?" if near else ""
