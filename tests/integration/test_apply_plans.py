"""Batches reach the table by its key, however large the table and small the batch: asked of the planner itself."""

from psycopg import sql

from syncwizard.postgres.catalog.tables import read_tables, read_types
from syncwizard.postgres.destination.projected_statements import ProjectedStatements
from syncwizard.postgres.destination.routes import RouteCompiler, Source
from syncwizard.postgres.destination.session import prepare_writing
from syncwizard.postgres.destination.statements import RouteStatements, create_stage
from syncwizard.postgres.session.connection import apply_settings
from syncwizard.rows.changes import Route
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import SchemaObjects, TableObject, TaskSpec
from tests.support.pair import DatabasePair

ROWS = 200_000


COLUMNS = (("id", True, 20, -1), ("label", False, 25, -1), ("n", False, 23, -1))


def routed(pair: DatabasePair, spec: TaskSpec | None = None) -> Route:
    """The route of a large table into its like; with the rules of a task, if given."""
    for session in (pair.source, pair.destination):
        session.execute("CREATE TABLE items (id bigint PRIMARY KEY, label text, n int)")
    session = pair.destination
    session.execute("INSERT INTO items SELECT i, 'label', 0 FROM generate_series(1, %s) i", (ROWS,))
    session.execute("ANALYZE items")
    apply_settings(session)
    prepare_writing(session)
    compiler = RouteCompiler(
        session,
        ["public"],
        read_tables(pair.source, ["public"]),
        {},
        Source(lambda transaction: None, lambda relation: None, lambda oids: read_types(session, oids)),
        lambda table, why: None,
        Mapping(),
        spec=spec,
    )
    compiler.read()
    message = RelationMessage(oid=1, schema="public", name="items", replica_identity="d", columns=COLUMNS)
    route = compiler.compile(message, 0)
    assert isinstance(route, Route)
    assert route.target == TableName("public", "items")
    session.execute("BEGIN")
    session.execute(create_stage(0, route, (0, 1, 2)))
    # As many rows as make the planner prefer to read the whole table, left to itself.
    session.execute(
        "INSERT INTO pg_temp.syncwizard_stage_0 SELECT i * 10, 'new', 1 FROM generate_series(1, %s) i", (ROWS // 20,)
    )
    return route


def test_every_statement_of_the_row_path_uses_the_key(pair: DatabasePair) -> None:
    statements = RouteStatements(routed(pair))
    single = [statements.update((0, 2)), statements.delete(), statements.move((0, 1))]
    staged = [statements.staged_update(0, (0, 1, 2)), statements.staged_delete(0)]
    for text in [*single, *staged]:
        assert text is not None
        assert_by_key(pair, text)


def test_every_statement_of_a_projection_reads_a_batch_once(pair: DatabasePair) -> None:
    objects = [SchemaObjects(schema="public", overrides=[TableObject(table="items", where="n > 5")])]
    route = routed(pair, pair.spec(objects=objects))
    assert route.projection is not None
    statements = ProjectedStatements(route, route.projection, "utf-8")
    assert statements.drops
    everything = statements.everything
    for stage in (0, None):
        partial = statements.update((0, 2), stage)
        assert partial is not None
        texts = [statements.upsert(everything, stage, fresh=False), statements.replace(everything, stage), partial]
        for text in [*texts, statements.delete(stage)]:
            plan = assert_by_key(pair, text)
            # Each row of a batch would be looked for in all of it.
            assert "Anti Join" not in plan, plan


def assert_by_key(pair: DatabasePair, text: bytes) -> str:
    plan = explain(pair, text)
    assert "Seq Scan on items" not in plan, plan
    assert "items_pkey" in plan, plan
    return plan


def explain(pair: DatabasePair, text: bytes) -> str:
    """The generic plan of a statement, parameters and all."""
    query = sql.SQL("EXPLAIN (GENERIC_PLAN) ").as_bytes(None) + text
    return "\n".join(str(line) for (line,) in pair.destination.execute(query).fetchall())
