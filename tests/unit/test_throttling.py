"""Buckets that several workers share: what one takes all pay for, and a wait ends when the limits change."""

import threading
from pathlib import Path

import pytest

from syncwizard.task.limiting import CopyLimits, InForce, Quiet, Throttle, describe_throttle, in_force
from syncwizard.throttling import BURST_SECONDS, Buckets, Pace
from tests.support.waiting import until


def test_what_one_worker_takes_the_others_pay_for(tmp_path: Path) -> None:
    engine, one, two = (Buckets(tmp_path) for _ in range(3))
    engine.set(InForce(full_rows=100.0))
    assert one.take("full", 50, 0, 1000.0) == pytest.approx(1000.5 - BURST_SECONDS)
    assert two.take("full", 50, 0, 1000.0) == pytest.approx(1001.0 - BURST_SECONDS)
    assert one.take("full", 10, 0, 1000.0) == pytest.approx(1001.1 - BURST_SECONDS)
    assert two.take("incremental", 50, 10**9, 1000.0) == 0.0


def test_the_tighter_of_rows_and_bytes_decides(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path)
    buckets.set(InForce(incremental_rows=1000.0, incremental_bytes=1e6))
    assert buckets.take("incremental", 10, 2_000_000, 50.0) == pytest.approx(52.0 - BURST_SECONDS)


def test_ten_seconds_of_two_workers_hold_as_much_as_the_limit_says(tmp_path: Path) -> None:
    """By a clock of the test's own: each worker goes on when what it took is paid for."""
    workers = [Buckets(tmp_path), Buckets(tmp_path)]
    workers[0].set(InForce(full_rows=2000.0))
    free_at, rows = [100.0, 100.0], 0
    while (now := min(free_at)) < 110.0:
        at = free_at.index(now)
        free_at[at] = max(now, workers[at].take("full", 200, 0, now))
        rows += 200
    assert 2000 * 10 * 0.9 <= rows <= 2000 * 10 * 1.1


def test_ten_seconds_of_two_workers_begin_as_many_queries_as_the_limit_says(tmp_path: Path) -> None:
    workers = [Buckets(tmp_path), Buckets(tmp_path)]
    workers[0].set(InForce(full_queries=5.0))
    free_at, queries = [100.0, 100.0], 0
    while (now := min(free_at)) < 110.0:
        at = free_at.index(now)
        # It takes no time, but for the wait before it.
        free_at[at] = workers[at].take_query(now)
        queries += 1
    assert 5 * 10 * 0.9 <= queries <= 5 * 10 * 1.1
    workers[1].set(InForce())
    assert workers[0].query_rate == 0.0


@pytest.mark.parametrize("ends", ["lifted", "over"])
def test_a_wait_ends_when_the_limit_is_lifted_or_the_work_is_over(tmp_path: Path, ends: str) -> None:
    engine, over = Buckets(tmp_path), threading.Event()
    engine.set(InForce(full_rows=1.0))
    pace = Pace(Buckets(tmp_path), "full", over.is_set)
    worker = threading.Thread(target=pace.done, args=(10_000, 0), daemon=True)
    worker.start()
    until(lambda: engine.take("full", 0, 0, 0.0) > 1000, what="the worker to take its rows")
    assert worker.is_alive()
    engine.set(InForce()) if ends == "lifted" else over.set()
    worker.join(30)
    assert not worker.is_alive()


def test_without_limits_nothing_is_taken_and_blocks_are_as_large_as_ever(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path)
    buckets.set(InForce())
    pace = Pace(buckets, "full")
    assert pace.step(10**9, 10**12, 4096) == 4096
    buckets.set(InForce(full_rows=1.0))
    assert buckets.take("full", 0, 0, 5.0) == 5.0 - BURST_SECONDS


def test_a_worker_takes_a_tenth_of_a_second_at_once_and_a_row_at_least(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path)
    buckets.set(InForce(full_rows=2000.0))
    pace = Pace(buckets, "full")
    assert pace.step(0, 0, 10**6) == 4096
    assert pace.step(2, 200, 10**6) == 200 * 100
    buckets.set(InForce(full_rows=1.0))
    assert pace.step(2, 200, 10**6) == 100


def test_limits_are_left_by_a_class_and_quiet_hours() -> None:
    quiet = Quiet(between="22:00-06:00", full=CopyLimits(rows_per_second=9000))
    throttle = Throttle(full=CopyLimits(rows_per_second=3000, megabytes_per_second=5), quiet=quiet)
    assert describe_throttle(throttle, "small") == (
        "class small: copy 2,000 rows/s and 5.0 MB/s, changes 2,000 rows/s; between 22:00-06:00 copy 2,000 rows/s, "
        "changes 2,000 rows/s"
    )
    assert in_force(throttle, "unlimited", 60).full_rows == 9000
