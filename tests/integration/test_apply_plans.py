"""Batches reach the table by its key, however large the table and small the batch: asked of the planner itself."""

from psycopg import sql

from syncwizard.postgres.catalog.tables import read_types
from syncwizard.postgres.destination.routes import RouteCompiler, Source
from syncwizard.postgres.destination.session import prepare_writing
from syncwizard.postgres.destination.statements import RouteStatements, create_stage
from syncwizard.postgres.session.connection import apply_settings
from syncwizard.rows.changes import Route
from syncwizard.rows.pgoutput import RelationMessage
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from tests.support.pair import DatabasePair

ROWS = 200_000


def test_every_statement_of_the_row_path_uses_the_key(pair: DatabasePair) -> None:
    session = pair.destination
    session.execute("CREATE TABLE items (id bigint PRIMARY KEY, label text, n int)")
    session.execute("INSERT INTO items SELECT i, 'label', 0 FROM generate_series(1, %s) i", (ROWS,))
    session.execute("ANALYZE items")
    apply_settings(session)
    prepare_writing(session)
    compiler = RouteCompiler(
        session,
        ["public"],
        [],
        {},
        Source(lambda transaction: None, lambda relation: None, lambda oids: read_types(session, oids)),
        lambda table, why: None,
        Mapping(),
    )
    compiler.read()
    route = compiler.compile(
        RelationMessage(
            oid=1,
            schema="public",
            name="items",
            replica_identity="d",
            columns=(("id", True, 20, -1), ("label", False, 25, -1), ("n", False, 23, -1)),
        ),
        0,
    )
    assert isinstance(route, Route)
    assert route.target == TableName("public", "items")
    statements = RouteStatements(route)
    session.execute("BEGIN")
    session.execute(create_stage(0, route, (0, 1, 2)))
    # As many rows as make the planner prefer to read the whole table, left to itself.
    session.execute(
        "INSERT INTO pg_temp.syncwizard_stage_0 SELECT i * 10, 'new', 1 FROM generate_series(1, %s) i", (ROWS // 20,)
    )
    single = [statements.update((0, 2)), statements.delete(), statements.move((0, 1))]
    staged = [statements.staged_update(0, (0, 1, 2)), statements.staged_delete(0)]
    for text in [*single, *staged]:
        assert text is not None
        plan = explain(pair, text)
        assert "Seq Scan on items" not in plan, plan
        assert "items_pkey" in plan, plan
    session.execute("ROLLBACK")


def explain(pair: DatabasePair, text: bytes) -> str:
    """The generic plan of a statement, parameters and all."""
    query = sql.SQL("EXPLAIN (GENERIC_PLAN) ").as_bytes(None) + text
    return "\n".join(str(line) for (line,) in pair.destination.execute(query).fetchall())
