"""Netted runs of a keyless table beside a bag of images that takes the changes one by one."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncwizard.rows.changes import DELETE, INSERT, UPDATE, Decoded, Route, RouteColumn, Row, filled
from syncwizard.rows.images import NetImages, net_images
from syncwizard.task.names import TableName

NAME = TableName("public", "log")
VALUES = st.sampled_from([b"a", b"b"])
ROWS = st.tuples(VALUES, VALUES)
SENT = st.tuples(st.booleans(), st.booleans())
BAGS = st.lists(ROWS, max_size=6)
# An insert has no old row, a delete no new one; of an update's values some are not sent.
CHANGES = st.lists(
    st.tuples(st.none() | ROWS, st.none() | ROWS, SENT).filter(lambda drawn: any(drawn[:2])), max_size=12
)


def route(*, always: bool = False) -> Route:
    columns = tuple(RouteColumn(source=name, name=name, type_name="text") for name in ("a", "b"))
    if always:
        columns = (RouteColumn(source="a", name="a", type_name="text", identity_always=True), columns[1])
    return Route(source=NAME, target=NAME, columns=columns, key=(), full=True)


def changes(drawn: list[tuple[Row | None, Row | None, tuple[bool, bool]]], into: Route) -> list[Decoded]:
    made: list[Decoded] = []
    for old, new, sent in drawn:
        if old is None:
            made.append((INSERT, into, None, new))
        elif new is None:
            made.append((DELETE, into, old, None))
        else:
            # What is not sent did not change.
            unsent = tuple(value if known else None for value, known in zip(new, sent, strict=True))
            made.append((UPDATE, into, old, unsent))
    return made


def one_by_one(bag: list[Row], run: list[Decoded]) -> Counter[Row] | None:
    """The bag after the changes; None where one of them meets no row."""
    left = Counter(bag)
    for _, _, old, new in run:
        if old is not None:
            if not left[old]:
                return None
            left[old] -= 1
        if new is not None:
            left[new if old is None else filled(new, old)] += 1
    return +left


def as_a_set(bag: list[Row], net: NetImages) -> Counter[Row] | None:
    """The bag after the statements of the net, in their order."""
    left = Counter(bag)
    groups: list[list[tuple[Row, Row | None]]] = [[(old, None) for old in net.deletes]]
    for known, pairs in net.updates.items():
        assert known, "a statement that sets nothing"
        groups.append([(old, _set(old, new, known)) for old, new in pairs])
    for group in groups:
        gone = Counter(old for old, _ in group)
        if gone - left:
            return None
        left -= gone
        left += Counter(new for _, new in group if new is not None)
    return +(left + Counter(net.inserts))


def _set(old: Row, new: Row, known: tuple[int, ...]) -> Row:
    return tuple(value if at in known else before for at, (before, value) in enumerate(zip(old, new, strict=True)))


@pytest.mark.parametrize("always", [False, True])
@given(bag=BAGS, drawn=CHANGES)
def test_a_run_has_the_effect_of_its_changes_one_by_one(
    always: bool, bag: list[Row], drawn: list[tuple[Row | None, Row | None, tuple[bool, bool]]]
) -> None:
    into = route(always=always)
    run = changes(drawn, into)
    expected = one_by_one(bag, run)
    found = as_a_set(bag, net_images(into, run))
    if expected is not None:
        assert found == expected


@given(bag=BAGS, drawn=CHANGES)
def test_a_row_that_is_missing_is_missed_by_the_run_too(
    bag: list[Row], drawn: list[tuple[Row | None, Row | None, tuple[bool, bool]]]
) -> None:
    into = route()
    # An update of which nothing came leaves its row alone, and does not look for it.
    run = [change for change in changes(drawn, into) if change[3] is None or any(change[3])]
    if one_by_one(bag, run) is None:
        # Before the updates of the net, as all of a run's old images are of the table before it.
        net = net_images(into, run)
        olds = Counter(net.deletes) + Counter(old for pairs in net.updates.values() for old, _ in pairs)
        assert olds - Counter(bag)


def test_a_row_that_changes_often_is_written_once() -> None:
    into = route()
    versions: list[Row] = [(b"a", b"%d" % number) for number in range(100)]
    run: list[Decoded] = [(UPDATE, into, old, (None, new[1])) for old, new in pairwise(versions)]
    net = net_images(into, run)
    assert net.updates == {(1,): [(versions[0], versions[-1])]}
    assert not net.deletes
    assert not net.inserts


def test_rows_that_differ_in_what_is_left_out_alone_are_the_same_row() -> None:
    """The destination cannot tell them apart, and has one that is no other's."""
    columns = (
        RouteColumn(source="a", name="a", type_name="text"),
        RouteColumn(source="b", name="b", type_name="text", left_out=True),
    )
    into = Route(source=NAME, target=NAME, columns=columns, key=(), full=True)
    net = net_images(into, [(INSERT, into, None, (b"a", b"1")), (DELETE, into, (b"a", b"2"), None)])
    assert (net.deletes, net.updates, net.inserts) == ([], {}, [])


def test_a_value_that_an_earlier_change_brought_is_kept() -> None:
    into = route()
    run: list[Decoded] = [(UPDATE, into, (b"a", b"b"), (b"x", None)), (UPDATE, into, (b"x", b"b"), (None, b"y"))]
    net = net_images(into, run)
    assert net.updates == {(0, 1): [((b"a", b"b"), (b"x", b"y"))]}
    assert as_a_set([(b"a", b"b")], net) == Counter([(b"x", b"y")])
