"""The clock of the engine's machine is wrong, and jumps: latency stays that of the source's clock, and patience lasts
as long as it was meant to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.running import RunningTask, change, running
from tests.support.clock import ShiftedClock
from tests.support.commands import report
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow
HOUR = 3600


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ShiftedClock]:
    """The clock of every command from here on, and of the engines they start."""
    made = ShiftedClock(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    yield made


def latencies(task: RunningTask, number: int) -> list[float]:
    """So many different measurements from here on."""
    found: dict[float, float] = {}

    def measured() -> bool:
        sample = report("status", task.name)["sample"]
        if sample and sample["latency_at"] is not None:
            found[sample["latency_at"]] = sample["latency_seconds"]
        return len(found) > number

    # The first may be from before.
    until(measured, 60, "latency to be measured")
    return list(found.values())[1:]


def test_latency_is_true_and_nothing_stalls_whatever_our_clock_says(
    pair: DatabasePair, tmp_path: Path, state_home: Path, clock: ShiftedClock
) -> None:
    clock.put(HOUR)
    with running(pair, tmp_path) as task:
        task.start()
        for seconds in (HOUR, 0, -HOUR, HOUR):
            clock.put(seconds)
            change(pair)
            task.converged()
            # An hour would be ours; what the machine's load makes of it is far less.
            assert all(abs(latency) < HOUR / 2 for latency in latencies(task, 2))
        task.release()


def test_patience_is_not_at_its_end_because_our_clock_jumps(
    pair: DatabasePair, tmp_path: Path, state_home: Path, clock: ShiftedClock
) -> None:
    with running(pair, tmp_path, other_minutes=2) as task:
        task.start()
        pair.destination.execute("INSERT INTO two VALUES (-1, 1, 'label 5000')")
        pair.source.execute("INSERT INTO two VALUES (5000, 1, 'label 5000')")
        task.retrying()
        clock.put(HOUR)
        first = tries(pair)
        # The one that is waited for may have been due before the jump.
        until(lambda: tries(pair) >= first + 2, 60, "two more tries")
        assert task.state.state == "retrying"
        pair.destination.execute("DELETE FROM two WHERE id = -1")
        task.converged()
        task.release()


def tries(pair: DatabasePair) -> int:
    """How often changes began to be applied."""
    row = pair.destination.execute("SELECT epoch FROM syncwizard.progress").fetchone()
    assert row is not None
    return int(row[0])
