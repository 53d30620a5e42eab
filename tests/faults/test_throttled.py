"""A task that is held to limits loses and doubles nothing by kills: in the copy and in the stream, while it waits."""

from pathlib import Path

import pytest

from syncwizard.task.limiting import CopyLimits, Limits, Throttle
from syncwizard.task.specification import Advanced
from tests.faults import processes
from tests.faults.running import TABLES, change, running
from tests.support.commands import report, syncwizard
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

SLOW = Throttle(
    full=CopyLimits(rows_per_second=1200, megabytes_per_second=2),
    incremental=Limits(rows_per_second=300, megabytes_per_second=1),
)
MORE = f"{TABLES} INSERT INTO one SELECT i, 0, repeat('y', 300) FROM generate_series(301, 6000) i;"


def test_a_throttled_task_is_killed_in_the_copy_and_in_the_stream(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, MORE, advanced=Advanced(throttle=SLOW)) as task:
        syncwizard("start", task.file)
        change(pair)

        def copier() -> int | None:
            engine = task.engine
            copied = sum((report("status", task.name)["sample"].get("copied_rows") or {}).values())
            children = processes.children_of(engine, "copy") if engine else []
            return children[0] if copied and children else None

        def struck() -> bool:
            # It may have come to its own end since it was seen.
            child = copier()
            return child is not None and processes.kill(child)

        until(struck, 60, "a copy that waits for its limit")
        change(pair)
        until(copier, 60, "another copy worker")
        task.kill_engine()
        change(pair)
        task.resume()
        syncwizard("wait", task.name, "--until", "full", "--timeout", "120")
        for _ in range(3):
            change(pair)
            # More than its limit allows for seconds.
            pair.source.execute("UPDATE one SET n = n + 1")
            assert processes.kill(task.follow())
        task.kill_engine()
        change(pair)
        task.resume()
        task.follow()
        syncwizard("throttle", task.name, "--off")
        task.converged()
        task.release()
