"""Kills while a change goes to quarantine: it is there once, nothing else is left out, a comparison names its row."""

import json
import random
import time
from pathlib import Path

import pytest

from syncwizard.client.refused import waiting
from tests.faults import processes
from tests.faults.running import RunningTask, changing, running
from tests.support.commands import report, spawn, syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

ROUNDS = 2
# Odd ones below all others: the workload changes even ones, and counts on from the greatest.
EDITED, FIRST = -11, -13
# The rows that the destination refuses, between others of their transaction; those come and go with the workload.
REFUSED = """
BEGIN;
INSERT INTO three VALUES ('before');
INSERT INTO one VALUES ({id}, -1, 'refused');
INSERT INTO three VALUES ('behind');
COMMIT
"""


def in_quarantine(task: RunningTask) -> list[tuple[int, str]]:
    """The keys of what was decided about, with who did."""
    return task.pair.destination.execute(
        "SELECT (row_keys -> 0 ->> 'id')::int, decided_by FROM syncwizard.quarantine"
        " WHERE follows IS NULL ORDER BY number"
    ).fetchall()


def kill_during(task: RunningTask, drawn: random.Random, *, engine: bool) -> None:
    """Kills the engine, or its child, while the change that waits goes to quarantine."""
    deciding = spawn("change", task.name, "--quarantine", "--yes")
    time.sleep(drawn.uniform(0.5, 4.0))
    pid = task.engine
    if engine:
        task.kill_engine()
    elif pid is not None:
        for child in processes.children_of(pid, "apply"):
            processes.kill(child)
    deciding.communicate(timeout=120)


def carried_out(task: RunningTask, number: int) -> bool:
    """Whether so many changes are in quarantine, and an engine is at work; a decision that a kill prevented is taken
    again."""
    if task.engine is None:
        task.resume()
        return False
    if len(in_quarantine(task)) == number:
        return True
    if waiting(task.state) is not None:
        syncwizard("change", task.name, "--quarantine", "--yes", expect=None)
    return False


def test_kills_while_changes_go_to_quarantine(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    drawn = random.Random(14)
    with running(pair, tmp_path, other_minutes=9) as task:
        task.start()
        assert "no change of a row waits" in syncwizard("change", task.name, "--retry", expect=2).stderr
        pair.destination.execute("ALTER TABLE one ADD CONSTRAINT positive CHECK (n >= 0)")
        edit_one(task, tmp_path)
        keys = [FIRST - 2 * attempt for attempt in range(ROUNDS)]
        with changing(pair):
            for at, key in enumerate(keys):
                with pair.source_cluster.connect(pair.database) as beside:
                    beside.execute(REFUSED.format(id=key).encode())
                until(lambda: waiting(task.state), 60, "the change to be refused")
                kill_during(task, drawn, engine=at % 2 == 0)
                until(lambda: carried_out(task, at + 2), 120, "the change to be in quarantine")  # noqa: B023
            task.follow()
        task.caught_up()
        assert [key for key, by in in_quarantine(task) if by] == [EDITED, *keys]
        known = [each.change.keys for each in task.state.quarantine]
        assert known == [[{"id": str(key)}] for key in (EDITED, *keys)]
        named(task, keys)
        # A repair that succeeds settles it; it is listed for ever.
        pair.destination.execute("ALTER TABLE one DROP CONSTRAINT positive")
        syncwizard("repair", task.name, "--yes")
        assert_equal(pair)
        data = report("change", task.name)
        assert data["waiting"] is None and {each["settled"] for each in data["quarantine"]} == {"equal"}
        assert f"{ROUNDS + 1} settled" in syncwizard("change", task.name).stdout
        task.release()


def edit_one(task: RunningTask, folder: Path) -> None:
    """The command shows a change, refuses what it cannot do, and applies it with other values."""
    task.pair.source.execute(f"INSERT INTO one VALUES ({EDITED}, -1, 'refused')".encode())
    until(lambda: waiting(task.state), 60, "the change to be refused")
    shown = syncwizard("change", task.name).stdout
    assert "--retry|--edit|--quarantine" in shown and "-1" in shown
    assert "--yes" in syncwizard("change", task.name, "--quarantine", expect=2).stderr
    assert "violates check constraint" in syncwizard("change", task.name, "--retry", expect=1).stderr
    values = folder / "values.json"
    values.write_text(syncwizard("change", task.name, "--dry-run").stdout.replace('"-1"', '"1"'))
    done = syncwizard("change", task.name, "--values", values, "--yes").stderr
    assert "was applied with other values" in done
    task.caught_up()


def named(task: RunningTask, keys: list[int]) -> None:
    """What differs is what was left out or edited, and it is said so wherever it is listed."""
    done = syncwizard("verify", task.name, "--json", expect=5).stdout
    found = json.loads(done)["verification"]["tables"]
    one = found["public.one"]
    kinds = {(row["key"][0], row["kind"]) for row in one["rows"]}
    assert kinds == {(str(EDITED), "changed"), *((str(key), "only-source") for key in keys)}
    assert all(row["quarantined"] for row in one["rows"]) and one["quarantined"] == ROUNDS + 1
    assert {found[name]["verdict"] for name in ("public.two", "public.three")} == {"equal"}
    shown = syncwizard("verify", task.name, "--last", expect=None).stdout
    assert f"{keys[0]}  only at the source · quarantined (record " in shown
    status = syncwizard("status", task.name).stdout
    assert (
        f"{ROUNDS + 1} rows with changes in quarantine" in syncwizard("status", task.name, "--check", expect=1).stdout
    )
    assert "--ignore quarantine" in syncwizard("rehearse", task.name, "--no-reverse", expect=2).stderr
    assert f"{ROUNDS + 1} changes are in syncwizard.quarantine" in status and f"id = {keys[0]}" in status
