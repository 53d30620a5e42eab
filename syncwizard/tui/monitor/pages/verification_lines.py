"""A comparison of both ends as lines: how far it is, each table with what was found, each definition. Pure."""

from collections.abc import Sequence

from syncwizard.client.verifying import VERDICT_ORDER, describe_recall, summary_of
from syncwizard.task.state import Verification
from syncwizard.task.text import counted, describe_count, format_seconds, listed, one_line, span
from syncwizard.task.verification import WHOLE, DefinitionDifference, TableVerification, VectorIndexVerification
from syncwizard.tui.formatting import Part, Tone, moment
from syncwizard.tui.widgets.columns import Cell, Column, Line

# From here on there is room for each kind of difference.
ROOMY = 100
BAR_COLUMNS = 20
_MARKS: dict[str, tuple[str, Tone]] = {
    "different": ("✗ different", "bad"),
    "unverified": ("▲ not compared", "warn"),
    "equal": ("✓ equal", "good"),
}
MODES = {
    "rows": "every row",
    "counts": "numbers of rows",
    "schema": "definitions",
    "vectors": "searches by vector indexes",
}
# Between a table and the place of its index, in the key of a line.
SEPARATOR = "\0"


def columns_of(found: Verification | None, width: int) -> tuple[Column, ...]:
    """The columns of the list at this width."""
    if found is None:
        return ()
    if found.order.mode == "schema":
        return (
            Column(title="KIND", width=12),
            Column(title="NAME", name=True),
            Column(title="AT THE SOURCE"),
            Column(title="AT THE DESTINATION"),
        )
    if found.order.mode == "vectors":
        shares = ("SEARCHES", "SAME EXACT", "SOURCE", "DESTINATION")
        return (Column(title="INDEX", name=True), *(Column(title=each, width=len(each), right=True) for each in shares))
    name, result = Column(title="TABLE", name=True), Column(title="RESULT", width=14)
    if width < ROOMY:
        return (
            name,
            result,
            Column(title="ROWS", width=10, right=True),
            Column(title="DIFFERENT", width=9, right=True),
            Column(title="TIME", width=8, right=True),
        )
    counts = ("SOURCE", "DESTINATION", "CHANGED", "MISSING", "EXTRA", "TIME")
    return (name, result, *(Column(title=title, width=max(8, len(title)), right=True) for title in counts))


def lines_of(found: Verification, width: int) -> list[Line]:
    """What was found, what differs first."""
    if found.order.mode == "schema":
        return [_definition(str(index), each) for index, each in enumerate(found.differences)]
    tables = sorted(found.tables.values(), key=lambda each: (VERDICT_ORDER[each.verdict], str(each.table)))
    if found.order.mode == "vectors":
        return [line for table in tables for line in _searches(table)]
    return [_table(each, width) for each in tables]


def _table(found: TableVerification, width: int) -> Line:
    text, tone = _MARKS[found.verdict]
    name, verdict = Cell(one_line(str(found.table))), Cell(text, tone)
    if found.verdict == "unverified":
        return Line(key=str(found.table), cells=(name, verdict))
    more = "+" if found.more else ""

    def number(count: int) -> Cell:
        return Cell(f"{count:,}{more}", "bad" if count else "muted")

    took = Cell(format_seconds(found.seconds), "muted")
    if width < ROOMY:
        cells = (name, verdict, Cell(describe_count(found.source_rows)), number(found.differing), took)
        return Line(key=str(found.table), cells=cells)
    counts = (found.changed, found.only_source, found.only_destination)
    rows = (Cell(f"{found.source_rows:,}"), Cell(f"{found.destination_rows:,}"))
    return Line(key=str(found.table), cells=(name, verdict, *rows, *map(number, counts), took))


def _searches(found: TableVerification) -> list[Line]:
    """A line for each vector index of the table, or one that says why it was not compared."""
    key = str(found.table)
    if found.reason:
        return [Line(key=key, cells=(Cell(one_line(key)), Cell(_MARKS[found.verdict][0], "warn", span=4)))]
    return [
        Line(
            key=f"{key}{SEPARATOR}{at}",
            cells=(
                Cell(one_line(f"{each.source_index or each.destination_index or '–'} on {key}")),
                Cell(f"{each.queries:,}"),
                Cell(f"{each.same_neighbours:,}", "plain" if each.same_neighbours == each.queries else "bad"),
                Cell(describe_recall(each.source_recall)),
                Cell(describe_recall(each.destination_recall), "bad" if each.worse else "plain"),
            ),
        )
        for at, each in enumerate(found.vectors)
    ]


def _definition(key: str, found: DefinitionDifference) -> Line:
    ends = [Cell("not there", "bad") if text is None else Cell(one_line(text)) for text in found.ends]
    return Line(key=key, cells=(Cell(found.kind), Cell(one_line(found.name)), *ends))


def headline(found: Verification | None, now: float, *, alive: bool) -> list[list[Part]]:
    """How far the comparison is, and what it has found so far; `alive`: whether an engine can compare."""
    if found is None:
        how = "v compares them: at one commit, while changes are applied." if alive else "That takes a task that runs."
        return [[("○ ", "muted"), ("Both ends were never compared. ", "strong"), (how, "plain")]]
    what: Part = (f" · {describe_order(found)}", "muted")
    if found.ended_at is not None:
        glyph, tone = _verdict(found)
        took = format_seconds(found.ended_at - found.started_at)
        when = f"{moment(found.ended_at, now)}, {span(now - found.ended_at)} ago, took {took}"
        return [[(f"{glyph} ", tone), (_summary(found), "strong")], [(f"  {when}", "muted"), what]]
    done, total = len(found.tables), found.total
    share = min(1.0, done / total) if total else 0.0
    filled = round(BAR_COLUMNS * share)
    bar: list[Part] = [("━" * filled, "accent"), ("─" * (BAR_COLUMNS - filled), "faint")]
    running = f"  {done:,} of {counted(total, 'table')}, for {span(now - found.started_at)}"
    head: list[Part] = [("◐ ", "accent"), *bar, (running, "strong"), what]
    if not alive:
        return [head, [("  ▲ it goes on once the task is resumed", "warn")]]
    different, unverified, equal = (len(found.of(each)) for each in ("different", "unverified", "equal"))
    so_far = f"  so far {equal:,} equal, {different:,} different, {unverified:,} not compared"
    return [head, [(so_far, "plain")]]


def describe_order(found: Verification) -> str:
    """What was to be compared, in a few words."""
    order = found.order
    parts = [MODES[order.mode], *([listed(map(str, order.tables))] if order.tables else [])]
    parts += [f"a sample of {order.sample} %"] if order.sample < WHOLE else []
    parts += ["extra rows are no difference"] if order.ignore_extra else []
    parts += ["missing rows are no difference"] if order.ignore_missing else []
    parts += ["with repair"] if order.repair else []
    return one_line(", ".join(parts))


def _summary(found: Verification) -> str:
    if found.order.mode != "schema":
        return one_line(summary_of(found))
    return f"{counted(found.definitions, 'definition')} compared, {len(found.differences):,} different"


def _verdict(found: Verification) -> tuple[str, Tone]:
    """What could not be compared is never called equal."""
    if found.of("different") or found.differences:
        return ("✗", "bad")
    if found.failure is not None or found.stopped or found.of("unverified"):
        return ("▲", "warn")
    return ("✓", "good")


def about(found: Verification | None, key: str | None) -> list[list[Part]]:
    """The marked line in words."""
    if found is None or key is None:
        return []
    if found.order.mode == "schema":
        each = found.differences[int(key)]
        ends = zip(("source       ", "destination  "), each.ends, strict=True)
        return [
            [(name, "muted"), (one_line(text) if text is not None else "not there", "plain")] for name, text in ends
        ]
    name, _, at = key.partition(SEPARATOR)
    table = found.tables.get(name)
    if table is None:
        return []
    if at:
        return _search(table.vectors[int(at)])
    if table.reason:
        return [[(one_line(table.reason), "warn")]]
    if table.verdict == "equal":
        return [[(f"{counted(table.source_rows, 'row')} equal at {table.lsn}", "muted")]]
    return [[("Enter shows them: ", "strong"), (_kinds(table), "plain")]]


def _search(each: VectorIndexVerification) -> list[list[Part]]:
    """Whether an index finds as much at the destination, and what to set there where it does not."""
    if each.worse:
        statements = "; ".join(each.statements) or "no setting reaches the source's recall"
        return [[("it finds less at the destination; there: ", "strong"), (one_line(statements), "plain")]]
    if each.differs:
        return [[("the values of both ends are others; i has their norms", "warn")]]
    return [[(f"the {each.k} nearest of {each.queries:,} searches are found as well at both ends", "muted")]]


def _kinds(table: TableVerification) -> str:
    counts: Sequence[tuple[int, str]] = (
        (table.changed, "changed"),
        (table.only_source, "missing at the destination"),
        (table.only_destination, "only at the destination"),
    )
    least = "at least " if table.more else ""
    return ", ".join(f"{least}{count:,} {word}" for count, word in counts if count)
