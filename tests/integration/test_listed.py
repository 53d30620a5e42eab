"""Tasks that read test_decoding: the source publishes nothing, and has a list of their tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from syncwizard.demo.servers import Cluster
from syncwizard.errors import ChangesMissing, PrecheckNotPassed, TaskFailed
from syncwizard.stages import precheck
from syncwizard.stages.commands import resync
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import Advanced
from tests.conftest import connected
from tests.faults.test_versions import server
from tests.support.comparison import assert_equal
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

pytestmark = pytest.mark.slow

BY_LINES = Advanced(decoding="test_decoding")
TWINS = "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY, v text);"
SWAP = "ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t; ALTER TABLE x RENAME TO u"


@pytest.fixture(scope="module")
def source(server_folder: Path) -> Iterator[Cluster]:
    """A source that has test_decoding."""
    with server(server_folder, 17) as cluster:
        yield cluster


@pytest.fixture
def pair17(source: Cluster, destination_cluster: Cluster) -> Iterator[DatabasePair]:
    with contextmanager(connected)(source, destination_cluster) as pair:
        yield pair


def followed(pair: DatabasePair, folder: Path, **fields: object) -> RowPath:
    """A task over two tables that has copied and caught up once, and is not at work."""
    path = row_path(pair, folder, TWINS, advanced=BY_LINES, **fields)
    pair.source.execute("INSERT INTO t SELECT i, 't' FROM generate_series(1, 50) i")
    pair.source.execute("INSERT INTO u SELECT i, 'u' FROM generate_series(1, 50) i")
    path.copy()
    with path.following():
        path.caught_up()
    return path


def copied_again(path: RowPath) -> None:
    path.task.record(resync.describe(path.context(), ResyncWish()))
    path.copy()
    with path.following():
        path.caught_up()
    assert_equal(path.pair)


def test_an_account_that_may_not_publish_follows_all_the_same(pair17: DatabasePair, tmp_path: Path) -> None:
    pair17.source.execute("CREATE ROLE reader LOGIN REPLICATION")
    try:
        account = msgspec.structs.replace(pair17.source_endpoint, user="reader")
        pair17.source.execute("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO reader")
        pair17.source.execute("GRANT USAGE, CREATE ON SCHEMA public TO reader")
        path = followed(pair17, tmp_path, source=account)
        assert pair17.source.execute("SELECT count(*) FROM pg_publication").fetchone() == (0,)
        pair17.source.execute("UPDATE t SET id = id + 100 WHERE id < 10; DELETE FROM u WHERE id > 40; TRUNCATE t")
        with path.following():
            path.caught_up()
        assert_equal(pair17)
        precheck.run(path.context())
    finally:
        pair17.source.execute("DROP OWNED BY reader CASCADE; DROP ROLE reader")


def test_tables_that_swap_names_and_swap_back_stop_the_task(pair17: DatabasePair, tmp_path: Path) -> None:
    """What came in between under the name of one is the other's, and nothing in the text says so."""
    path = followed(pair17, tmp_path)
    for statement in (SWAP, "INSERT INTO t VALUES (99, 'of u')", "DELETE FROM u WHERE id = 7", SWAP):
        pair17.source.execute(statement.encode())
    with pytest.raises(ChangesMissing, match=r"public\.t, public\.u: .* another name for a while"), path.following():
        path.caught_up()
    assert pair17.destination.execute("SELECT count(*), max(id) FROM t").fetchone() == (50, 50)
    copied_again(path)


def test_a_row_that_cannot_be_found_stops_the_task(pair17: DatabasePair, tmp_path: Path) -> None:
    """Nothing makes the source refuse the UPDATE of a table that no publication carries."""
    path = followed(pair17, tmp_path)
    for statement in ("ALTER TABLE t REPLICA IDENTITY NOTHING", "UPDATE t SET id = 1000 WHERE id = 1"):
        pair17.source.execute(statement.encode())
    with pytest.raises(TaskFailed, match="another replica identity"), path.following():
        path.caught_up()
    pair17.source.execute("ALTER TABLE t REPLICA IDENTITY DEFAULT")
    path.task.record(resync.describe(path.context(), ResyncWish(tables=[TableName("public", "t")])))
    path.copy()
    with path.following():
        path.caught_up()
    assert_equal(pair17)


def test_columns_that_come_and_go_are_read_as_they_were(pair17: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair17, tmp_path)
    pair17.destination.execute("ALTER TABLE t ADD w int")
    for statement in (
        "INSERT INTO t VALUES (60, 'before')",
        "ALTER TABLE t ADD w int",
        "INSERT INTO t VALUES (61, 'with', 1)",
        "ALTER TABLE t DROP w",
        "INSERT INTO t VALUES (62, 'without')",
    ):
        pair17.source.execute(statement.encode())
    with path.following():
        path.caught_up()
    found = pair17.destination.execute("SELECT * FROM t WHERE id >= 60 ORDER BY id").fetchall()
    assert found == [(60, "before", None), (61, "with", 1), (62, "without", None)]


def test_a_source_without_the_plugin_is_found_by_the_precheck(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TWINS)
    run = TaskRun(pair.spec(advanced=BY_LINES), tmp_path)
    with pytest.raises(PrecheckNotPassed):
        precheck.run(run.context())
    (found,) = [
        event for event in run.events if isinstance(event, PrecheckItemFinished) and event.item == "output-plugin"
    ]
    assert found.verdict == "failed" and "could not access file" in found.message
    assert pair.source.execute("SELECT count(*) FROM pg_replication_slots WHERE temporary").fetchone() == (0,)
