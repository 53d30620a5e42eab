"""`syncwizard resync`: after every way to lose changes, the tables are copied again and both ends are equal."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from psycopg import sql

from syncwizard.client.tasks import StoredTask, find_task
from syncwizard.demo.servers import Cluster
from syncwizard.engine.journal import FILE_NAME, read_entries
from syncwizard.postgres.source.slot import slot_status
from syncwizard.task.events import StageFinished, TablePlanned
from syncwizard.task.names import TableName
from syncwizard.task.specification import PrecheckSettings, Synchronization
from tests.conftest import connected
from tests.faults.harness import left_at_destination, left_at_source
from tests.support.commands import report, syncwizard, write_task_file
from tests.support.comparison import assert_equal, content
from tests.support.environment import fresh_home, temporary_folder
from tests.support.pair import DatabasePair
from tests.support.slots import drop_slots
from tests.support.terminal import Terminal
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE one (id int PRIMARY KEY, n int NOT NULL, body text);
CREATE TABLE two (id int PRIMARY KEY, one_id int NOT NULL REFERENCES one, label text UNIQUE);
CREATE TABLE three (note text);
CREATE TABLE tree (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (500);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (500) TO (100000);
ALTER TABLE one ALTER body SET STORAGE EXTERNAL;
INSERT INTO one SELECT i, 0, repeat('x', 3000) FROM generate_series(1, 300) i;
INSERT INTO two SELECT i, i, 'label ' || i FROM generate_series(1, 300) i;
INSERT INTO three SELECT 'note ' || i % 50 FROM generate_series(1, 200) i;
INSERT INTO tree SELECT i, 0 FROM generate_series(1, 1000) i;
"""
NAME = "resync-test"


class Made:
    """A started task over the four tables."""

    def __init__(self, pair: DatabasePair, folder: Path, **fields: Any) -> None:
        self.pair = pair
        spec = pair.spec(name=NAME, id=None, precheck=PrecheckSettings(ignore=["replica-identity"]), **fields)
        self.file = write_task_file(spec, folder)

    @property
    def task(self) -> StoredTask:
        return find_task(NAME)

    @property
    def slot(self) -> str:
        return self.task.spec.slot

    def start(self) -> None:
        syncwizard("start", self.file, "--until", "caught-up")

    def pause(self) -> None:
        syncwizard("pause", NAME)
        until(self.idle, 20, "the walsender to end")

    def idle(self) -> bool:
        status = slot_status(self.pair.source, self.slot)
        return status is None or status.active_pid is None

    def failed(self) -> bool:
        return self.task.read_state().state == "failed" and self.task.find_engine() is None

    def run(self, statement: str) -> None:
        """A statement at the source; `{}` is the name of slot and publication."""
        self.pair.source.execute(sql.SQL(statement).format(sql.Identifier(self.slot)))

    def caught_up(self) -> None:
        syncwizard("wait", NAME, "--until", "caught-up", "--timeout", "60")


def change(pair: DatabasePair) -> None:
    """Something of every kind in every table."""
    with pair.source.transaction():
        pair.source.execute("UPDATE one SET n = n + 1 WHERE id % 2 = 0")
        pair.source.execute("DELETE FROM two WHERE id IN (SELECT min(id) FROM two)")
        pair.source.execute("INSERT INTO one SELECT max(id) + 1, 0, 'new' FROM one")
        pair.source.execute("INSERT INTO two SELECT max(id), max(id), 'label ' || max(id) FROM one")
        pair.source.execute("DELETE FROM three WHERE ctid IN (SELECT min(ctid) FROM three)")
        pair.source.execute("UPDATE tree SET n = n + 1, id = id + 2000 WHERE id IN (SELECT min(id) FROM tree)")


@pytest.fixture
def made(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[Made]:
    pair.source.execute(TABLES)
    made = Made(pair, tmp_path)
    with ended(made):
        made.start()
        yield made


@pytest.fixture(scope="module")
def lasting(source_cluster: Cluster, destination_cluster: Cluster) -> Iterator[Made]:
    """A task that loses changes again and again, and leaves nothing when it is released in the end."""
    databases = contextmanager(connected)(source_cluster, destination_cluster)
    with temporary_folder() as home, pytest.MonkeyPatch.context() as environment, databases as pair:
        for variable, value in fresh_home(home).items():
            environment.setenv(variable, value)
        pair.source.execute(TABLES)
        made = Made(pair, home)
        with ended(made):
            made.start()
            yield made
        syncwizard("release", NAME, "--yes")
        assert left_at_source(pair) + left_at_destination(pair) == []


@contextmanager
def ended(made: Made) -> Iterator[None]:
    """Whatever happened, no engine is left."""
    try:
        yield
    finally:
        syncwizard("pause", NAME, expect=None)


def take_out(made: Made) -> None:
    made.run("ALTER PUBLICATION {} DROP TABLE two")


def take_out_and_put_in(made: Made) -> None:
    made.run("ALTER PUBLICATION {} DROP TABLE two")
    made.pair.source.execute("DELETE FROM two WHERE id % 7 = 0")
    made.run("ALTER PUBLICATION {} ADD TABLE two (id)")


def take_out_the_tree(made: Made) -> None:
    made.run("ALTER PUBLICATION {} DROP TABLE tree")


def drop_publication(made: Made) -> None:
    made.run("DROP PUBLICATION {}")


def recreate_publication(made: Made) -> None:
    made.run("DROP PUBLICATION {}")
    made.pair.source.execute("DELETE FROM two WHERE id % 7 = 0")
    made.run("CREATE PUBLICATION {} FOR TABLE one, two, three, tree, dts_postgres_heartbeat")


def toggle_options(made: Made) -> None:
    made.run("ALTER PUBLICATION {} SET (publish = 'insert')")
    made.pair.source.execute("DELETE FROM two WHERE id % 7 = 0")
    made.run("ALTER PUBLICATION {} SET (publish = 'insert, update, delete, truncate')")


def drop_slot(made: Made) -> None:
    drop_slots(made.pair.source, made.slot)


def recreate_slot(made: Made) -> None:
    drop_slot(made)
    made.pair.source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (made.slot,))


def invalidate_slot(made: Made) -> None:
    """WAL beyond what the server keeps for a slot."""
    source = made.pair.source
    source.execute("ALTER SYSTEM SET max_slot_wal_keep_size = '1MB'")
    source.execute("SELECT pg_reload_conf()")
    try:
        for _ in range(4):
            source.execute("SELECT pg_logical_emit_message(false, 'noise', 'x'), pg_switch_wal()")
        source.execute("CHECKPOINT")
        status = slot_status(source, made.slot)
        assert status is not None and status.wal_status == "lost"
    finally:
        source.execute("ALTER SYSTEM RESET max_slot_wal_keep_size")
        source.execute("SELECT pg_reload_conf()")


LOSSES: dict[Callable[[Made], None], tuple[str, set[str]]] = {
    take_out: ("lost public.two", {"two"}),
    take_out_and_put_in: ("lost public.two", {"two"}),
    take_out_the_tree: ("lost public.tree", {"tree", "tree_1", "tree_2"}),
    drop_publication: ("is gone", set()),
    recreate_publication: ("dropped and recreated", set()),
    toggle_options: ("was altered", set()),
    drop_slot: ("is gone", set()),
    recreate_slot: ("recreated or moved", set()),
    invalidate_slot: ("removed WAL", set()),
}


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
def test_what_was_lost_is_copied_again_by_the_command_that_the_failure_names(
    lasting: Made, lose: Callable[[Made], None]
) -> None:
    made = lasting
    title, tables = LOSSES[lose]
    made.pause()
    change(made.pair)
    lose(made)
    change(made.pair)
    failed = syncwizard("resume", NAME, "--until", "caught-up", expect=1)
    assert title in failed.stderr
    assert f"syncwizard resync {NAME}; or write only the rows that differ: syncwizard heal {NAME}\n" in failed.stderr
    until(made.failed, 20, "the engine to end")
    if lose is drop_slot:
        measured = made.task.read_state().slot_measured
        assert measured is not None and not measured.exists
        assert "the source does not have it any more" in syncwizard("status", NAME).stdout
        assert "CRITICAL - " in syncwizard("status", NAME, "--check", expect=2).stdout
    refused = syncwizard("resume", NAME, expect=2)
    assert f"syncwizard resync {NAME}; or write only the rows that differ: syncwizard heal {NAME}\n" in refused.stderr

    unconfirmed = syncwizard("resync", NAME, expect=2)
    assert "EMPTIED" in unconfirmed.stderr and "--yes" in unconfirmed.stderr
    change(made.pair)
    done = json.loads(syncwizard("resync", NAME, "--yes", "--json").stdout)
    order = done["resynchronization"]
    assert order["whole"] is (not tables)
    if tables:
        assert {each["table"]["name"] for each in order["tables"]} == tables
    change(made.pair)
    made.caught_up()
    change(made.pair)
    made.caught_up()
    assert report("status", NAME)["state"] == "synchronizing"
    assert_equal(made.pair)


def test_one_table_of_a_running_task_is_copied_again_on_request(made: Made) -> None:
    # As if another session had written at the destination.
    made.pair.destination.execute("SET session_replication_role = replica")
    made.pair.destination.execute("DELETE FROM two WHERE id < 100; INSERT INTO two VALUES (-1, -1, 'astray')")
    before = made.task.read_state().sequence
    with Terminal("resync", NAME, "--table", "public.two") as terminal:
        terminal.answer("Type the task's name", "yes")
        assert "nothing was done" in terminal.finish(expect=2)
    assert made.task.read_state().resync is None
    with Terminal("resync", NAME, "--table", "public.two") as terminal:
        terminal.answer("Type the task's name", NAME)
        assert "resynchronizing" in terminal.finish()
    change(made.pair)
    made.caught_up()
    assert_equal(made.pair)
    since = read_entries(made.task.folder / FILE_NAME, before)
    assert [entry.event.table.name for entry in since if isinstance(entry.event, TablePlanned)] == ["two"]
    # Without statistics of the new rows changes would be applied by reading all of a table for each.
    assert "keys" in [entry.event.stage for entry in since if isinstance(entry.event, StageFinished)]
    # What readers need has stayed.
    left = "SELECT conname FROM pg_constraint WHERE conrelid = 'two'::regclass ORDER BY conname"
    assert {name for (name,) in made.pair.destination.execute(left)} >= {"two_label_key", "two_one_id_fkey", "two_pkey"}


def test_a_request_that_makes_no_sense_is_refused_with_what_does(made: Made) -> None:
    assert "no table of this task lost changes" in syncwizard("resync", NAME, "--yes", expect=2).stderr
    unknown = syncwizard("resync", NAME, "--table", "public.tow", "--yes", expect=2).stderr
    assert "did you mean `public.two`?" in unknown
    assert "schema.table" in syncwizard("resync", NAME, "--table", "two", "--yes", expect=2).stderr
    assert "exclude each other" in syncwizard("resync", NAME, "--all", "--table", "public.two", expect=2).stderr
    made.run("ALTER PUBLICATION {} DROP TABLE one, two")
    until(made.failed, 20, "the loss to be noticed")
    assert "public.one lost changes, too" in syncwizard("resync", NAME, "--table", "public.two", expect=2).stderr
    assert report("status", NAME)["state"] == "failed"


def test_a_lost_heartbeat_is_made_again_without_a_copy(made: Made) -> None:
    made.pair.source.execute("DROP TABLE dts_postgres_heartbeat")
    until(made.failed, 20, "the loss to be noticed")
    done = syncwizard("resync", NAME, "--yes")
    assert "no table is emptied or copied" in done.stderr
    change(made.pair)
    made.caught_up()
    assert_equal(made.pair)


def test_a_table_created_anew_is_taken_in_by_its_name(made: Made) -> None:
    made.pair.source.execute("DROP TABLE two")
    until(lambda: made.task.read_state().dropped, 20, "the drop to be told")
    assert report("status", NAME)["state"] == "synchronizing"
    made.pair.source.execute("CREATE TABLE two (id int PRIMARY KEY, one_id int NOT NULL, label text)")
    made.pair.source.execute("INSERT INTO two SELECT i, 1, 'anew ' || i FROM generate_series(1000, 1100) i")
    syncwizard("resync", NAME, "--table", "public.two", "--yes")
    change(made.pair)
    made.caught_up()
    assert_equal(made.pair)
    assert made.task.read_state().dropped == ()
    made.pair.source.execute("DROP TABLE two")
    until(lambda: made.task.read_state().dropped == (TableName("public", "two"),), 20, "the second drop to be told")


def test_a_whole_stream_may_begin_anew_from_another_server(made: Made) -> None:
    made.pair.source.execute("DROP TABLE two")
    until(lambda: made.task.read_state().dropped, 20, "the drop to be told")
    made.pause()
    made.pair.destination.execute("UPDATE syncwizard.progress SET system_identifier = '1'")
    # That server was further on in its own history, which is none of the new one's.
    made.pair.destination.execute("UPDATE syncwizard.tables SET pair_lsn = pair_lsn + 1e15::numeric")
    made.pair.source.execute("UPDATE one SET n = n + 1")
    assert "another database server" in syncwizard("resume", NAME, "--until", "caught-up", expect=1).stderr
    until(made.failed, 20, "the engine to end")
    # That may be a mistake in the network, and then resuming helps; everything is copied only when it is said.
    assert "another database server" in syncwizard("resync", NAME, "--yes", expect=2).stderr
    syncwizard("resync", NAME, "--all", "--yes")
    made.pair.source.execute("DELETE FROM one WHERE id < 50")
    made.caught_up()
    made.pair.destination.execute("DROP TABLE two")
    assert_equal(made.pair)


def test_rows_that_were_there_before_the_task_are_never_emptied(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    pair.source.execute(TABLES)
    pair.destination.execute("CREATE TABLE one (id int PRIMARY KEY, n int NOT NULL, body text)")
    pair.destination.execute("INSERT INTO one VALUES (100000, 0, 'of the user')")
    made = Made(pair, tmp_path, synchronization=Synchronization(conflicts="ignore"))
    with ended(made):
        made.start()
        made.run("ALTER PUBLICATION {} DROP TABLE one")
        change(pair)
        until(made.failed, 20, "the loss to be noticed")
        refused = syncwizard("resync", NAME, "--yes", expect=2).stderr
        assert "public.one holds rows that the task did not bring" in refused
        assert "TRUNCATE public.one" in refused
        assert content(pair.destination, "public", "one").rows >= 301
        pair.destination.execute("ALTER TABLE two DROP CONSTRAINT IF EXISTS two_one_id_fkey")
        pair.destination.execute("TRUNCATE public.one")
        syncwizard("resync", NAME, "--yes")
        change(pair)
        made.caught_up()
        assert_equal(pair)


def test_foreign_keys_that_would_fire_stand_in_the_way(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    role = pair.database
    pair.source.execute(TABLES)
    pair.destination.execute(f"CREATE ROLE {role} LOGIN".encode())
    pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO {role}".encode())
    pair.destination.execute(f"GRANT CREATE ON SCHEMA public TO {role}".encode())
    made = Made(pair, tmp_path, destination=pair.destination_cluster.endpoint(pair.database, user=role))
    try:
        with ended(made):
            made.start()
            pair.destination.execute(
                "ALTER TABLE two ADD CONSTRAINT cascading FOREIGN KEY (one_id) REFERENCES one"
                " ON DELETE CASCADE NOT VALID"
            )
            refused = syncwizard("resync", NAME, "--table", "public.one", "--yes", expect=2).stderr
            assert "foreign key cascading of public.two to public.one would be checked" in refused
            pair.destination.execute("ALTER TABLE two DROP CONSTRAINT cascading")
            syncwizard("resync", NAME, "--table", "public.one", "--yes")
            change(pair)
            made.caught_up()
            assert_equal(pair)
        syncwizard("release", NAME, "--yes")
    finally:
        pair.destination.execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER; DROP OWNED BY {role}".encode())
        pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO CURRENT_USER".encode())
        pair.destination.execute(f"DROP ROLE {role}".encode())
