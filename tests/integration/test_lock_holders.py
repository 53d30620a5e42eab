"""Who holds a table is told with the shape of their statement, and none of the values in it."""

from syncwizard.postgres.session.locking import lock_holders
from syncwizard.task.names import TableName
from tests.support.pair import DatabasePair


def test_another_sessions_statement_is_shown_without_its_values(pair: DatabasePair) -> None:
    pair.source.execute("CREATE TABLE held (id int, secret text)")
    statement = "INSERT INTO held VALUES (1, E'sword\\'fish'), (2, $$carp and a long tail of values that is cut$$)"
    with pair.source_cluster.connect(pair.database) as other, other.transaction():
        other.execute(statement)
        pid = other.info.backend_pid
        reported = lock_holders(pair.source, [TableName("public", "held")])
    assert f"process {pid} of" in reported
    assert "INSERT INTO held VALUES (1, ***), (2, ***" in reported
    assert "fish" not in reported and "carp" not in reported
