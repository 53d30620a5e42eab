"""What a database or role sets for its sessions does not reach ours, where values or their durability depend on it."""

import os
import signal
import subprocess
import sys

import msgspec
import pytest

from syncwizard.postgres.session.connection import connect, scalar
from tests.support.pair import DatabasePair
from tests.support.reloading import reloaded
from tests.support.waiting import until


@pytest.mark.parametrize("replication", [False, True], ids=["session", "walsender"])
@pytest.mark.parametrize(("given", "ours"), [("off", "on"), ("remote_apply", "remote_apply"), ("local", "local")])
def test_our_commits_wait_for_the_disk(pair: DatabasePair, given: str, ours: str, replication: bool) -> None:
    pair.destination.execute(f'ALTER DATABASE "{pair.database}" SET synchronous_commit = {given}'.encode())
    with connect(
        pair.destination_endpoint, end="destination", application_name="test", replication=replication
    ) as session:
        assert scalar(session, "SELECT pg_catalog.current_setting('synchronous_commit')") == ours


def test_a_destination_closed_to_its_applications_is_open_to_us(pair: DatabasePair) -> None:
    pair.destination.execute(f'ALTER DATABASE "{pair.database}" SET default_transaction_read_only = on'.encode())
    with connect(pair.destination_endpoint, end="destination", application_name="test") as session:
        session.execute("CREATE TABLE public.written (id int)")


@pytest.mark.parametrize(("given", "ours"), [("off", "on"), ("remote_apply", "on")])
def test_a_reload_does_not_reach_an_open_session(pair: DatabasePair, given: str, ours: str) -> None:
    """What is copied is taken for done: a commit that the disk has not seen would be missing after a crash."""
    with (
        connect(pair.destination_endpoint, end="destination", application_name="test") as session,
        reloaded(pair.destination_cluster, synchronous_commit=given),
    ):
        assert scalar(session, "SELECT pg_catalog.current_setting('synchronous_commit')") == ours


ENDLESS = """
import sys
import msgspec
from syncwizard.postgres.session.connection import connect
from syncwizard.task.specification import Endpoint
with connect(msgspec.json.decode(sys.argv[1], type=Endpoint), end="source", application_name="endless") as session:
    session.execute("SELECT pg_catalog.pg_sleep(3600)")
"""


def test_the_statement_of_a_killed_process_ends_at_the_server(pair: DatabasePair) -> None:
    """A chunk whose filter never ends for a row would hold a core and the snapshot of the source for good."""
    argument = msgspec.json.encode(pair.source_endpoint).decode()

    def runs() -> bool:
        look = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE '%endless%' AND state = 'active'"
        return scalar(pair.source, look) == 1  # type: ignore[no-any-return]

    with subprocess.Popen([sys.executable, "-c", ENDLESS, argument]) as process:
        until(runs, 30, "the statement to run")
        os.kill(process.pid, signal.SIGKILL)
    until(lambda: not runs(), 30, "the server to notice")
