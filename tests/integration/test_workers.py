"""How many copy at once, and how many build keys: by the task's settings."""

from pathlib import Path

import pytest

from syncwizard.task.limiting import CopyLimits, Throttle
from syncwizard.task.specification import Advanced
from tests.faults.running import running
from tests.support.commands import syncwizard
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

pytestmark = pytest.mark.slow

NAMES = ("one", "two", "three", "four")
# Too large to be copied, or to get their keys, together with others.
TABLE = """
CREATE TABLE {0} (id int PRIMARY KEY, body text);
INSERT INTO {0} SELECT i, repeat('x', 1500) FROM generate_series(1, 3000) i;
"""


def sessions(session: Session, part: str, waiting: bool = False) -> int:
    """How many sessions of this part there are; those alone that wait for a lock."""
    row = session.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE %s"
        " AND (NOT %s OR wait_event_type = 'Lock')",
        (f"syncwizard % {part}", waiting),
    ).fetchone()
    assert row is not None
    return int(row[0])


def test_as_many_copy_and_build_keys_as_the_settings_say(pair: DatabasePair, tmp_path: Path, state_home: Path) -> None:
    advanced = Advanced(
        copy_workers=3, index_workers=2, throttle=Throttle(full=CopyLimits(rows_per_second=1000, queries_per_second=9))
    )
    with running(pair, tmp_path, "".join(map(TABLE.format, NAMES)), advanced=advanced) as task:
        syncwizard("start", task.file)
        until(lambda: sessions(pair.source, "copy") == 3, 60, "three workers of four tables")
        with pair.destination_cluster.connect(pair.destination_database) as holder, holder.transaction():
            # What a COPY goes beside, and a key does not.
            holder.execute(f"LOCK TABLE {', '.join(NAMES)} IN ACCESS SHARE MODE".encode())
            assert sessions(pair.source, "copy") == 3
            syncwizard("throttle", task.name, "--off")
            until(lambda: sessions(pair.destination, "keys", waiting=True) == 2, 60, "two sessions to wait for tables")
            assert sessions(pair.destination, "keys") == 2
        task.converged()
