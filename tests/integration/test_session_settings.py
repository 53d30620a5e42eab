"""What a database or role sets for its sessions does not reach ours, where values or their durability depend on it."""

import pytest

from syncwizard.postgres.session.connection import connect, scalar
from tests.support.pair import DatabasePair
from tests.support.reloading import reloaded


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
