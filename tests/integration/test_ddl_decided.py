"""What a person decides about a change of a definition that waits is done once, at its place, and kept (rule 23)."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from syncwizard.client import tasks
from syncwizard.client.deciding import waiting
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.structure.edited import edited_statements
from syncwizard.task.ddl import DefinitionBlocked, DefinitionDecided
from syncwizard.task.events import DefinitionFollowed
from syncwizard.task.specification import Advanced, Retry
from tests.integration.test_ddl import follow
from tests.support.commands import report, syncwizard, write_task_file
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MADE = "CREATE TABLE t (id int PRIMARY KEY, v text)"


def stopped(path: RowPath, pair: DatabasePair, statements: str) -> DefinitionBlocked:
    """Follows until the statements stop the task; what it stopped with."""
    with pytest.raises(DefinitionBlocked) as caught, path.following():
        path.caught_up(120)
        pair.source.execute(statements.encode())
        until(lambda: path.error is not None, 120, "the task to stop")
    path.error = None
    return caught.value


def decide(path: RowPath, blocked: DefinitionBlocked, **fields: Any) -> None:
    change = blocked.definition
    assert change is not None
    path.task.record(
        DefinitionDecided(
            ordinal=change.ordinal, lsn=change.lsn, tag=change.tag, table=change.table, by="dba@host", **fields
        )
    )


def test_other_statements_run_once_in_the_transaction_of_the_rows(pair: DatabasePair, tmp_path: Path) -> None:
    made = "CREATE TABLE t (id int PRIMARY KEY, v text NOT NULL)"
    path = follow(pair, tmp_path, made, "INSERT INTO t VALUES (1, 'a')")
    pair.destination.execute("CREATE TABLE ran (at text)")
    blocked = stopped(
        path,
        pair,
        "BEGIN; INSERT INTO t VALUES (2, 'bb'); ALTER TABLE t ALTER v TYPE int USING length(v), ADD COLUMN n int;"
        " INSERT INTO t VALUES (3, 5, 7); COMMIT",
    )
    assert blocked.definition is not None
    [statement] = blocked.definition.statements
    assert statement == 'ALTER TABLE "public"."t" ALTER COLUMN "v" TYPE integer USING "v"::integer'
    assert any("rows that follow have n" in each for each in blocked.definition.consequences)
    assert any("may keep other values" in each for each in blocked.definition.consequences)
    statements = edited_statements(
        "INSERT INTO ran VALUES ('now'); ALTER TABLE t ALTER v TYPE int USING length(v), ADD COLUMN n int"
    )
    # Names have to be qualified: the session has no search_path. Refused, nothing of it stays.
    decide(path, blocked, action="run", statements=tuple(statements))
    again = stopped(path, pair, "SELECT")
    assert again.sqlstate == "42P01" and again.definition is not None
    assert again.definition.ordinal == blocked.definition.ordinal
    qualified = tuple(each.replace("ran", "public.ran").replace("TABLE t", "TABLE public.t") for each in statements)
    decide(path, blocked, action="run", statements=qualified)
    for _ in range(2):
        with path.following():
            path.pool.kill_all()
            pair.source.execute("INSERT INTO t SELECT max(id) + 1, 4, 1 FROM t")
            path.caught_up(120)
    assert pair.destination.execute("SELECT count(*) FROM ran").fetchone() == (1,)
    pair.destination.execute("DROP TABLE ran")
    assert_equal(pair)
    [done] = [event for event in path.task.events if isinstance(event, DefinitionFollowed)]
    assert (done.decided, done.by, done.statements) == ("run", "dba@host", list(qualified))
    assert path.context().state().decided == ()


def test_what_is_skipped_stays_as_it_is_and_later_changes_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + "; CREATE TABLE u (id int PRIMARY KEY)", "INSERT INTO t VALUES (1, 'a')")
    pair.destination.execute("INSERT INTO t VALUES (9, NULL)")
    blocked = stopped(path, pair, "BEGIN; ALTER TABLE t ALTER COLUMN v SET NOT NULL; INSERT INTO u VALUES (1); COMMIT")
    assert blocked.definition is not None and blocked.definition.consequences
    decide(path, blocked, action="skip")
    with path.following():
        pair.source.execute("ALTER TABLE t ADD COLUMN n int; INSERT INTO t VALUES (2, 'b', 3)")
        path.caught_up(120)
    assert pair.destination.execute("SELECT id, n FROM t ORDER BY id").fetchall() == [(1, None), (2, 3), (9, None)]
    assert pair.destination.execute("SELECT id FROM u").fetchall() == [(1,)]
    followed = [event for event in path.task.events if isinstance(event, DefinitionFollowed)]
    assert [(event.decided, event.statements == []) for event in followed] == [("skip", True), ("", False)]


@pytest.mark.parametrize("text", ["COMMIT", "SELECT 1; ROLLBACK", "SET search_path = public", "-- nothing\n", "BEGIN"])
def test_what_would_leave_the_transaction_of_the_rows_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        edited_statements(text)


def blocked_of(task: StoredTask) -> int:
    change = waiting(task.read_state())
    return 0 if change is None else change.ordinal


def test_the_command_decides_and_says_who_did(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(MADE + "; INSERT INTO t VALUES (1, 'a')")
    advanced = Advanced(ddl="follow", retry=Retry(other_minutes=1))
    spec = pair.spec(advanced=advanced, name="decided")
    file = write_task_file(spec, tmp_path)
    syncwizard("start", file, "--until", "caught-up")
    task = tasks.find_task(str(spec.id))
    try:
        syncwizard("ddl", str(spec.id), "--skip", "--yes", expect=2)
        pair.destination.execute("INSERT INTO t VALUES (9, NULL)")
        pair.source.execute("ALTER TABLE t ALTER COLUMN v SET NOT NULL")
        until(lambda: blocked_of(task) != 0, 60, "the change to wait")
        shown = syncwizard("ddl", str(spec.id), "--dry-run").stdout
        assert shown.endswith('ALTER TABLE "public"."t" ALTER COLUMN "v" SET NOT NULL;\n')
        assert "-- ALTER TABLE t ALTER COLUMN v SET NOT NULL" in shown
        assert "--skip" in syncwizard("ddl", str(spec.id)).stdout
        assert "--yes" in syncwizard("ddl", str(spec.id), "--skip", expect=2).stderr
        assert "contains null values" in syncwizard("ddl", str(spec.id), "--retry", expect=1).stderr
        # Once what was in the way is gone it goes on by itself.
        pair.destination.execute("DELETE FROM t WHERE id = 9")
        until(lambda: blocked_of(task) == 0, 60, "the change to be followed")
        assert_equal(pair)
        # Other statements, from a script.
        pair.source.execute("ALTER TABLE t ALTER COLUMN v TYPE int USING length(v)")
        until(lambda: blocked_of(task) != 0, 60, "the change to wait")
        run = subprocess.run(
            [sys.executable, "-m", "syncwizard", "ddl", str(spec.id), "--run", "-", "--yes"],
            input="ALTER TABLE public.t ALTER COLUMN v TYPE int USING length(v);",
            text=True,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        pair.source.execute("INSERT INTO t VALUES (2, 5)")
        syncwizard("wait", str(spec.id), "--until", "caught-up")
        assert_equal(pair)
        events = syncwizard("events", str(spec.id)).stdout
        assert "is tried again, decided by" in events and "1 statement in place of ALTER TABLE" in events
        # What concerns no task, or nothing that is followed, is counted.
        pair.source.execute("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.e (id int); DROP TABLE elsewhere.e")
        syncwizard("wait", str(spec.id), "--until", "caught-up")
        syncwizard("pause", str(spec.id))
        syncwizard("resume", str(spec.id))
        until(lambda: report("ddl", str(spec.id))["passed_over"], 60, "what was passed over to be counted")
        assert "concerned no task" in syncwizard("status", str(spec.id)).stdout
        data = report("ddl", str(spec.id))
        assert data["followed"][-1]["change"]["decided"] == "run" and data["followed"][-1]["change"]["by"]
    finally:
        syncwizard("pause", str(spec.id), expect=None)
        syncwizard("release", str(spec.id), "--yes", expect=None)
