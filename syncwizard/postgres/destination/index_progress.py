"""How far the index builds of a session are, as the server tells (manual: CREATE INDEX progress reporting)."""

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.figures.sample import IndexBuild


def read_index_builds(connection: Connection, pid: int) -> list[IndexBuild]:
    """The index that the backend `pid` of the same database builds now; empty when it builds none."""
    return [
        IndexBuild(
            name=f"{index_schema}.{index}",
            table=f"{table_schema}.{table}",
            phase=phase,
            blocks_done=blocks_done,
            blocks_total=blocks_total,
            tuples_done=tuples_done,
            tuples_total=tuples_total,
        )
        for (
            index_schema,
            index,
            table_schema,
            table,
            phase,
            blocks_done,
            blocks_total,
            tuples_done,
            tuples_total,
        ) in connection.execute(query("index_progress"), (pid,)).fetchall()
    ]
