"""How the items of a precheck stand, as data and in words; pure."""

from collections.abc import Iterable, Sequence
from typing import Literal

from syncwizard.remedies import as_line, without_statements
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.text import one_line

Standing = Literal["passed", "accepted", "note", "accept", "failed"]

# Glyph and word: neither needs the colour.
MARKS: dict[Standing, tuple[str, str]] = {
    "passed": ("✓", "passed"),
    "accepted": ("✓", "accepted"),
    "note": ("!", "to know"),
    "accept": ("?", "accept?"),
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


def success_rate(items: Iterable[PrecheckItemFinished]) -> int:
    """The percentage of items that do not stand in the way; 100 only when none does.

    >>> good = PrecheckItemFinished(item="a", title="A", verdict="passed")
    >>> bad = PrecheckItemFinished(item="b", title="B", verdict="failed")
    >>> success_rate([good] * 200), success_rate([*[good] * 200, bad])
    (100, 99)
    """
    known = list(items)
    good = sum(1 for item in known if not item.blocks)
    return 100 * good // len(known) if known else 0


def describe_findings(items: Sequence[PrecheckItemFinished]) -> str:
    """All items in a line.

    >>> good = PrecheckItemFinished(item="a", title="A", verdict="passed")
    >>> describe_findings([good, good])
    '✓ success rate 100 %: 2 items'
    >>> describe_findings([good, PrecheckItemFinished(item="b", title="B", verdict="failed")])
    '✗ success rate 50 %: 1 of 2 items stands in the way'
    """
    blocking = sum(1 for item in items if item.blocks)
    rate = f"success rate {success_rate(items)} %"
    if blocking:
        return f"✗ {rate}: {blocking} of {len(items)} items stand{'s' if blocking == 1 else ''} in the way"
    notes = sum(1 for item in items if standing_of(item) == "note")
    accepted = sum(1 for item in items if standing_of(item) == "accepted")
    parts = [f"{notes} to know" if notes else "", f"{accepted} accepted" if accepted else ""]
    return f"✓ {rate}: {', '.join(filter(None, (f'{len(items)} items', *parts)))}"


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
