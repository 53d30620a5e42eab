"""A change that the destination refuses goes to quarantine, or is applied with other values, as was decided: once,
whole, and in the transaction that goes on without it (rule 12)."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.postgres.destination.refused import describe_change
from syncwizard.postgres.destination.sender import SAVEPOINT
from syncwizard.rows.changes import INSERT, Route, RouteColumn
from syncwizard.rows.tuples import MESSAGE_AT
from syncwizard.task.events import ChangeQuarantined, QuarantineFollowed, QuarantineSettled, RowDecided
from syncwizard.task.facts import RefusedChange
from syncwizard.task.names import TableName
from syncwizard.task.quarantine import RowAction
from syncwizard.task.refused import RowRefused
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

MADE = "CREATE TABLE t (id int PRIMARY KEY, v text, n int)"


def refused(path: RowPath, statements: str) -> RefusedChange:
    """Follows until the statements stop the task; the change that did."""
    with pytest.raises(RowRefused) as caught, path.following():
        path.caught_up(120)
        path.pair.source.execute(statements.encode())
        until(lambda: path.error is not None, 120, "the change to be refused")
    path.error = None
    assert caught.value.change is not None
    return caught.value.change


def decide(path: RowPath, change: RefusedChange, action: RowAction, **values: str | None) -> None:
    path.task.record(
        RowDecided(
            lsn=change.lsn,
            digest=change.digest,
            kind=change.kind,
            table=change.table,
            key="",
            action=action,
            values=values,
            by="dba@host",
        )
    )


def records(pair: DatabasePair) -> list[tuple[Any, ...]]:
    return pair.destination.execute(
        "SELECT operation, row_keys, old_values, new_values, edited_values, sqlstate, follows IS NOT NULL, decided_by"
        " FROM syncwizard.quarantine ORDER BY number"
    ).fetchall()


def quarantined(path: RowPath) -> list[ChangeQuarantined | QuarantineFollowed | QuarantineSettled]:
    kinds = (ChangeQuarantined, QuarantineFollowed, QuarantineSettled)
    return [event for event in path.task.events if isinstance(event, kinds)]


def test_the_transaction_goes_on_without_the_change(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, MADE)
    pair.destination.execute("ALTER TABLE t ADD CHECK (n < 100)")
    pair.source.execute("INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2)")
    path.copy()
    change = refused(
        path,
        "BEGIN; INSERT INTO t VALUES (3, 'c', 3); INSERT INTO t VALUES (4, repeat('x', 20000), 400);"
        " UPDATE t SET v = 'bb' WHERE id = 2; COMMIT",
    )
    assert change.keys == [{"id": "4"}] and len(change.new["v"] or "") < 20000
    decide(path, change, "quarantine")
    with path.following():
        path.caught_up(120)
    rows = pair.destination.execute("SELECT id, v, n FROM t ORDER BY id").fetchall()
    assert rows == [(1, "a", 1), (2, "bb", 2), (3, "c", 3)]
    whole = {"id": "4", "v": "x" * 20000, "n": "400"}
    assert records(pair) == [("insert", [{"id": "4"}], {}, whole, None, "23514", False, "dba@host")]
    # A later change of the row that cannot be applied either goes with it; one that can brings the row.
    with path.following():
        pair.source.execute("UPDATE t SET n = 401 WHERE id = 4")
        pair.source.execute("UPDATE t SET n = 402 WHERE id = 4; INSERT INTO t VALUES (5, 'e', 5)")
        path.caught_up(120)
        assert pair.destination.execute("SELECT id FROM t WHERE id > 3").fetchall() == [(5,)]
        until(lambda: path.context().state().quarantined == 3, 30, "what followed to be reported")
        pair.source.execute("UPDATE t SET n = 40, v = 'd' WHERE id = 4")
        path.caught_up(120)
    assert_equal(pair)
    assert [(kind, follows) for kind, _, _, _, _, _, follows, _ in records(pair)] == [
        ("insert", False),
        ("update", True),
        ("update", True),
    ]
    [first, *later] = quarantined(path)
    assert isinstance(first, ChangeQuarantined)
    assert (first.by, first.edited, first.keys) == ("dba@host", False, [{"id": "4"}])
    assert sum(each.changes for each in later if isinstance(each, QuarantineFollowed)) == 2
    [record] = path.context().state().quarantine
    assert (record.followers, record.settled) == (2, None)
    assert path.context().state().row_decided is None
    # As at a destination that was set back to a time before these records.
    path.task.state = msgspec.structs.replace(path.task.state, quarantined=100)
    with path.following():
        pair.source.execute("UPDATE t SET n = 500 WHERE id = 4")
        path.caught_up(120)
        until(lambda: path.context().state().quarantined == 101, 30, "what followed to be reported")


def test_edited_values_are_applied_in_its_place(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, MADE)
    pair.destination.execute("ALTER TABLE t ADD CHECK (n < 100)")
    pair.source.execute("INSERT INTO t VALUES (1, 'a', 1)")
    path.copy()
    change = refused(path, "UPDATE t SET n = 400, v = 'b' WHERE id = 1")
    decide(path, change, "edit", n="1000")
    with pytest.raises(RowRefused, match="with id = 1") as again, path.following():
        until(lambda: path.error is not None, 120, "the edited values to be refused")
    assert again.value.detail.startswith("with the values that were edited: ")
    decide(path, change, "edit", n="many")
    with pytest.raises(RowRefused, match="with id = 1") as again, path.following():
        until(lambda: path.error is not None, 120, "the edited values to be refused")
    assert 'invalid input syntax for type integer: "many"' in again.value.detail
    assert records(pair) == []
    decide(path, change, "edit", n=None)
    with path.following():
        path.caught_up(120)
    assert pair.destination.execute("SELECT * FROM t").fetchall() == [(1, "b", None)]
    [(kind, keys, _, new, edited, *_)] = records(pair)
    assert (kind, keys, new["n"], edited) == ("update", [{"id": "1"}], "400", {"n": None})


def test_a_change_that_can_be_applied_by_then_is_applied(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, MADE)
    pair.destination.execute("ALTER TABLE t ADD CONSTRAINT few CHECK (n < 100)")
    path.copy()
    change = refused(path, "INSERT INTO t VALUES (1, 'a', 100)")
    decide(path, change, "quarantine")
    pair.destination.execute("ALTER TABLE t DROP CONSTRAINT few")
    with path.following():
        path.caught_up(120)
    assert_equal(pair)
    assert records(pair) == []


def test_what_needs_a_row_in_quarantine_follows_it(pair: DatabasePair, tmp_path: Path) -> None:
    """Of an update with values that are not sent nothing can be made without its row; by another key it goes on."""
    made = MADE + "; ALTER TABLE t ALTER v SET STORAGE EXTERNAL; CREATE TABLE bag (n int, v text)"
    path = row_path(pair, tmp_path, made)
    pair.source.execute("ALTER TABLE bag REPLICA IDENTITY FULL")
    pair.destination.execute("ALTER TABLE t ADD CHECK (n < 100); ALTER TABLE bag ADD CHECK (n < 100)")
    path.copy()
    change = refused(path, "INSERT INTO t VALUES (1, repeat('x', 5000), 100)")
    decide(path, change, "quarantine")
    with path.following():
        # By itself: what a batch makes of it and of later changes may be applied.
        path.caught_up(120)
        pair.source.execute("UPDATE t SET n = 1 WHERE id = 1")
        pair.source.execute("UPDATE t SET id = 2 WHERE id = 1")
        pair.source.execute("UPDATE t SET n = 2 WHERE id = 2; INSERT INTO t VALUES (3, 'c', 3)")
        path.caught_up(120)
        assert pair.destination.execute("SELECT id FROM t").fetchall() == [(3,)]
        # Gone at both ends.
        pair.source.execute("DELETE FROM t WHERE id = 2")
        path.caught_up(120)
    assert_equal(pair)
    assert [len(keys) for _, keys, *_ in records(pair)] == [1, 1, 2, 1]
    # Rows without a key are found again by all of their values.
    change = refused(path, "INSERT INTO bag VALUES (100, 'a')")
    assert change.keys == [] and change.columns == []
    decide(path, change, "quarantine")
    with path.following():
        path.caught_up(120)
        pair.source.execute("UPDATE bag SET n = 101")
        pair.source.execute("DELETE FROM bag; INSERT INTO bag VALUES (1, 'b')")
        path.caught_up(120)
    assert_equal(pair)
    assert [follows for *_, follows, _ in records(pair)][4:] == [False, True, True]


def test_a_child_that_dies_behind_its_commit_is_made_up_for(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, MADE)
    pair.destination.execute("ALTER TABLE t ADD CHECK (n < 100)")
    path.copy()
    change = refused(path, "INSERT INTO t VALUES (1, 'a', 100)")
    decide(path, change, "quarantine")
    before = len(path.task.events)
    with path.following():
        path.caught_up(120)
        pair.source.execute("UPDATE t SET n = 200")
        path.caught_up(120)
    # As if neither of them had been reported.
    del path.task.events[before:]
    path.task.state = msgspec.structs.replace(path.task.state, quarantine=(), quarantined=0)
    with path.following():
        path.caught_up(120)
    assert [type(event) for event in quarantined(path)] == [ChangeQuarantined, QuarantineFollowed]
    assert len(records(pair)) == 2


def test_a_value_that_cannot_be_printed_is_kept_as_bytes_and_the_others_as_texts(pair: DatabasePair) -> None:
    table = TableName("public", "t")
    types = {"id": "pg_catalog.int4", "m": "public.not_there", "n": "pg_catalog.int4"}
    columns = tuple(RouteColumn(source=name, name=name, type_name=kind) for name, kind in types.items())
    values = b"".join(b"b" + len(each).to_bytes(4, "big") + each for each in (b"\0\0\0\7", b"\1\2", b"\0\0\0\11"))
    frame = b"w" + bytes(MESSAGE_AT - 1) + b"I" + bytes(4) + b"N\0\3" + values
    with pair.destination.transaction():
        pair.destination.execute(SAVEPOINT)
        route = Route(source=table, target=table, columns=columns, key=(0,))
        change = describe_change(pair.destination, (INSERT, route, frame), "0/1", most=None)
        assert change.new == {"id": "7", "m": "\\x0102", "n": "9"} and change.keys == [{"id": "7"}]
        assert pair.destination.execute("SELECT 1").fetchone() == (1,)
