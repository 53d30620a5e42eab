"""Connectivity tests of real servers, through the real probe: every step is told, and what fails says what to do."""

import os
import shutil
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client import probes
from syncwizard.demo.servers import Cluster
from syncwizard.errors import Cancelled, End
from syncwizard.task.connectivity import ConnectivityNews, StepBegan, StepEnded, StepName, steps_of
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Access, Encryption, Endpoint
from tests.support.bastion import bastion, sshd
from tests.support.network import ADDRESS, free_port, listening
from tests.support.pair import DatabasePair
from tests.support.searching import arguments_of_processes
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# More than a machine with other work needs.
SECONDS = 15.0
PASSWORD = "the right one"


def news_of(
    source: Endpoint | None = None,
    destination: Endpoint | None = None,
    *,
    password: str | None = None,
    seconds: float = SECONDS,
) -> list[ConnectivityNews]:
    news: list[ConnectivityNews] = []
    secrets = Handover(source=password, destination=password)
    probes.connectivity(source, destination, secrets, step_seconds=seconds).run(news.append)
    return news


def ended(news: list[ConnectivityNews], end: End = "source") -> dict[StepName, StepEnded]:
    """The last word on each step of an end."""
    return {each.step: each for each in news if isinstance(each, StepEnded) and each.end == end}


def verdicts(steps: dict[StepName, StepEnded]) -> str:
    """The first letters of the steps' verdicts, in order."""
    return "".join(step.verdict[0] for step in steps.values())


@pytest.fixture(scope="module")
def network(server_folder: Path) -> Iterator[Cluster]:
    """A server that asks for passwords on the network."""
    rules = f"host all sync {ADDRESS}/32 scram-sha-256\nhost all plain {ADDRESS}/32 trust\n"
    with listening(server_folder / "connectivity", 16, rules) as cluster:
        with cluster.connect() as connection:
            connection.execute(f"CREATE ROLE sync LOGIN SUPERUSER PASSWORD '{PASSWORD}'".encode())
            connection.execute("CREATE ROLE plain LOGIN")
        yield cluster


def at(cluster: Cluster, user: str = "sync", **fields: object) -> Endpoint:
    endpoint = Endpoint(host=ADDRESS, port=cluster.port, database="postgres", user=user)
    return msgspec.structs.replace(endpoint, **fields)


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server((ADDRESS, 0)) as listener:
        yield int(listener.getsockname()[1])


def test_both_ends_are_tested_and_every_step_is_reported_when_it_begins_and_ends(pair: DatabasePair) -> None:
    news = news_of(pair.source_endpoint, pair.destination_endpoint)
    endpoints: dict[End, Endpoint] = {"source": pair.source_endpoint, "destination": pair.destination_endpoint}
    for end, endpoint in endpoints.items():
        reported = [(type(each), each.step) for each in news if each.end == end]
        assert reported == [(kind, step) for step in steps_of(end, endpoint) for kind in (StepBegan, StepEnded)]
        assert verdicts(ended(news, end)) == "spspppp"
    assert ended(news)["database"].message == pair.database
    assert "WAL senders are free" in ended(news)["replication"].message
    assert ended(news, "destination")["version"].message == "PostgreSQL 18"


def test_one_end_can_be_tested_alone(pair: DatabasePair) -> None:
    assert {each.end for each in news_of(None, pair.destination_endpoint)} == {"destination"}


def test_an_unknown_name_fails_at_resolving_and_skips_the_rest() -> None:
    steps = ended(news_of(Endpoint(host="no-such-host.invalid", database="kb")))
    assert verdicts(steps) == "fssssss"
    assert "no-such-host.invalid: " in steps["resolve"].message
    assert "spelling" in str(steps["resolve"].remedy)
    assert verdicts(ended(news_of(Endpoint(host="a..b", database="kb")))) == "fssssss"


def test_a_closed_port_fails_at_connecting_in_libpqs_words() -> None:
    steps = ended(news_of(Endpoint(host=ADDRESS, port=free_port(), database="kb")))
    assert verdicts(steps) == "pfsssss"
    assert "Connection refused" in steps["connect"].message
    assert "firewall" in str(steps["connect"].remedy)


def test_a_server_that_never_answers_is_given_up_in_time(silent: int) -> None:
    began = time.monotonic()
    steps = ended(news_of(Endpoint(host=ADDRESS, port=silent, database="kb"), seconds=1.0))
    assert time.monotonic() - began < 10
    assert verdicts(steps) == "ppsfsss"
    assert steps["login"].message == "no answer within 1 s"
    assert steps["login"].remedy


def test_a_silent_end_does_not_delay_the_other(silent: int, pair: DatabasePair) -> None:
    news = news_of(Endpoint(host=ADDRESS, port=silent, database="kb"), pair.destination_endpoint, seconds=1.0)
    assert verdicts(ended(news, "destination")) == "spspppp"
    assert verdicts(ended(news)) == "ppsfsss"


def test_a_server_that_freezes_after_the_login_is_given_up_too(network: Cluster) -> None:
    """The sessions of later steps find a postmaster that answers no more."""
    news: list[ConnectivityNews] = []
    stopped = threading.Event()

    def listen(each: ConnectivityNews) -> None:
        news.append(each)
        if isinstance(each, StepEnded) and each.step == "database":
            os.kill(network.pid, signal.SIGSTOP)
            stopped.set()

    try:
        probes.connectivity(at(network, "plain"), None, Handover(), step_seconds=1.0).run(listen)
    finally:
        os.kill(network.pid, signal.SIGCONT)
    assert stopped.is_set()
    failed = [step for step in ended(news).values() if step.verdict == "failed"]
    assert [step.message for step in failed] == ["no answer within 1 s"]


def test_a_wrong_password_fails_at_the_login_in_the_servers_words(network: Cluster) -> None:
    steps = ended(news_of(at(network), password="a wrong one"))
    assert verdicts(steps) == "ppsfsss"
    assert 'password authentication failed for user "sync"' in steps["login"].message
    assert str(steps["login"].remedy) == "correct user or password, then test again"
    none = ended(news_of(at(network)))["login"]
    assert "no password supplied" in none.message and "choose another place, or type it" in str(none.remedy)
    assert verdicts(ended(news_of(at(network), password=PASSWORD))) == "ppspppp"


def test_an_account_without_a_line_in_pg_hba_is_reported_the_line(network: Cluster) -> None:
    steps = ended(news_of(at(network, "nobody")))
    assert steps["login"].verdict == "failed"
    assert f'host "postgres" "nobody" {ADDRESS}/32' in str(steps["login"].remedy)


def test_a_missing_database_fails_at_the_database_with_the_statement(network: Cluster) -> None:
    steps = ended(news_of(at(network, database="not there"), password=PASSWORD))
    assert verdicts(steps) == "ppspfss"
    assert steps["database"].remedy.statements == ('CREATE DATABASE "not there"',)


def test_tls_that_the_server_does_not_speak_fails_at_tls(network: Cluster) -> None:
    steps = ended(news_of(at(network, encryption=Encryption(mode="require")), password=PASSWORD))
    assert verdicts(steps) == "ppfssss"
    assert "SSL" in steps["tls"].message
    assert "encryption" in str(steps["tls"].remedy)


def test_a_missing_certificate_file_is_named_before_anybody_connects(network: Cluster) -> None:
    steps = ended(news_of(at(network, encryption=Encryption(mode="verify-ca", ca="/nowhere/ca.pem"))))
    assert steps["tls"].verdict == "failed"
    assert "/nowhere/ca.pem" in steps["tls"].message
    assert steps["connect"].verdict == "skipped"


def test_an_account_that_may_not_replicate_or_write_learns_what_to_grant(network: Cluster) -> None:
    news = news_of(at(network, "plain"), at(network, "plain"))
    replication, writing = ended(news)["replication"], ended(news, "destination")["writing"]
    assert (replication.verdict, writing.verdict) == ("failed", "failed")
    assert replication.remedy.statements == ('ALTER ROLE "plain" REPLICATION',)
    assert writing.remedy.statements == ('GRANT CREATE ON DATABASE "postgres" TO "plain"',)


def test_a_source_without_logical_wal_is_reported_the_setting(server_folder: Path) -> None:
    cluster = Cluster(server_folder / "replica", 16, durable=False, settings={"wal_level": "replica"})
    try:
        cluster.create().start()
        steps = ended(news_of(cluster.endpoint("postgres")))
    finally:
        cluster.destroy()
    assert verdicts(steps) == "spspppf"
    assert steps["replication"].message == "wal_level is replica"
    assert steps["replication"].remedy.statements == ("ALTER SYSTEM SET wal_level = logical",)


def test_several_hosts_are_tried_in_turn_and_the_bad_ones_named(network: Cluster) -> None:
    closed = free_port()
    endpoint = at(network, host=["localhost", ADDRESS], port=[closed, network.port])
    news = news_of(endpoint, password=PASSWORD)
    assert ended(news)["connect"].verdict == "warning"
    assert f"port {closed} failed: Connection refused" in ended(news)["connect"].message
    assert {step.verdict for step in ended(news).values()} == {"passed", "skipped", "warning"}
    assert len([each for each in news if isinstance(each, StepBegan) and each.step == "connect"]) >= 2


def test_a_service_is_tested_as_libpq_finds_it(
    network: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = tmp_path / "services.conf"
    services.write_text(f"[kb]\nhost={ADDRESS}\nport={network.port}\nuser=sync\ndbname=postgres\n")
    monkeypatch.setenv("PGSERVICEFILE", str(services))
    steps = ended(news_of(Endpoint(service="kb"), password=PASSWORD))
    assert verdicts(steps) == "spspppp"
    assert steps["database"].message == "postgres"
    unknown = ended(news_of(Endpoint(service="kbb")))["connect"]
    assert (unknown.verdict, "PGSERVICEFILE" in str(unknown.remedy)) == ("failed", True)


def processes_with(text: str) -> list[int]:
    return [pid for pid, arguments in arguments_of_processes().items() if text.encode() in arguments]


def test_a_probe_is_cancelled_from_another_thread_and_leaves_nothing(silent: int) -> None:
    probe = probes.connectivity(Endpoint(host=ADDRESS, port=silent, database="kb"), None, Handover())
    began = threading.Event()
    outcome: list[BaseException] = []

    def run() -> None:
        try:
            probe.run(lambda news: began.set() if news.step == "login" else None)
        except Cancelled as cancelled:
            outcome.append(cancelled)

    thread = threading.Thread(target=run)
    thread.start()
    assert began.wait(10)
    probe.cancel()
    thread.join(5)
    assert not thread.is_alive()
    assert len(outcome) == 1
    assert not processes_with(probes.PROBE_MODULE)


def test_a_probe_that_was_cancelled_beforehand_does_not_start() -> None:
    probe = probes.connectivity(Endpoint(database="kb"), None, Handover())
    probe.cancel()
    with pytest.raises(Cancelled):
        probe.run(lambda news: pytest.fail(f"it went on: {news}"))


@pytest.fixture
def users_ssh(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    program = sshd()
    if program is None or shutil.which("ssh") is None:
        pytest.skip("OpenSSH's server is not installed")
    with bastion(server_folder / f"gate-{uuid.uuid4().hex[:6]}", program) as gate:
        monkeypatch.setenv("PATH", f"{gate.programs}{os.pathsep}{os.environ['PATH']}")
        yield


def test_a_tunnel_is_a_step_of_its_own_and_gone_afterwards(network: Cluster, users_ssh: None) -> None:
    steps = ended(news_of(at(network, access=Access(ssh="bastion")), password=PASSWORD, seconds=10))
    assert verdicts(steps) == "sppwpppp"
    assert "SSH" in steps["tls"].message
    assert not processes_with("LocalCommand=echo ready")


def test_an_unknown_bastion_fails_at_the_tunnel(network: Cluster, users_ssh: None) -> None:
    steps = ended(news_of(at(network, access=Access(ssh="nowhere")), password=PASSWORD, seconds=10))
    assert steps["tunnel"].verdict == "failed"
    assert "ssh -o BatchMode=yes nowhere true" in str(steps["tunnel"].remedy)


def test_a_cancelled_probe_takes_its_tunnel_with_it(silent: int, users_ssh: None) -> None:
    endpoint = Endpoint(host=ADDRESS, port=silent, database="kb", access=Access(ssh="bastion"))
    probe = probes.connectivity(endpoint, None, Handover())

    def run() -> None:
        with pytest.raises(Cancelled):
            probe.run(lambda news: None)

    thread = threading.Thread(target=run)
    thread.start()
    until(lambda: processes_with("LocalCommand=echo ready"), what="the tunnel is open")
    probe.cancel()
    thread.join(5)
    assert not thread.is_alive()
    until(lambda: not processes_with("LocalCommand=echo ready"), what="ssh ended with the probe")
    assert not processes_with("tunnel_keeper")
