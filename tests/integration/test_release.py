"""Release on real servers: both catalogues are afterwards what they were, and what could not be removed is listed."""

import threading
from pathlib import Path

import msgspec
import pytest

from syncwizard.errors import EndpointError, Fenced
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import release
from syncwizard.stages.context import Context
from syncwizard.stages.definitions import constraints, indexes, keys, schema
from syncwizard.task.events import (
    DefinitionMissing,
    Event,
    Noticed,
    PublicationCreated,
    ReplicaIdentityChanging,
    SlotCreated,
    TaskReleased,
)
from tests.support.catalogue import everything_in
from tests.support.inprocess import Killed, TaskRun
from tests.support.pair import DatabasePair
from tests.support.waiting import until

TABLES = """
CREATE TABLE keyed (id int PRIMARY KEY);
CREATE TABLE keyless (x text);
CREATE TABLE nothing (x text);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE theirs (x text);
ALTER TABLE theirs REPLICA IDENTITY FULL;
CREATE TABLE tree (id int) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (10);
"""


def begin(run: TaskRun) -> Context:
    context = run.context()
    try:
        for stage in (capture, schema, keys, constraints, indexes):
            stage.run(context)
    finally:
        context.held.close()
    return context


def left_over(run: TaskRun) -> list[str]:
    last = run.events[-1]
    assert isinstance(last, TaskReleased)
    return [statement for remainder in last.left_over for statement in remainder.statements]


def test_release_leaves_nothing_of_ours(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLES)
    before = everything_in(pair.source), everything_in(pair.destination)
    run = TaskRun(pair.spec(), tmp_path)
    begin(run)
    assert everything_in(pair.source) != before[0]
    release.run(run.context())
    assert left_over(run) == []
    pair.destination.execute("DROP TABLE keyed, keyless, nothing, theirs, tree")
    assert everything_in(pair.source) == before[0]
    assert everything_in(pair.destination) == before[1]


@pytest.mark.parametrize("kind", [ReplicaIdentityChanging, PublicationCreated, SlotCreated])
def test_release_cleans_up_after_a_run_that_died_before_it_could_write(
    pair: DatabasePair, tmp_path: Path, kind: type[Event]
) -> None:
    pair.source.execute(TABLES)
    before = everything_in(pair.source), everything_in(pair.destination)
    run = TaskRun(pair.spec(), tmp_path)
    run.stop_before = lambda event: isinstance(event, kind)
    with pytest.raises(Killed):
        capture.run(run.context())
    run.live_on()
    release.run(run.context())
    assert (everything_in(pair.source), everything_in(pair.destination)) == before


def test_both_ends_on_one_server_are_left_clean(twins18: DatabasePair, tmp_path: Path) -> None:
    twins18.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    run = TaskRun(twins18.spec(), tmp_path)
    begin(run)
    release.run(run.context())
    assert left_over(run) == []
    assert twins18.destination.execute("SELECT to_regnamespace('syncwizard')").fetchone() == (None,)


def test_release_twice_is_no_error(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLES)
    run = TaskRun(pair.spec(), tmp_path)
    begin(run)
    release.run(run.context())
    release.run(run.context())
    assert left_over(run) == []


def test_a_second_task_keeps_what_is_shared(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE a (id int PRIMARY KEY)")
    runs = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        runs.append(TaskRun(pair.spec(name=name), folder))
        context = runs[-1].context()
        capture.run(context)
        context.held.close()
    release.run(runs[0].context())
    assert pair.source.execute("SELECT slot_name FROM dts_postgres_heartbeat").fetchall() == [(runs[1].spec.slot,)]
    assert pair.destination.execute("SELECT task_name FROM syncwizard.progress").fetchall() == [("two",)]
    release.run(runs[1].context())
    assert pair.source.execute("SELECT to_regclass('dts_postgres_heartbeat')").fetchone() == (None,)
    assert pair.destination.execute("SELECT to_regnamespace('syncwizard')").fetchone() == (None,)


def test_an_identity_that_the_user_changed_since_is_left_alone(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE keyless (x text)")
    run = TaskRun(pair.spec(), tmp_path)
    begin(run)
    pair.source.execute("ALTER TABLE keyless REPLICA IDENTITY NOTHING")
    release.run(run.context())
    row = pair.source.execute("SELECT relreplident::text FROM pg_class WHERE relname = 'keyless'").fetchone()
    assert row == ("n",)


def test_a_walsender_that_still_reads_is_ended(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE a (id int PRIMARY KEY)")
    run = TaskRun(pair.spec(), tmp_path)
    context = begin(run)
    reader = context.connect("source", "test", replication=True)
    # Only the first answer is waited for: START_REPLICATION does not end by itself.
    started = threading.Thread(target=start_reading, args=(reader, run.spec.slot))
    started.start()
    until(
        lambda: pair.source.execute("SELECT 1 FROM pg_replication_slots WHERE active").fetchone(),
        what="an active slot",
    )
    release.run(run.context())
    started.join()
    reader.close()
    assert left_over(run) == []
    assert pair.source.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)


def start_reading(reader: object, slot: str) -> None:
    pgconn = reader.pgconn  # type: ignore[attr-defined]
    options = f"(proto_version '1', publication_names '{slot}')"
    pgconn.exec_(f"START_REPLICATION SLOT {slot} LOGICAL 0/0 {options}".encode())


def test_with_one_end_out_of_reach_the_rest_is_listed(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE keyless (x text)")
    run = TaskRun(pair.spec(), tmp_path)
    begin(run)
    nowhere = msgspec.structs.replace(run.spec.source, host=str(tmp_path))
    away = TaskRun(msgspec.structs.replace(run.spec, source=nowhere), tmp_path, list(run.events), run.state)
    release.run(away.context())
    statements = left_over(away)
    assert (len(away.state.left_over), len(statements)) == (4, 5)
    assert pair.destination.execute("SELECT to_regnamespace('syncwizard')").fetchone() == (None,)
    # What is listed does what release would have done.
    for statement in statements:
        pair.source.execute(statement.encode())
    assert pair.source.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)
    assert pair.source.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)
    assert pair.source.execute("SELECT to_regclass('public.dts_postgres_heartbeat')").fetchone() == (None,)
    row = pair.source.execute("SELECT relreplident::text FROM pg_class WHERE relname = 'keyless'").fetchone()
    assert row == ("d",)


def test_a_role_default_that_was_set_by_hand_is_remembered(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (a int PRIMARY KEY REFERENCES a);")
    role = pair.database
    pair.destination.execute(f"CREATE ROLE {role} LOGIN".encode())
    pair.destination.execute(f"ALTER ROLE {role} SET session_replication_role = replica".encode())
    pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO {role}".encode())
    try:
        run = TaskRun(pair.spec(destination=pair.destination_cluster.endpoint(pair.database, user=role)), tmp_path)
        begin(run)
        assert not any(isinstance(event, DefinitionMissing) for event in run.events)
        release.run(run.context())
        remedies = [event.remedy for event in run.events if isinstance(event, Noticed)]
        assert any(f'ALTER ROLE "{role}" RESET session_replication_role' in str(remedy) for remedy in remedies)
    finally:
        pair.destination.execute(f"REASSIGN OWNED BY {role} TO postgres; DROP OWNED BY {role}".encode())
        pair.destination.execute(f"DROP ROLE {role}".encode())


def test_a_task_that_runs_elsewhere_is_not_released(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncwizard.postgres.destination.session.LOCK_SECONDS", 0.0)
    pair.source.execute("CREATE TABLE a (id int PRIMARY KEY)")
    run = TaskRun(pair.spec(), tmp_path)
    context = begin(run)
    with context.connect("destination", "elsewhere") as elsewhere:
        assert Ledger(elsewhere, context.task_id).lock()
        with pytest.raises(Fenced):
            release.run(run.context())
        with pytest.raises(Fenced):
            capture.run(run.context())
    assert pair.source.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (1,)
    release.run(run.context())


def test_with_no_end_in_reach_release_is_refused(pair: DatabasePair, tmp_path: Path) -> None:
    run = TaskRun(pair.spec(), tmp_path)
    nowhere = msgspec.structs.replace(run.spec.source, host=str(tmp_path))
    away = TaskRun(msgspec.structs.replace(run.spec, source=nowhere, destination=nowhere), tmp_path)
    with pytest.raises(EndpointError):
        release.run(away.context())
    assert not any(isinstance(event, TaskReleased) for event in away.events)


def test_a_table_of_two_tasks_keeps_its_identity_until_the_last_is_released(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE log (at int)")
    for order in ((0, 1), (1, 0)):
        runs = []
        for number in range(2):
            folder = tmp_path / f"{order[0]}{number}"
            folder.mkdir()
            run = TaskRun(pair.spec(), folder)
            capture.run(run.context())
            runs.append(run)
        release.run(runs[order[0]].context())
        assert identity_of(pair, "log") == "f"
        pair.source.execute("INSERT INTO log VALUES (1)")
        # The user's own statements go on working: the other task still publishes the table.
        pair.source.execute("UPDATE log SET at = 2")
        pair.source.execute("DELETE FROM log")
        release.run(runs[order[1]].context())
        assert identity_of(pair, "log") == "d"


def test_a_publication_of_the_users_own_keeps_its_identity(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE log (at int)")
    run = TaskRun(pair.spec(), tmp_path)
    capture.run(run.context())
    pair.source.execute("CREATE PUBLICATION mine FOR TABLE log")
    release.run(run.context())
    pair.source.execute("INSERT INTO log VALUES (1)")
    pair.source.execute("UPDATE log SET at = 2")
    assert [each for each in run.state.left_over if "REPLICA IDENTITY DEFAULT" in each.statements[0]]


def identity_of(pair: DatabasePair, table: str) -> str:
    row = pair.source.execute("SELECT relreplident::text FROM pg_class WHERE relname = %s", (table,)).fetchone()
    assert row
    return str(row[0])
