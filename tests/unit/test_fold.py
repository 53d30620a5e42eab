"""What single batches fold to, where the model of test_fold_model draws such a batch once in a thousand."""

import msgspec

from syncwizard.rows.changes import DELETE, INSERT, NULL, UPDATE, Change, Route, RouteColumn, Row
from syncwizard.rows.fold import Move, Net, fold
from syncwizard.task.names import TableName
from tests.support import messages
from tests.support.messages import framed, value

NAME = TableName("public", "t")
COLUMNS = tuple(RouteColumn(source=name, name=name, type_name="text") for name in ("id", "note", "body"))
ROUTE = Route(source=NAME, target=NAME, columns=COLUMNS, key=(0,))
ONE, OTHER = value(b"1"), value(b"2")


def row(key: bytes, note: bytes, body: bytes | None) -> Row:
    return (key, value(note), None if body is None else value(body))


def inserted(new: Row, route: Route = ROUTE) -> Change:
    return INSERT, route, framed(messages.insert(1, new))


def updated(new: Row, route: Route = ROUTE) -> Change:
    return UPDATE, route, framed(messages.update(1, new))


def deleted(old: Row, route: Route = ROUTE) -> Change:
    return DELETE, route, framed(messages.delete(1, old))


def moved(old: Row, new: Row) -> Change:
    """A change of the key, with the old key before it."""
    return UPDATE, ROUTE, framed(messages.update(1, new, (old[0], NULL, NULL)))


def nets(*changes: Change) -> list[list[Net]]:
    """The nets of each step."""
    steps = fold(changes)
    return [[part for part in step if isinstance(part, Net)] for step in steps if isinstance(step, list)]


def test_a_value_that_the_last_update_of_a_row_leaves_out_comes_from_the_one_before() -> None:
    [[net]] = nets(updated(row(ONE, b"a", b"long")), updated(row(ONE, b"b", None)))
    assert net.updates == {(0, 1, 2): [row(ONE, b"b", b"long")]}


def test_what_none_of_the_updates_sent_is_not_written() -> None:
    [[net]] = nets(updated(row(ONE, b"a", None)), updated(row(ONE, b"b", None)), updated(row(OTHER, b"c", b"long")))
    assert net.updates == {(0, 1): [row(ONE, b"b", None)], (0, 1, 2): [row(OTHER, b"c", b"long")]}


def test_a_key_that_is_inserted_twice_is_not_inserted_plainly() -> None:
    """Rows of two partitions that one table of the destination has, say: the later one is the row."""
    [[net]] = nets(inserted(row(ONE, b"a", b"x")), inserted(row(ONE, b"b", b"y")))
    assert (net.inserts, net.upserts) == ([], [row(ONE, b"b", b"y")])


def test_inserts_among_updates_are_still_known_to_be_new() -> None:
    """They go by COPY into the table."""
    [[net]] = nets(updated(row(ONE, b"a", b"x")), inserted(row(OTHER, b"b", b"y")), updated(row(OTHER, b"c", None)))
    assert net.inserts == [row(OTHER, b"c", b"y")]
    assert net.updates == {(0, 1, 2): [row(ONE, b"a", b"x")]}


def test_changes_of_a_relation_as_it_was_and_as_it_is_are_not_applied_in_one_step() -> None:
    """Of one step all deletes come first."""
    altered = msgspec.structs.replace(ROUTE, full=True)
    before, after = nets(inserted(row(ONE, b"a", b"x")), deleted(row(ONE, b"a", b"x"), altered))
    assert [(len(net.inserts), len(net.deletes)) for net in (*before, *after)] == [(1, 0), (0, 1)]


def test_a_key_change_with_unknown_values_comes_after_what_was_before_it() -> None:
    """What it leaves out is taken from the row as it is by then; and the new key has to be free."""
    first, move, last = fold(
        [
            updated(row(ONE, b"a", None)),
            deleted(row(OTHER, b"b", b"x")),
            moved(row(ONE, b"a", None), row(OTHER, b"c", None)),
            updated(row(OTHER, b"d", None)),
        ]
    )
    assert isinstance(first, list) and isinstance(last, list)
    (before,), (after,) = first, last
    assert isinstance(before, Net) and before.updates == {(0, 1): [row(ONE, b"a", None)]} and len(before.deletes) == 1
    assert isinstance(move, Move) and move.new == row(OTHER, b"c", None)
    assert isinstance(after, Net) and after.updates == {(0, 1): [row(OTHER, b"d", None)]}


def test_a_row_that_takes_a_key_which_the_batch_freed_is_not_inserted_plainly() -> None:
    """Of one step the net change of a key is one: the row that was deleted is still at the destination."""
    [[net]] = nets(deleted(row(OTHER, b"b", b"x")), moved(row(ONE, b"a", b"y"), row(OTHER, b"c", b"y")))
    assert (net.inserts, net.upserts) == ([], [row(OTHER, b"c", b"y")])
    assert [old[0] for old in net.deletes] == [ONE]
