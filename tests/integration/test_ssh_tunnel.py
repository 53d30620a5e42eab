"""A source behind a bastion: reached by the system's ssh, again when that dies, not when the engine is gone."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.demo.servers import Cluster
from syncwizard.engine import tunnels
from syncwizard.errors import EndpointError
from syncwizard.postgres.session.connection import connect
from syncwizard.task.specification import Access, Encryption, Endpoint, SchemaObjects, TaskSpec
from tests.support.bastion import Bastion, bastion, sshd
from tests.support.certificates import Authority
from tests.support.commands import report, syncwizard
from tests.support.network import ADDRESS, listening
from tests.support.searching import arguments_of_processes
from tests.support.secure import tls_settings, version_with_tls
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TASK = """
version: 1
name: behind
source: {{host: {address}, port: {port}, database: inside, user: postgres, access: {{ssh: bastion}}}}
destination: {{host: {sockets}, port: {port}, database: outside, user: postgres}}
objects: [{{schema: public}}]
"""


@pytest.fixture(scope="module")
def gate(server_folder: Path) -> Iterator[Bastion]:
    program = sshd()
    if program is None or shutil.which("ssh") is None:
        pytest.skip("OpenSSH's server is not installed")
    with bastion(server_folder / "bastion", program) as made:
        yield made


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[Cluster]:
    rules = f"host all guarded {ADDRESS}/32 scram-sha-256\nhost all all {ADDRESS}/32 trust\n"
    with listening(server_folder / "inside", 16, rules) as cluster:
        with cluster.connect() as connection:
            connection.execute("CREATE ROLE guarded LOGIN PASSWORD 'of the passfile'")
        yield cluster


@pytest.fixture(autouse=True)
def users_ssh(gate: Bastion, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{gate.programs}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def task_file(server: Cluster, state_home: Path) -> Iterator[Path]:
    for database in ("inside", "outside"):
        server.create_database(database)
    with server.connect("inside") as connection:
        connection.execute("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 500)")
    path = state_home / "task.yaml"
    path.write_text(TASK.format(address=ADDRESS, port=server.port, sockets=server.sockets))
    yield path
    for task in tasks.list_tasks():
        holder = task.find_engine()
        if holder is not None:
            os.kill(holder.pid, signal.SIGKILL)
            wait_for_end(task)
    for database in ("outside", "inside"):
        server.drop_database(database)


def specification(server: Cluster, ssh: str = "bastion", **access: str) -> TaskSpec:
    source = Endpoint(
        host=ADDRESS, port=server.port, database="postgres", user="postgres", access=Access(ssh=ssh, **access)
    )
    return TaskSpec(name="t", source=source, destination=Endpoint(database="x"), objects=[SchemaObjects(schema="s")])


def tunnel_processes() -> list[int]:
    """The processes of ssh that forward something for us."""
    calls = {pid: arguments.split(b"\0") for pid, arguments in arguments_of_processes().items()}
    return [pid for pid, call in calls.items() if call[0].endswith(b"ssh") and b"LocalCommand=echo ready" in call]


def rows(server: Cluster) -> int:
    with server.connect("outside") as connection:
        row = connection.execute("SELECT count(*) FROM t").fetchone()
        return int(row[0]) if row else 0


def test_a_session_goes_through_the_tunnel_and_the_tunnel_goes_with_the_block(server: Cluster) -> None:
    with tunnels.opened(specification(server)) as spec:
        with connect(spec.source, end="source", application_name="test") as session:
            info = session.info
            assert (info.host, f"{info.hostaddr}:{info.port}") == (
                ADDRESS,
                spec.source.access and spec.source.access.local,
            )
            # The server itself listens at another address: nothing but the tunnel can be here.
            assert info.hostaddr != ADDRESS
        assert len(tunnel_processes()) == 1
    assert not tunnel_processes()


def test_verify_full_checks_the_servers_name_through_the_tunnel(gate: Bastion, server_folder: Path) -> None:
    """This machine's end of the tunnel has another address: the name in the certificate is the server's."""
    folder = server_folder / "behind"
    folder.mkdir(mode=0o755)
    authority = Authority(folder)
    rules = f"hostssl all all {ADDRESS}/32 trust\n"
    with listening(folder / "server", version_with_tls(), rules, **tls_settings(authority)) as cluster:
        encryption = Encryption(mode="verify-full", ca=str(authority.certificate))
        given = specification(cluster)
        given = msgspec.structs.replace(given, source=msgspec.structs.replace(given.source, encryption=encryption))
        with tunnels.opened(given) as spec:
            with connect(spec.source, end="source", application_name="test") as session:
                assert session.pgconn.ssl_in_use
                assert session.info.hostaddr != ADDRESS
            cluster.configure(**tls_settings(authority, "other", "192.0.2.1"))
            cluster.restart()
            with pytest.raises(EndpointError, match="cannot use the source") as refused:
                connect(spec.source, end="source", application_name="test")
    assert f'does not match host name "{ADDRESS}"' in refused.value.detail
    assert not refused.value.transient


def test_an_entry_of_the_passfile_for_the_server_serves_through_the_tunnel(
    server: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passfile = tmp_path / "pass"
    passfile.write_text(f"{ADDRESS}:{server.port}:postgres:guarded:of the passfile\n")
    passfile.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passfile))
    with tunnels.opened(specification(server)) as spec:
        source = msgspec.structs.replace(spec.source, user="guarded")
        with connect(source, end="source", application_name="test") as session:
            assert session.info.user == "guarded"


def test_this_machines_end_can_be_chosen(server: Cluster) -> None:
    local = tunnels.free_place(1)
    with (
        tunnels.opened(specification(server, local=local)) as spec,
        connect(spec.source, end="source", application_name="test") as session,
    ):
        assert f"{session.info.hostaddr}:{session.info.port}" == local


def test_a_bastion_that_refuses_is_reported_in_sshs_words(server: Cluster, gate: Bastion) -> None:
    (gate.programs.parent / "authorized").rename(gate.programs.parent / "away")
    try:
        with pytest.raises(EndpointError) as caught, tunnels.opened(specification(server), patient=True):
            pass
    finally:
        (gate.programs.parent / "away").rename(gate.programs.parent / "authorized")
    assert "Permission denied" in caught.value.detail
    assert not caught.value.transient
    assert "ssh -o BatchMode=yes bastion" in str(caught.value.remedy)
    with pytest.raises(EndpointError, match="no SSH tunnel to the source through nowhere"):
        tunnels.opened(specification(server, ssh="nowhere")).__enter__()
    assert not tunnel_processes()


def test_a_start_without_a_bastion_ends_with_sshs_words_and_leaves_nothing(task_file: Path, server: Cluster) -> None:
    task_file.write_text(task_file.read_text().replace("ssh: bastion", "ssh: nowhere"))
    for command in ("precheck", "start"):
        printed = syncwizard(command, task_file, expect=4).stderr
        assert "no SSH tunnel to the source through nowhere" in printed
        assert "ssh -o BatchMode=yes nowhere true" in printed
    assert not tunnel_processes()
    with server.connect("inside") as connection:
        assert connection.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)


def test_a_task_goes_on_when_its_ssh_was_killed_and_leaves_none_when_it_is_killed_itself(
    server: Cluster, task_file: Path
) -> None:
    checked = {item["item"]: item for item in report("precheck", task_file)["items"]}
    assert "encrypted by SSH as far as bastion" in checked["source-encryption"]["message"]
    syncwizard("start", task_file, "--until", "caught-up")
    first = tunnel_processes()
    assert len(first) == 1
    os.kill(first[0], signal.SIGKILL)
    with server.connect("inside") as connection:
        connection.execute("INSERT INTO t SELECT generate_series(501, 600)")
    syncwizard("wait", "behind", "--until", "caught-up", "--timeout", "60")
    assert rows(server) == 600
    second = tunnel_processes()
    assert len(second) == 1
    assert second != first
    os.kill(report("status", "behind")["engine"]["pid"], signal.SIGKILL)
    until(lambda: not tunnel_processes(), what="ssh ended with the engine")
    syncwizard("resume", "behind", "--until", "caught-up")
    syncwizard("pause", "behind")
    assert not tunnel_processes()
    syncwizard("release", "behind", "--yes")
