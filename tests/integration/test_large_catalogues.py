"""Thousands of tables and objects: every stage before the rows asks the catalogues a handful of questions, not one an
object, and takes seconds."""

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import PrecheckNotPassed
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import schema
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.specification import SchemaObjects, Synchronization, TableObject
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.waiting import until

# The stages ask about 30, 70 and 80; a question an object would be thousands.
STATEMENTS = 200
# They take a few seconds each; a busy machine must not fail the test, hours would.
SECONDS = 120

# Commits between: the locks of thousands of new tables do not fit into the server's table.
FILL = """
CREATE PROCEDURE fill(tables int, views int, functions int) LANGUAGE plpgsql AS $$
BEGIN
    FOR n IN 1..tables LOOP
        EXECUTE format('CREATE TABLE table_%s (id int PRIMARY KEY, x text)', n);
        IF n % 500 = 0 THEN COMMIT; END IF;
    END LOOP;
    FOR n IN 1..views LOOP
        EXECUTE format('CREATE VIEW view_%s AS SELECT id FROM table_%s', n, n);
        IF n % 500 = 0 THEN COMMIT; END IF;
    END LOOP;
    FOR n IN 1..functions LOOP
        EXECUTE format('CREATE FUNCTION function_%s() RETURNS int LANGUAGE sql AS ''SELECT 1''', n);
        IF n % 500 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$
"""


def fill(pair: DatabasePair, tables: int, views: int, functions: int) -> None:
    pair.source.execute(FILL)
    pair.source.execute("CALL fill(%s, %s, %s)", (tables, views, functions))
    pair.source.execute("DROP PROCEDURE fill")


@pytest.fixture
def logged(pair: DatabasePair) -> Iterator[DatabasePair]:
    """Servers that log every statement of a new session with the session's application."""
    clusters = (pair.source_cluster, pair.destination_cluster)
    for cluster in clusters:
        former = dict(cluster.settings)
        cluster.configure(log_line_prefix="%a|", log_statement="all")
        reload(cluster, "all")
        cluster.settings = former
    yield pair
    for cluster in clusters:
        cluster.configure()
        reload(cluster, "none")


def reload(cluster: Cluster, log_statement: str) -> None:
    """Waits until the configuration file counts for new sessions."""
    with cluster.connect() as session:
        session.execute("SELECT pg_reload_conf()")

    def counts() -> bool:
        with cluster.connect() as session:
            return session.execute("SHOW log_statement").fetchone() == (log_statement,)

    until(counts)


@contextmanager
def few_statements(*clusters: Cluster) -> Iterator[None]:
    """Our sessions ask each of the servers little inside the block, and soon; pg_dump's own questions do not count."""
    begun, sizes = time.monotonic(), [cluster.log.stat().st_size for cluster in clusters]
    yield
    seconds = time.monotonic() - begun
    for cluster, size in zip(clusters, sizes, strict=True):
        with cluster.log.open("rb") as log:
            log.seek(size)
            printed = log.read().decode(errors="replace")
        statements = re.findall(r"^syncwizard[^|]*\|.*LOG:  (?:statement|execute)", printed, re.MULTILINE)
        assert 0 < len(statements) < STATEMENTS
    assert seconds < SECONDS


def created(pair: DatabasePair, kinds: str) -> int:
    row = pair.destination.execute(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = ANY (%s)",
        (list(kinds),),
    ).fetchone()
    return int(row[0]) if row else 0


@pytest.mark.slow
def test_five_thousand_tables_selected_one_by_one(logged: DatabasePair, tmp_path: Path) -> None:
    fill(logged, 5500, 0, 0)
    tables = [TableObject(table=f"table_{number}") for number in range(1, 5001)]
    objects = [SchemaObjects(schema="public", tables=tables)]
    source, destination = logged.source_cluster, logged.destination_cluster
    context = TaskRun(logged.spec(objects), tmp_path).context()
    with few_statements(source, destination):
        precheck.run(context)
    with few_statements(source, destination):
        capture.run(context)
    # At the destination each definition is a statement.
    with few_statements(source):
        schema.run(context)
    context.held.close()
    assert created(logged, "r") == 5000
    kept = Synchronization(types=["full", "incremental"], conflicts="ignore")
    # All of them are compared; their keys come with a later stage.
    with few_statements(source, destination), pytest.raises(PrecheckNotPassed, match="no key among id"):
        precheck.run(TaskRun(logged.spec(objects, synchronization=kept), tmp_path).context())


@pytest.mark.slow
def test_a_schema_of_twenty_thousand_objects(
    logged: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(logged, 6000, 6000, 8000)
    planned: list[PlannedStatement] = []

    def create_nothing(context: object, destination: object, statements: list[PlannedStatement]) -> int:
        planned.extend(statements)
        return len(statements)

    # That PostgreSQL can create 20,000 objects one after the other is not ours to show.
    monkeypatch.setattr(schema, "create_phase", create_nothing)
    source, destination = logged.source_cluster, logged.destination_cluster
    context = TaskRun(logged.spec(), tmp_path).context()
    with few_statements(source, destination):
        precheck.run(context)
    with few_statements(source, destination):
        capture.run(context)
    with few_statements(source, destination):
        schema.run(context)
    context.held.close()
    assert len([statement for statement in planned if statement.kind in ("table", "view", "function")]) == 20_000
