"""The lines of the task list: pure, from what was seen of the tasks and from the drafts."""

from collections.abc import Sequence
from typing import Literal

from syncwizard.client.drafts import KeptDraft
from syncwizard.client.looking import Seen
from syncwizard.task.figures.totals import describe_latency
from syncwizard.task.text import age
from syncwizard.tui.formatting import Mark, mark_of, progress_of
from syncwizard.tui.widgets.listing import Cell, Column, Line

SortName = Literal["name", "state", "latency"]
SORTS: tuple[SortName, ...] = ("name", "state", "latency")
DRAFT = Mark("✎", "draft", "accent")
DRAFT_KEY = "draft:"

# What wants a person comes first.
_URGENCY = {"bad": 0, "warn": 1, "accent": 2, "good": 3, "muted": 4}

NARROW = (
    Column(title="TASK", name=True),
    Column(title="STATE", width=17),
    Column(title="STAGE", width=13),
    Column(title="LATENCY", width=10, right=True),
    Column(title="AGE", width=6, right=True),
)
WIDE = (
    Column(title="TASK", width=28, name=True),
    Column(title="STATE", width=17),
    Column(title="STAGE", width=13),
    Column(title="LATENCY", width=10, right=True),
    Column(title="AGE", width=6, right=True),
    Column(title="SOURCE → DESTINATION"),
)


# What the other columns of WIDE take, gaps included.
WIDE_REST = sum(column.width for column in WIDE) + 2 * (len(WIDE) - 1)


def ends(source: str, destination: str) -> str:
    """Where from, where to."""
    return f"{source} → {destination}"


def task_line(seen: Seen, now: float, *, wide: bool) -> Line:
    """One task; in a narrow list its ends are on a line of their own, whole."""
    sample, mark = seen.sample, mark_of(seen.state, seen.liveness)
    latency = describe_latency(sample, now).partition(",")[0] if sample.latency_seconds is not None else ""
    late = sample.latency_at is not None and now - sample.latency_at > LATE_SECONDS
    where = Cell(_ends(seen), "muted")
    told = age(now - (now if seen.liveness.alive else seen.state.updated_at)) if seen.state.updated_at else ""
    cells = (
        Cell(seen.task.label, "strong"),
        Cell(str(mark), mark.tone),
        Cell(progress_of(seen), "plain" if seen.liveness.alive else "muted"),
        Cell(age(now - (sample.latency_at or now)) + " ago" if late else latency, "warn" if late else "plain"),
        Cell(told, "muted"),
    )
    key = str(seen.task.id)
    if seen.trouble:
        return Line(key=key, cells=(*cells, Cell(seen.trouble, "bad")), below=Cell(seen.trouble, "bad"))
    return Line(key=key, cells=(*cells, where)) if wide else Line(key=key, cells=cells, below=where)


# Heartbeats come each second.
LATE_SECONDS = 3.0


def is_wide(everything: Sequence[Seen], kept: Sequence[KeptDraft], width: int) -> bool:
    """Whether the ends of every task fit whole beside the other columns."""
    lengths = [len(_ends(seen)) for seen in everything] + [len(_draft_ends(each)) for each in kept]
    return WIDE_REST + max(lengths, default=0) <= width


def _ends(seen: Seen) -> str:
    return ends(seen.task.spec.source.describe(), seen.task.spec.destination.describe())


def draft_line(kept: KeptDraft, now: float, *, wide: bool) -> Line:
    """A draft, which was not started yet."""
    draft = kept.draft
    where = Cell(_draft_ends(kept), "muted")
    cells = (
        Cell(draft.name or "new task", "strong"),
        Cell(str(DRAFT), DRAFT.tone),
        Cell(""),
        Cell(""),
        Cell(age(now - kept.edited_at), "muted"),
    )
    key = f"{DRAFT_KEY}{draft.id}"
    return Line(key=key, cells=(*cells, where)) if wide else Line(key=key, cells=cells, below=where)


def _draft_ends(kept: KeptDraft) -> str:
    return ends(kept.draft.source.describe(), kept.draft.destination.describe())


def sorted_tasks(everything: Sequence[Seen], by: SortName) -> list[Seen]:
    """In the order a person wants to see them."""
    if by == "state":
        return sorted(everything, key=lambda seen: (_URGENCY[mark_of(seen.state, seen.liveness).tone], seen.task.label))
    if by == "latency":
        return sorted(everything, key=lambda seen: (-(seen.sample.latency_seconds or -1.0), seen.task.label))
    return sorted(everything, key=lambda seen: seen.task.label)


def matches(text: str, words: str) -> bool:
    """Whether every word is somewhere in the text.

    >>> matches("kb-to-frankfurt ● synchronizing", "frank sync"), matches("kb", "kb x")
    (True, False)
    """
    return all(word in text.lower() for word in words.lower().split())


def text_of(line: Line) -> str:
    """What a filter looks into."""
    return " ".join([*(cell.text for cell in line.cells), line.below.text])


def summary(everything: Sequence[Seen]) -> str:
    """How many tasks, and how many of them want a person."""
    wanting = sum(mark_of(seen.state, seen.liveness).tone == "bad" for seen in everything)
    count = f"{len(everything)} task{'' if len(everything) == 1 else 's'}"
    return f"{count} · {wanting} need{'s' if wanting == 1 else ''} you" if wanting else count
