"""What the apply session knows of its server after an error: the statements and staging tables that are there alone."""

from collections.abc import Iterator
from struct import pack

import psycopg
import pytest

from syncwizard.postgres.destination.sender import CountMismatch, Sender
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.wire import BINARY_HEADER, BINARY_TRAILER
from syncwizard.rows.changes import Route
from syncwizard.task.names import TableName
from tests.support.pair import DatabasePair

NAME = TableName("public", "t")
ROUTE = Route(source=NAME, target=NAME, columns=(), key=())
INSERT = b"INSERT INTO t VALUES ($1)"
BAD = b"SELECT 1 / 0"


@pytest.fixture
def session(pair: DatabasePair) -> Iterator[Connection]:
    pair.destination.execute("CREATE TABLE t (id int PRIMARY KEY)")
    with pair.destination_cluster.connect(pair.destination_database) as connection:
        yield connection


def fill(sender: Sender, key: str, *ids: int) -> int:
    """Stages the ids under the key, and takes them into the table."""
    number = sender.stage(
        key,
        lambda number: b"CREATE TEMPORARY TABLE syncwizard_stage_%d (id int) ON COMMIT DELETE ROWS" % number,
        [BINARY_HEADER, *(pack(">hii", 1, 4, each) for each in ids), BINARY_TRAILER],
    )
    sender.queue(b"INSERT INTO t SELECT id FROM pg_temp.syncwizard_stage_%d" % number)
    sender.run()
    return number


def fail(sender: Sender) -> None:
    sender.queue(BAD)
    with pytest.raises(psycopg.errors.DivisionByZero):
        sender.run()


def commit(sender: Sender) -> None:
    sender.queue(b"COMMIT")
    sender.run()


def ids(connection: Connection) -> list[int]:
    return [int(row[0]) for row in connection.execute("SELECT id FROM t ORDER BY id")]


def test_what_a_rollback_undid_is_made_again_and_what_it_left_is_used(session: Connection) -> None:
    sender = Sender(session)
    sender.begin()
    assert fill(sender, "a", 1) == 0
    commit(sender)
    sender.begin()
    assert fill(sender, "b", 2) == 1
    fail(sender)
    sender.roll_back()
    sender.begin()
    # Twice in a transaction: what was staged first is not taken twice.
    assert [fill(sender, "b", 3), fill(sender, "b", 4), fill(sender, "a", 5)] == [1, 1, 0]
    commit(sender)
    assert ids(session) == [1, 3, 4, 5]


def test_a_rollback_to_a_savepoint_undoes_what_came_behind_it_alone(session: Connection) -> None:
    sender = Sender(session)
    sender.begin()
    fill(sender, "a", 1)
    sender.savepoint()
    assert fill(sender, "b", 2) == 1
    sender.queue(BAD)
    # Of a statement that is not reached: what was expected of it is not asked of others.
    sender.queue(b"SELECT")
    sender.expect(ROUTE, 7)
    with pytest.raises(psycopg.errors.DivisionByZero):
        sender.run()
    sender.roll_back_to_savepoint()
    assert [fill(sender, "a", 3), fill(sender, "b", 4)] == [0, 1]
    commit(sender)
    assert ids(session) == [1, 3, 4]


@pytest.mark.parametrize("savepoint", [False, True])
def test_statements_whose_preparation_failed_are_prepared_again(session: Connection, savepoint: bool) -> None:
    sender = Sender(session)
    sender.begin()
    sender.savepoint()
    sender.queue(BAD)
    sender.execute(INSERT, [b"1"], [0])
    with pytest.raises(psycopg.errors.DivisionByZero):
        sender.run()
    if savepoint:
        sender.roll_back_to_savepoint()
    else:
        sender.roll_back()
        sender.begin()
    sender.execute(INSERT, [b"1"], [0])
    sender.expect(ROUTE, 1)
    commit(sender)
    assert ids(session) == [1]


@pytest.mark.parametrize("expected", [0, 2])
def test_another_number_of_rows_than_was_meant_is_an_error(session: Connection, expected: int) -> None:
    sender = Sender(session)
    sender.begin()
    sender.execute(INSERT, [b"1"], [0])
    sender.expect(ROUTE, expected)
    with pytest.raises(CountMismatch):
        sender.run()
    sender.roll_back()
    assert ids(session) == []
