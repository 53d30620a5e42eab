"""A pure model of pairs, fold and TOAST beside the real decoder and fold.

A model source runs random statements and logs them as pgoutput would; a model destination executes fold's steps the
way the apply statements do. At every boundary of a batch both must hold the same rows, whatever the batches are.
"""

from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncwizard.rows.changes import (
    DELETE,
    INSERT,
    NULL,
    Decoded,
    Piece,
    Redefinition,
    Route,
    RouteColumn,
    Row,
    Truncation,
    Value,
    filled,
)
from syncwizard.rows.fold import Move, Net, Ordered, Step, fold
from syncwizard.rows.pgoutput import Decoder
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.task.names import TableName
from tests.support import messages
from tests.support.messages import value

pytestmark = pytest.mark.slow

# Values of this length or more are stored out of line: unchanged, they are not sent.
TOASTED_BYTES = 8
KEYS = 4
LSN_STEP = 100


@dataclass(frozen=True)
class Shape:
    """A table: `identity` as in pg_class.relreplident, `identity_key` the columns it sends, `key` the apply key."""

    name: str
    columns: int
    key: tuple[int, ...]
    identity: str = "d"
    identity_key: tuple[int, ...] = ()
    always: tuple[int, ...] = ()

    @property
    def sent_key(self) -> tuple[int, ...]:
        return self.identity_key or self.key


SHAPES = (
    Shape("plain", 3, (0,)),
    Shape("full", 3, (0,), "f"),
    Shape("composite", 4, (1, 0)),
    Shape("narrow", 4, (0,), identity_key=(0, 1)),
    Shape("always", 4, (0,), always=(1,)),
    Shape("always_full", 4, (0,), "f", always=(1,)),
    Shape("always_key", 3, (0,), always=(0,)),
    Shape("log", 2, (), "f"),
    Shape("always_log", 3, (), "f", always=(0,)),
)


@dataclass(frozen=True)
class Statement:
    """One statement in numbers, of which each kind uses what it needs."""

    kind: str
    table: int
    row: int
    key: tuple[int, ...]
    changed: tuple[bool, ...]
    values: tuple[bytes, ...]


# Letters that mean something in a tuple are values, too.
VALUES = st.sampled_from([NULL, value(b""), value(b"u"), value(b"b"), value(b"A" * 9), value(b"n" * 9)])
STATEMENTS = st.builds(
    Statement,
    kind=st.sampled_from(
        ["insert"] * 4 + ["update"] * 5 + ["rekey"] * 4 + ["delete"] * 3 + ["truncate", "truncate all", "alter"]
    ),
    table=st.integers(0, 2),
    row=st.integers(0, 10),
    key=st.tuples(st.integers(0, KEYS - 1), st.integers(0, 1), st.booleans()).map(lambda drawn: (drawn[0], drawn[1])),
    changed=st.tuples(*[st.booleans()] * 4),
    values=st.tuples(*[VALUES] * 4),
)
TRANSACTIONS = st.lists(st.lists(STATEMENTS, min_size=0, max_size=8), min_size=1, max_size=8)
Content = list[list[Row]]


@dataclass
class Source:
    """The model source: the rows of each table, and the messages of the transaction at hand."""

    shapes: Sequence[Shape]
    rows: Content
    log: list[bytes] = field(default_factory=list)
    identities: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.identities = [shape.identity for shape in self.shapes]

    def relation(self, table: int) -> bytes:
        shape = self.shapes[table]
        full = self.identities[table] == "f"
        return messages.relation(
            RelationMessage(
                oid=table,
                schema="public",
                name=shape.name,
                replica_identity=self.identities[table],
                columns=tuple((f"c{at}", full or at in shape.sent_key, 25, -1) for at in range(shape.columns)),
            )
        )

    def run(self, statement: Statement) -> None:
        table = statement.table % len(self.shapes)
        match statement.kind:
            case "insert":
                self._insert(table, statement)
            case "update" | "rekey":
                self._update(table, statement)
            case "delete":
                self._delete(table, statement)
            case "truncate":
                self._truncate([table])
            case "truncate all":
                self._truncate(range(len(self.shapes)))
            case "alter":
                self._alter(table)

    def _insert(self, table: int, statement: Statement) -> None:
        row = self._with_key(table, statement.values[: self.shapes[table].columns], statement)
        if not self._taken(table, row):
            self.rows[table].append(row)
            self.log.append(messages.insert(table, row))

    def _update(self, table: int, statement: Statement) -> None:
        shape, rows = self.shapes[table], self.rows[table]
        if not rows:
            return
        at = statement.row % len(rows)
        old = rows[at]
        new = tuple(
            statement.values[column] if statement.changed[column] and column not in shape.key else old[column]
            for column in range(shape.columns)
        )
        if statement.kind == "rekey":
            new = self._with_key(table, new, statement)
            if self._taken(table, new) and self._key(table, new) != self._key(table, old):
                return
        rows[at] = new
        unsent = tuple(
            None if was == now and _toasted(was) else now for was, now in zip(old, new, strict=True)
        )  # fmt: skip
        self.log.append(messages.update(table, unsent, self._old(table, old, new), full=self._full(table)))

    def _old(self, table: int, old: Row, new: Row) -> Row | None:
        """What is logged of the old row: all of it, its key when that changed or is out of line, or nothing."""
        if self._full(table):
            return old
        sent = self.shapes[table].sent_key
        if all(old[at] == new[at] and not _toasted(old[at]) for at in sent):
            return None
        return self._key_row(table, old)

    def _delete(self, table: int, statement: Statement) -> None:
        rows = self.rows[table]
        if rows:
            old = rows.pop(statement.row % len(rows))
            sent = old if self._full(table) else self._key_row(table, old)
            self.log.append(messages.delete(table, sent, full=self._full(table)))

    def _truncate(self, tables: Iterable[int]) -> None:
        for table in tables:
            self.rows[table].clear()
        self.log.append(messages.truncate(list(tables)))

    def _alter(self, table: int) -> None:
        """Switches the replica identity of a keyed table."""
        if self.shapes[table].key:
            self.identities[table] = "d" if self._full(table) else "f"
            self.log.append(self.relation(table))

    def _full(self, table: int) -> bool:
        return self.identities[table] == "f"

    def _key(self, table: int, row: Row) -> Row:
        return tuple(row[at] for at in self.shapes[table].key)

    def _key_row(self, table: int, row: Row) -> Row:
        return tuple(column if at in self.shapes[table].sent_key else NULL for at, column in enumerate(row))

    def _taken(self, table: int, row: Row) -> bool:
        key = self._key(table, row)
        return bool(key) and any(self._key(table, other) == key for other in self.rows[table])

    def _with_key(self, table: int, row: Row, statement: Statement) -> Row:
        """The row under the statement's key; odd keys are long enough to be stored out of line."""
        key = dict(zip(self.shapes[table].key, statement.key, strict=False))
        return tuple(
            value(b"%d" % key[at] * (1 + key[at] % 2 * TOASTED_BYTES)) if at in key else column
            for at, column in enumerate(row)
        )


@dataclass
class Destination:
    """The model destination: executes steps as the apply statements do, and objects where the server would."""

    rows: dict[TableName, list[Row]]

    def apply(self, steps: Iterable[Step]) -> None:
        for step in steps:
            assert not isinstance(step, Redefinition)
            if isinstance(step, Truncation):
                for route in step.routes:
                    self.rows[route.target].clear()
            elif isinstance(step, Move):
                self._move(step)
            else:
                self._net([part for part in step if isinstance(part, Net)])
                for part in step:
                    if isinstance(part, Ordered):
                        self._rows(part.route).extend(part.inserts)
                        for change in part.changes:
                            self._by_image(change)

    def _net(self, nets: list[Net]) -> None:
        for net in nets:
            for row in net.deletes:
                self._delete(net.route, row)
        for net in nets:
            keys = [net.route.key_of(row) for rows in net.updates.values() for row in rows]
            assert len(keys) == len(set(keys)), "two updates of one row in one statement"
            for known, rows in net.updates.items():
                for row in rows:
                    self._update(net.route, known, row)
        for net in nets:
            for row in net.inserts:
                assert self._find(net.route, row) is None, "a plain insert of a key that is there"
                self._rows(net.route).append(row)
            for row in net.upserts:
                self._upsert(net.route, row)

    def _rows(self, route: Route) -> list[Row]:
        return self.rows[route.target]

    def _find(self, route: Route, row: Row) -> int | None:
        key = route.key_of(row)
        return next((at for at, other in enumerate(self._rows(route)) if route.key_of(other) == key), None)

    def _delete(self, route: Route, row: Row) -> None:
        at = self._find(route, row)
        if at is not None:
            del self._rows(route)[at]

    def _update(self, route: Route, known: tuple[int, ...], row: Row) -> None:
        if len(known) == len(route.written):
            self._upsert(route, row)
            return
        at = self._find(route, row)
        assert at is not None, "an update with unknown columns of a row that is not there"
        self._set(route, at, known, row)

    def _upsert(self, route: Route, row: Row) -> None:
        assert None not in row, "an unchanged value would be written"
        at = self._find(route, row)
        if at is None:
            self._rows(route).append(row)
        else:
            self._set(route, at, route.written, row)

    def _set(self, route: Route, at: int, known: tuple[int, ...], row: Row) -> None:
        """SET of the known columns; identity ALWAYS columns cannot be in it."""
        rows = self._rows(route)
        settable = {column for column in known if not route.columns[column].identity_always}
        rows[at] = tuple(row[column] if column in settable else kept for column, kept in enumerate(rows[at]))

    def _move(self, move: Move) -> None:
        at = self._find(move.route, move.old)
        assert at is not None, "a key change of a row that is not there"
        gone = self._rows(move.route).pop(at)
        self._upsert(move.route, filled(move.new, gone))

    def _by_image(self, change: Decoded) -> None:
        kind, route, old, new = change
        rows = self._rows(route)
        if kind == INSERT:
            assert new is not None
            rows.append(new)
            return
        assert old is not None
        at = rows.index(old)
        if kind == DELETE:
            del rows[at]
        else:
            assert new is not None
            rows[at] = filled(new, old)


def _toasted(column: Value) -> bool:
    return column is not None and len(column) - 4 >= TOASTED_BYTES


@dataclass
class History:
    """What the model source did: `states[n]` is its content before transaction n commits at `n * LSN_STEP`."""

    shapes: Sequence[Shape]
    states: list[Content]
    stream: list[bytes]

    def pieces(self, pairs: Sequence[int], piece_bytes: int, burst: int = 1) -> list[Piece]:
        """The stream decoded, so many frames at once, each table under the pair before the given transaction."""
        by_name = {shape.name: at for at, shape in enumerate(self.shapes)}

        def resolve(message: RelationMessage, transaction: int) -> Route:
            shape = self.shapes[by_name[message.name]]
            name = TableName(message.schema, message.name)
            return Route(
                source=name,
                target=name,
                columns=tuple(
                    RouteColumn(source=column, name=column, type_name="text", identity_always=at in shape.always)
                    for at, (column, _, _, _) in enumerate(message.columns)
                ),
                key=shape.key,
                pair_lsn=pairs[by_name[message.name]] * LSN_STEP,
                full=message.replica_identity == "f",
            )

        decoder = Decoder(resolve, piece_bytes)
        frames = [messages.framed(message) for message in self.stream]
        bursts = [frames[at : at + burst] for at in range(0, len(frames), burst)]
        return [piece for frames in bursts for piece in decoder.feed(frames)]

    def copied(self, pairs: Sequence[int]) -> Destination:
        """The destination after the copy: each table as it was at its pair."""
        return Destination(
            {
                TableName("public", shape.name): list(self.states[pair][at])
                for at, (shape, pair) in enumerate(zip(self.shapes, pairs, strict=True))
            }
        )

    def check(self, destination: Destination, pairs: Sequence[int], end_lsn: int) -> None:
        """Every table is as it was after the last applied commit, or at its pair where that is later."""
        applied = end_lsn // LSN_STEP + 1
        for at, (shape, pair) in enumerate(zip(self.shapes, pairs, strict=True)):
            expected = sorted(self.states[max(applied, pair)][at], key=repr)
            assert sorted(destination.rows[TableName("public", shape.name)], key=repr) == expected, shape.name


def history(shapes: Sequence[Shape], transactions: Sequence[Sequence[Statement]]) -> History:
    """Runs the transactions at a model source."""
    source = Source(shapes, [[] for _ in shapes])
    states = [deepcopy(source.rows)]
    stream: list[bytes] = []
    for number, statements in enumerate(transactions):
        source.log = [source.relation(table) for table in range(len(shapes))] if number == 0 else []
        for statement in statements:
            source.run(statement)
        lsn = number * LSN_STEP
        stream += [messages.begin(lsn), *source.log, messages.commit(lsn, lsn + LSN_STEP // 2)]
        states.append(deepcopy(source.rows))
    return History(shapes, states, stream)


@st.composite
def histories(draw: st.DrawFn) -> tuple[History, list[int]]:
    """A history over one to three tables, and the number of transactions that each table's copy holds."""
    shapes = draw(st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3, unique=True))
    made = history(shapes, draw(TRANSACTIONS))
    pair = st.integers(0, len(made.states) - 1)
    return made, [draw(pair) for _ in shapes]


def flattened(pieces: Iterable[Piece]) -> list[Any]:
    return [change for piece in pieces for change in piece.changes]


MANY = settings(max_examples=400)


@MANY
@given(
    drawn=histories(),
    cuts=st.lists(st.integers(1, 8), min_size=1, max_size=3),
    piece_bytes=st.sampled_from([1, 1500, 1 << 20]),
    burst=st.sampled_from([1, 3, 7, 100]),
)
def test_the_destination_equals_the_source_after_every_batch(
    drawn: tuple[History, list[int]], cuts: list[int], piece_bytes: int, burst: int
) -> None:
    made, pairs = drawn
    pieces = made.pieces(pairs, piece_bytes, burst)
    destination = made.copied(pairs)
    for size in cycle(cuts):
        if not pieces:
            break
        batch, pieces = pieces[:size], pieces[size:]
        destination.apply(fold(flattened(batch)))
        if batch[-1].last:
            made.check(destination, pairs, batch[-1].end_lsn)


@MANY
@given(drawn=histories())
def test_changes_folded_one_by_one_give_the_same_rows(drawn: tuple[History, list[int]]) -> None:
    made, pairs = drawn
    destination = made.copied(pairs)
    for piece in made.pieces(pairs, 1 << 20):
        for change in piece.changes:
            destination.apply(fold([change]))
        made.check(destination, pairs, piece.end_lsn)


@MANY
@given(drawn=histories())
def test_a_fold_writes_each_key_once_a_step(drawn: tuple[History, list[int]]) -> None:
    made, pairs = drawn
    for step in fold(flattened(made.pieces(pairs, 1 << 20))):
        if isinstance(step, Truncation | Redefinition | Move):
            continue
        for part in step:
            if isinstance(part, Net):
                rows = [*part.inserts, *part.upserts, *(row for rows in part.updates.values() for row in rows)]
                keys = [part.route.key_of(row) for row in rows]
                assert len(keys) == len(set(keys))
