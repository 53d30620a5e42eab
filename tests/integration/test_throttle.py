"""A task keeps to its limits, over all of its workers, and to others as soon as they are given."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.task.events import StageFinished, StageStarted
from syncwizard.task.limiting import CopyLimits, Limits, Throttle
from syncwizard.task.specification import Advanced
from syncwizard.throttling import BURST_SECONDS, QUANTUM_SECONDS
from tests.faults.running import RunningTask, running
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ROWS = 12_000
TABLES = f"""
CREATE TABLE one (id int PRIMARY KEY, body text);
CREATE TABLE two (id int PRIMARY KEY, body text);
INSERT INTO one SELECT i, repeat('x', 50) FROM generate_series(1, {ROWS // 2}) i;
INSERT INTO two SELECT i, repeat('y', 50) FROM generate_series(1, {ROWS // 2}) i;
"""


@pytest.fixture
def throttled(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[Callable[..., RunningTask]]:
    """Makes the task with its limits; it ends with the test."""
    tasks = []

    def make(tables: str = TABLES, **limits: Limits) -> RunningTask:
        advanced = Advanced(throttle=msgspec.convert(limits, Throttle, from_attributes=True))
        block = running(pair, tmp_path, tables, advanced=advanced)
        tasks.append(block)
        return block.__enter__()

    yield make
    for block in tasks:
        block.__exit__(None, None, None)


def seconds_of_copy(task: RunningTask) -> float:
    """How long the full stage took, by the journal."""
    at = {}
    for entry in task.task.entries():
        if isinstance(entry.event, StageStarted | StageFinished) and entry.event.stage == "full":
            at[type(entry.event)] = entry.at
    return at[StageFinished] - at[StageStarted]


def test_the_copy_keeps_to_rows_a_second_over_all_workers(throttled: Callable[..., RunningTask]) -> None:
    limit = 1500
    task = throttled(full=Limits(rows_per_second=limit))
    syncwizard("start", task.file)
    until(lambda: report("status", task.name)["sample"].get("throttle"), 60, "the limit in the figures")
    assert "copy 1,500 rows/s" in syncwizard("status", task.name).stdout
    syncwizard("wait", task.name, "--until", "full", "--timeout", "120")
    seconds = seconds_of_copy(task)
    # Of the whole copy, with what may be taken ahead; a busy machine is slower, never faster.
    assert seconds >= ROWS / limit / 1.1 - BURST_SECONDS
    assert seconds <= ROWS / limit * 3
    print(f"copied {ROWS} rows at {ROWS / seconds:.0f} rows/s, the limit is {limit}")
    task.converged()


def test_the_copy_keeps_to_queries_a_second_over_all_workers(throttled: Callable[..., RunningTask]) -> None:
    limit, number = 4, 12
    tables = "".join(f"CREATE TABLE t{at} (id int PRIMARY KEY); INSERT INTO t{at} VALUES (1);" for at in range(number))
    task = throttled(tables, full=CopyLimits(queries_per_second=limit))
    syncwizard("start", task.file, "--until", "full")
    assert "copy 4 queries/s" in syncwizard("throttle", task.name).stdout
    # The first begins at once.
    assert (number - 1) / limit / 1.1 <= seconds_of_copy(task) <= number / limit * 4
    task.converged()


def test_a_limit_of_data_holds_and_is_lifted_while_the_copy_runs(throttled: Callable[..., RunningTask]) -> None:
    wide = """
    CREATE TABLE wide (id int PRIMARY KEY, body text);
    ALTER TABLE wide ALTER body SET STORAGE EXTERNAL;
    INSERT INTO wide SELECT i, repeat('x', 10000) FROM generate_series(1, 5000) i;
    """
    task = throttled(wide, full=Limits(megabytes_per_second=1))
    syncwizard("start", task.file)

    def copied() -> int:
        return sum((report("status", task.name)["sample"].get("copied_bytes") or {}).values())

    begin = until(copied, 60, "the copy to begin")
    began = time.monotonic()
    until(lambda: copied() > begin + 3_000_000, 60, "three megabytes more")
    # The samples come twice a second.
    assert time.monotonic() - began > 3 / 1.1 - 1.0
    assert not task.state.finished("full")
    assert "in force now: none" in syncwizard("throttle", task.name, "--off").stdout
    # 50 MB would take most of a minute.
    syncwizard("wait", task.name, "--until", "full", "--timeout", "30")
    assert "other limits: none" in syncwizard("events", task.name).stdout
    task.converged()


def test_changes_keep_to_rows_a_second_evenly(throttled: Callable[..., RunningTask], pair: DatabasePair) -> None:
    limit, transaction = 400, 10
    task = throttled()
    task.start()
    task.pause()
    syncwizard("throttle", task.name, "--rows", str(limit))
    for begin in range(0, 3000, transaction):
        pair.source.execute(
            "INSERT INTO one SELECT i, 'new' FROM generate_series(%s::int, %s::int) i",
            (100_000 + begin, 100_000 + begin + transaction - 1),
        )
    task.resume()

    def arrived() -> int:
        row = pair.destination.execute("SELECT count(*) FROM one WHERE id >= 100000").fetchone()
        assert row is not None
        return int(row[0])

    points: list[tuple[float, int]] = []
    while not points or points[-1][1] < 3000:
        until(lambda: arrived() > (points[-1][1] if points else 0), 60, "more rows")
        points.append((time.monotonic(), arrived()))
    spare = limit * (BURST_SECONDS + QUANTUM_SECONDS) + 2 * transaction
    for at, (began, before) in enumerate(points):
        for ended, after in points[at + 1 :]:
            assert after - before <= limit * (ended - began) * 1.1 + spare
    seconds = points[-1][0] - points[0][0]
    print(f"applied at {(3000 - points[0][1]) / seconds:.0f} rows/s, the limit is {limit}")
    assert seconds <= 3000 / limit * 4
    assert_equal(pair)


def test_limits_that_contradict_each_other_are_refused(throttled: Callable[..., RunningTask]) -> None:
    task = throttled()
    task.start()
    refused = syncwizard("throttle", task.name, "--class", "micro", "--rows", "5000", expect=2)
    assert "is more than the class micro allows (200)" in refused.stderr
    assert (
        "must be two times such as 22:00-06:00"
        in syncwizard("throttle", task.name, "--between", "25:00-1:00", expect=2).stderr
    )
    assert report("throttle", task.name)["class"] == "unlimited"
    syncwizard("throttle", task.name, "--class", "micro")
    until(lambda: "changes 200 rows/s" in syncwizard("status", task.name).stdout, what="the class in force")
