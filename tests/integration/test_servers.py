"""The servers that demo and tests run on."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from syncwizard.demo.servers import Cluster
from tests.support.pair import DatabasePair
from tests.support.waiting import until


def test_the_pair_is_16_and_18_with_pgvector_and_logical_wal(pair: DatabasePair) -> None:
    assert pair.source.info.server_version // 10000 == 16
    assert pair.destination.info.server_version // 10000 == 18
    for session in (pair.source, pair.destination):
        session.execute("CREATE EXTENSION vector")
        assert session.execute("SELECT '[1,2]'::vector <=> '[2,1]'::vector").fetchone()
        assert session.execute("SHOW wal_level").fetchone() == ("logical",)
        assert session.execute("SHOW listen_addresses").fetchone() == ("",)


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_a_restart_keeps_what_was_committed(pair: DatabasePair, mode: str) -> None:
    pair.source.execute("CREATE TABLE kept (n int)")
    pair.source.execute("INSERT INTO kept VALUES (1)")
    before = pair.source_cluster.pid
    pair.source_cluster.restart(mode)  # type: ignore[arg-type]
    assert pair.source_cluster.pid != before
    with pytest.raises(psycopg.OperationalError):
        pair.source.execute("SELECT 1")
    pair.reconnect()
    assert pair.source.execute("SELECT n FROM kept").fetchall() == [(1,)]


def test_a_killed_program_leaves_no_server_behind(server_folder: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir=server_folder))
    script = (
        "import sys; from pathlib import Path; from syncwizard.demo.servers import Cluster\n"
        f"cluster = Cluster(Path({str(folder)!r}), 16, durable=False).create().start()\n"
        "print(cluster.pid, flush=True); sys.stdin.read()"
    )
    program = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert program.stdout
    server = int(program.stdout.readline())
    os.kill(server, 0)
    program.send_signal(signal.SIGKILL)
    program.communicate()

    def gone() -> bool:
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            return True
        return False

    until(gone, 20, "the server to end")


def test_a_database_with_an_active_slot_can_be_dropped(source_cluster: Cluster) -> None:
    source_cluster.create_database("with_slot")
    source_cluster.connect("with_slot").execute("SELECT pg_create_logical_replication_slot('s', 'pgoutput')")
    source_cluster.drop_database("with_slot")
    with source_cluster.connect() as session:
        assert session.execute("SELECT count(*) FROM pg_replication_slots").fetchone() == (0,)
