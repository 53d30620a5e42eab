"""Definitions that change while a task begins are followed, or their tables begin again (rules 11, 23)."""

import threading
from pathlib import Path

import pytest

from syncwizard.task.events import DefinitionMissing
from syncwizard.task.specification import PrecheckSettings, SchemaObjects
from tests.faults.conftest import Network
from tests.faults.running import running
from tests.integration.test_ddl_matrix import FILL, FOLLOWING, KINDS, TABLE, catalogue, commands, names
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

# What the engine asks for in each stage, of the destination but for the first. It is held while definitions change.
STAGES = {
    "capture": b"CREATE_REPLICATION_SLOT",
    # The slot is there, and nothing is read yet.
    "registered": b"CREATE TABLE syncwizard",
    "schema": b"CREATE TABLE s_schema.",
    "full": b"FROM STDIN",
    "keys": b"PRIMARY KEY (id)",
    "constraints": b"UNIQUE (u)",
    "indexes": b"USING hnsw",
}
# Changed while the task has them in its plan, each with a table {t} of its own.
PLANNED = """CREATE TABLE {t} (id int PRIMARY KEY, w int NOT NULL CONSTRAINT {c}_k CHECK (w > -5), u int UNIQUE,
    f int REFERENCES {s}.target, e vector(3));
CREATE INDEX {c}_w ON {t} (w); CREATE INDEX {c}_h ON {t} USING hnsw (e vector_l2_ops);
CREATE VIEW {s}.{c}_v AS SELECT id, u FROM {t};
CREATE TABLE {s}.{c}_tree (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE {s}.{c}_1 PARTITION OF {s}.{c}_tree FOR VALUES FROM (0) TO (10);
CREATE TABLE {s}.{c}_2 PARTITION OF {s}.{c}_tree FOR VALUES FROM (10) TO (20);
CREATE TABLE {s}.{c}_3 (id int PRIMARY KEY, v text);
INSERT INTO {t} SELECT i, i, i, 1, '[1,2,3]' FROM generate_series(1, 20) i;
INSERT INTO {s}.{c}_tree SELECT i, 'v' FROM generate_series(1, 19) i; INSERT INTO {s}.{c}_3 VALUES (21, 'c')"""
CHANGES = {
    "column": "ALTER TABLE {t} DROP COLUMN w; INSERT INTO {t} (id) VALUES (50)",
    "another": "ALTER TABLE {t} DROP COLUMN w; ALTER TABLE {t} ADD w int; UPDATE {t} SET w = 3 WHERE id < 5",
    "renamed": "ALTER TABLE {t} RENAME w TO x; INSERT INTO {t} (id, x) VALUES (50, 1)",
    "type": "ALTER TABLE {t} ALTER w TYPE bigint; UPDATE {t} SET w = 5000000000 WHERE id = 2",
    "nullable": "ALTER TABLE {t} ALTER w DROP NOT NULL; INSERT INTO {t} (id) VALUES (50)",
    "check": "ALTER TABLE {t} DROP CONSTRAINT {c}_k; INSERT INTO {t} (id, w) VALUES (50, -9)",
    "indexes": "DROP INDEX {s}.{c}_w; DROP INDEX {s}.{c}_h",
    "other_names": "ALTER INDEX {s}.{c}_w RENAME TO {c}_w2; ALTER INDEX {s}.{c}_h RENAME TO {c}_h2",
    "unique": "ALTER TABLE {t} DROP CONSTRAINT {c}_u_key; INSERT INTO {t} (id, w, u) VALUES (50, 1, 3)",
    "foreign": "ALTER TABLE {t} DROP CONSTRAINT {c}_f_fkey; INSERT INTO {t} (id, w, f) VALUES (50, 1, 77)",
    "key": "ALTER TABLE {t} DROP CONSTRAINT {c}_pkey; INSERT INTO {t} (id, w) VALUES (3, 4)",
    "table": "DROP VIEW {s}.{c}_v; DROP TABLE {t}",
    "name": "ALTER TABLE {t} RENAME TO {c}_new; INSERT INTO {s}.{c}_new (id, w) VALUES (50, 1)",
    "view": "DROP VIEW {s}.{c}_v; CREATE VIEW {s}.{c}_v AS SELECT u FROM {t}",
    "attached": "ALTER TABLE {s}.{c}_tree ATTACH PARTITION {s}.{c}_3 FOR VALUES FROM (20) TO (30);"
    " INSERT INTO {s}.{c}_tree VALUES (25, 'd')",
    "detached": "ALTER TABLE {s}.{c}_tree DETACH PARTITION {s}.{c}_2; INSERT INTO {s}.{c}_2 VALUES (90, 'e')",
    "partition": "DROP TABLE {s}.{c}_2",
    "tree": "ALTER TABLE {s}.{c}_tree ADD x int DEFAULT 4; INSERT INTO {s}.{c}_tree VALUES (0, 'x')",
    "concurrent": "CREATE INDEX CONCURRENTLY {c}_i ON {t} (w, u)",
    "references": "ALTER TABLE {t} ADD CONSTRAINT {c}_more FOREIGN KEY (w) REFERENCES {s}.target NOT VALID",
}


class Changing(threading.Thread):
    """Changes definitions in a session of its own, one command after the other."""

    def __init__(self, pair: DatabasePair, texts: list[str]) -> None:
        super().__init__(daemon=True)
        self._session = pair.source_cluster.connect(pair.database)
        self._pid = self._session.info.backend_pid
        self._texts = texts

    def run(self) -> None:
        with self._session:
            while self._texts:
                self._session.execute(self._texts[0].encode())
                del self._texts[0]

    def ended(self) -> None:
        """Waits for the last one."""
        self.join()
        assert not self._texts, f"refused: {self._texts[0]}"

    def over_or_waiting(self, pair: DatabasePair) -> bool:
        """Whether it is done, or waits for a lock of what is copied."""
        found = pair.source.execute(
            "SELECT FROM pg_stat_activity WHERE pid = %s AND wait_event_type = 'Lock'", (self._pid,)
        )
        return not self.is_alive() or found.fetchone() is not None


def given(kind: str, schema: str) -> dict[str, str]:
    """The names of one change."""
    return {"t": f"{schema}.{kind}", "s": schema, "c": kind}


def changed_while(network: Network, folder: Path, stage: str, made: str, texts: list[str]) -> None:
    """Holds the stage while the texts run at the source; both ends are equal in the end."""
    pair, schema = network.pair, f"s_{stage}"
    pair.source.execute(f"CREATE EXTENSION IF NOT EXISTS vector; CREATE SCHEMA {schema}; {made}".encode())
    objects, ignored = [SchemaObjects(schema=schema)], PrecheckSettings(ignore=["replica-identity"])
    with running(pair, folder, "SELECT", objects=objects, precheck=ignored, **FOLLOWING, **network.ends) as task:
        trap = (network.source if stage == "capture" else network.destination).catch_request(STAGES[stage])
        starting = threading.Thread(target=task.start, args=("--until", "full"))
        starting.start()
        trap.wait(stage)
        changing = Changing(pair, texts)
        changing.start()
        until(lambda: changing.over_or_waiting(pair), 60, "definitions to change")
        trap.let_go()
        changing.ended()
        starting.join()
        try:
            until(lambda: task.state.finished("indexes"), 120, "the indexes to be built")
            until(lambda: task.state.aside == () and task.state.finished("indexes"), 120, "all tables to be followed")
            task.caught_up(60)
            assert_equal(pair)
            missing = [event for event in task.events if isinstance(event, DefinitionMissing)]
            source, destination = (
                catalogue(end, [schema], folder) for end in (pair.source_endpoint, pair.destination_endpoint)
            )
            assert destination == source, missing
            assert missing == []
        except AssertionError as error:
            error.add_note("\n".join(str(event)[:700] for event in task.events[-15:]))
            raise


@pytest.mark.marathon
@pytest.mark.parametrize("stage", STAGES)
def test_every_kind_of_definition_may_change_while_a_task_begins(
    network: Network, tmp_path: Path, state_home: Path, stage: str
) -> None:
    schema = f"s_{stage}"
    made = [f"CREATE TABLE {schema}.target (id int PRIMARY KEY); INSERT INTO {schema}.target VALUES (1)"]
    made += [f"{TABLE}; {FILL}".format(**names(kind, "alone", schema)) for kind in KINDS]
    made += [PLANNED.format(**given("plain", schema))]
    texts = [text for kind in KINDS for text in commands(kind, "alone", schema)]
    changed_while(network, tmp_path, stage, "; ".join(made), texts)


@pytest.mark.marathon
@pytest.mark.parametrize("stage", STAGES)
def test_what_is_planned_may_change_while_a_task_begins(
    network: Network, tmp_path: Path, state_home: Path, stage: str
) -> None:
    schema = f"s_{stage}"
    made = [f"CREATE TABLE {schema}.target (id int PRIMARY KEY)", f"INSERT INTO {schema}.target VALUES (1)"]
    made += [PLANNED.format(**given(kind, schema)) for kind in CHANGES]
    # One that is not copied yet is set aside until an order: what it is called in the task is what a copy goes by.
    kinds = {kind: text for kind, text in CHANGES.items() if kind != "name" or stage not in ("schema", "full")}
    texts = [part for kind, text in kinds.items() for part in text.format(**given(kind, schema)).split("; ")]
    changed_while(network, tmp_path, stage, "; ".join(made), texts)
