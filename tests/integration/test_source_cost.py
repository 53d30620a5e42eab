"""What a task asks of its source: one slot a start, definitions of its moment, no old snapshot afterwards."""

import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from syncwizard.client.tasks import find_task
from syncwizard.engine import pipeline
from syncwizard.engine.pipeline import Stage
from syncwizard.postgres.dump import choose_program, find_programs
from syncwizard.stages.context import Context, Pair
from tests.support.benches import Bench, lost, pausing
from tests.support.commands import syncwizard, write_task_file
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NAME = "cost"
# A snapshot keeps VACUUM from removing what died after it, and so does any transaction that is left open.
PINNING = """
SELECT application_name || ' ' || state
  FROM pg_stat_activity
 WHERE application_name LIKE 'syncwizard %%' AND datname = current_database()
   AND (backend_xmin IS NOT NULL OR state LIKE 'idle in transaction%%')
"""


@pytest.fixture
def dumps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the arguments of every pg_dump from here on: the real one, behind a script that notes them."""
    program = choose_program(find_programs(), 16, 18)
    assert program is not None
    noted = tmp_path / "dumps"
    script = tmp_path / "bin" / "pg_dump"
    script.parent.mkdir()
    script.write_text(f'#!/bin/sh\necho "$*" >> {shlex.quote(str(noted))}\nexec {program.path} "$@"\n')
    script.chmod(0o755)
    monkeypatch.setenv("PATH", str(script.parent), prepend=":")
    return noted


@pytest.fixture
def started(pair: DatabasePair, tmp_path: Path, state_home: Path, dumps: Path) -> Iterator[DatabasePair]:
    """The databases of a task that caught up."""
    pair.source.execute("CREATE TABLE notes (id int PRIMARY KEY, text text)")
    pair.source.execute("INSERT INTO notes SELECT n, 'note' FROM generate_series(1, 100) AS n")
    pair.source.execute(f"ALTER DATABASE {pair.database} SET log_replication_commands = on".encode())
    syncwizard("start", write_task_file(pair.spec(name=NAME), tmp_path), "--until", "caught-up")
    yield pair
    syncwizard("pause", NAME, expect=None)
    syncwizard("release", NAME, "--yes")


def pinning(session: Session) -> list[str]:
    """The sessions of ours that keep a snapshot or a transaction at present."""
    return [text for (text,) in session.execute(PINNING)]


def parts(session: Session) -> list[str]:
    """What the task's sessions are for."""
    names = session.execute(
        "SELECT application_name FROM pg_stat_activity"
        " WHERE application_name LIKE 'syncwizard %' AND datname = current_database() ORDER BY 1"
    )
    return [str(name).rpartition(" ")[2] for (name,) in names]


def unpinned(session: Session) -> None:
    """Waits: what is at work for a moment is gone in the next; a transaction that was left open is not."""
    until(lambda: not pinning(session), 10, "every session of ours to end its transaction")


def test_a_start_makes_one_slot_dumps_under_its_snapshot_and_keeps_neither_end_from_vacuuming(
    started: DatabasePair, dumps: Path
) -> None:
    slot = find_task(NAME).spec.slot
    command = f'received replication command: CREATE_REPLICATION_SLOT "{slot}'
    made = [line for line in started.source_cluster.log.read_text().splitlines() if command in line]
    assert len(made) == 1, made
    (arguments,) = [line for line in dumps.read_text().splitlines() if "--schema-only" in line]
    assert "--snapshot=" in arguments
    for session in (started.source, started.destination):
        unpinned(session)
    # While changes are followed it needs two sessions at each end, and no more.
    syncwizard("wait", NAME, "--until", "indexed", "--timeout", "60")
    until(lambda: parts(started.source) == ["stream", "watcher"], 30, "two sessions at the source")
    until(lambda: parts(started.destination) == ["apply", "lock"], 30, "two sessions at the destination")


@pytest.mark.parametrize(("patience_seconds", "kept"), [(0.1, False), (4.0, True)])
def test_a_snapshot_is_let_go_while_an_end_stays_away(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, patience_seconds: float, kept: bool
) -> None:
    """The first attempt after a loss is made after 0.2 s: a restart is no reason to copy under another pair."""
    monkeypatch.setattr(pipeline, "PAIR_PATIENCE_SECONDS", patience_seconds)
    bench = Bench(tmp_path)
    held: list[bool] = []

    def run(context: Context) -> None:
        held.append(context.pair is not None)
        if len(held) == 1:
            holder = pair.source_cluster.connect(pair.database)
            context.held.hold(Pair(lsn="0/1", snapshot="", holder=holder))
            raise lost()

    bench.run(Stage(name="full", run=run), pausing(bench))
    bench.journal.close()
    assert held == [False, kept]
