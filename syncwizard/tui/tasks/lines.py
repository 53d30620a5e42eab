"""The lines of the task list: pure, from what was seen of the tasks and from the drafts."""

from collections.abc import Collection, Sequence
from typing import Literal

from syncwizard.client.drafts import KeptDraft
from syncwizard.client.looking import Seen
from syncwizard.task.figures.rates import copy_progress
from syncwizard.task.figures.retention import threat
from syncwizard.task.figures.totals import FRESH_SECONDS, describe_share, how_old
from syncwizard.task.specification import Endpoint
from syncwizard.task.text import age, coarse_seconds, describe_bytes, format_seconds, short_count
from syncwizard.tui.formatting import Mark, Part, Tone, mark_of, running_stages
from syncwizard.tui.plotting import sparkline
from syncwizard.tui.trouble import Trouble, trouble_of
from syncwizard.tui.widgets.columns import Cell, Column, Line, heading, quantity

SortName = Literal["trouble", "name", "behind", "WAL"]
SORTS: tuple[SortName, ...] = ("trouble", "name", "behind", "WAL")
DRAFT = Mark("✎", "draft", "accent")
DRAFT_KEY = "draft:"

_GLYPH = Column(title="", width=1, gap=1)
_NAME = Column(title="TASK", name=True)
_BEHIND = Column(title="BEHIND", width=8, right=True)
_HELD = Column(title="WAL HELD", width=11, right=True)
_SINCE = Column(title="SINCE", width=6, right=True)
HOUR_NARROW, HOUR_WIDE = 9, 12
NARROW = (
    *(_GLYPH, _NAME, Column(title="STATE", width=16), _BEHIND, _HELD),
    *(Column(title="LAST HOUR", width=HOUR_NARROW), _SINCE),
)
WIDE = (
    *(_GLYPH, _NAME, Column(title="STATE", width=16), _BEHIND, _HELD, Column(title="CHANGES/S", width=9, right=True)),
    *(Column(title="LAST HOUR", width=HOUR_WIDE), _SINCE, Column(title="SOURCE → DESTINATION", width=20, name=True)),
)
# From here on the list has room for WIDE.
WIDE_ROOM = 112

# A stream a second late is a full column: what is less is noise.
LEAST_TOP_SECONDS = 1.0
UNKNOWN = Cell("–", "muted")
BAR_COLUMNS = 11
# The columns that a copy takes: from BEHIND to LAST HOUR.
NARROW_SPAN, WIDE_SPAN = 3, 4


def ends(source: str, destination: str) -> str:
    """Where from, where to."""
    return f"{source} → {destination}"


def task_lines(
    everything: Sequence[Seen], now: float, *, by: SortName, room: int, marked: Collection[str] = ()
) -> list[Line]:
    """The tasks in order; by trouble, what wants a person stands under a heading of its own."""
    order = sorted_tasks(everything, by, now)
    if by != "trouble":
        return [task_line(seen, now, room=room, marked=marked) for seen in order]
    wanting = [seen for seen in order if wants_a_person(seen, now)]
    others = [seen for seen in order if not wants_a_person(seen, now)]
    lines: list[Line] = []
    for title, group in (("NEEDS YOU", wanting), ("AT WORK", others)):
        if group:
            lines += [heading(title), *(task_line(seen, now, room=room, marked=marked) for seen in group)]
    return lines


def task_line(seen: Seen, now: float, *, room: int, marked: Collection[str] = ()) -> Line:
    """One task: where something is wrong, with the cause and the key that helps in a second line."""
    key, mark, wide = str(seen.task.id), mark_of(seen, now), room >= WIDE_ROOM
    state = [Cell(mark.glyph, mark.tone), Cell(seen.task.tagged, tone_of_name(seen)), Cell(mark.word, mark.tone)]
    since = Cell(_since(seen, now), "muted")
    where = [Cell(_short_ends(seen), "muted")] if wide else []
    copy = _copying(seen, span=WIDE_SPAN if wide else NARROW_SPAN)
    figures = [copy] if copy is not None else _figures(seen, now, mark, wide=wide)
    cells = (*state, *figures, since, *where)
    trouble = trouble_of(seen, now)
    if trouble is None:
        return Line(key=key, cells=cells, marked=key in marked)
    below, hint = _below(trouble)
    return Line(key=key, cells=cells, below=below, hint=hint, marked=key in marked)


def tone_of_name(seen: Seen) -> Tone:
    """A task of an environment that people work with stands out."""
    return "bad" if seen.task.spec.advanced.tag == "online" else "strong"


def _below(trouble: Trouble) -> tuple[Cell, Cell]:
    brief = trouble.brief or trouble.title
    return Cell(brief), Cell(trouble.key, "accent")


def _figures(seen: Seen, now: float, mark: Mark, *, wide: bool) -> list[Cell]:
    """How late, how much WAL, at what rate, and the last hour."""
    rate = seen.sample.rows_per_second
    rates = [UNKNOWN if rate is None or not seen.liveness.alive else Cell(short_count(rate))]
    return [behind(seen, now), held(seen, now), *(rates if wide else []), hour(seen, now, mark, wide=wide)]


def behind(seen: Seen, now: float) -> Cell:
    """How late the destination is: measured, or for how long at least nothing has come."""
    sample, state = seen.sample, seen.state
    if seen.liveness.alive and sample.latency_at is not None and sample.latency_seconds is not None:
        since = now - sample.latency_at
        if since > FRESH_SECONDS:
            return quantity(age(since), "warn")
        return quantity(format_seconds(sample.latency_seconds))
    if state.failure is not None and state.failure.changes_missing:
        return Cell("?", "bad")
    if seen.liveness.alive or not state.finished("full") or state.state == "released":
        return UNKNOWN
    return quantity(age(now - state.updated_at), "warn")


def held(seen: Seen, now: float) -> Cell:
    """The WAL that the slot holds; a slot that stands still holds more than when it was looked at."""
    found = seen.retention
    if found is None or not found.measured.exists:
        return UNKNOWN
    danger = threat(found.measured).step
    text = describe_bytes(found.measured.retained_bytes)
    old = "≥ " if how_old(found.measured_at, now) else ""
    return quantity(f"{'▲ ' if danger else ''}{old}{text}", "warn" if danger else "plain")


def hour(seen: Seen, now: float, mark: Mark, *, wide: bool) -> Cell:
    """The longest latency of each part of the last hour; a task that stands still ends with its glyph."""
    count = HOUR_WIDE if wide else HOUR_NARROW
    part = 3600.0 / count
    values: list[float | None] = [None] * count
    for minute, peak in seen.hour:
        place = count - 1 - int((now - minute * 60) // part)
        if 0 <= place < count:
            values[place] = max(values[place] or 0.0, peak)
    known = [value for value in values if value is not None]
    text = sparkline(values, max([LEAST_TOP_SECONDS, *known]))
    if seen.liveness.alive:
        return Cell(text, "accent")
    return Cell(f"{text.rstrip()[: count - 1]}{mark.glyph}", "muted")


def _copying(seen: Seen, *, span: int) -> Cell | None:
    """The progress of a copy, in the place of what is not known yet."""
    progress = None if seen.state.finished("full") else copy_progress(seen.state, seen.sample)
    if progress is None or progress.planning or not seen.liveness.alive:
        return None
    fraction = min(0.99, progress.bytes / progress.estimated_bytes) if progress.estimated_bytes else 0.0
    done = int(fraction * BAR_COLUMNS)
    bar = "━" * done + "─" * (BAR_COLUMNS - done)
    share = describe_share(progress.bytes, progress.estimated_bytes, finished=False)
    # The longer end of the guess: less is no disappointment.
    left = f"  ≈ {coarse_seconds(progress.left.high_seconds)}" if progress.left is not None else ""
    rate = progress.rows_per_second
    rows = f"  {short_count(rate)} rows/s" if rate is not None and span > NARROW_SPAN else ""
    return Cell(f"{bar} {share:>4}{left}{rows}", "accent", span=span)


def _since(seen: Seen, now: float) -> str:
    """For how long it has been in this state."""
    state = seen.state
    if state.retrying is not None and seen.liveness.alive:
        return age(now - state.retrying.since)
    if seen.liveness.alive:
        began = [state.stages[name].started_at for name in running_stages(state)]
        known = [at for at in began if at is not None]
        return age(now - max(known)) if known else ""
    return age(now - state.updated_at) if state.updated_at else ""


def _ends(seen: Seen) -> str:
    return ends(seen.task.spec.source.describe(), seen.task.spec.destination.describe())


def _short_ends(seen: Seen) -> str:
    """Both ends by the first label of their hosts; whole below, for the task under the cursor."""
    return ends(_short_end(seen.task.spec.source), _short_end(seen.task.spec.destination))


def _short_end(endpoint: Endpoint) -> str:
    """
    >>> _short_end(Endpoint(host="db1.example.com", database="kb"))
    'db1/kb'
    """
    host = endpoint.hosts[0] if endpoint.hosts else ""
    if not host or host.startswith(("/", "@")) or host.replace(".", "").isdigit() or ":" in host:
        return endpoint.describe()
    return f"{host.partition('.')[0]}/{endpoint.database or ''}"


def draft_line(kept: KeptDraft, now: float, *, room: int) -> Line:
    """A draft, which was not started yet."""
    draft, wide = kept.draft, room >= WIDE_ROOM
    where = _draft_ends(kept)
    cells = (
        Cell(DRAFT.glyph, DRAFT.tone),
        Cell(draft.name or "new task", "strong"),
        Cell(DRAFT.word, DRAFT.tone),
        Cell("" if wide else where, "muted", span=WIDE_SPAN if wide else NARROW_SPAN),
        Cell(age(now - kept.edited_at), "muted"),
    )
    return Line(key=f"{DRAFT_KEY}{draft.id}", cells=(*cells, Cell(where, "muted")) if wide else cells)


def _draft_ends(kept: KeptDraft) -> str:
    return ends(kept.draft.source.describe(), kept.draft.destination.describe())


def wants_a_person(seen: Seen, now: float) -> bool:
    """Whether something is wrong, or would be soon."""
    return trouble_of(seen, now) is not None


# What wants a person most comes first.
_URGENCY = {"bad": 0, "warn": 1, "accent": 2, "good": 3, "muted": 4}


def sorted_tasks(everything: Sequence[Seen], by: SortName, now: float) -> list[Seen]:
    """In the order a person wants to see them."""
    match by:
        case "trouble":
            return sorted(everything, key=lambda seen: (_URGENCY[mark_of(seen, now).tone], seen.task.label))
        case "behind":
            return sorted(everything, key=lambda seen: (-_behind_seconds(seen, now), seen.task.label))
        case "WAL":
            return sorted(everything, key=lambda seen: (-_held_bytes(seen), seen.task.label))
    return sorted(everything, key=lambda seen: seen.task.label)


def _behind_seconds(seen: Seen, now: float) -> float:
    sample = seen.sample
    if seen.liveness.alive:
        return -1.0 if sample.latency_at is None else max(sample.latency_seconds or 0.0, now - sample.latency_at)
    return now - seen.state.updated_at if seen.state.finished("full") else -1.0


def _held_bytes(seen: Seen) -> int:
    return -1 if seen.retention is None else seen.retention.measured.retained_bytes


def matches(text: str, words: str) -> bool:
    """Whether every word is somewhere in the text.

    >>> matches("kb-to-frankfurt ● in step", "frank step"), matches("kb", "kb x")
    (True, False)
    """
    return all(word in text.lower() for word in words.lower().split())


def words_about(seen: Seen, now: float) -> str:
    """What a filter of tasks looks into."""
    mark, trouble = mark_of(seen, now), trouble_of(seen, now)
    brief = trouble.brief if trouble else ""
    return " ".join([seen.task.tagged, mark.glyph, mark.word, seen.state.state, _ends(seen), brief])


def words_about_draft(kept: KeptDraft) -> str:
    """What a filter looks into of a draft."""
    return f"{kept.draft.name} {DRAFT} {_draft_ends(kept)}"


def text_of(line: Line) -> str:
    """What a filter looks into."""
    return " ".join([*(cell.whole for cell in line.cells), line.below.text])


_TOTALS = {"✗": "failed", "↻": "retrying", "‖": "paused", "◐": "at work", "◑": "catching up", "●": "in step"}


def totals(everything: Sequence[Seen], now: float, width: int) -> list[Part]:
    """How many tasks there are in each state, the worst first; in so many columns, with as many words as fit."""
    marks = [mark_of(seen, now) for seen in everything]
    found = [(glyph, [mark for mark in marks if mark.glyph == glyph]) for glyph in _TOTALS]
    counts = [(f"{glyph} {len(those)}", f" {_TOTALS[glyph]}", those[0].tone) for glyph, those in found if those]
    for words in range(len(counts), -1, -1):
        parts: list[Part] = [
            (f"{count}{word if place < words else ''}   ", tone) for place, (count, word, tone) in enumerate(counts)
        ]
        if sum(len(text) for text, _ in parts) <= width:
            break
    return parts


def about(seen: Seen, now: float) -> list[list[Part]]:
    """The task under the cursor in two lines: both ends whole, and what it is."""
    state = seen.state
    facts = [f"{len(state.tables):,} tables"] if state.tables else []
    copied = sum(table.bytes for table in state.tables.values())
    facts += [f"{describe_bytes(copied)} copied"] if state.finished("full") else []
    facts.append(f"engine {seen.liveness.pid}" if seen.liveness.alive else "no engine")
    if (found := seen.retention) is not None and (old := how_old(found.measured_at, now)):
        facts.append(f"WAL held: measured {old}")
    facts.append(f"id {seen.task.spec.short_id}")
    return [[(seen.task.tagged, tone_of_name(seen)), (f"   {_ends(seen)}", "plain")], [(" · ".join(facts), "muted")]]


def about_draft(kept: KeptDraft) -> list[list[Part]]:
    """The draft under the cursor."""
    return [
        [(kept.draft.name or "new task", "strong"), (f"   {_draft_ends(kept)}", "plain")],
        [("described, and not started: Enter goes on with it, D forgets it", "muted")],
    ]
