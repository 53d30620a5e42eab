"""What the demo prints: a line a stage while it runs, one table at the end."""

import statistics
import sys
import time
from collections.abc import Sequence

import msgspec

from syncwizard.demo.comparison import Comparison, NeighbourComparison, SequenceComparison, TableComparison
from syncwizard.demo.workload import Done
from syncwizard.task.stages import STAGES
from syncwizard.task.state import TaskState
from syncwizard.task.text import format_fields, format_seconds, format_table, span

KINDS = ("insert", "update", "delete")
HEAD = ("table", "copied", "inserted", "updated", "deleted", "rows at source", "at destination", "content")


class Progress:
    """Lines on standard error, each with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, text: str) -> None:
        """Prints a line at once."""
        print(f"{self.seconds:6.1f} s  {text}", file=sys.stderr, flush=True)

    @property
    def seconds(self) -> float:
        """Since the start."""
        return time.monotonic() - self._started


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """All that the last table shows. `latencies`: seconds, one a heartbeat, while the workload ran."""

    state: TaskState
    workload: Done
    comparison: Comparison
    latencies: tuple[float, ...]
    seconds: float


def render(outcome: Outcome) -> str:
    """The table, as lines.

    What was copied plus what was applied need not be what is there: rows that the copy saw already are sent again.
    """
    return "\n".join([*_tables(outcome), "", *_stages(outcome.state), "", *_remarks(outcome), "", _verdict(outcome)])


def comparison_lines(compared: Comparison) -> list[str]:
    """Both ends beside each other: tables, sequences, what a search for neighbours finds, and the verdict."""
    rows = [
        (f"kb.{each.table}", f"{each.source.rows:,}", f"{each.destination.rows:,}", _content(each))
        for each in compared.tables
    ]
    remarks = [("sequences", _sequences(compared.sequences)), *_searches(compared.neighbours)]
    lines = align([(HEAD[0], *HEAD[-3:]), *rows])
    return [*lines, "", *align_left(remarks), "", f"{_findings(compared)}."]


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines, the first column to the left and the others to the right.

    >>> align([("a", "n"), ("bb", "10")])
    ['a    n', 'bb  10']
    """
    head, *others = rows
    return format_table(head, others, right=range(1, len(head))).split("\n")


def _tables(outcome: Outcome) -> list[str]:
    rows: list[Sequence[str]] = [HEAD]
    for table in outcome.comparison.tables:
        name = f"kb.{table.table}"
        copied = outcome.state.tables.get(name)
        applied = outcome.state.changes.get(name, {})
        rows.append(
            (
                name,
                f"{copied.rows:,}" if copied else "-",
                *(f"{applied.get(kind, 0):,}" for kind in KINDS),
                f"{table.source.rows:,}",
                f"{table.destination.rows:,}",
                _content(table),
            )
        )
    lines = align(rows)
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _stages(state: TaskState) -> list[str]:
    named = []
    for name in STAGES:
        stage = state.stages.get(name)
        if stage is not None and stage.started_at is not None and stage.finished_at is not None:
            named.append((name, format_seconds(stage.finished_at - stage.started_at)))
    return align([("stage", "time"), *named])


def _remarks(outcome: Outcome) -> list[str]:
    workload = outcome.workload
    statements = ", ".join(f"{workload.statements.get(kind, 0):,} {kind}s" for kind in KINDS)
    return align_left(
        [
            ("workload", f"{workload.transactions:,} transactions in {span(workload.seconds)}: {statements}"),
            ("latency", _latency(outcome.latencies)),
            ("sequences", _sequences(outcome.comparison.sequences)),
            *_searches(outcome.comparison.neighbours),
        ]
    )


def _searches(found: NeighbourComparison) -> list[tuple[str, str]]:
    recall = f"{found.source_recall:.3f} at the source, {found.destination_recall:.3f} at the destination"
    return [
        ("neighbours", f"{found.equal} of {found.vectors} vectors have the same exact ten nearest"),
        ("recall@10", f"{recall}, through the HNSW index"),
    ]


def _content(table: TableComparison) -> str:
    return "equal" if table.equal else "DIFFERENT"


def _sequences(compared: SequenceComparison) -> str:
    if compared.different:
        return f"DIFFERENT: {', '.join(compared.different)}"
    return f"{compared.count} have the same last value"


def align_left(rows: Sequence[tuple[str, str]]) -> list[str]:
    """A name and a sentence a line."""
    return format_fields(rows).split("\n")


def _latency(seconds: Sequence[float]) -> str:
    if not seconds:
        return "not measured: the workload ended before the first heartbeat"
    middle, longest = format_seconds(statistics.median(seconds)), format_seconds(max(seconds))
    return f"p50 {middle}, longest {longest}, of {len(seconds)} heartbeats under the workload"


def _verdict(outcome: Outcome) -> str:
    after = f", after {span(outcome.seconds)}" if outcome.comparison.equal else ""
    return f"{_findings(outcome.comparison)}{after}."


def _findings(compared: Comparison) -> str:
    if compared.equal:
        return "No difference"
    different = [f"kb.{table.table}" for table in compared.tables if not table.equal]
    different += [f"sequence kb.{name}" for name in compared.sequences.different]
    return f"DIFFERENCES FOUND: {', '.join(different) or 'nearest neighbours'}"
