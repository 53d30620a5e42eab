"""What compiled loops drop behind the decoder is what Python drops: both get the same conditions and frames."""

from random import Random
from struct import pack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncwizard.rows.changes import NULL, Route, RouteColumn, Row
from syncwizard.rows.early import Early
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.projection import EVERY_OPERATION, Projection
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.rows.sieve import TableSieve
from syncwizard.rows.where import Names, parse_where
from syncwizard.structure.table import Column, ValueType
from syncwizard.task.names import TableName
from tests.support import messages
from tests.support.conditions import CONDITIONS, LITERALS
from tests.support.messages import framed, value
from tests.unit.test_compiled import LOOPS, both

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(LOOPS is None, reason="the package was built without a compiler"),
]

TYPES = {
    "id": "bigint",
    "small": "smallint",
    "n": "integer",
    "amount": "numeric",
    "flag": "boolean",
    "day": "date",
    "at": "timestamp without time zone",
    "zoned": "timestamp with time zone",
    "u": "uuid",
    "state": "public.state",
    "word": "text",
    "code": "character varying",
    "fixed": "character",
    "ratio": "double precision",
}
NAME = TableName("public", "t")


# Zeros before and behind, other scales, NaN, the infinities; and what no server sends.
NUMERICS = [
    pack(f">HhHH{len(groups)}H", len(groups), weight, sign, 3, *groups)
    for weight, sign, groups in (
        (0, 0, []),
        (0, 0, [1]),
        (0, 0, [1, 0, 0]),
        (1, 0, [0, 1]),
        (0, 0x4000, [1, 5000]),
        (-1, 0, [1]),
        (4, 0, [12, 3456, 7890, 1234, 5678, 9009, 8765, 4321]),
        (2, 0, [1]),
        (1, 0, [1]),
        (0, 0xC000, []),
        (0, 0xD000, []),
        (0, 0, [12000]),
    )
]
TEXTS = [text.encode() for text in ("a", "", "it's", "A", "ä", "a ", "x", "new", "paid", "o'dd", "b")]
UUIDS = [b"\xff" * 16, bytes(16), bytes.fromhex("a0eebc999c0b4ef8bb6d6bb9bd380a11")]


def integers(size: int, letter: str) -> list[bytes]:
    bound = 1 << (8 * size - 1)
    return [pack(f">{letter}", number) for number in (-bound, -2, -1, 0, 1, 2, 3, 5, 7, 10, 100, 9497, bound - 1)]


VALUES = {
    "bigint": integers(8, "q"),
    "smallint": integers(2, "h"),
    "integer": integers(4, "i"),
    "numeric": NUMERICS,
    "boolean": [b"\0", b"\1", b"\2"],
    "date": integers(4, "i"),
    "timestamp without time zone": integers(8, "q"),
    "timestamp with time zone": integers(8, "q"),
    "uuid": UUIDS,
}


def drawn(random: Random) -> Row:
    """A row; drawn here, because drawing each value by a strategy of its own takes most of the time."""
    return tuple(
        NULL
        if (kind := random.random()) < 0.1
        else None
        if kind < 0.2
        else value(random.choice(VALUES.get(name, TEXTS)))
        for name in TYPES.values()
    )


def column(number: int, name: str, type_name: str) -> Column:
    return Column(
        name=name,
        number=number,
        type=ValueType(type_name, ""),
        declared_type=type_name,
        not_null=False,
        identity="",
        generated="",
        binary=True,
        textual=False,
        local="",
        long=False,
        exact=type_name in ("text", "character varying"),
        enumerated=type_name == "public.state",
    )


COLUMNS = [column(at, name, kind) for at, (name, kind) in enumerate(TYPES.items(), 1)]
assert TYPES.keys() == LITERALS.keys()


def sieved(condition: str, operations: frozenset[str], text: frozenset[int], *, full: bool) -> Route:
    early = Early(parse_where(condition, NAME, TYPES), COLUMNS, text, "utf-8")
    projection = Projection(
        table=NAME,
        columns=TYPES,
        key=("id",),
        levels=(),
        outputs=(),
        decides=frozenset(),
        kept=None,
        operations=operations,
        stamps=(),
        secrets=frozenset(),
        stable=False,
    )
    return Route(
        source=NAME,
        target=NAME,
        columns=tuple(RouteColumn(source=name, name=name, type_name=kind) for name, kind in TYPES.items()),
        key=(0,),
        full=full,
        text=text,
        identity=frozenset(range(len(COLUMNS)) if full else (0, 2)),
        sieve=TableSieve(projection, early, text=False),
    )


def change(kind: str, row: Row, old: Row, text: frozenset[int], *, full: bool) -> bytes:
    match kind:
        case "I":
            return messages.insert(7, row, text)
        case "D":
            return messages.delete(7, old, full=full, text=text)
        case "o":
            return messages.update(7, row, old, full=full, text=text)
    return messages.update(7, row, text=text)


@settings(max_examples=400, deadline=None)
@given(
    condition=CONDITIONS,
    seed=st.integers(0, 1 << 32),
    full=st.booleans(),
    operations=st.sampled_from([EVERY_OPERATION, EVERY_OPERATION - {"delete"}]),
    text=st.sampled_from([frozenset(), frozenset({13}), frozenset({1, 3})]),
    cut=st.integers(0, 40),
)
def test_both_drop_the_same_changes(
    condition: str, seed: int, full: bool, operations: frozenset[str], text: frozenset[int], cut: int
) -> None:
    random = Random(seed)
    changes = [(random.choice("IUDo"), drawn(random), drawn(random)) for _ in range(20)]
    relation = RelationMessage(
        oid=7,
        schema="public",
        name="t",
        replica_identity="f" if full else "d",
        columns=tuple((name, name in ("id", "n"), 23, -1) for name in TYPES),
    )
    sent = [change(*each, text, full=full) for each in changes]
    if cut == 40:
        sent[-1] = sent[-1][:-3]
    stream = [messages.begin(10), messages.relation(relation), *sent, messages.commit(10, 20)]

    def kept() -> Any:
        route = sieved(condition, operations, text, full=full)
        pieces = Decoder(lambda message, transaction: route, 1 << 20).feed([framed(each) for each in stream])
        return [([(kind, frame) for kind, _, frame in piece.changes], piece.weight, piece.filtered) for piece in pieces]  # type: ignore[misc]

    python, loops = both(kept)
    assert loops == python


@pytest.mark.parametrize(
    "condition",
    [
        "NOT " * 1500 + "(n = 1)",
        "n " + "+ 1 " * 1500 + "> 5",
        "(n = 1 OR (n = 2 AND " * 700 + "n = 3" + "))" * 700,
    ],
    ids=["NOT", "sum", "OR and AND"],
)
def test_a_condition_of_any_depth_is_read_and_left_to_the_server(condition: str) -> None:
    read = parse_where(condition, NAME, TYPES)
    assert read.reads == {"n"}
    assert "c2" in read.sql(TYPES, Names())
    assert not Early(read, COLUMNS, frozenset(), "utf-8").decides
