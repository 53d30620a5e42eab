"""Samples are merged, and totals survive restarts of stages and engines."""

from syncwizard.engine.metrics import Metrics
from syncwizard.task.events import ChangesApplied, Sample
from syncwizard.task.state import TaskState


def counted(transactions: int, inserts: int, lsn: str = "0/10") -> Sample:
    return Sample(transactions=transactions, changes={"a.b": {"insert": inserts}}, applied_lsn=lsn)


def test_totals_go_on_from_the_journal() -> None:
    metrics = Metrics(TaskState(changes={"a.b": {"insert": 5, "delete": 1}}, transactions=3))
    metrics.take(counted(2, 4))
    merged = metrics.merged()
    assert merged.transactions == 5
    assert merged.changes == {"a.b": {"insert": 9, "delete": 1}}


def test_totals_of_one_run_replace_each_other_and_those_of_runs_add_up() -> None:
    metrics = Metrics(TaskState())
    metrics.take(counted(1, 1))
    metrics.take(counted(2, 3))
    metrics.begin_run()
    metrics.take(counted(1, 1))
    metrics.take(counted(4, 4))
    assert metrics.merged().transactions == 6
    assert metrics.merged().changes == {"a.b": {"insert": 7}}


def test_totals_are_reported_once() -> None:
    metrics = Metrics(TaskState())
    assert metrics.totals() is None
    metrics.take(counted(1, 1, "0/11"))
    assert metrics.totals() == ChangesApplied(tables={"a.b": {"insert": 1}}, transactions=1, applied_lsn="0/11")
    assert metrics.totals() is None
    metrics.begin_run()
    assert metrics.totals() is None
    metrics.take(counted(1, 1, "0/12"))
    assert metrics.totals() is not None


def test_an_engine_that_applied_nothing_reports_nothing() -> None:
    metrics = Metrics(TaskState(changes={"a.b": {"insert": 5}}, transactions=3, applied_lsn="0/9"))
    assert metrics.totals() is None


def test_parts_add_what_they_know() -> None:
    metrics = Metrics(TaskState())
    metrics.take(Sample(copied_rows={"a": 1}, latency_seconds=0.5, latency_at=9.0))
    metrics.take(Sample(copied_rows={"b": 2}, source_lsn="0/99"))
    merged = metrics.merged()
    assert merged.copied_rows == {"a": 1, "b": 2}
    assert (merged.latency_seconds, merged.source_lsn) == (0.5, "0/99")
