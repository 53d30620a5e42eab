"""How the items of a precheck stand, as data and in words; pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from textual.content import Content

from syncwizard.remedies import as_line, without_statements
from syncwizard.task.drafting.draft import ENDS
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.text import one_line
from syncwizard.tui.formatting import Part, Tone
from syncwizard.tui.widgets.columns import Cell, Column, Line

Standing = Literal["passed", "accepted", "note", "accept", "failed"]

# Glyph and word: neither needs the colour.
MARKS: dict[Standing, tuple[str, str]] = {
    "passed": ("✓", "passed"),
    "accepted": ("✓", "accepted"),
    "note": ("·", "to know"),
    "accept": ("▲", "to accept"),
    "failed": ("✗", "failed"),
}


def standing_of(item: PrecheckItemFinished) -> Standing:
    """How an item stands to the start of the task.

    >>> standing_of(PrecheckItemFinished(item="a", title="A", verdict="warning", ignorable=True))
    'accept'
    >>> standing_of(PrecheckItemFinished(item="a", title="A", verdict="warning", ignorable=True, ignored=True))
    'accepted'
    """
    if item.verdict != "warning":
        return item.verdict
    if not item.ignorable:
        return "note"
    return "accepted" if item.ignored else "accept"


def describe_findings(items: Sequence[PrecheckItemFinished]) -> list[Part]:
    """All items in a line: what stands in the way, what is to be accepted, what passed.

    >>> good = PrecheckItemFinished(item="a", title="A", verdict="passed")
    >>> "".join(text for text, _ in describe_findings([good, good]))
    '✓ success rate 100 %: 2 items'
    >>> bad = PrecheckItemFinished(item="b", title="B", verdict="failed")
    >>> "".join(text for text, _ in describe_findings([good, bad]))
    '✗ 1 stands in the way   ✓ 1 passed   of 2 items'
    """
    standings = [standing_of(item) for item in items]
    failed, to_accept = standings.count("failed"), standings.count("accept")
    notes, accepted = standings.count("note"), standings.count("accepted")
    if not failed and not to_accept:
        more = [f"{notes} to know" if notes else "", f"{accepted} accepted" if accepted else ""]
        return [("✓ success rate 100 %: ", "good"), (", ".join(filter(None, [f"{len(items)} items", *more])), "plain")]
    parts: list[Part] = []
    if failed:
        parts += [(f"✗ {failed} stand{'s' if failed == 1 else ''} in the way", "bad"), ("   ", "plain")]
    if to_accept:
        parts += [(f"▲ {to_accept} to accept", "warn"), ("   ", "plain")]
    passed = len(items) - failed - to_accept
    return [*parts, (f"✓ {passed} passed", "good"), (f"   of {len(items)} items", "muted")]


# What stops the task comes first.
_ORDER: tuple[Standing, ...] = ("failed", "accept", "note", "accepted", "passed")
_TONES: dict[Standing, Tone] = {
    "passed": "good",
    "accepted": "good",
    "note": "accent",
    "accept": "warn",
    "failed": "bad",
}
# The line that passed items are folded into.
PASSED_KEY = "passed"
COLUMNS = (
    Column(title="", width=1, gap=1),
    Column(title="END", width=11),
    Column(title="WHAT IS CHECKED"),
    Column(title="WHAT WAS FOUND"),
)


def end_of(item: PrecheckItemFinished) -> str:
    """The end that an item is about; the objects where it is about both.

    >>> end_of(PrecheckItemFinished(item="destination-rights", title="", verdict="passed"))
    'destination'
    """
    named = item.item.partition("-")[0]
    return item.sql_end or (named if named in ENDS else "both")


def item_lines(items: Sequence[PrecheckItemFinished], *, unfolded: bool) -> list[Line]:
    """An item a line, what stops the task first; those that passed in one line, unless it is `unfolded`."""
    order = sorted(items, key=lambda item: _ORDER.index(standing_of(item)))
    passed = [item for item in order if standing_of(item) == "passed"]
    lines = [_line(item) for item in order if standing_of(item) != "passed"]
    if not passed:
        return lines
    counts = Counter(end_of(item) for item in passed)
    text = " · ".join(f"{end} {counts[end]}" for end in (*ENDS, "both") if counts[end])
    arrow = "▾" if unfolded else "▸"
    folded = Line(
        key=PASSED_KEY, cells=(Cell("✓", "good"), Cell(f"{arrow} passed"), Cell(f"{text}   (Enter)", "muted", span=2))
    )
    return [*lines, folded, *(map(_line, passed) if unfolded else ())]


def _line(item: PrecheckItemFinished) -> Line:
    standing = standing_of(item)
    found = one_line(item.message) if standing != "passed" else ""
    # Without anything found the title has all of the line.
    what = Cell(item.title, "strong" if standing == "failed" else "plain", span=1 if found else 2)
    tone = _TONES[standing]
    end = Cell(end_of(item), "muted")
    cells = (
        Cell(MARKS[standing][0], tone),
        end,
        what,
        Cell(found, tone if standing in ("failed", "accept") else "muted"),
    )
    return Line(key=item.item, cells=cells)


def describe_item(item: PrecheckItemFinished) -> str:
    """Everything about an item, to read and to send."""
    glyph, word = MARKS[standing_of(item)]
    lines = [f"{glyph} {word}: {item.title} ({item.item})"]
    if item.message:
        lines.append(one_line(item.message))
    if item.verdict != "passed":
        lines += [f"- {one_line(line)}" for line in item.objects]
        words, statements = str(without_statements(item.remedy)), item.remedy.statements
        lines += [f"→ {words}"] if words else []
        if statements:
            where = f"-- at the {item.sql_end}" if item.sql_end else "-- SQL"
            lines.append(f"{where}, as another account" if item.run_by == "administrator" else where)
            lines += [as_line(one_line(each)) for each in statements]
    return "\n".join(lines)


def describe_marked(item: PrecheckItemFinished) -> Content:
    """The same for a screen: the title bold, and a bar before each statement."""
    title, *rest = describe_item(item).splitlines()
    lines, in_sql = [Content.styled(title, "bold")], False
    for line in rest:
        lines.append(Content.assemble(("┃ ", "$primary"), line) if in_sql else Content(line))
        in_sql = in_sql or line.startswith("-- ")
    return Content("\n").join(lines)
