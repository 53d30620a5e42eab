"""Samples are merged, and totals survive restarts of stages and engines."""

from syncwizard.engine.metrics import Metrics
from syncwizard.task.events import ChangesApplied
from syncwizard.task.figures.sample import Sample
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


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_rate_of_a_copy_is_that_of_the_last_seconds_and_its_mean_that_of_all() -> None:
    clock = Clock()
    metrics = Metrics(TaskState(), clock)
    for second in range(41):
        clock.now = 1000.0 + second
        # 100 rows a second for 20 s, then 10: two tables, of which a sample may name one.
        rows = 100 * min(second, 20) + 10 * max(0, second - 20)
        metrics.take(Sample(copied_rows={"a": rows // 2}, copied_bytes={"a": rows * 50}))
        metrics.take(Sample(copied_rows={"b": rows - rows // 2}, copied_bytes={"b": rows * 50}))
    merged = metrics.merged()
    assert merged.copied_rows_per_second == 10.0
    assert merged.copied_bytes_per_second == 1000.0
    assert merged.mean_copied_rows_per_second == 55.0


def test_rates_of_changes_fall_to_zero_when_nothing_comes_and_survive_a_restart_of_the_child() -> None:
    clock = Clock()
    metrics = Metrics(TaskState(changes={"a.b": {"insert": 7000}}, transactions=9), clock)
    metrics.take(Sample(changes={"a.b": {"insert": 0}}, transactions=0, applied_bytes=0))
    assert metrics.merged().rows_per_second is None
    clock.now += 5
    metrics.take(Sample(changes={"a.b": {"insert": 50}}, transactions=5, applied_bytes=5000))
    assert (metrics.merged().rows_per_second, metrics.merged().bytes_per_second) == (10.0, 1000.0)
    metrics.begin_run()
    metrics.take(Sample(changes={"a.b": {"insert": 0}}, transactions=0, applied_bytes=0))
    assert metrics.merged().rows_per_second == 10.0
    clock.now += 60
    assert (metrics.merged().rows_per_second, metrics.merged().bytes_per_second) == (0.0, 0.0)


def test_many_samples_a_second_need_no_memory_and_keep_the_rate() -> None:
    clock = Clock()
    metrics = Metrics(TaskState(), clock)
    for tenth in range(3000):
        clock.now = 1000.0 + tenth / 10
        metrics.take(Sample(changes={"a.b": {"insert": tenth}}, transactions=tenth))
    assert len(metrics._applied_rows._points) < 50
    rate = metrics.merged().rows_per_second
    assert rate is not None
    assert 9.0 < rate < 11.0


def test_the_longest_latency_of_a_sample_is_none_of_the_figures_of_now() -> None:
    metrics = Metrics(TaskState())
    metrics.take(Sample(latency_seconds=0.1, latency_at=9.0, longest_latency_seconds=60.0))
    assert metrics.merged() == Sample(latency_seconds=0.1, latency_at=9.0, changes={}, transactions=0)


def test_what_a_history_keeps_is_what_all_figures_say() -> None:
    clock = Clock()
    metrics = Metrics(TaskState(), clock)
    metrics.take(Sample(changes={"a.b": {"insert": 0}}, applied_bytes=0, copied_rows={"a": 0}, applied_lsn="0/100"))
    clock.now += 5
    metrics.take(Sample(changes={"a.b": {"insert": 50}}, applied_bytes=5000, copied_rows={"a": 5}, source_lsn="0/200"))
    metrics.take(Sample(latency_seconds=0.5, latency_at=9.0))
    measured, merged = metrics.measured(), metrics.merged()
    assert (measured.rows_per_second, measured.copied_rows_per_second, measured.backlog_bytes) == (10.0, 1.0, 256)
    for name in ("bytes_per_second", "copied_bytes_per_second", "latency_seconds", "latency_at", "rows_per_second"):
        assert getattr(measured, name) == getattr(merged, name)
    assert measured.changes is None


def test_the_figures_of_the_slot_are_replaced_together() -> None:
    metrics = Metrics(TaskState())
    metrics.take(Sample(slot_at=1.0, slot_retained_bytes=5, slot_wal_status="reserved", slot_safe_bytes=9))
    assert metrics.merged().slot_safe_bytes == 9
    metrics.take(Sample(slot_at=2.0, slot_retained_bytes=6, slot_wal_status="reserved"))
    assert (metrics.merged().slot_retained_bytes, metrics.merged().slot_safe_bytes) == (6, None)
    assert metrics.slot_age(12.0) == 10.0


def test_the_backlog_is_what_the_source_has_written_and_the_destination_has_not() -> None:
    metrics = Metrics(TaskState())
    metrics.take(Sample(applied_lsn="0/100"))
    assert metrics.merged().backlog_bytes is None
    metrics.take(Sample(source_lsn="1/100"))
    assert metrics.merged().backlog_bytes == 2**32
