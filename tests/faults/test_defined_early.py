"""Definitions that change while a task begins are followed, or their tables begin again (rules 11, 23)."""

import threading
from pathlib import Path

import pytest

from syncwizard.task.events import DefinitionMissing
from syncwizard.task.specification import PrecheckSettings, SchemaObjects
from tests.faults.conftest import Network
from tests.faults.running import running
from tests.integration.test_ddl_matrix import FILL, FOLLOWING, KINDS, TABLE, catalogue, commands, names
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# What the engine asks for in each stage, of the destination but for the first. It is held while definitions change.
STAGES = {
    "capture": b"CREATE_REPLICATION_SLOT",
    "schema": b"CREATE TABLE",
    "full": b"FROM STDIN",
    "keys": b"PRIMARY KEY",
    "indexes": b"CREATE INDEX",
}


class Changing(threading.Thread):
    """Changes definitions of one schema in a session of its own, one command after the other."""

    def __init__(self, pair: DatabasePair, stage: str) -> None:
        super().__init__(daemon=True)
        self._session = pair.source_cluster.connect(pair.database)
        self._stage = stage

    def run(self) -> None:
        with self._session:
            for kind in KINDS:
                for text in commands(kind, "alone", self._stage):
                    self._session.execute(text.encode())

    def over_or_waiting(self, pair: DatabasePair) -> bool:
        """Whether it is done, or waits for a lock of what is copied."""
        found = pair.source.execute(
            "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'",
            (self._session.info.backend_pid,),
        )
        return not self.is_alive() or found.fetchone() is not None


@pytest.mark.marathon
@pytest.mark.parametrize("stage", STAGES)
def test_every_kind_of_definition_may_change_while_a_task_begins(
    network: Network, tmp_path: Path, state_home: Path, stage: str
) -> None:
    pair = network.pair
    pair.source.execute(f"CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA {stage}".encode())
    for kind in KINDS:
        given = names(kind, "alone", stage)
        pair.source.execute(f"{TABLE.format(**given)}; {FILL.format(**given)}".encode())
    pair.source.execute(f"CREATE TABLE {stage}.plain (id int); CREATE INDEX other ON {stage}.plain (id)".encode())
    objects = [SchemaObjects(schema=stage)]
    ignored = PrecheckSettings(ignore=["replica-identity"])
    with running(pair, tmp_path, "SELECT", objects=objects, precheck=ignored, **FOLLOWING, **network.ends) as task:
        proxy = network.source if stage == "capture" else network.destination
        trap = proxy.catch_request(STAGES[stage])
        starting = threading.Thread(target=task.start)
        starting.start()
        trap.wait(stage)
        changing = Changing(pair, stage)
        changing.start()
        until(lambda: changing.over_or_waiting(pair), 60, "definitions to change")
        trap.let_go()
        changing.join()
        starting.join()
        task.converged(240)
        assert task.state.aside == ()
        missing = [event.name for event in task.events if isinstance(event, DefinitionMissing)]
        source, destination = (
            catalogue(end, [stage], tmp_path) for end in (pair.source_endpoint, pair.destination_endpoint)
        )
        print(stage, "MISSING", missing, "ONLY SOURCE", source - destination, "ONLY DEST", destination - source)
        assert source == destination
