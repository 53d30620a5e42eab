"""Capture on real servers: what it creates, that it can be killed anywhere, that the user's statements never fail."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec
import pytest

from syncwizard.errors import SourceChanged, TaskFailed
from syncwizard.stages.capture import making as capturing
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Context
from syncwizard.stages.full import stage as full
from syncwizard.structure.definition import Definition
from syncwizard.task.events import (
    Event,
    HeartbeatCreated,
    PublicationCreated,
    ReplicaIdentityChanging,
    SlotCreated,
)
from syncwizard.task.specification import Advanced, Ddl, SchemaObjects, TableObject
from tests.support.inprocess import Killed, TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath
from tests.support.waiting import until

TABLES = """
CREATE TABLE keyed (id int PRIMARY KEY, x text);
CREATE TABLE keyless (x text);
CREATE TABLE nothing (id int PRIMARY KEY, x text);
ALTER TABLE nothing REPLICA IDENTITY NOTHING;
CREATE TABLE deferrable_key (id int PRIMARY KEY DEFERRABLE, x text);
CREATE TABLE by_index (id int NOT NULL, x text);
CREATE UNIQUE INDEX by_index_id ON by_index (id);
ALTER TABLE by_index REPLICA IDENTITY USING INDEX by_index_id;
CREATE UNLOGGED TABLE unlogged (id int PRIMARY KEY);
CREATE TABLE "Quoted ""x"" Name" (x text);
"""


@pytest.fixture
def run(pair: DatabasePair, tmp_path: Path) -> TaskRun:
    return TaskRun(pair.spec(), tmp_path)


def slots(session: Session) -> list[tuple[str, str]]:
    return session.execute(
        "SELECT slot_name, plugin FROM pg_replication_slots WHERE database = current_database()"
    ).fetchall()


def identities(session: Session) -> dict[str, str]:
    """Those of the user's tables."""
    return dict(
        session.execute(
            "SELECT relname, relreplident::text FROM pg_class"
            " WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND relname NOT LIKE 'dts\\_%'"
        ).fetchall()
    )


def published(session: Session) -> set[str]:
    return {name for (name,) in session.execute("SELECT prrelid::regclass::text FROM pg_publication_rel")}


def close(context: Context) -> None:
    context.held.close()


def test_the_source_records_changes_and_the_destination_knows_from_where(pair: DatabasePair, run: TaskRun) -> None:
    pair.source.execute(TABLES)
    context = run.context()
    capture.run(context)
    assert context.pair is not None
    assert slots(pair.source) == [(run.spec.slot, "pgoutput")]
    assert published(pair.source) == {
        "dts_postgres_heartbeat",
        "keyed",
        "keyless",
        "nothing",
        "deferrable_key",
        "by_index",
        '"Quoted ""x"" Name"',
    }
    row = pair.destination.execute("SELECT slot, applied_lsn::text FROM syncwizard.progress").fetchone()
    assert row == (run.spec.slot, context.pair.lsn)
    with run.context().connect("source", "test") as reader, reader.transaction():
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        reader.execute(f"SET TRANSACTION SNAPSHOT '{context.pair.snapshot}'".encode())
    context.held.close()


def test_tables_without_a_usable_identity_get_full_and_no_other(pair: DatabasePair, run: TaskRun) -> None:
    pair.source.execute(TABLES)
    context = run.context()
    capture.run(context)
    close(context)
    found = identities(pair.source)
    changed = {name for name, identity in found.items() if identity == "f"}
    assert changed == {"keyless", "nothing", "deferrable_key", 'Quoted "x" Name'}
    recorded = {event.table.name: event.previous for event in run.events if isinstance(event, ReplicaIdentityChanging)}
    assert recorded == {"keyless": "d", "nothing": "n", "deferrable_key": "d", 'Quoted "x" Name': "d"}


def test_the_users_statements_never_fail_while_captured(pair: DatabasePair, run: TaskRun) -> None:
    pair.source.execute(TABLES)
    context = run.context()
    capture.run(context)
    for name in published(pair.source) - {"dts_postgres_heartbeat"}:
        columns = "(x) VALUES ('a')" if name in ("keyless", '"Quoted ""x"" Name"') else "VALUES (1, 'a')"
        pair.source.execute(f"INSERT INTO {name} {columns}".encode())
        pair.source.execute(f"UPDATE {name} SET x = 'b'".encode())
        pair.source.execute(f"DELETE FROM {name}".encode())
    close(context)


def test_partitions_enter_by_their_root_when_it_has_a_key_and_one_by_one_when_not(
    pair: DatabasePair, run: TaskRun
) -> None:
    pair.source.execute("""
        CREATE TABLE keyed (id int PRIMARY KEY, x text) PARTITION BY RANGE (id);
        CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (0) TO (10);
        CREATE TABLE keyless (id int, x text) PARTITION BY RANGE (id);
        CREATE TABLE keyless_1 PARTITION OF keyless FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
        CREATE TABLE keyless_1_1 PARTITION OF keyless_1 FOR VALUES IN (1);
    """)
    context = run.context()
    capture.run(context)
    assert published(pair.source) == {"dts_postgres_heartbeat", "keyed", "keyless_1_1"}
    assert {name for name, identity in identities(pair.source).items() if identity == "f"} == {"keyless_1_1"}
    # Partitions of a later day: the user's UPDATE must not fail in either tree.
    pair.source.execute("""
        CREATE TABLE keyed_2 PARTITION OF keyed FOR VALUES FROM (10) TO (20);
        CREATE TABLE keyless_2 PARTITION OF keyless FOR VALUES FROM (10) TO (20);
        INSERT INTO keyed VALUES (1, 'a'), (11, 'a');
        INSERT INTO keyless VALUES (1, 'a'), (11, 'a');
        UPDATE keyed SET x = 'b';
        UPDATE keyless SET x = 'b';
        DELETE FROM keyless;
    """)
    close(context)


def test_a_partition_that_is_excluded_is_not_captured_through_its_root(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE TABLE keyed (id int PRIMARY KEY) PARTITION BY RANGE (id);
        CREATE TABLE keyed_1 PARTITION OF keyed FOR VALUES FROM (0) TO (10);
        CREATE TABLE keyed_2 PARTITION OF keyed FOR VALUES FROM (10) TO (20);
    """)
    run = TaskRun(pair.spec([SchemaObjects(schema="public", exclude=["keyed_2"])]), tmp_path)
    context = run.context()
    capture.run(context)
    close(context)
    assert published(pair.source) == {"dts_postgres_heartbeat", "keyed_1"}


def test_a_selected_root_brings_its_partitions_in_other_schemas(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE SCHEMA attic;
        CREATE TABLE log (id int) PARTITION BY RANGE (id);
        CREATE TABLE attic.log_1 PARTITION OF log FOR VALUES FROM (0) TO (10);
        CREATE TABLE attic.other (id int PRIMARY KEY);
    """)
    run = TaskRun(pair.spec([SchemaObjects(schema="public", tables=[TableObject(table="log")])]), tmp_path)
    context = run.context()
    capture.run(context)
    close(context)
    assert published(pair.source) == {"dts_postgres_heartbeat", "attic.log_1"}


def test_children_of_an_inheritance_parent_are_selected_by_themselves(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child () INHERITS (parent);")
    run = TaskRun(pair.spec([SchemaObjects(schema="public", tables=[TableObject(table="parent")])]), tmp_path)
    context = run.context()
    capture.run(context)
    close(context)
    assert published(pair.source) == {"dts_postgres_heartbeat", "parent"}
    pair.source.execute("INSERT INTO child VALUES (1); UPDATE child SET id = 2;")


def is_a(kind: type[Event]) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, kind)


@pytest.mark.parametrize("kind", [HeartbeatCreated, ReplicaIdentityChanging, PublicationCreated, SlotCreated])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_capture_goes_on_after_a_kill_at_any_event(
    pair: DatabasePair, run: TaskRun, kind: type[Event], moment: str
) -> None:
    pair.source.execute(TABLES)
    if moment == "before":
        run.stop_before = is_a(kind)
    else:
        run.stop_after = is_a(kind)
    with pytest.raises(Killed):
        capture.run(run.context())
    run.live_on()
    context = run.context()
    capture.run(context)
    assert len(slots(pair.source)) == 1
    assert context.pair is not None
    assert run.state.slot is not None
    assert run.state.slot.lsn == context.pair.lsn
    oid = pair.source.execute("SELECT oid::bigint FROM pg_publication").fetchone()
    row = pair.destination.execute("SELECT applied_lsn::text, publication_oid FROM syncwizard.progress").fetchone()
    assert row == (context.pair.lsn, oid[0] if oid else None)
    # What release restores is what the user had, not what a first attempt of ours had already set.
    recorded = {change.table.name: change.previous for change in run.state.identities}
    assert recorded == {"keyless": "d", "nothing": "n", "deferrable_key": "d", 'Quoted "x" Name': "d"}
    close(context)


def test_running_again_after_the_registration_changes_nothing(pair: DatabasePair, run: TaskRun) -> None:
    pair.source.execute(TABLES)
    context = run.context()
    capture.run(context)
    close(context)
    before = pair.source.execute("SELECT slot_name, confirmed_flush_lsn FROM pg_replication_slots").fetchall()
    again = run.context()
    capture.run(again)
    assert again.pair is None
    assert pair.source.execute("SELECT slot_name, confirmed_flush_lsn FROM pg_replication_slots").fetchall() == before


def test_a_publication_recreated_after_the_registration_is_an_error(pair: DatabasePair, run: TaskRun) -> None:
    pair.source.execute(TABLES)
    context = run.context()
    capture.run(context)
    close(context)
    pair.source.execute(f"DROP PUBLICATION {run.spec.slot}; CREATE PUBLICATION {run.spec.slot}".encode())
    with pytest.raises(SourceChanged):
        capture.run(run.context())


def test_progress_that_the_journal_does_not_know_is_never_overwritten(pair: DatabasePair, run: TaskRun) -> None:
    pair.source.execute(TABLES)
    context = run.context()
    capture.run(context)
    close(context)
    stranger = TaskRun(run.spec, run.folder)
    with pytest.raises(TaskFailed):
        capture.run(stranger.context())
    assert len(slots(pair.source)) == 1


def test_a_table_held_by_another_session_is_named_with_the_session(
    pair: DatabasePair, run: TaskRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncwizard.postgres.session.locking.LOCK_ATTEMPTS", 2)
    monkeypatch.setattr("syncwizard.postgres.session.locking.LOCK_TIMEOUT_MILLISECONDS", 50)
    monkeypatch.setattr("syncwizard.postgres.session.locking.LOCK_PAUSE_SECONDS", 0.0)
    pair.source.execute(TABLES)
    with pair.source_cluster.connect(pair.database, autocommit=False) as holder:
        holder.execute("LOCK TABLE keyless IN ACCESS SHARE MODE")
        with pytest.raises(TaskFailed) as failure:
            capture.run(run.context())
        assert str(holder.info.backend_pid) in str(failure.value.remedy)
    capture_context = run.context()
    capture.run(capture_context)
    close(capture_context)


def test_generated_columns_do_not_make_updates_fail_on_18(twins18: DatabasePair, tmp_path: Path) -> None:
    source = twins18.source
    source.execute("""
        CREATE TABLE keyless (a int, b int GENERATED ALWAYS AS (a * 2) STORED);
        CREATE TABLE generated_key (a int, b int GENERATED ALWAYS AS (a * 2) STORED PRIMARY KEY);
        CREATE TABLE keyed (a int PRIMARY KEY, b int GENERATED ALWAYS AS (a * 2) STORED);
    """)
    context = TaskRun(twins18.spec(), tmp_path).context()
    capture.run(context)
    close(context)
    for table in ("keyless", "generated_key", "keyed"):
        source.execute(f"INSERT INTO {table} VALUES (1)".encode())
        source.execute(f"UPDATE {table} SET a = 2".encode())
    assert {table for table, identity in identities(source).items() if identity == "f"} == {"keyless", "generated_key"}


def test_a_long_transaction_that_delays_the_slot_is_named(
    pair: DatabasePair, run: TaskRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capturing, "SLOT_PATIENCE_SECONDS", 0.05)
    pair.source.execute(TABLES)
    with pair.source_cluster.connect(pair.database, autocommit=False) as holder:
        holder.execute("INSERT INTO keyed VALUES (1)")
        pid = holder.info.backend_pid
        # The run can only go on when the transaction ends, and it ends when the notice is there.
        seen: list[str] = []

        def end_it(event: Event) -> None:
            message = getattr(event, "message", "")
            if f"process {pid}" in message:
                seen.append(message)
                holder.rollback()

        def record(*events: Event) -> None:
            run.record(*events)
            for event in events:
                end_it(event)

        context = msgspec.structs.replace(run.context(), record=record)
        capture.run(context)
        close(context)
    assert seen


@pytest.mark.parametrize("ddl", ["off", "follow"])
def test_a_table_created_while_the_slot_is_made_is_captured_and_copied(
    pair: DatabasePair, tmp_path: Path, ddl: Ddl
) -> None:
    pair.source.execute("CREATE TABLE early (id int PRIMARY KEY)")
    pair.destination.execute("CREATE TABLE early (id int PRIMARY KEY); CREATE TABLE late (id int PRIMARY KEY)")
    path = RowPath(pair, TaskRun(pair.spec(advanced=Advanced(ddl=ddl)), tmp_path))
    with pair.source_cluster.connect(pair.database) as busy, ThreadPoolExecutor() as pool:
        with busy.transaction():
            # The slot waits for its end.
            busy.execute("INSERT INTO early VALUES (1)")
            done = pool.submit(capture.run, path.context())
            until(lambda: making_slot(pair.source), 30, "the slot to be made")
            pair.source.execute("CREATE TABLE late (id int PRIMARY KEY)")
            pair.source.execute("INSERT INTO late VALUES (1)")
        assert done.result(60).startswith("2 tables published")
    full.run(path.context())
    pair.source.execute("INSERT INTO late VALUES (2)")
    with path.following():
        path.caught_up()
    assert pair.destination.execute("SELECT id FROM late ORDER BY id").fetchall() == [(1,), (2,)]


def making_slot(source: Session) -> bool:
    return bool(
        source.execute(
            "SELECT FROM pg_stat_activity WHERE backend_type = 'walsender' AND datname = current_database()"
            " AND query LIKE 'CREATE_REPLICATION_SLOT%' AND wait_event_type = 'Lock'"
        ).fetchall()
    )


def test_what_joined_before_capture_was_killed_is_copied(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE early (id int PRIMARY KEY)")
    pair.destination.execute("CREATE TABLE early (id int PRIMARY KEY); CREATE TABLE late (id int PRIMARY KEY)")
    path = RowPath(pair, TaskRun(pair.spec(advanced=Advanced(ddl="follow")), tmp_path))

    def killed(*given: object) -> list[Definition]:
        pair.source.execute("CREATE TABLE late (id int PRIMARY KEY); INSERT INTO late VALUES (1)")
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(capture, "read_followed", killed)
        with pytest.raises(Killed):
            capture.run(path.context())
    capture.run(path.context())
    full.run(path.context())
    with path.following():
        path.caught_up()
    assert pair.destination.execute("SELECT id FROM late").fetchall() == [(1,)]
