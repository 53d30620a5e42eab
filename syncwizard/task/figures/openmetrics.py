"""The figures of a task as metrics for monitoring systems: each declared once, with its type, unit and words; pure.

Two forms: OpenMetrics 1.0, and the text format 0.0.4 of Prometheus, which node_exporter's textfile collector reads.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Literal, get_args

import msgspec

from syncwizard.task.event_words import DEAD_LETTERS, HELD_BACK, LEFT_OUT
from syncwizard.task.figures.rates import copy_progress
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import counts_of
from syncwizard.task.quarantine import open_of
from syncwizard.task.state import StateName, TaskState
from syncwizard.task.verification import Verdict

PREFIX = "syncwizard"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"
CHANGES = ("insert", "update", "delete", "truncate", LEFT_OUT, DEAD_LETTERS, HELD_BACK)
WAL_STATUSES = ("reserved", "extended", "unreserved", "lost")

Labels = Mapping[str, str]
Number = int | float | None
Kind = Literal["gauge", "counter", "info"]


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What metrics are read from; `at` in seconds since the epoch. `running`: an engine has the task."""

    state: TaskState
    sample: Sample
    at: float
    version: str
    running: bool = True


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One metric: its name without prefix, type, unit and words; `read` gives its values by their labels.

    A figure that is not known, or that no engine measures now, is left out.
    """

    name: str
    help: str
    read: Callable[[Figures], Iterator[tuple[Labels, Number]]]
    kind: Kind = "gauge"
    unit: str = ""

    @property
    def series(self) -> str:
        """The name that monitoring systems know it by."""
        suffix = {"counter": "_total", "info": "_info", "gauge": ""}[self.kind]
        return f"{PREFIX}_{self.name}{suffix}"


def _one(read: Callable[[Figures], Number]) -> Callable[[Figures], Iterator[tuple[Labels, Number]]]:
    def values(figures: Figures) -> Iterator[tuple[Labels, Number]]:
        yield {}, read(figures)

    return values


def _live(read: Callable[[Sample], Number]) -> Callable[[Figures], Iterator[tuple[Labels, Number]]]:
    """Of figures that mean something while an engine measures them."""
    return _one(lambda figures: read(figures.sample) if figures.running else None)


def _states(figures: Figures) -> Iterator[tuple[Labels, Number]]:
    for name in get_args(StateName):
        yield {"state": name}, int(figures.state.state == name)


def _stages(figures: Figures) -> Iterator[tuple[Labels, Number]]:
    for name, stage in figures.state.stages.items():
        if stage.status == "running":
            yield {"stage": name}, stage.started_at


def _wal_statuses(figures: Figures) -> Iterator[tuple[Labels, Number]]:
    if figures.sample.slot_wal_status:
        for status in WAL_STATUSES:
            yield {"status": status}, int(figures.sample.slot_wal_status == status)


def _changes(figures: Figures) -> Iterator[tuple[Labels, Number]]:
    counts = counts_of(figures.sample, figures.state)
    for kind in CHANGES:
        yield {"kind": kind}, sum(table.get(kind, 0) for table in counts.values())


def _verified(figures: Figures) -> Iterator[tuple[Labels, Number]]:
    if (found := figures.state.verification) is not None:
        for verdict in get_args(Verdict):
            yield {"verdict": verdict}, len(found.of(verdict))


def _differing_rows(figures: Figures) -> Number:
    found = figures.state.verification
    return None if found is None else sum(table.differing for table in found.tables.values())


def _copied(name: str) -> Callable[[Figures], Iterator[tuple[Labels, Number]]]:
    def value(figures: Figures) -> Number:
        progress = copy_progress(figures.state, figures.sample)
        return None if progress is None else getattr(progress, name)

    return _one(value)


def _tries(figures: Figures) -> Number:
    return 0 if figures.state.retrying is None else figures.sample.tries


METRICS = (
    Metric(
        name="build", kind="info", help="The version of the engine.", read=lambda f: iter([({"version": f.version}, 1)])
    ),
    Metric(
        name="written_timestamp_seconds",
        unit="seconds",
        help="When these figures were written, since the epoch; older than 15 s, no engine renews them.",
        read=_one(lambda f: f.at),
    ),
    Metric(
        name="engine_running",
        help="1 while an engine has the task, 0 once it ended in an orderly way.",
        read=_one(lambda f: int(f.running)),
    ),
    Metric(name="state", help="1 for the state that the task is in, 0 for the others.", read=_states),
    Metric(
        name="stage_started_timestamp_seconds",
        unit="seconds",
        help="When each stage that runs now was started, since the epoch.",
        read=_stages,
    ),
    Metric(
        name="latency_seconds",
        unit="seconds",
        help="From a commit at the source to that at the destination, by the heartbeat.",
        read=_live(lambda s: s.latency_seconds),
    ),
    Metric(
        name="heartbeat_timestamp_seconds",
        unit="seconds",
        help="When the latest heartbeat was applied, since the epoch.",
        read=_one(lambda f: f.sample.latency_at),
    ),
    Metric(
        name="backlog_bytes",
        unit="bytes",
        help="WAL between the source's end and what is applied.",
        read=_live(lambda s: s.backlog_bytes),
    ),
    Metric(
        name="wal_held_bytes",
        unit="bytes",
        help="WAL that the task's slot keeps at the source.",
        read=_one(lambda f: f.sample.slot_retained_bytes),
    ),
    Metric(
        name="wal_safe_bytes",
        unit="bytes",
        help="WAL that the source may write before the slot is lost; without max_slot_wal_keep_size there is none.",
        read=_one(lambda f: f.sample.slot_safe_bytes),
    ),
    Metric(
        name="wal_directory_bytes",
        unit="bytes",
        help="Size of the source's pg_wal, where the account may see it.",
        read=_one(lambda f: f.sample.wal_directory_bytes),
    ),
    Metric(
        name="slot_exists",
        help="1 while the source has the task's slot, 0 once it has it no more.",
        read=_one(lambda f: None if f.sample.slot_exists is None else int(f.sample.slot_exists)),
    ),
    Metric(name="slot_wal_status", help="1 for the slot's wal_status at the source.", read=_wal_statuses),
    Metric(
        name="source_wal_bytes_per_second",
        unit="bytes_per_second",
        help="WAL that the source writes.",
        read=_live(lambda s: s.wal_bytes_per_second),
    ),
    Metric(
        name="applied_wal_bytes_per_second",
        unit="bytes_per_second",
        help="How fast the applied position advances over the source's WAL.",
        read=_live(lambda s: s.applied_wal_bytes_per_second),
    ),
    Metric(
        name="transactions",
        kind="counter",
        help="Transactions of the source that were applied.",
        read=_one(lambda f: max(f.sample.transactions or 0, f.state.transactions)),
    ),
    Metric(
        name="changes",
        kind="counter",
        help="Changes of rows that came, by kind: those applied; `left_out` by `operations`, in `dead_letters` after a"
        " script failed, or `held back` of tables that are set aside.",
        read=_changes,
    ),
    Metric(
        name="tables",
        help="Tables of which a copy is planned or done.",
        read=_one(lambda f: len(f.state.tables)),
    ),
    Metric(name="tables_copied", help="Tables that are copied.", read=_copied("tables_copied")),
    Metric(
        name="copied_rows",
        unit="rows",
        help="Rows copied by the full stage; a table that begins again counts anew.",
        read=_copied("rows"),
    ),
    Metric(
        name="copied_bytes",
        unit="bytes",
        help="Bytes copied by the full stage; a table that begins again counts anew.",
        read=_copied("bytes"),
    ),
    Metric(
        name="copy_estimated_rows",
        unit="rows",
        help="Rows of the whole copy, by the source's statistics.",
        read=_copied("estimated_rows"),
    ),
    Metric(
        name="copy_estimated_bytes",
        unit="bytes",
        help="Bytes of the whole copy, by the source's statistics.",
        read=_copied("estimated_bytes"),
    ),
    Metric(
        name="indexes_building",
        help="Index builds that the destination reports now.",
        read=_live(lambda s: None if s.index_builds is None else len(s.index_builds)),
    ),
    Metric(
        name="indexes_waiting",
        help="Indexes that are not begun.",
        read=_live(lambda s: s.indexes_waiting),
    ),
    Metric(
        name="retry_tries",
        help="How often the present trouble was tried in vain, 0 without trouble.",
        read=_one(_tries),
    ),
    Metric(
        name="definitions_missing",
        help="Definitions that are selected or needed and not at the destination.",
        read=_one(lambda f: len(f.state.missing_definitions)),
    ),
    Metric(
        name="tables_aside",
        help="Tables whose changes are not applied until they are copied again.",
        read=_one(lambda f: len(f.state.aside)),
    ),
    Metric(
        name="quarantined_rows",
        unit="rows",
        help="Rows with changes in quarantine that are not settled.",
        read=_one(lambda f: len(open_of(f.state.quarantine))),
    ),
    Metric(name="verification_tables", help="Tables of the latest verification, by verdict.", read=_verified),
    Metric(
        name="verification_differing_rows",
        unit="rows",
        help="Rows that differ by the latest verification, at least so many.",
        read=_one(_differing_rows),
    ),
    Metric(
        name="verification_differing_definitions",
        help="Definitions that differ by the latest verification.",
        read=_one(lambda f: None if f.state.verification is None else len(f.state.verification.differences)),
    ),
    Metric(
        name="verification_finished_timestamp_seconds",
        unit="seconds",
        help="When the latest verification ended, since the epoch.",
        read=_one(lambda f: None if f.state.verification is None else f.state.verification.ended_at),
    ),
)


def render(figures: Figures, task: str, short_id: str, *, openmetrics: bool) -> str:
    """All metrics that are known, with the labels `task` (its name) and `id`.

    >>> figures = Figures(state=TaskState(), sample=Sample(latency_seconds=0.25), at=1.0, version="1")
    >>> lines = render(figures, 'a "b"', "0d0e", openmetrics=True).splitlines()
    >>> print(*[line for line in lines if "latency" in line or "EOF" in line], sep=chr(10))
    # TYPE syncwizard_latency_seconds gauge
    # UNIT syncwizard_latency_seconds seconds
    # HELP syncwizard_latency_seconds From a commit at the source to that at the destination, by the heartbeat.
    syncwizard_latency_seconds{task="a \\"b\\"",id="0d0e"} 0.25
    # EOF
    >>> [line for line in render(figures, "t", "0d0e", openmetrics=False).splitlines() if "transactions" in line][1:]
    ['# HELP syncwizard_transactions_total Transactions of the source that were applied.', \
'syncwizard_transactions_total{task="t",id="0d0e"} 0']
    """
    always = {"task": task, "id": short_id}
    lines: list[str] = []
    for metric in METRICS:
        known = [(labels, value) for labels, value in metric.read(figures) if value is not None]
        if known:
            lines += _head(metric, openmetrics=openmetrics)
            lines += [f"{metric.series}{_labels({**always, **labels})} {value}" for labels, value in known]
    return "\n".join([*lines, "# EOF", ""] if openmetrics else [*lines, ""])


def markdown_table() -> str:
    """The metrics for the manual, a row each."""
    rows = [f"| `{each.series}` | {each.kind} | {each.unit.replace('_', ' ')} | {each.help} |" for each in METRICS]
    return "\n".join(["| metric | type | unit | what it is |", "| --- | --- | --- | --- |", *rows])


def _head(metric: Metric, *, openmetrics: bool) -> list[str]:
    if not openmetrics:
        kind = "gauge" if metric.kind == "info" else metric.kind
        return [f"# TYPE {metric.series} {kind}", f"# HELP {metric.series} {metric.help}"]
    family = f"{PREFIX}_{metric.name}"
    unit = [f"# UNIT {family} {metric.unit}"] if metric.unit else []
    return [f"# TYPE {family} {metric.kind}", *unit, f"# HELP {family} {metric.help}"]


def _labels(labels: Labels) -> str:
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
