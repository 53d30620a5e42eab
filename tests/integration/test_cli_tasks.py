"""The commands on real servers, each a process of its own, as a user runs them."""

import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.demo.servers import Cluster
from syncwizard.task import file
from syncwizard.task.specification import Endpoint, Synchronization
from tests.support.commands import report, spawn, syncwizard, write_task_file
from tests.support.pair import DatabasePair
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = pytest.mark.slow

FILE = """\
# The knowledge base, to Frankfurt.
version: 1
name: kb
source: {source}
destination: {destination}
objects:
  - schema: public    # all of it
"""


REFUSING_HEARTBEAT = """
CREATE FUNCTION public.no_beat() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not now'; END $$;
CREATE TRIGGER no_beat BEFORE UPDATE ON public.dts_postgres_heartbeat FOR EACH ROW EXECUTE FUNCTION public.no_beat();
"""


@pytest.fixture(autouse=True)
def no_engine_stays(state_home: Path) -> Iterator[None]:
    yield
    for task in tasks.list_tasks():
        holder = task.find_engine()
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)
            wait_for_end(task)


@pytest.fixture
def path(pair: DatabasePair, tmp_path: Path) -> Iterator[Path]:
    """A task file over a table with a key and 100 rows."""
    pair.source.execute("CREATE TABLE notes (id int PRIMARY KEY, text text)")
    pair.source.execute("INSERT INTO notes SELECT n, 'note ' || n FROM generate_series(1, 100) AS n")
    path = tmp_path / "kb.yaml"
    path.write_text(text_of(pair.source_endpoint, pair.destination_endpoint))
    yield path
    for task in tasks.list_tasks():
        syncwizard("pause", str(task.id), expect=None)
        syncwizard("release", str(task.id), "--yes", expect=None)


def text_of(source: Endpoint, destination: Endpoint) -> str:
    ends = {
        name: json.dumps(msgspec.to_builtins(end)) for name, end in (("source", source), ("destination", destination))
    }
    return FILE.format(**ends).replace('"ca": null, "certificate": null, "key": null, "key_password": null', "")


def count(session: object) -> int:
    return int(session.execute("SELECT count(*) FROM notes").fetchone()[0])  # type: ignore[attr-defined]


def ours_at(pair: DatabasePair) -> list[str]:
    """Everything of ours that is left at either end."""
    source = pair.source.execute(
        "SELECT 'slot ' || slot_name FROM pg_replication_slots WHERE database = current_database()"
        " UNION ALL SELECT 'publication ' || pubname FROM pg_publication"
        " UNION ALL SELECT 'table ' || relname FROM pg_class WHERE relname LIKE 'dts_%'"
        " UNION ALL SELECT 'identity of ' || relname FROM pg_class"
        " WHERE relreplident <> 'd' AND relkind = 'r' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    destination = pair.destination.execute(
        "SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname = 'syncwizard'"
    ).fetchall()
    return [row[0] for row in [*source, *destination]]


def test_the_whole_way(path: Path, pair: DatabasePair) -> None:
    assert report("precheck", path)["passed"]
    assert ours_at(pair) == []
    started = syncwizard("start", path)
    assert "stage precheck finished" in started.stderr
    assert path.read_text().replace(f"id: {report('status')[0]['id']}\n", "") == text_of(
        pair.source_endpoint, pair.destination_endpoint
    )
    waited = report("wait", "kb", "--until", "caught-up")
    assert (waited["reached"], waited["state"]) == ("caught-up", "synchronizing")
    assert count(pair.destination) == 100

    pair.source.execute("DELETE FROM notes WHERE id <= 10")
    syncwizard("wait", "kb", "--until", "caught-up")
    assert count(pair.destination) == 90

    # A rate needs some seconds.
    status = until(
        lambda: {"rows_per_second", "bytes_per_second"} <= (seen := report("status", "kb"))["sample"].keys() and seen
    )
    assert status["state"] == "synchronizing"
    assert status["engine"]["alive"]
    assert status["tables"]["public.notes"]["rows"] == 100
    assert status["sample"]["changes"]["public.notes"]["delete"] == 10
    assert status["copy"]["tables"]["public.notes"]["rows"] == status["copy"]["rows"] == 100
    for figure in ("received_lsn", "applied_lsn", "acknowledged_lsn", "source_lsn", "backlog_bytes"):
        assert figure in status["sample"], figure
    assert 0 <= status["latency_age_seconds"] < 60
    text = syncwizard("status", "kb").stdout
    for part in ("public.notes", "latency", "10 changes", "backlog", "LSN"):
        assert part in text

    assert "paused" in syncwizard("pause", "kb").stdout
    pair.source.execute("INSERT INTO notes VALUES (1000, 'while paused')")
    assert count(pair.destination) == 90
    syncwizard("resume", "kb", "--until", "caught-up")
    assert count(pair.destination) == 91

    # There is no terminal to ask at, and the beginning of an id may be a slip.
    assert "add --yes" in syncwizard("release", "kb", expect=2).stderr
    assert "called: kb" in syncwizard("release", status["id"][:8], "--yes", expect=2).stderr
    with Terminal("release", "kb") as terminal:
        terminal.answer("Type the task's name", "kc")
        assert "nothing was done" in terminal.finish(expect=2)
    assert report("status", "kb")["engine"]["alive"]
    with Terminal("release", "kb") as terminal:
        terminal.answer("Type the task's name", "kb")
        assert "paused" in terminal.finish()
    assert report("release", "kb", "--yes") == {
        "id": status["id"],
        "name": "kb",
        "state": "released",
        "left_over": [],
        "left_over_parts": [],
        "set_aside": [],
    }
    assert ours_at(pair) == []
    assert count(pair.destination) == 91
    assert report("status") == []


def test_events_tell_the_story(path: Path) -> None:
    syncwizard("start", path, "--until", "full")
    syncwizard("wait", "kb", "--until", "caught-up")
    following = spawn("events", "kb", "--follow", "--json")
    syncwizard("pause", "kb")
    printed, talk = following.communicate(timeout=30)
    entries = [json.loads(line) for line in printed.splitlines()]
    names = [entry["event"]["event"] for entry in entries]
    assert [entry["sequence"] for entry in entries] == list(range(1, len(entries) + 1))
    assert names[0] == "EngineStarted"
    assert names[-1] == "EngineStopped"
    assert "TableCopied" in names
    assert "no engine is running" in talk
    assert "public.notes copied: 100 rows" in syncwizard("events", "kb").stdout


def test_a_running_task_is_not_started_or_resumed_again(path: Path) -> None:
    syncwizard("start", path)
    for command in (("start", path), ("resume", "kb")):
        assert "running" in syncwizard(*command, expect=2).stderr
    syncwizard("pause", "kb")
    refused = syncwizard("start", path, expect=2)
    assert "syncwizard resume kb" in refused.stderr


def test_a_dead_engine_is_explained_and_resumed(path: Path, pair: DatabasePair) -> None:
    syncwizard("start", path, "--until", "caught-up")
    pid = report("status", "kb")["engine"]["pid"]
    os.kill(pid, signal.SIGKILL)
    until(lambda: not report("status", "kb")["engine"]["alive"])
    status = report("status", "kb")
    assert status["engine"]["died"]
    assert f"(process {pid}) died" in syncwizard("status", "kb").stdout
    assert "died" in syncwizard("wait", "kb", "--until", "caught-up", expect=1).stderr
    pair.source.execute("UPDATE notes SET text = 'later' WHERE id = 1")
    assert "name one task, or give --all" in syncwizard("resume", expect=2).stderr
    assert syncwizard("resume", "--all").stdout.startswith("kb  ")
    syncwizard("wait", "kb", "--until", "caught-up")
    assert pair.destination.execute("SELECT text FROM notes WHERE id = 1").fetchone() == ("later",)
    # What was paused on purpose stays as it is.
    syncwizard("pause", "kb")
    assert report("resume", "--all") == {"tasks": []}
    assert report("status", "kb")["state"] == "paused"


def test_a_refused_precheck_leaves_nothing_and_can_be_corrected(path: Path, pair: DatabasePair) -> None:
    pair.destination.execute("CREATE TABLE notes (id int PRIMARY KEY, text text)")
    refused = syncwizard("start", path, "--json", expect=3)
    result = json.loads(refused.stdout)
    assert result["state"] == "precheck-failed"
    assert any(item["verdict"] == "failed" and "notes" in item["message"] for item in result["precheck"])
    assert "notes" in refused.stderr
    assert ours_at(pair) == []
    assert not report("status", "kb")["engine"]["alive"]
    assert syncwizard("precheck", path, expect=3).stdout
    pair.destination.execute("DROP TABLE notes")
    assert report("precheck", "kb")["passed"]
    assert ours_at(pair) == []
    syncwizard("start", path, "--until", "caught-up")
    assert count(pair.destination) == 100


def test_an_unreachable_end_is_exit_code_4_and_named(path: Path, pair: DatabasePair, tmp_path: Path) -> None:
    nowhere = msgspec.structs.replace(pair.destination_endpoint, host=str(tmp_path / "nowhere"))
    path.write_text(text_of(pair.source_endpoint, nowhere))
    refused = syncwizard("start", path, "--json", expect=4)
    assert json.loads(refused.stdout)["failure"]["exit_code"] == 4
    assert "destination" in refused.stderr
    assert "No such file or directory" in refused.stderr
    assert ours_at(pair) == []
    missing = msgspec.structs.replace(pair.source_endpoint, database="no_such_database")
    path.write_text(text_of(missing, pair.destination_endpoint))
    refused = syncwizard("precheck", path, expect=4)
    assert 'database "no_such_database" does not exist' in refused.stderr


def test_waiting_ends_in_time(path: Path, source_cluster: Cluster, pair: DatabasePair) -> None:
    syncwizard("start", path, "--until", "caught-up")
    pair.destination.execute("BEGIN")
    pair.destination.execute("LOCK TABLE notes")
    pair.source.execute("INSERT INTO notes VALUES (1000, 'waits')")
    try:
        assert (
            "did not reach `caught-up` in time"
            in syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "1", expect=6).stderr
        )
    finally:
        pair.destination.execute("ROLLBACK")
    syncwizard("wait", "kb", "--until", "caught-up")
    assert count(pair.destination) == 101


def test_waiting_for_a_change_that_is_refused_says_until_when_it_is_tried_and_what_to_do(
    path: Path, pair: DatabasePair
) -> None:
    syncwizard("start", path, "--until", "caught-up")
    pair.destination.execute("ALTER TABLE notes ADD CONSTRAINT short CHECK (length(text) < 20)")
    pair.source.execute("INSERT INTO notes VALUES (1000, 'longer than the destination takes')")
    until(lambda: report("status", "kb")["state"] == "retrying", what="the state retrying")
    printed = syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "1", expect=6).stderr
    # The change is shown whole.
    shown = syncwizard("status", "kb").stdout
    assert "the change: insert on public.notes" in shown
    assert "1000" in shown and "longer than the destination takes" in shown
    # At once, not only when the time is over.
    trouble, *_, late, detail = [
        line for line in printed.splitlines() if "cannot be applied" in line or "in time" in line
    ]
    for reported in (trouble, detail):
        assert "retrying until 20" in reported
        assert 'violates check constraint "short"' in reported
        assert "correct the row or table at the destination" in reported
    assert "did not reach" in late
    pair.destination.execute("ALTER TABLE notes DROP CONSTRAINT short")
    syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "60")
    assert count(pair.destination) == 101


def test_what_an_end_refuses_is_tried_again_until_it_is_put_right(path: Path, pair: DatabasePair) -> None:
    syncwizard("start", path, "--until", "caught-up")
    pair.source.execute("ALTER TABLE notes ADD extra int")
    pair.source.execute("INSERT INTO notes VALUES (1000, 'new', 7)")
    assert "column extra of public.notes is not at the destination" in retried("kb")
    pair.destination.execute("ALTER TABLE notes ADD extra int")
    syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "60")
    assert count(pair.destination) == 101
    # No change at all, and what every session needs all the same.
    pair.source.execute(REFUSING_HEARTBEAT)
    assert "the source refused writing the heartbeat" in retried("kb")
    pair.source.execute("DROP FUNCTION no_beat CASCADE")
    syncwizard("wait", "kb", "--until", "caught-up", "--timeout", "60")
    assert "then resume" not in syncwizard("events", "kb").stdout


def retried(name: str) -> str:
    """What the task is trying again."""

    def failure() -> str:
        status = report("status", name)
        return status["retrying"]["failure"]["title"] if status["state"] == "retrying" else ""

    return until(failure, what="the state retrying")


@pytest.mark.parametrize("end", ["source", "destination"])
def test_a_server_that_is_away_is_waited_for_and_shown(path: Path, pair: DatabasePair, end: str) -> None:
    syncwizard("start", path, "--until", "caught-up")
    cluster = pair.source_cluster if end == "source" else pair.destination_cluster
    cluster.stop("immediate")
    try:
        until(lambda: report("status", "kb")["state"] == "retrying", what="the state retrying")
        status = report("status", "kb")
        assert status["retrying"]["failure"]["title"]
        assert "retrying until" in syncwizard("status", "kb").stdout
    finally:
        cluster.start()
    pair.reconnect()
    pair.source.execute("INSERT INTO notes VALUES (1000, 'afterwards')")
    syncwizard("wait", "kb", "--until", "caught-up")
    assert report("status", "kb")["retrying"] is None
    assert count(pair.destination) == 101


def switch_wal(pair: DatabasePair, times: int) -> None:
    """Each switch takes a segment of 16 MB, however little was written."""
    for _ in range(times):
        pair.source.execute("SELECT pg_switch_wal() FROM pg_logical_emit_message(true, 'test', 'x')")


def test_the_wal_of_a_paused_task_is_asked_of_the_source_and_known_with_its_age_when_that_is_away(
    path: Path, pair: DatabasePair
) -> None:
    syncwizard("start", path, "--until", "caught-up")
    until(lambda: report("status", "kb")["retention"], what="figures of the slot")
    assert syncwizard("status", "kb", "--check").stdout.startswith("OK - kb: synchronizing, latency ")
    assert "--check reports on one task" in syncwizard("status", "--check", expect=2).stderr
    syncwizard("pause", "kb")
    checked = syncwizard("status", "kb", "--check", expect=1).stdout
    assert checked.startswith("WARNING - kb: paused for ") and " | wal_held=" in checked
    known = report("status", "kb")["retention"]["measured"]
    switch_wal(pair, 3)
    began = time.time()
    held = report("status", "kb")["retention"]
    assert held["measured"]["retained_bytes"] >= known["retained_bytes"] + 2 * 16 * 2**20
    assert held["measured"]["directory_bytes"] >= 16 * 2**20
    assert (held["measured"]["wal_status"], held["measured"]["safe_bytes"]) == ("reserved", None)
    assert held["measured_at"] >= began
    assert held["bytes_per_hour"] > 0
    shown = syncwizard("status", "kb").stdout
    assert "no limit is set: it can fill its disk (the source writes" in shown
    pair.source_cluster.stop("immediate")
    try:
        held = report("status", "kb")["retention"]
    finally:
        pair.source_cluster.start()
    assert held["measured"]["retained_bytes"] < known["retained_bytes"] + 16 * 2**20
    assert held["measured_at"] < began
    assert held["age_seconds"] > 0
    pair.reconnect()


def test_a_slot_that_comes_near_its_limit_is_warned_of_by_an_event(path: Path, pair: DatabasePair) -> None:
    pair.source.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '96MB'")
    pair.source.execute("SELECT pg_reload_conf()")
    try:
        syncwizard("start", path, "--until", "caught-up")
        pair.destination.execute("BEGIN")
        pair.destination.execute("LOCK TABLE notes")
        pair.source.execute("INSERT INTO notes VALUES (1000, 'waits')")
        switch_wal(pair, 4)

        def warned() -> Any:
            notices = report("status", "kb")["notices"]
            return [each for each in notices if "max_slot_wal_keep_size allows" in each["message"]]

        notice = until(warned, timeout=60, what="the warning")[0]
        assert notice["level"] == "warning"
        assert "raise max_slot_wal_keep_size" in notice["remedy"]
        assert report("status", "kb")["retention"]["measured"]["safe_bytes"] < 96 * 2**20
        assert "lost after" in syncwizard("status", "kb").stdout
    finally:
        pair.destination.execute("ROLLBACK")
        pair.source.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        pair.source.execute("SELECT pg_reload_conf()")
    syncwizard("wait", "kb", "--until", "caught-up")


def test_a_released_file_starts_anew_and_what_is_left_over_has_an_exit_code(path: Path, pair: DatabasePair) -> None:
    pair.source.execute("CREATE TABLE log (text text)")
    accepting = ("--ignore", "replica-identity")
    syncwizard("start", path, "--until", "full", *accepting)
    first = file.load(path).id
    # The table's UPDATEs would fail without the identity that this one needs.
    pair.source.execute("CREATE PUBLICATION theirs FOR TABLE log")
    released = syncwizard("release", "kb", "--yes", "--json", expect=7)
    result = json.loads(released.stdout)
    assert (result["state"], result["failure"]["exit_code"]) == ("released", 7)
    assert [each for each in result["left_over"] if "REPLICA IDENTITY DEFAULT" in each]
    assert "REPLICA IDENTITY DEFAULT" in syncwizard("release", "kb", "--yes", expect=7).stdout
    pair.source.execute("DROP PUBLICATION theirs")
    syncwizard("release", "kb", "--yes")
    assert ours_at(pair) == []
    pair.destination.execute("DROP TABLE notes, log")
    assert "this is a new one" in syncwizard("start", path, "--until", "caught-up", *accepting).stderr
    assert file.load(path).id != first
    assert [task["label"] for task in report("status", "--all")] == sorted(
        f"kb-{task_id.hex[:8]}" for task_id in (first, file.load(path).id) if isinstance(task_id, uuid.UUID)
    )


def test_the_foreground_engine_ends_by_the_service_managers_signal(path: Path, pair: DatabasePair) -> None:
    process = spawn("start", path, "--foreground")
    until(lambda: report("status") and report("status")[0]["state"] == "synchronizing")
    assert report("status")[0]["engine"]["pid"] == process.pid
    process.terminate()
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 0, printed
    assert "public.notes copied" in printed
    assert report("status", "kb")["state"] == "paused"


def test_a_lost_terminal_changes_nothing(path: Path, pair: DatabasePair) -> None:
    """The command and everything in its session are gone; the task goes on."""
    process = subprocess.Popen(
        ["setsid", "--wait", sys.executable, "-m", "syncwizard", "start", str(path), "--until", "full"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    assert process.wait(60) == 0
    pid = report("status", "kb")["engine"]["pid"]
    assert os.getsid(pid) == pid
    os.kill(pid, signal.SIGHUP)
    syncwizard("wait", "kb", "--until", "caught-up")
    assert report("status", "kb")["engine"]["pid"] == pid


def test_an_accepted_warning_is_kept_in_the_stored_task(path: Path, pair: DatabasePair) -> None:
    pair.source.execute("CREATE TABLE log (line text)")
    refused = syncwizard("start", path, expect=3)
    item = next(item["item"] for item in report("status", "kb")["precheck"] if item["ignorable"])
    assert item in refused.stderr
    assert f"did you mean `{item}`?" in syncwizard("start", path, "--ignore", f"{item}x", expect=2).stderr
    syncwizard("start", path, "--ignore", item, "--until", "caught-up")
    accepted = [getattr(entry, "item", "") for entry in tasks.find_task("kb").spec.precheck.ignore]
    assert item in accepted


def test_sequences_are_set_again_while_the_task_runs_and_when_it_does_not(path: Path, pair: DatabasePair) -> None:
    pair.source.execute("CREATE SEQUENCE numbers")
    syncwizard("start", path)
    syncwizard("wait", "kb", "--until", "full")
    syncwizard("wait", "kb", "--until", "caught-up")
    pair.source.execute("SELECT setval('numbers', 70)")
    reported = report("sequences", "kb")
    assert reported["sequences"] == [
        {"sequence": {"schema": "public", "name": "numbers"}, "source": 70, "destination": 70},
    ]
    syncwizard("pause", "kb")
    assert "public.numbers  source 70  destination 1070" in syncwizard("sequences", "kb", "--offset", "1000").stdout
    pair.destination.execute("DROP SEQUENCE numbers")
    assert "not at the destination" in syncwizard("sequences", "kb", expect=5).stderr


def test_a_copy_at_work_shows_how_far_each_table_is(pair: DatabasePair, tmp_path: Path) -> None:
    for session in (pair.source, pair.destination):
        session.execute("CREATE TABLE done (id int PRIMARY KEY); CREATE TABLE held (id int PRIMARY KEY)")
    for table in ("done", "held"):
        pair.source.execute(f"INSERT INTO {table} SELECT generate_series(1, 5000)".encode())
        pair.source.execute(f"ANALYZE {table}".encode())
    spec = pair.spec(name="kb", id=None, synchronization=Synchronization(types=["full", "incremental"]))
    path = write_task_file(spec, tmp_path)
    with pair.destination.transaction():
        # Readers pass, the copy waits.
        pair.destination.execute("LOCK TABLE held IN SHARE MODE")
        syncwizard("start", path)

        def at_work() -> Any:
            seen = report("status", "kb")
            copied = seen["copy"] and seen["copy"]["tables_copied"] == 1
            return seen if copied and "copied_rows_per_second" in seen["sample"] else None

        seen = until(at_work, timeout=60)
        # The slot holds WAL all the time that rows are copied, and no stream tells of it.
        held = until(lambda: report("status", "kb")["retention"], what="figures of the slot")
        assert held["measured"]["wal_status"] == "reserved"
        text = syncwizard("status", "kb").stdout
    done, held = (seen["copy"]["tables"][f"public.{table}"] for table in ("done", "held"))
    assert (done["rows"], done["copied"]) == (5000, True)
    assert (held["rows"], held["estimated_rows"], held["copied"]) == (0, 5000, False)
    assert held["estimated_bytes"] > 0
    assert "5,000 of ~10,000 rows" in text
    assert "0 of ~5,000" in text
    assert "rate" in text
    syncwizard("wait", "kb", "--until", "caught-up")
    finished = report("status", "kb")["copy"]
    assert (finished["rows"], finished["tables_copied"], finished["left"]) == (10_000, 2, None)
    syncwizard("pause", "kb")
    syncwizard("release", "kb", "--yes")
