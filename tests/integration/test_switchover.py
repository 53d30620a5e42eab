"""`syncwizard switchover`: writes move to the destination under a workload, or everything is undone."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from syncwizard.client.tasks import find_task, list_tasks
from syncwizard.demo.servers import Cluster
from syncwizard.errors import UsageError
from syncwizard.postgres.fencing import prepare_fence
from syncwizard.postgres.session.connection import conninfo_of
from syncwizard.task.names import TableName
from syncwizard.task.specification import Endpoint, PrecheckSettings, SchemaObjects
from syncwizard.task.switchover import STEPS, Switchover
from tests.faults import processes
from tests.support.bank import TABLES, Bank
from tests.support.commands import spawn, syncwizard, write_task_file
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NAME = "moved"
BACK = "moved-reverse"


def address(endpoint: Endpoint, **more: str) -> str:
    return psycopg.conninfo.make_conninfo("", **{**conninfo_of(endpoint, None), **more})


@pytest.fixture
def running(pair: DatabasePair, tmp_path: Path, state_home: Path) -> Iterator[DatabasePair]:
    """A task over a bank that is in step."""
    pair.source.execute(TABLES.encode())
    accepted = PrecheckSettings(ignore=["replica-identity", "local-values"])
    spec = pair.spec([SchemaObjects(schema="public")], name=NAME, id=None, precheck=accepted)
    try:
        syncwizard("start", write_task_file(spec, tmp_path), "--until", "caught-up")
        syncwizard("wait", NAME, "--until", "indexed")
        yield pair
    finally:
        for task in list_tasks():
            if (holder := task.find_engine()) is not None:
                os.kill(holder.pid, signal.SIGKILL)
        # Its sessions were ended with those of the applications.
        pair.source = pair.source_cluster.connect(pair.database)
        pair.source.execute("SET default_transaction_read_only = off")


def switched(*options: str, expect: int, name: str = NAME) -> dict[str, Any]:
    """What `switchover` reports."""
    done = syncwizard("switchover", name, "--yes", "--json", *options, expect=expect)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def steps_of(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["switchover"]["steps"]]


@contextmanager
def session(cluster: Cluster, database: str) -> Iterator[Session]:
    with cluster.connect(database) as opened:
        yield opened


def takes_writes(pair: DatabasePair) -> bool:
    """Whether a new session may write at the source."""
    try:
        with session(pair.source_cluster, pair.database) as opened:
            return opened.execute("SHOW transaction_read_only").fetchone() == ("off",)
    except psycopg.errors.AdminShutdown:
        # A fence that is being raised ends sessions: another one shows how it is.
        return takes_writes(pair)


def test_there_and_back_again_loses_nothing(running: DatabasePair) -> None:
    with Bank(running.source_address).open() as bank:
        bank.go_on()
        rehearsed(running, bank)
        there = moving_at_once(running, bank)
        bank.go_on()
        assert steps_of(there) == list(STEPS)
        assert there["state"] == "switched" and 0 < there["switchover"]["seconds"] < 120
        assert there["connection"].endswith(f"dbname={running.database}")
        refused_from_then_on(running)
        # What is written at the destination comes back.
        syncwizard("wait", BACK, "--until", "caught-up")
        assert not takes_writes(running)
        back_with_a_kill_in_the_last_step(running)
        bank.address = running.source_address
        bank.go_on()
    assert takes_writes(running)
    with session(running.destination_cluster, running.database) as opened:
        assert opened.execute("SHOW transaction_read_only").fetchone() == ("on",)
    # A task in the first direction again, whose destination is fenced.
    syncwizard("wait", NAME, "--until", "caught-up")
    for cluster in (running.source_cluster, running.destination_cluster):
        with session(cluster, running.database) as opened:
            bank.check(opened)
    again = find_task(NAME)
    assert again.read_state().inherited is not None and again.spec.destination.database == running.database
    for label in [task.label for task in list_tasks()]:
        syncwizard("release", label, "--yes")
    for cluster in (running.source_cluster, running.destination_cluster):
        assert slots(cluster, running.database) == 0


def rehearsed(pair: DatabasePair, bank: Bank) -> None:
    """A rehearsal keeps no write out, and names what a switchover would wait for."""
    with transaction_open(pair):
        before = bank.moves
        found = json.loads(syncwizard("rehearse", NAME, "--json").stdout)
        assert bank.moves > before
    known = found["switchover"]
    assert [each["name"] for each in known["steps"]] == ["checks", "drain", "verification", "sequences", "definitions"]
    assert found["state"] == "synchronizing" and 0 < known["seconds"] < 120
    assert [each for each in known["waits"] if pair.database in each]
    assert takes_writes(pair) and slots(pair.destination_cluster, pair.database) == 0
    assert "rehearsed at" in syncwizard("status", NAME).stdout


def moving_at_once(pair: DatabasePair, bank: Bank) -> dict[str, Any]:
    """What is reported by a switchover whose applications are moved while its engine still ends."""
    task = find_task(NAME)
    command = spawn("switchover", NAME, "--yes", "--json", "--verify", "rows", "--offset", "100")

    def finished() -> bool:
        known = task.read_state().switchover
        return (known is not None and known.finished) or command.poll() is not None

    until(finished, 120, "the switchover to be done")
    bank.address = pair.destination_address
    out, err = command.communicate(timeout=120)
    assert command.returncode == 0, out + err
    found: dict[str, Any] = json.loads(out)
    return found


def refused_from_then_on(pair: DatabasePair) -> None:
    """What a task that is switched over says, which has left no slot."""
    assert find_task(NAME).find_engine() is None and slots(pair.source_cluster, pair.database) == 0
    shown = syncwizard("status", NAME).stdout
    assert "switched over at" in shown and "RESET default_transaction_read_only" in shown
    syncwizard("status", NAME, "--check")
    assert "switched over" in syncwizard("resume", NAME, expect=2).stderr
    assert "switched over" in syncwizard("switchover", NAME, "--undo", expect=2).stderr


def back_with_a_kill_in_the_last_step(pair: DatabasePair) -> None:
    """From the last step on nothing is undone: the destination might have been written to."""
    with pair.source_cluster.connect("postgres") as other:
        # Keeps the fence there, and no slot from being made: it has no transaction id.
        other.execute("BEGIN; LOCK TABLE pg_catalog.pg_db_role_setting IN SHARE MODE")
        killed_at("open", BACK)
        assert "may have taken writes" in syncwizard("switchover", BACK, "--undo", expect=2).stderr
        other.execute("ROLLBACK")
    syncwizard("resume", BACK, "--until", "caught-up")
    assert switched(name=BACK, expect=0)["state"] == "switched"


def slots(cluster: Cluster, database: str) -> int:
    """How many replication slots the database has."""
    with session(cluster, database) as opened:
        row = opened.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone()
    assert row is not None
    return int(row[0])


def test_what_ends_it_before_the_last_step_undoes_it(running: DatabasePair) -> None:
    """An interrupt, differences, a time limit; one after the other."""
    with Bank(running.source_address).open() as bank:
        bank.go_on()
        with transaction_open(running):
            command = spawn("switchover", NAME, "--yes", "--json")
            until(lambda: not takes_writes(running), 60, "the fence to be raised")
            command.send_signal(signal.SIGINT)
            out, err = command.communicate(timeout=120)
            assert command.returncode == 130, out + err
        assert undone(running).failure is None
        bank.go_on()
        running.destination.execute("INSERT INTO audit VALUES (-1, 1)")
        found = switched(expect=5)
        assert "audit" in found["failure"]["detail"] and steps_of(found)[-1] == "verification"
        undone(running)
        bank.go_on()
        with transaction_open(running):
            found = switched("--longest", "2", expect=6)
        assert undone(running).steps[-1].name == "fence"
        bank.go_on()
    running.destination.execute("DELETE FROM audit WHERE id = -1")
    syncwizard("wait", NAME, "--until", "caught-up")
    bank.check(running.destination)


@contextmanager
def transaction_open(pair: DatabasePair) -> Iterator[None]:
    """A transaction at the source that the fence waits for."""
    with session(pair.source_cluster, pair.database) as other:
        other.execute("BEGIN; UPDATE public.account SET balance = balance WHERE id = 1")
        yield
        other.execute("ROLLBACK")


def undone(pair: DatabasePair) -> Switchover:
    """The task goes on as before a switchover."""
    state = find_task(NAME).read_state()
    known = state.switchover
    assert known is not None and known.undone and known.fence is None and state.state == "synchronizing"
    assert takes_writes(pair)
    return known


def test_writes_behind_the_fence_undo_it(running: DatabasePair) -> None:
    """A session that sets the default back writes on: it is found, and nothing is lost or goes round by it."""
    stubborn = address(running.source_endpoint, options="-c default_transaction_read_only=off")
    with Bank(stubborn).open() as bank:
        bank.go_on()
        command = spawn("switchover", NAME, "--yes", "--json", "--verify", "none")
        until(lambda: not takes_writes(running), 60, "the fence to be raised")
        with running.destination.transaction():
            # What is still to be applied waits until there is something behind the fence, however slow its writers are.
            running.destination.execute("LOCK TABLE audit")
            bank.go_on()
        out, err = command.communicate(timeout=120)
        assert command.returncode == 1, out + err
        found = json.loads(out)
        bank.go_on()
    assert "behind the fence" in found["failure"]["title"] and "public.account" in found["failure"]["title"]
    undone(running)
    syncwizard("wait", NAME, "--until", "caught-up")
    bank.check(running.destination)
    with session(running.source_cluster, running.database) as source:
        bank.check(source)
    assert slots(running.destination_cluster, running.database) == 0


def test_kills_of_the_engine_at_each_step(running: DatabasePair) -> None:
    """After each one it is undone without an engine, or gone on with by the next."""
    with Bank(running.source_address).open() as bank:
        for step in ("fence", "reverse"):
            killed_at(step)
            syncwizard("switchover", NAME, "--undo")
            assert takes_writes(running) and slots(running.destination_cluster, running.database) == 0
            bank.go_on()
            syncwizard("resume", NAME, "--until", "caught-up")
        killed_at("proof")
        assert not takes_writes(running)
        shown = syncwizard("status", NAME).stdout
        assert f"syncwizard switchover {NAME} --undo" in shown
        syncwizard("status", NAME, "--check", expect=2)
        syncwizard("resume", NAME, "--until", "caught-up")
        found = switched(expect=0)
        bank.address = running.destination_address
        bank.go_on()
    assert found["state"] == "switched"
    bank.check(running.destination)


def killed_at(step: str, name: str = NAME) -> None:
    """Begins a switchover, and kills the engine once the step has begun."""
    task = find_task(name)
    command = spawn("switchover", name, "--yes")

    def begun() -> bool:
        known = task.read_state().switchover
        return known is not None and known.pending and step in [each.name for each in known.steps]

    until(begun, 60, f"the step {step} to begin")
    holder = task.find_engine()
    assert holder is not None
    processes.kill(holder.pid)
    command.communicate(timeout=60)
    assert command.returncode not in (0, 130)


def test_rights_are_revoked_and_given_back_exactly(running: DatabasePair) -> None:
    name = f"app_{running.database}"
    running.source.execute(
        f"CREATE ROLE {name} LOGIN; GRANT SELECT, INSERT, UPDATE ON account, move, audit TO {name};"
        f" GRANT DELETE ON account TO {name} WITH GRANT OPTION; GRANT UPDATE (seen) ON audit TO {name};".encode()
    )
    rights = (
        "SELECT relname, relacl::text, array_agg(attacl::text ORDER BY attnum)"
        " FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relname IN ('account', 'move', 'audit') GROUP BY 1, 2 ORDER BY 1"
    )
    before = running.source.execute(rights).fetchall()
    try:
        with Bank(address(running.source_endpoint, user=name)).open() as bank:
            bank.go_on()
            running.destination.execute("INSERT INTO audit VALUES (-1, 1)")
            switched("--fence", "revoke", "--role", name, expect=5)
            bank.go_on()
            # The session of another role was left alone.
            assert [sorted_rights(each) for each in running.source.execute(rights)] == [
                sorted_rights(each) for each in before
            ]
            running.destination.execute("DELETE FROM audit WHERE id = -1")
            switched("--fence", "revoke", "--role", name, "--no-reverse", expect=0)
            bank.address = running.destination_address
            bank.go_on()
        bank.check(running.destination)
    finally:
        running.source.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def sorted_rights(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """The order of the entries means nothing."""
    name, table, columns = row
    return name, sorted(table.strip("{}").split(",")), columns


def test_an_account_without_the_rights_is_reported_the_statements(pair: DatabasePair) -> None:
    name = f"weak_{pair.database}"
    pair.source.execute(f"CREATE ROLE {name} LOGIN".encode())
    try:
        with psycopg.connect(address(pair.source_endpoint, user=name), autocommit=True) as weak:
            with pytest.raises(UsageError) as caught:
                prepare_fence(weak, "read-only", (), [TableName("public", "a")])
            statements = caught.value.remedy.statements
            assert len(statements) == 2 and statements[1] == f'GRANT pg_signal_backend TO "{name}"'
            for statement in statements:
                pair.source.execute(statement.encode())
            fence = prepare_fence(weak, "read-only", (), [TableName("public", "a")])
            assert fence.undo == (f'ALTER DATABASE "{pair.database}" RESET default_transaction_read_only',)
            pair.source.execute(f"ALTER DATABASE {pair.database} SET default_transaction_read_only = 'off'".encode())
            fence = prepare_fence(weak, "read-only", (), [])
            assert fence.undo[0].endswith("SET default_transaction_read_only = 'off'")
    finally:
        pair.source.execute(f"DROP ROLE {name}".encode())
