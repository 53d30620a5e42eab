"""Tasks for the screens: journals written by the real Journal at times of the test's own, and views of them."""

import uuid
from collections.abc import Callable, Sequence

from syncwizard.client import tasks
from syncwizard.client.explain import Liveness
from syncwizard.client.looking import Seen, known_retention
from syncwizard.client.tasks import StoredTask
from syncwizard.engine.journal import FILE_NAME, Journal, read_entries
from syncwizard.task.events import (
    ChangesApplied,
    EngineStarted,
    Event,
    PrecheckFinished,
    PrecheckItemFinished,
    SlotCreated,
    StageFinished,
    StageName,
    StageStarted,
    StatementFinished,
    SyncPointPassed,
    SyncPointSet,
    TableCopied,
    TablePlanned,
)
from syncwizard.task.figures.history import Figures, History, Observation, add, single
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.task.parts import SlotLife
from syncwizard.task.reducer import replay
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec
from syncwizard.task.stages import STAGES
from syncwizard.tui.monitor.link import View

# 2026-03-14 15:09:26 UTC.
NOW = 1_773_500_966.0
PID = 4711

Moments = Sequence[tuple[float, Event]]

SUMMARIES: dict[StageName, str] = {
    "precheck": "32 items passed, 2 with a warning",
    "capture": "4 tables published, slot at 0/679EF80",
    "schema": "9 definitions created",
    "full": "62,579 rows, 35.2 MiB of 4 tables",
    "keys": "3 keys created, 4 tables analyzed",
    "catch-up": "consistent since 0/6829AC8",
    "constraints": "4 definitions created, 2 sequences set",
    "indexes": "4 indexes built",
}
TABLES = {
    "documents": (561, 300_000),
    "passages": (20_005, 33_000_000),
    "tags": (40_010, 1_800_000),
    "query_log": (2_003, 150_000),
}


def store_task(name: str = "kb-to-frankfurt", number: int = 1, **fields: object) -> StoredTask:
    """A task in the state directory of the test, with an id that is the same in every run."""
    given: dict[str, object] = {
        "id": uuid.UUID(int=number, version=4),
        "name": name,
        "source": Endpoint(host="db1.example.com", database="kb", user="sync"),
        "destination": Endpoint(host="db2.example.com", database="kb", user="sync"),
        "objects": [SchemaObjects(schema="kb")],
    }
    return tasks.store(TaskSpec(**{**given, **fields}))  # type: ignore[arg-type]


def write_journal(task: StoredTask, moments: Moments) -> None:
    """Appends the events, each at its time."""
    at = NOW
    journal = Journal(task.folder / FILE_NAME, task.id, task.spec.name, clock=lambda: at)
    for at, event in moments:  # noqa: B007
        journal.append(event)
    journal.close()


def through(last: StageName, *, began: float = NOW - 3600.0, done: bool = False) -> list[tuple[float, Event]]:
    """What a task's journal has once stage `last` runs, or is done; a stage takes two seconds."""
    moments: list[tuple[float, Event]] = [(began, EngineStarted(pid=PID, version="0.1"))]
    at = began
    for stage in STAGES[: STAGES.index(last) + 1]:
        moments += [(at, StageStarted(stage=stage)), *((at, event) for event in _facts(stage))]
        at += 2.0
        if stage != last or done:
            moments += [(at, event) for event in _results(stage)]
            moments.append((at, StageFinished(stage=stage, summary=SUMMARIES.get(stage, ""))))
    return moments


def _facts(stage: StageName) -> list[Event]:
    match stage:
        case "precheck":
            return [
                PrecheckItemFinished(item="wal-level", title="WAL level", verdict="passed"),
                PrecheckItemFinished(
                    item="replica-identity",
                    title="Replica identity",
                    verdict="warning",
                    message="kb.query_log has no key",
                    ignorable=True,
                    ignored=True,
                ),
            ]
        case "capture":
            return [SlotCreated(name="dts_sync_1", lsn="0/679EF80", system_identifier="1", timeline=1)]
        case "full":
            return [
                TablePlanned(
                    table=TableName(schema="kb", name=name),
                    pair_lsn="0/679EF80",
                    chunks=4,
                    estimated_rows=rows,
                    estimated_bytes=size,
                    binary=True,
                )
                for name, (rows, size) in TABLES.items()
            ]
    return []


def _results(stage: StageName) -> list[Event]:
    match stage:
        case "precheck":
            return [PrecheckFinished(passed=True)]
        case "full":
            return [
                TableCopied(table=TableName(schema="kb", name=name), rows=rows, bytes=size, seconds=1.5)
                for name, (rows, size) in TABLES.items()
            ]
        case "keys":
            return [SyncPointSet(lsn="0/6829AC8")]
        case "catch-up":
            return [SyncPointPassed(lsn="0/6829AC8")]
        case "indexes":
            return [StatementFinished(kind="index", name="passages_embedding on kb.passages", seconds=7.0)]
    return []


CHANGES = {
    "kb.documents": {"insert": 55},
    "kb.passages": {"insert": 691, "update": 954, "delete": 171},
    "kb.tags": {"insert": 1_520, "update": 54, "delete": 342},
    "kb.query_log": {"insert": 311},
}


def synchronizing(**fields: object) -> Sample:
    """The figures of a task in step, as of NOW."""
    given: dict[str, object] = {
        "latency_seconds": 0.003,
        "latency_at": NOW - 0.5,
        "received_lsn": "0/71A2B40",
        "applied_lsn": "0/71A2B40",
        "acknowledged_lsn": "0/71A2000",
        "source_lsn": "0/71A2C00",
        "source_at": NOW - 0.5,
        "slot_at": NOW - 1.0,
        "slot_retained_bytes": 3_200_000,
        "slot_wal_status": "reserved",
        "slot_safe_bytes": 40_000_000_000,
        "slot_life": SlotLife(
            failover=True,
            synced=False,
            conflicting=False,
            idle_timeout_seconds=7200,
            reader="process 6001 (syncwizard 0a1b2c3d4e5f stream) of sync",
        ),
        "wal_bytes_per_second": 250_000.0,
        "transactions": 1_878,
        "changes": CHANGES,
        "rows_per_second": 214.0,
        "bytes_per_second": 165_000.0,
    }
    return Sample(**{**given, **fields})  # type: ignore[arg-type]


def copying() -> Sample:
    """The figures of a task in the middle of its copy."""
    return Sample(
        copied_rows={"kb.documents": 561, "kb.passages": 9_100},
        copied_bytes={"kb.documents": 300_000, "kb.passages": 15_000_000},
        copied_rows_per_second=4_200.0,
        copied_bytes_per_second=6_900_000.0,
        mean_copied_rows_per_second=4_000.0,
        mean_copied_bytes_per_second=6_500_000.0,
    )


def totals() -> ChangesApplied:
    """The journal's totals of the same task."""
    return ChangesApplied(tables=CHANGES, transactions=1_878, applied_lsn="0/71A2B40")


def seen(task: StoredTask, moments: Moments, sample: Sample | None = None, *, alive: bool = True) -> Seen:
    """What a look at the task sees, without its journal on disk."""
    view = view_of(task, moments, sample, alive=alive)
    return view.seen


def view_of(
    task: StoredTask,
    moments: Moments,
    sample: Sample | None = None,
    *,
    alive: bool = True,
    figures_at: float = NOW,
    history: History | None = None,
) -> View:
    """What the monitor is told: a journal with these events, and figures where an engine lives."""
    write_journal(task, moments)
    entries = read_entries(task.folder / FILE_NAME)
    (task.folder / FILE_NAME).unlink()
    state = replay(entries, task.id, task.spec.name)
    liveness = Liveness(alive=alive, pid=PID if alive else None)
    known = sample or Sample()
    look = Seen(task=task, state=state, sample=known, liveness=liveness, retention=known_retention(state, known, NOW))
    return View(
        seen=look,
        entries=tuple(entries),
        figures_at=figures_at if sample else None,
        connected=alive,
        history=history or History(),
    )


def remembered(seconds: int, *gaps: tuple[int, int]) -> History:
    """The past of a task's figures over so many seconds up to NOW, without those between each pair of seconds ago.

    A latency of some milliseconds with one spike after eleven twelfths of the time, a rate that grows.
    """
    history = History()
    for ago in range(seconds, 0, -5):
        if any(first >= ago > last for first, last in gaps):
            continue
        latency = 0.002 + 0.001 * (ago // 5 % 7) + (0.4 if ago // 5 == seconds // 60 else 0.0)
        figures = Figures(
            latency_seconds=single(latency),
            rows_per_second=single(200.0 + 300.0 * (1 - ago / seconds)),
            bytes_per_second=single(165_000.0),
            backlog_bytes=single(2_000_000.0),
        )
        history = add(history, Observation(at=NOW - ago, figures=figures))
    return history


class Replay:
    """Follows a task by telling one view."""

    def __init__(self, view: View) -> None:
        self.view = view
        self.post: Callable[[View], object] = lambda view: None
        self.stopped = False

    def __call__(self, task: StoredTask, post: Callable[[View], object], clock: Callable[[], float]) -> "Replay":
        """As a Follow."""
        self.post = post
        return self

    def start(self) -> None:
        """Tells it."""
        self.post(self.view)

    def stop(self) -> None:
        """Keeps that it was told to stop."""
        self.stopped = True
