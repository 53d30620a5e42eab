"""Without event triggers, definitions that only the stream's descriptions show, under kills and cuts."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.task.events import TableSetAside
from syncwizard.task.specification import Advanced, Retry
from tests.faults.conftest import Network
from tests.faults.running import RunningTask, reached, running
from tests.faults.test_definitions import MOMENTS, cut, followed
from tests.faults.test_in_doubt import APPLY, kill_apply, kill_engine
from tests.support.followed import assert_same_definitions
from tests.support.proxy import COMMITTED, Trap
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MADE = """CREATE TABLE kept (id int PRIMARY KEY, v0 text, c0 int); CREATE TABLE other (id int PRIMARY KEY, n int);
INSERT INTO kept SELECT i, 'first' FROM generate_series(1, 50) i; INSERT INTO other VALUES (1, 1), (2, 2)"""
# Rows before and behind all that is followed so, in one transaction.
MIXED = """BEGIN; INSERT INTO kept (id, v{m}) VALUES (1000 + {n}, 'before');
ALTER TABLE kept ADD COLUMN c{n} int DEFAULT {n};
ALTER TABLE kept RENAME COLUMN v{m} TO v{n}; ALTER TABLE kept DROP COLUMN c{m};
UPDATE kept SET c{n} = id, v{n} = 'after' WHERE id % 2 = 0; DELETE FROM kept WHERE id = {n}; COMMIT"""


@pytest.fixture
def role(network: Network) -> Iterator[str]:
    """An account of the source that may not make event triggers."""
    source, name = network.pair.source, f"describer_{network.pair.database}"
    source.execute(f"CREATE ROLE {name} LOGIN REPLICATION; GRANT ALL ON SCHEMA public TO {name}".encode())
    source.execute(f'GRANT CREATE ON DATABASE "{network.pair.database}" TO {name}'.encode())
    yield name
    source.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}".encode())


def fields(network: Network, role: str) -> dict[str, Any]:
    ends = {**network.ends, "source": msgspec.structs.replace(network.endpoint("source"), user=role)}
    retry = Retry(connection_minutes=10, other_minutes=1)
    return {**ends, "advanced": Advanced(ddl="follow", retry=retry)}


def test_definitions_that_rows_show_arrive_once_whatever_dies_between_them(
    network: Network, role: str, tmp_path: Path, state_home: Path
) -> None:
    pair = network.pair
    pair.source.execute(MADE.encode())
    for table in ("kept", "other"):
        pair.source.execute(f"ALTER TABLE {table} OWNER TO {role}".encode())
    moments = [(catch, mark, blow) for catch, mark, blow in MOMENTS if b" TABLE" not in mark or b"ALTER" in mark]
    blows: list[Callable[[RunningTask, Trap], None]] = [kill_apply, kill_engine, cut]
    with running(pair, tmp_path, "SELECT", **fields(network, role)) as task:
        task.start()
        for number, (catch, mark, blow) in enumerate(moments, 1):
            trap = catch(network, mark)
            pair.source.execute(MIXED.format(n=number, m=number - 1).encode())
            trap.wait(mark.decode())
            blow(task, trap)
            task.converged(120)
        for number, blow in enumerate(blows, len(moments) + 1):
            trap = network.destination.catch_answer(COMMITTED, APPLY)
            pair.source.execute(MIXED.format(n=number, m=number - 1).encode())
            trap.wait("a commit")
            blow(task, trap)
            task.converged(120)
        # What rows do not show is copied, and the task is no other than before.
        before = len(task.events)
        pair.source.execute(
            "ALTER TABLE other ADD COLUMN r float DEFAULT random(); UPDATE other SET n = 5 WHERE id = 1"
        )
        until(lambda: reached(task, lambda event: isinstance(event, TableSetAside), before), 60, "the table aside")
        task.kill_engine()
        task.resume()
        until(lambda: task.state.aside == (), 90, "its copy")
        task.converged(120)
        assert_same_definitions(pair)
        numbers = [event.number for event in followed(task)]
        assert numbers == sorted(set(numbers))
        task.release()
