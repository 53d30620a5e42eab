"""What the precheck says of servers, sessions and room, on real servers: each state is arranged, and put right by what
the item advises."""

import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.postgres.catalog.locale import read_collation_version
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.lanes import find
from syncwizard.stages.precheck.libraries import judge_versions
from syncwizard.stages.precheck.registry import Finding
from syncwizard.stages.precheck.topics import ITEMS
from syncwizard.task.specification import Advanced, Endpoint, TaskSpec
from tests.support.inprocess import TaskRun
from tests.support.network import ADDRESS
from tests.support.pair import DatabasePair, Session
from tests.support.pooler import balanced, pooled
from tests.support.slots import drop_slots
from tests.support.waiting import until


def found(spec: TaskSpec, folder: Path, name: str) -> Finding:
    """The finding of one item."""
    [item] = [item for item in ITEMS if item.name == name]
    with Checkup(TaskRun(spec, folder).context()) as checkup:
        return find(item, checkup)


def at_port(spec: TaskSpec, port: int) -> TaskSpec:
    """With the source behind the port."""
    source: Endpoint = msgspec.structs.replace(spec.source, host=ADDRESS, port=port)
    return msgspec.structs.replace(spec, source=source)


@contextmanager
def set_at(session: Session, name: str, value: str) -> Iterator[None]:
    """A parameter of the server, for as long as it takes."""
    before = session.execute(f"SHOW {name}".encode()).fetchone()

    def apply(statement: str) -> None:
        session.execute(statement.encode())
        session.execute("SELECT pg_reload_conf()")

    apply(f"ALTER SYSTEM SET {name} = '{value}'")
    try:
        until(lambda: session.execute(f"SHOW {name}".encode()).fetchone() != before, 20, f"{name} is set")
        yield
    finally:
        apply(f"ALTER SYSTEM RESET {name}")
        until(lambda: session.execute(f"SHOW {name}".encode()).fetchone() == before, 20, f"{name} is as it was")


def test_a_pooler_by_transaction_is_found_and_a_load_balancer(pair: DatabasePair, tmp_path: Path) -> None:
    with pooled(pair.source_cluster) as port:
        finding = found(at_port(pair.spec(), port), tmp_path, "steady-sessions")
    assert finding.verdict == "failed" and "pooler" in finding.message and "session mode" in str(finding.remedy)
    with balanced(pair.source_cluster, pair.destination_cluster) as port:
        finding = found(at_port(pair.spec(), port), tmp_path, "steady-sessions")
    assert finding.verdict == "failed" and "load balancer" in finding.message
    with balanced(pair.source_cluster) as port:
        assert found(at_port(pair.spec(), port), tmp_path, "steady-sessions").verdict == "passed"


def test_clocks_of_one_machine_agree_and_what_cannot_be_reached_by_it_is_judged(
    pair: DatabasePair, tmp_path: Path
) -> None:
    for name in ("clocks", "connections", "sender-timeout", "transaction-ids", "accounts", "this-machine"):
        assert found(pair.spec(), tmp_path, name).verdict == "passed", name


def test_a_short_patience_of_the_source_is_named_and_the_statement_puts_it_right(
    pair: DatabasePair, tmp_path: Path
) -> None:
    with set_at(pair.source, "wal_sender_timeout", "2s"):
        finding = found(pair.spec(), tmp_path, "sender-timeout")
        assert finding.verdict == "warning" and "wal_sender_timeout is 2 s" in finding.message
        [statement] = finding.remedy.statements
        pair.source.execute(statement.encode())
        pair.source.execute("SELECT pg_reload_conf()")
        until(lambda: found(pair.spec(), tmp_path, "sender-timeout").verdict == "passed", 20, "it is enough")


def test_an_account_with_few_connections_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    role = f"few_{pair.database}"[:60]
    pair.source.execute(f"CREATE ROLE {role} LOGIN CONNECTION LIMIT 3".encode())
    try:
        source = msgspec.structs.replace(pair.source_endpoint, user=role)
        finding = found(pair.spec(source=source), tmp_path, "connections")
        assert finding.verdict == "warning" and finding.message.startswith("3 of ")
        pair.source.execute(f"ALTER ROLE {role} CONNECTION LIMIT 50".encode())
        assert found(pair.spec(source=source), tmp_path, "connections").verdict == "passed"
        assert found(pair.spec(source=source), tmp_path, "accounts").message.startswith("source: an ordinary account")
    finally:
        pair.source.execute(f"DROP ROLE {role}".encode())


def test_parameters_that_were_chosen_at_the_source_are_compared(pair: DatabasePair, tmp_path: Path) -> None:
    before = set(found(pair.spec(), tmp_path, "parameters").objects)
    pair.source.execute(f"ALTER DATABASE {pair.database} SET work_mem = '77MB'".encode())
    pair.source.execute(f"ALTER DATABASE {pair.database} SET random_page_cost = 1.7".encode())
    finding = found(pair.spec(), tmp_path, "parameters")
    assert finding.verdict == "warning"
    assert set(finding.objects) - before == {
        "work_mem is 77MB at the source and 4MB at the destination (memory, reload)",
        "random_page_cost is 1.7 at the source and 4 at the destination (planner, reload)",
    }
    pair.destination.execute(f"ALTER DATABASE {pair.destination_database} SET work_mem = '77MB'".encode())
    assert not any("work_mem is" in line for line in found(pair.spec(), tmp_path, "parameters").objects)


def test_a_limit_of_wal_that_may_be_too_low_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    assert found(pair.spec(), tmp_path, "wal-retention").message.startswith("no limit")
    with set_at(pair.source, "max_slot_wal_keep_size", "2GB"):
        finding = found(pair.spec(), tmp_path, "wal-retention")
        assert finding.verdict == "warning" and "max_slot_wal_keep_size is 2.1 GB" in finding.message


def test_a_slot_of_a_task_that_is_gone_is_named_and_can_be_dropped(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    kept, lost = pair.spec(), pair.spec()
    assert kept.id is not None
    paths.task_folder(kept.id).mkdir(parents=True)
    for spec in (kept, lost):
        pair.source.execute("SELECT pg_create_logical_replication_slot(%s, 'pgoutput')", (spec.slot,))
    try:
        finding = found(pair.spec(), tmp_path, "leftover-slots")
        assert finding.verdict == "warning" and lost.slot in finding.message
        left = f"dts_sync_{uuid.uuid4().hex[:12]}"
        pair.source.execute(f"CREATE PUBLICATION {left}; CREATE PUBLICATION {kept.slot}".encode())
        finding = found(pair.spec(), tmp_path, "leftover-slots")
        assert f"publication {left} has no slot" in finding.objects
        first, second = finding.remedy.statements
        for statement in (first, second):
            pair.source.execute(statement.encode())
        assert found(pair.spec(), tmp_path, "leftover-slots").verdict == "passed"
    finally:
        pair.source.execute(
            "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = ANY (%s)",
            ([kept.slot, lost.slot],),
        )


def test_constraints_that_were_never_checked_show_the_rows_that_violate_them(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute("""
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (id int PRIMARY KEY, parent int, price int);
        INSERT INTO child VALUES (1, 7, -5), (2, NULL, 5);
        ALTER TABLE child ADD FOREIGN KEY (parent) REFERENCES parent NOT VALID;
        ALTER TABLE child ADD CONSTRAINT dear CHECK (price > 0) NOT VALID;
    """)
    finding = found(pair.spec(), tmp_path, "unvalidated-constraints")
    assert finding.verdict == "warning"
    assert "foreign key child_parent_fkey of public.child, check dear of public.child" in finding.message
    for statement in finding.remedy.statements:
        rows = pair.source.execute(statement.encode()).fetchall()
        assert len(rows) == 1, statement
    pair.source.execute("""
        DELETE FROM child WHERE id = 1;
        ALTER TABLE child VALIDATE CONSTRAINT dear;
        ALTER TABLE child VALIDATE CONSTRAINT child_parent_fkey;
    """)
    assert found(pair.spec(), tmp_path, "unvalidated-constraints").verdict == "passed"


def test_rows_disk_and_vector_memory_are_estimated(pair: DatabasePair, tmp_path: Path) -> None:
    for end in (pair.source, pair.destination):
        end.execute("CREATE EXTENSION vector")
    pair.source.execute("""
        CREATE TABLE v (id int PRIMARY KEY, e vector(3), h halfvec(768));
        INSERT INTO v SELECT g, '[1,2,3]', NULL FROM generate_series(1, 100) AS g;
        CREATE INDEX by_e ON v USING hnsw (e vector_l2_ops);
        CREATE INDEX by_h ON v USING ivfflat (h halfvec_l2_ops);
        ANALYZE v;
    """)
    assert found(pair.spec(), tmp_path, "vector-memory").verdict == "passed"
    assert found(pair.spec(), tmp_path, "wide-rows").verdict == "passed"
    assert found(pair.spec(), tmp_path, "destination-disk").message.startswith("about ")
    finding = found(pair.spec(), tmp_path, "estimate")
    assert finding.message.startswith("100 rows · ≈ 5 s to copy ") and "≈ 5 s for 2 vector indexes" in finding.message
    # As if there were many, and then as if all of it were one row.
    pair.source.execute("UPDATE pg_class SET reltuples = 500e6 WHERE relname = 'v'")
    finding = found(pair.spec(), tmp_path, "vector-memory")
    assert finding.verdict == "warning"
    assert "by_e takes 367.2 GB, and is built with" in finding.message and "by_h takes 960.0 GB" in finding.message
    pair.source.execute("CREATE TABLE w (b bytea); ALTER TABLE w ALTER b SET STORAGE EXTERNAL")
    pair.source.execute("INSERT INTO w SELECT convert_to(repeat('x', 40000000), 'UTF8'); ANALYZE w")
    assert found(pair.spec(), tmp_path, "wide-rows").message.startswith("a row of public.w has 4")


def test_an_autovacuum_that_is_off_is_named_and_turned_on_by_the_statement(pair: DatabasePair, tmp_path: Path) -> None:
    with set_at(pair.destination, "autovacuum", "off"):
        finding = found(pair.spec(), tmp_path, "autovacuum")
        assert finding.message == "autovacuum is off at the destination"
        [statement] = finding.remedy.statements
        pair.destination.execute(statement.encode())
        pair.destination.execute("SELECT pg_reload_conf()")
        until(lambda: found(pair.spec(), tmp_path, "autovacuum").verdict == "passed", 20, "it runs")


def test_little_memory_for_decoding_is_named_and_the_statement_puts_it_right(
    pair: DatabasePair, tmp_path: Path
) -> None:
    with set_at(pair.source, "logical_decoding_work_mem", "1MB"):
        finding = found(pair.spec(), tmp_path, "decoding-memory")
        assert finding.verdict == "warning" and "logical_decoding_work_mem is 1MB" in finding.message
        [statement] = finding.remedy.statements
        pair.source.execute(statement.encode())
        pair.source.execute("SELECT pg_reload_conf()")
        until(lambda: found(pair.spec(), tmp_path, "decoding-memory").verdict == "passed", 20, "it is enough")


def test_standbys_that_changes_do_not_wait_for_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    """The server of version 18 as a source, which a receiver of its WAL follows as a standby does."""
    spec = pair.spec(source=pair.destination_endpoint)
    cluster, slot = pair.destination_cluster, f"standby_{uuid.uuid4().hex[:8]}"
    pair.destination.execute("SELECT pg_create_physical_replication_slot(%s)", (slot,))
    command = [cluster.bin / "pg_receivewal", "-h", cluster.sockets, "-U", "postgres", "-D", tmp_path, "-S", slot]
    follower = subprocess.Popen([*map(str, command), "--no-loop"], env=installations.clean_environment())
    try:
        until(lambda: found(spec, tmp_path, "failover-slots").verdict == "warning", 30, "the standby to be named")
        assert "pg_receivewal" in found(spec, tmp_path, "failover-slots").message
        with set_at(pair.destination, "synchronized_standby_slots", slot):
            until(lambda: found(spec, tmp_path, "failover-slots").verdict == "passed", 20, "it is waited for")
            # One that is waited for in vain holds up every change.
            follower.terminate()
            follower.wait(30)
            until(lambda: found(spec, tmp_path, "failover-slots").acceptance, 30, "the standby to be missed")
            drop_slots(pair.destination, slot)
            finding = found(spec, tmp_path, "failover-slots")
            assert finding.verdict == "failed" and f"names {slot}, which is no physical slot" in finding.message
        off = msgspec.structs.replace(spec, advanced=Advanced(failover_slot="off"))
        assert found(off, tmp_path, "failover-slots").verdict == "passed"
    finally:
        follower.terminate()
        follower.wait(30)
        drop_slots(pair.destination, slot)


def test_a_library_that_was_replaced_below_a_database_is_named(postgres15: Cluster) -> None:
    name = "collated"
    with postgres15.connect() as session:
        session.execute(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de'".encode()
        )
        session.execute("UPDATE pg_database SET datcollversion = '1.0' WHERE datname = %s", (name,))
    try:
        with postgres15.connect(name) as session:

            def judged() -> Finding:
                found = read_collation_version(session)
                return judge_versions({"source": found, "destination": found}, {"source": name, "destination": name})

            finding = judged()
            assert finding.verdict == "warning" and "was made with icu 1.0 and runs with" in finding.message
            for statement in finding.remedy.statements:
                session.execute(statement.encode())
            assert judged().verdict == "passed"
    finally:
        with postgres15.connect() as session:
            session.execute(f"DROP DATABASE {name}".encode())
