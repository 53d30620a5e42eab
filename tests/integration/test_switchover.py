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

from syncwizard.client.tasks import find_task
from syncwizard.demo.servers import Cluster
from syncwizard.errors import UsageError
from syncwizard.postgres.fencing import prepare_fence
from syncwizard.postgres.session.connection import conninfo_of
from syncwizard.task.names import TableName
from syncwizard.task.specification import Endpoint, PrecheckSettings, SchemaObjects
from tests.faults import processes
from tests.support.bank import TABLES, Bank
from tests.support.commands import spawn, syncwizard, write_task_file
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NAME = "moved"


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
        if (holder := find_task(NAME).find_engine()) is not None:
            os.kill(holder.pid, signal.SIGKILL)
        # Its sessions were ended with those of the applications.
        pair.source = pair.source_cluster.connect(pair.database)
        pair.source.execute("SET default_transaction_read_only = off")


def switched(*options: str, expect: int) -> dict[str, Any]:
    """What `switchover` reports."""
    found: dict[str, Any] = json.loads(
        syncwizard("switchover", NAME, "--yes", "--json", *options, expect=expect).stdout
    )
    return found


def steps_of(found: dict[str, Any]) -> list[str]:
    return [each["name"] for each in found["switchover"]["steps"]]


@contextmanager
def session(cluster: Cluster, database: str) -> Iterator[Session]:
    with cluster.connect(database) as opened:
        yield opened


def takes_writes(pair: DatabasePair) -> bool:
    """Whether a new session may write at the source."""
    with session(pair.source_cluster, pair.database) as opened:
        return opened.execute("SHOW transaction_read_only").fetchone() == ("off",)


def test_writes_move_to_the_destination_and_nothing_is_lost(running: DatabasePair) -> None:
    with Bank(running.source_address).open() as bank:
        bank.go_on()
        found = switched("--verify", "rows", "--offset", "100", expect=0)
        bank.address = running.destination_address
        bank.go_on()
    assert steps_of(found) == [
        "checks", "fence", "drain", "verification", "sequences", "definitions", "proof", "open",
    ]  # fmt: skip
    known = found["switchover"]
    print(
        "writes were kept out for", known["seconds"], "s:", {each["name"]: each["seconds"] for each in known["steps"]}
    )
    assert found["state"] == "switched" and known["finished"] and 0 < known["seconds"] < 60
    assert found["connection"].endswith(f"dbname={running.database}")
    # Numbers of the destination go on beyond those of the source, and its trigger notes each move once.
    bank.check(running.destination)
    assert not takes_writes(running)
    until(lambda: find_task(NAME).find_engine() is None)
    with session(running.source_cluster, running.database) as source:
        assert source.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()").fetchone() == (0,)  # fmt: skip # noqa: E501
    assert "switched over at" in syncwizard("status", NAME).stdout
    syncwizard("status", NAME, "--check")
    assert "switched over" in syncwizard("resume", NAME, expect=2).stderr
    assert "switched over" in syncwizard("switchover", NAME, "--undo", expect=2).stderr
    syncwizard("release", NAME, "--yes")


def test_an_interrupt_undoes_it(running: DatabasePair) -> None:
    with (
        session(running.source_cluster, running.database) as other,
        Bank(running.source_address).open() as bank,
    ):
        bank.go_on()
        other.execute("BEGIN; UPDATE public.account SET balance = balance WHERE id = 1")
        command = spawn("switchover", NAME, "--yes", "--json")
        until(lambda: not takes_writes(running), 60, "the fence to be raised")
        command.send_signal(signal.SIGINT)
        out, err = command.communicate(timeout=60)
        assert command.returncode == 130, out + err
        other.execute("ROLLBACK")
        assert takes_writes(running)
        bank.go_on()
    known = find_task(NAME).read_state().switchover
    assert known is not None and known.undone and known.fence is None
    assert find_task(NAME).read_state().state == "synchronizing"
    syncwizard("wait", NAME, "--until", "caught-up")
    bank.check(running.destination)


def test_differences_undo_it(running: DatabasePair) -> None:
    running.destination.execute("INSERT INTO audit VALUES (-1, 1)")
    found = switched(expect=5)
    assert "audit" in found["failure"]["detail"] and found["state"] == "synchronizing"
    assert steps_of(found)[-1] == "verification" and found["switchover"]["undone"]
    assert takes_writes(running)


def test_writes_behind_the_fence_undo_it(running: DatabasePair) -> None:
    """A session that sets the default back writes on: it is found, and nothing is lost by it."""
    stubborn = address(running.source_endpoint, options="-c default_transaction_read_only=off")
    with Bank(stubborn).open() as bank:
        bank.go_on()
        found = switched("--verify", "none", expect=1)
        bank.go_on()
    assert "behind the fence" in found["failure"]["title"] and "public.account" in found["failure"]["title"]
    assert found["switchover"]["undone"] and takes_writes(running)
    syncwizard("wait", NAME, "--until", "caught-up")
    bank.check(running.destination)


def test_a_time_limit_undoes_it(running: DatabasePair) -> None:
    with session(running.source_cluster, running.database) as other:
        other.execute("BEGIN; UPDATE public.account SET balance = balance WHERE id = 1")
        found = switched("--longest", "2", expect=6)
        other.execute("ROLLBACK")
    assert found["switchover"]["undone"] and takes_writes(running)


def test_kills_of_the_engine_at_each_step(running: DatabasePair) -> None:
    """After each one it is undone without an engine, or gone on with by the next."""
    with Bank(running.source_address).open() as bank:
        for step in ("fence", "verification", "proof"):
            killed_at(step)
            syncwizard("switchover", NAME, "--undo")
            assert takes_writes(running)
            bank.go_on()
            syncwizard("resume", NAME, "--until", "caught-up")
        killed_at("sequences")
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


def killed_at(step: str) -> None:
    """Begins a switchover, and kills the engine once the step has begun."""
    task = find_task(NAME)
    command = spawn("switchover", NAME, "--yes")

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
            switched("--fence", "revoke", "--role", name, expect=0)
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
