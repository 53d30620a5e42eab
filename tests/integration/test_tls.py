"""TLS against a real server that wants a certificate of the client: every mode, what each checks, and pg_dump too."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.client import probes
from syncwizard.demo.servers import Cluster
from syncwizard.errors import EndpointError, PrecheckNotPassed
from syncwizard.postgres.dump import DumpRequest, able_to_reach, choose_program, dump_definitions, find_programs
from syncwizard.postgres.session.connection import connect, scalar
from syncwizard.stages import precheck
from syncwizard.task.connectivity import StepEnded
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Encryption, Endpoint, SchemaObjects, TaskSpec
from tests.support.certificates import Authority
from tests.support.commands import syncwizard, write_task_file
from tests.support.inprocess import TaskRun
from tests.support.network import ADDRESS, listening
from tests.support.pair import DatabasePair
from tests.support.searching import Watch, arguments_of_processes, in_files, in_processes
from tests.support.secure import tls_settings, version_with_tls
from tests.support.waiting import until

USER = "sync"
PASSWORD = "scram and more"
KEY_PASSWORD = "of the 'key'\\"
RULES = f"hostssl all {USER} {ADDRESS}/32 scram-sha-256 clientcert=verify-full\nhostssl all open {ADDRESS}/32 trust\n"


@dataclass
class SecureServer:
    """A server that speaks TLS, and the files of a client that may use it."""

    cluster: Cluster
    authority: Authority
    certificate: Path
    key: Path

    def endpoint(self, database: str, user: str = USER, **encryption: Any) -> Endpoint:
        """The server as an end, over the network."""
        return Endpoint(
            host=ADDRESS, port=self.cluster.port, database=database, user=user, encryption=Encryption(**encryption)
        )

    def certified(self, database: str) -> Endpoint:
        """The same with all that it asks for."""
        return self.endpoint(
            database,
            mode="verify-full",
            ca=str(self.authority.certificate),
            certificate=str(self.certificate),
            key=str(self.key),
        )


@pytest.fixture(scope="module")
def secure_server(server_folder: Path) -> Iterator[SecureServer]:
    """A server that wants a certificate of the client."""
    version = version_with_tls()
    folder = server_folder / "tls"
    folder.mkdir(mode=0o755)
    authority = Authority(folder)
    settings = {**tls_settings(authority), "ssl_ca_file": str(authority.certificate)}
    own, own_key = authority.issue(USER, password=KEY_PASSWORD)
    with listening(folder / "server", version, RULES, **settings) as cluster:
        with cluster.connect() as connection:
            connection.execute(f"CREATE ROLE {USER} LOGIN SUPERUSER PASSWORD '{PASSWORD}'".encode())
            connection.execute("CREATE ROLE open LOGIN SUPERUSER; CREATE TABLE t (id int PRIMARY KEY)")
        yield SecureServer(cluster, authority, own, own_key)


def log_in(endpoint: Endpoint, password: str | None = PASSWORD, key_password: str | None = KEY_PASSWORD) -> str | None:
    """The session's version of TLS; raises EndpointError."""
    with connect(
        endpoint, end="source", application_name="test", password=password, key_password=key_password
    ) as session:
        version: str | None = scalar(session, "SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        return version


def refusal(endpoint: Endpoint, password: str | None = PASSWORD, key_password: str | None = KEY_PASSWORD) -> str:
    """What is said of a login that cannot succeed: and never a word that it may pass by itself."""
    with pytest.raises(EndpointError) as caught:
        log_in(endpoint, password, key_password)
    assert not caught.value.transient, caught.value.detail
    return f"{caught.value.detail} {caught.value.remedy}"


def test_certificate_key_and_both_passwords_open_a_session(secure_server: SecureServer) -> None:
    assert (log_in(secure_server.certified("postgres")) or "").startswith("TLSv1.")


def test_without_the_clients_certificate_the_server_refuses(secure_server: SecureServer) -> None:
    printed = refusal(secure_server.endpoint("postgres", mode="require"))
    assert "client certificate" in printed
    assert "check `encryption`" in printed


def test_a_wrong_password_of_the_key_or_the_account_is_final(secure_server: SecureServer) -> None:
    certified = secure_server.certified("postgres")
    assert "private key" in refusal(certified, key_password="wrong")
    assert "private key" in refusal(certified, key_password=None)
    assert "correct the password" in refusal(certified, password="wrong")


def test_files_that_are_missing_are_named(secure_server: SecureServer) -> None:
    authority = str(secure_server.authority.certificate)
    certificate, key = str(secure_server.certificate), "/nowhere/client.key"
    for files in ({"ca": "/nowhere/ca.pem"}, {"ca": authority, "certificate": certificate, "key": key}):
        printed = refusal(secure_server.endpoint("postgres", mode="verify-ca", **files))
        assert f"{list(files.values())[-1]}: No such file" in printed


def test_disable_is_not_encrypted_and_refused_with_the_line_that_the_server_lacks(secure_server: SecureServer) -> None:
    printed = refusal(secure_server.endpoint("postgres", user="open", mode="disable"))
    assert 'pg_hba.conf, then run SELECT pg_reload_conf(): host "postgres" "open" 127.0.0.1/32 scram-sha-256' in printed
    printed = refusal(secure_server.endpoint("postgres", user="stranger", mode="require"))
    assert 'hostssl "postgres" "stranger" 127.0.0.1/32 scram-sha-256' in printed


def test_each_mode_checks_what_its_name_says(secure_server: SecureServer, tmp_path: Path) -> None:
    stranger = str(Authority(tmp_path, "stranger").certificate)
    pretender = str(Authority(tmp_path, secure_server.authority.name).certificate)
    ours = str(secure_server.authority.certificate)

    def end(mode: str, ca: str | None = None, host: str = ADDRESS) -> Endpoint:
        endpoint = secure_server.endpoint("postgres", user="open", mode=mode, ca=ca)
        return msgspec.structs.replace(endpoint, host=host)

    assert log_in(end("require"))
    assert log_in(end("verify-ca", ours))
    # The certificate is for the address alone.
    assert log_in(end("verify-ca", ours, host="localhost"))
    assert "does not match host name" in refusal(end("verify-full", ours, host="localhost"))
    for mode in ("verify-ca", "verify-full"):
        assert "certificate verify failed" in refusal(end(mode, stranger))
        assert "SSL error" in refusal(end(mode, pretender))


def test_pg_dump_logs_in_with_the_same_files_and_leaves_none(secure_server: SecureServer, tmp_path: Path) -> None:
    endpoint = secure_server.certified("postgres")
    program = choose_program(able_to_reach(find_programs(), endpoint), secure_server.cluster.version, 18)
    assert program is not None
    request = DumpRequest(schemas=["public"], without=[], snapshot=None)
    secrets = {"password": PASSWORD, "key_password": KEY_PASSWORD}
    text = dump_definitions(program, endpoint, request, **secrets, folder=tmp_path, check=lambda: None)
    assert "CREATE TABLE public.t" in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("encryption", "verdict", "words"),
    [
        ({"mode": "require"}, "warning", "not checked"),
        ({"mode": "require", "ca": "authority"}, "passed", "made for this host is not"),
        ({"mode": "verify-ca", "ca": "authority"}, "passed", "made for this host is not"),
        ({"mode": "verify-full", "ca": "authority"}, "passed", "its name are checked"),
    ],
)
def test_the_precheck_says_what_is_not_checked_and_is_not_stopped_by_it(
    secure_server: SecureServer,
    pair: DatabasePair,
    tmp_path: Path,
    encryption: dict[str, str],
    verdict: str,
    words: str,
) -> None:
    given = {**encryption}
    if "ca" in given:
        given["ca"] = str(secure_server.authority.certificate)
    run = TaskRun(pair.spec(source=secure_server.endpoint("postgres", user="open", **given)), tmp_path)
    precheck.run(run.context())
    found = {item.item: item for item in run.state.precheck}
    item = found["source-encryption"]
    assert (item.verdict, item.blocks) == (verdict, False)
    assert words in item.message
    assert "Unix socket" in found["destination-encryption"].message


def test_a_pg_dump_that_was_built_without_tls_is_distinguished_from_none(
    secure_server: SecureServer, pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = [program for program in find_programs() if "pixeltable" in str(program.path)]
    if not programs:
        pytest.skip("every pg_dump of this machine speaks TLS")
    monkeypatch.setattr("syncwizard.stages.precheck.selection.find_programs", lambda: programs)
    source = secure_server.endpoint("postgres", user="open", mode="require")
    run = TaskRun(pair.spec(source=source), tmp_path)
    with pytest.raises(PrecheckNotPassed):
        precheck.run(run.context())
    (item,) = [item for item in run.state.precheck if item.item == "pg-dump"]
    assert "over TLS" in item.message
    assert f"{programs[-1].path} ({programs[-1].version})" in item.message


def tls_step(endpoint: Endpoint, password: str | None = PASSWORD) -> StepEnded:
    """The last word of a connectivity test on TLS: a server may refuse a client's certificate only at the login."""
    ended: list[StepEnded] = []
    probe = probes.connectivity(None, endpoint, Handover(destination=password, destination_key=KEY_PASSWORD))
    probe.run(lambda news: ended.append(news) if isinstance(news, StepEnded) else None)
    return [step for step in ended if step.step == "tls"][-1]


def test_a_connectivity_test_says_what_tls_checks(secure_server: SecureServer, tmp_path: Path) -> None:
    certified = tls_step(secure_server.certified("postgres"))
    assert (certified.verdict, "its name are checked" in certified.message) == ("passed", True)
    unchecked = tls_step(secure_server.endpoint("postgres", "open", mode="require"))
    assert (unchecked.verdict, "not checked" in unchecked.message) == ("warning", True)
    stranger = Authority(tmp_path, "stranger")
    refused = tls_step(secure_server.endpoint("postgres", "open", mode="verify-ca", ca=str(stranger.certificate)))
    assert (refused.verdict, "certificate verify failed" in refused.message) == ("failed", True)
    uncertified = tls_step(secure_server.endpoint("postgres", mode="require"))
    assert (uncertified.verdict, "client certificate" in uncertified.message) == ("failed", True)


@pytest.mark.slow
def test_a_whole_task_runs_over_tls_and_shows_no_secret(
    secure_server: SecureServer,
    destination_cluster: Cluster,
    state_home: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Walsender, copy processes and pg_dump too; the secrets come from variables, the key's included."""
    monkeypatch.setenv("SOURCE_PW", PASSWORD)
    monkeypatch.setenv("SOURCE_KEY_PW", KEY_PASSWORD)
    source = secure_server.certified("secure")
    encryption = msgspec.structs.replace(source.encryption, key_password="env:SOURCE_KEY_PW")
    spec = TaskSpec(
        name="secure",
        source=msgspec.structs.replace(source, password="env:SOURCE_PW", encryption=encryption),
        destination=destination_cluster.endpoint("secure"),
        objects=[SchemaObjects(schema="public")],
    )
    for cluster in (secure_server.cluster, destination_cluster):
        cluster.create_database("secure")
    with secure_server.cluster.connect("secure") as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 500)")
    try:
        secrets = [PASSWORD, "of the 'key'"]
        with Watch(lambda: in_files([state_home], secrets), lambda: in_processes(secrets, clients)) as watch:
            syncwizard("start", write_task_file(spec, state_home), "--until", "caught-up")
            # Between two stages there may be no session for a moment.
            sessions = until(lambda: encrypted_sessions(secure_server.cluster), what="a session that follows changes")
        assert not watch.found
        assert all(sessions.values()), sessions
        with destination_cluster.connect("secure") as connection:
            assert connection.execute("SELECT count(*) FROM t").fetchone() == (500,)
    finally:
        syncwizard("pause", "secure", expect=None)
        syncwizard("release", "secure", "--yes", expect=None)
        for cluster in (secure_server.cluster, destination_cluster):
            cluster.drop_database("secure")


def clients() -> list[int]:
    """The processes that the test gave the variables to: the commands themselves, as a user's shell would."""
    return [pid for pid, arguments in arguments_of_processes().items() if b"-m\0syncwizard\0" in arguments]


def encrypted_sessions(cluster: Cluster) -> dict[str, bool]:
    """Our walsenders by name, and whether each session is encrypted."""
    with cluster.connect() as connection:
        found = connection.execute(
            "SELECT application_name, ssl FROM pg_stat_activity JOIN pg_stat_ssl USING (pid)"
            " WHERE backend_type = 'walsender' AND application_name LIKE 'syncwizard%'"
        ).fetchall()
    return {str(name): bool(ssl) for name, ssl in found}
