"""From nothing to `synchronizing` with the manual alone: accounts with the least rights, TLS, no secret in any file:
one password in the keyring, one in an environment variable."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from syncwizard import manual
from syncwizard.client import tasks
from syncwizard.demo.servers import Cluster
from syncwizard.secrets import KEYRING_SERVICE
from tests.support import file_keyring, searching
from tests.support.certificates import Authority
from tests.support.commands import report, syncwizard
from tests.support.network import ADDRESS, listening
from tests.support.secure import tls_settings, version_with_tls
from tests.support.waiting import until

pytestmark = pytest.mark.slow

PREPARING = manual.read("preparing")
CHOSEN = "'choose one'"
PASSWORDS = {"source": "perch-1212-roach", "destination": "gudgeon-3434-dace"}
# The line of the manual, with the address of this machine.
HBA_LINE = re.findall(r"^hostssl .*\n", PREPARING, re.MULTILINE)[0].replace("10.0.0.7", ADDRESS)
TASK = """
version: 1
name: newcomer
source:
  {{host: {address}, port: {source}, database: kb, user: sync, password: keyring,
    encryption: {{mode: verify-full, ca: {ca}}}}}
destination:
  {{host: {address}, port: {destination}, database: kb, user: sync, password: env:DST_PW,
    encryption: {{mode: verify-full, ca: {ca}}}}}
objects: [{{schema: public}}]
"""
APPLICATION = """
CREATE ROLE app LOGIN; CREATE DATABASE kb OWNER app TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'
"""
TABLES = """
SET ROLE app;
CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text);
INSERT INTO notes (text) SELECT 'note ' || n FROM generate_series(1, 500) AS n;
"""

ENCRYPTED = "SELECT DISTINCT s.ssl FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE a.usename = 'sync'"


def statements(where: str, password: str) -> list[bytes]:
    """Those of the manual under the heading `-- <where>`, with the password chosen."""
    block = re.search(rf"```sql\n-- {where}\n(.*?)```", PREPARING, re.DOTALL)
    assert block is not None, where
    text = re.sub(r"--.*", "", block[1]).replace(CHOSEN, f"'{password}'")
    return [statement.encode() for statement in re.split(r";|(?<=\\gexec)", text) if statement.strip()]


def run(cluster: Cluster, database: str, where: str, password: str = "") -> None:
    with cluster.connect(database) as session:
        for statement in statements(where, password):
            query, generates, _ = statement.partition(b"\\gexec")
            answer = session.execute(query)
            for (generated,) in answer.fetchall() if generates else ():
                session.execute(generated.encode())


@pytest.fixture(scope="module")
def servers(server_folder: Path) -> Iterator[dict[str, Cluster]]:
    """Two servers that speak TLS, as their packages left them: the source is not prepared for logical replication."""
    version = version_with_tls()
    folder = server_folder / "newcomer"
    folder.mkdir(mode=0o755)
    settings = {**tls_settings(Authority(folder)), "wal_level": "replica", "max_replication_slots": "23"}
    with ExitStack() as stack:
        yield {end: stack.enter_context(listening(folder / end, version, HBA_LINE, **settings)) for end in PASSWORDS}


@pytest.fixture
def task_file(servers: dict[str, Cluster], state_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    authority = servers["source"].folder.parent / "authority.pem"
    ports = {end: cluster.port for end, cluster in servers.items()}
    path = state_home / "newcomer.yaml"
    path.write_text(TASK.format(address=ADDRESS, ca=authority, **ports))
    monkeypatch.setenv("DST_PW", PASSWORDS["destination"])
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "tests.support.file_keyring.FileKeyring")
    monkeypatch.setenv("PYTHONPATH", f"{Path(__file__).parents[2]}:{':'.join(sys.path)}")
    return path


def test_a_newcomer_gets_to_synchronizing_with_the_manual_alone(
    servers: dict[str, Cluster],
    task_file: Path,
    state_home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source, destination = servers["source"], servers["destination"]
    with source.connect() as session:
        for statement in APPLICATION.split(";"):
            session.execute(statement.encode())
    with source.connect("kb") as session:
        session.execute(TABLES.encode())
    run(source, "postgres", "at the source, in any database", PASSWORDS["source"])
    source.restart()
    with source.connect() as session:
        # More than a task takes is left as it was.
        assert session.execute("SHOW max_replication_slots").fetchone() == ("23",)
    run(source, "kb", "at the source, in the database")
    run(destination, "postgres", "at the destination, in any database", PASSWORDS["destination"])
    monkeypatch.setenv(file_keyring.VARIABLE, str(tmp_path / "keyring.json"))
    assert "store it with: keyring set" in syncwizard("start", task_file, expect=2).stderr
    account = f"sync@{ADDRESS}:{source.port}/kb"
    entries = file_keyring.FileKeyring()  # type: ignore[no-untyped-call]
    entries.set_password(KEYRING_SERVICE, account, PASSWORDS["source"])
    assert report("precheck", task_file)["passed"]
    try:
        syncwizard("start", task_file, "--until", "caught-up")
        with source.connect("kb") as session:
            session.execute("INSERT INTO notes (text) VALUES ('new')")
        syncwizard("wait", "newcomer", "--until", "caught-up", "--timeout", "60")
        assert report("status", "newcomer")["retention"]["measured"]["directory_bytes"] > 0
        syncwizard("pause", "newcomer")
        syncwizard("resume", "newcomer", "--until", "caught-up")
        with destination.connect("kb") as session:
            assert session.execute("SELECT count(*) FROM public.notes").fetchone() == (501,)
            until(lambda: session.execute(ENCRYPTED).fetchall() == [(True,)], what="sessions, all encrypted")
        assert not searching.in_files([state_home], PASSWORDS.values())
    finally:
        for task in tasks.list_tasks():
            syncwizard("pause", task.label, expect=None)
            syncwizard("release", task.label, "--yes")
