"""The shapes that travel between decoder, fold and apply: routes, rows as raw bytes, changes, transactions.

A row is a tuple with one entry a column of the source's Relation message: the column's value with its
four-byte length in front, exactly as pgoutput sends it and as binary COPY wants it (so neither end of the row
path looks at a value); NULL is the length -1 alone; None stands for an unchanged TOAST value that was not sent.
A change keeps the frame it came in: rows are sliced out of it when they are needed (`rows.tuples`).
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, Protocol

import msgspec

from syncwizard.rows.projection import Projection
from syncwizard.task.names import TableName

NULL = b"\xff\xff\xff\xff"

Value = bytes | memoryview | None
Row = tuple[Value, ...]
Key = bytes | memoryview | tuple[Value, ...]

# The letters that begin their messages in pgoutput.
INSERT: Literal[73] = 73
UPDATE: Literal[85] = 85
DELETE: Literal[68] = 68
TRUNCATE: Literal[84] = 84

# 2000-01-01, from which times on the wire count, in microseconds since the Unix epoch.
POSTGRES_EPOCH_MICROSECONDS = 946_684_800_000_000

KIND_NAMES = {INSERT: "insert", UPDATE: "update", DELETE: "delete", TRUNCATE: "truncate"}


class RouteColumn(msgspec.Struct, frozen=True, kw_only=True):
    """Where the column `source` of the source goes: to `name` of the destination. `type_name` is the destination's,
    qualified, ready for a cast.

    `equal` is the operator of the apply key's index (`OPERATOR(pg_catalog.=)`), for key columns only;
    `identity_always` columns may be inserted with OVERRIDING SYSTEM VALUE but never SET;
    `generated` ones are computed by the destination and never written; `left_out` ones are not there.
    """

    source: str
    name: str
    type_name: str
    identity_always: bool = False
    generated: bool = False
    left_out: bool = False
    equal: str = "OPERATOR(pg_catalog.=)"


class Layout(NamedTuple):
    """How rows of one frame length are sliced: when `heads` gives what is expected, `values` gives the values.

    `heads` unpacks the number of columns, their kinds and lengths; `values` what was sent, each with its length;
    `order` makes the row of the values, NULL and None, where not every column was sent. For frames one behind the
    other: `head_bytes` are the bytes of the heads with their offsets in each frame, `all_values` unpacks the values of
    all.
    """

    heads: Callable[[bytes, int], tuple[bytes, ...]]
    expected: tuple[bytes, ...]
    values: Callable[[bytes, int], Any]
    order: Callable[[Any], Any] | None
    head_bytes: tuple[tuple[int, bytes], ...]
    all_values: Callable[[bytes], Iterator[Any]]


class Projected(msgspec.Struct, frozen=True, kw_only=True):
    """A projection at its destination. `types`: of the destination's columns, by its outputs; `whole`: the same with
    modifiers; `always`: names of identity ALWAYS columns there.

    `inserts`: rows that are not there may be added: operations include inserts.
    """

    projection: Projection
    types: tuple[str, ...]
    whole: tuple[str, ...]
    always: frozenset[str] = frozenset()
    inserts: bool = True


class SieveLoop(NamedTuple):
    """A sieve for compiled loops: from which final LSN on; the condition as a program (`rows/early_parts.py`), empty
    where none decides; a byte a column: 1 for text, and 1 for those of the replica identity; the letters of changes
    that need a closer look; whether old rows come whole."""

    pair_lsn: int
    program: bytes
    forms: bytes
    identity: bytes
    close: bytes
    full: bool


class Sieve(Protocol):
    """What becomes of a change before it is one of a batch."""

    def take(self, kind: int, route: "Route", frame: bytes, committed: int) -> bytes | None:
        """The frame that goes on, None for a change that is left out; `committed`: microseconds since 2000."""

    def leaves_out(self, kind: int) -> bool:
        """Whether all changes of a kind are."""

    def loop(self, route: "Route") -> SieveLoop | None:
        """The same for compiled loops; None where only Python does it."""


class Route(msgspec.Struct, eq=False, kw_only=True):
    """What happens to the rows of one source relation, compiled once per Relation message.

    `key`: positions of the apply key's columns, empty for a keyless table. `full`: the source sends whole old
    rows. `partitioned`: the target is a partitioned table; `shared`: it also holds rows of other partitions of the
    source's tree, whose topmost table is `root`: the destination does not know ours, or rows belong to others there.
    Then `tree` has all partitions that were known when the route was made. `commands`: it is the table of captured
    commands. `text`: positions that arrive in text form; `written`: all but generated and left-out columns, set here;
    `forms`: a byte a column, 1 for text, set here; `layouts`: by frame length; `leading`: the key is the first column
    alone, set here.
    Changes of commits below `pair_lsn` are in the table's copy already and are skipped (rule 10). `aside`: those from
    there on are counted, and not applied.
    `identity`: positions that come with every old row. `sieve` leaves changes out or adds to them, right behind the
    decoder; `projection` is how rows become those of the destination (then the columns are the source's, with its
    types): None for a route whose rows go as they are.
    """

    source: TableName
    target: TableName
    columns: tuple[RouteColumn, ...]
    key: tuple[int, ...]
    pair_lsn: int = 0
    full: bool = False
    partitioned: bool = False
    root: TableName | None = None
    shared: bool = False
    tree: frozenset[TableName] = frozenset()
    heartbeat: bool = False
    aside: bool = False
    commands: bool = False
    text: frozenset[int] = frozenset()
    written: tuple[int, ...] = ()
    forms: bytes = b""
    replaces: bool = False
    layouts: dict[int, Layout] = msgspec.field(default_factory=dict)
    leading: bool = False
    identity: frozenset[int] = frozenset()
    sieve: "Sieve | None" = None
    projection: "Projected | None" = None

    def __post_init__(self) -> None:
        self.written = tuple(at for at, column in enumerate(self.columns) if not (column.generated or column.left_out))
        self.forms = bytes(at in self.text for at in range(len(self.columns)))
        self.leading = self.key == (0,)
        # An identity ALWAYS column beside the key may differ between old and new row, and SET refuses it: such a
        # row is changed by deleting and inserting it.
        self.replaces = any(column.identity_always for at, column in enumerate(self.columns) if at not in self.key)

    def key_of(self, row: Row) -> Key:
        """The apply key of a row, as something to hash."""
        if len(self.key) == 1:
            return row[self.key[0]] or b""
        return tuple([row[at] for at in self.key])


# (kind, route, frame). Plain tuples, because a struct or named tuple costs 0.3 µs a change and there are hundreds of
# thousands a second.
Change = tuple[int, Route, bytes]

# (kind, route, old row or key, new row).
Decoded = tuple[int, Route, Row | None, Row | None]


class Beat(NamedTuple):
    """A state of the task's row in public.dts_postgres_heartbeat. `number` grows by one with each heartbeat; `at` is
    the source's clock, in microseconds since the Unix epoch."""

    number: int
    at: int


class Commit(NamedTuple):
    """The commit of a source transaction: where its record begins (pgoutput's final LSN), and when it was, by the
    source's clock, in microseconds since the Unix epoch."""

    lsn: int
    at: int


class Truncation(msgspec.Struct, frozen=True, kw_only=True):
    """A TRUNCATE of one statement: its tables, and its options as the source logged them. `spared`: of trees whose rows
    are in one table of the destination, by their topmost tables, the partitions that were not truncated."""

    routes: tuple[Route, ...]
    cascade: bool
    restart_identity: bool
    spared: dict[TableName, frozenset[TableName]] = {}


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A command on one table. `kind`: `table` with its definition after the command; `dropped`; `index`, one that was
    dropped, of that OID; `failed`: it could not be captured, and the definition is why. `statement`: None where a
    function ran it whose text is not known. `joined`: the publications that the table is in because it was created
    under their selection, each with the OID of its row there. `ordinal`: its number at the source."""

    kind: str
    tag: str
    role: str
    statement: str | None
    relation: int
    definition: str | None
    joined: dict[str, int] = {}
    ordinal: int = 0


class Redefinition(msgspec.Struct, eq=False, kw_only=True):
    """A command in its place among the changes of its transaction. What comes behind it is decoded once it is `done`:
    rows then have other columns, and their routes lead into other tables."""

    command: Command
    final_lsn: int
    done: threading.Event = msgspec.field(default_factory=threading.Event)


# What is no change of a row: it ends a step of the fold.
Statement = Truncation | Redefinition

# Where a transaction ends within a piece: after so many of its changes; final LSN, end LSN and time of its commit
# (microseconds since 2000, the source's clock).
End = tuple[int, int, int, int]

# What the Python objects of a change cost beside the bytes of its message, those of the row at the end included
# (measured as growth of the process over a million changes of a four-column row), and those of a transaction.
CHANGE_BYTES = 450
END_BYTES = 200


class Piece(msgspec.Struct, eq=False, kw_only=True):
    """Source transactions one after the other, or a part of a large one.

    `ends` are those of its transactions: none while a large one goes on. `first`: it begins with the begin of a
    transaction. `final_lsn` and `end_lsn` are those of the last transaction, `end_lsn` 0 when that goes on;
    `commit_time` (source's clock, seconds since the epoch) is that of the first. `beats`: when the first and the
    last heartbeat of this task in it were committed; `heartbeats`: each with the end LSN of its
    transaction; `truncations`: a Truncation or Redefinition is among the changes; `alone`: it ends a transaction with a
    Redefinition, and no other is applied with it; `filtered`: changes left out by the
    operations of their table, by table and kind; `held_back`: how many of tables that are set aside came in it, or in
    the transactions just before. `weight` estimates the memory of the changes in
    bytes.
    """

    first: bool
    changes: list[Change | Statement]
    weight: int
    final_lsn: int
    commit_time: float
    ends: list[End] = msgspec.field(default_factory=list)
    end_lsn: int = 0
    beats: tuple[float, float] | None = None
    heartbeats: list[tuple[int, Beat]] = msgspec.field(default_factory=list)
    truncations: bool = False
    alone: bool = False
    filtered: dict[tuple[str, str], int] = {}
    held_back: dict[TableName, int] | None = None

    @property
    def last(self) -> bool:
        """True when a transaction ends with this piece."""
        return self.end_lsn != 0

    @property
    def commit(self) -> Commit:
        """That of the last transaction that ends here."""
        _, final_lsn, _, committed = self.ends[-1]
        return Commit(final_lsn, committed + POSTGRES_EPOCH_MICROSECONDS)

    @property
    def message_bytes(self) -> int:
        """Of its changes, as they came in the stream."""
        return self.weight - CHANGE_BYTES * len(self.changes) - END_BYTES * len(self.ends)

    @property
    def filled(self) -> int:
        """How many of the transactions that end here hold changes."""
        counts = {end[0] for end in self.ends}
        return len(counts) - (self.first and 0 in counts)


def is_complete(row: Row) -> bool:
    """Whether every value of the row is known."""
    return None not in row


def filled(row: Row, known: Row) -> Row:
    """The row with its unchanged TOAST values taken from a row that has them.

    >>> filled((b"a", None), (b"b", b"c"))
    (b'a', b'c')
    """
    if None not in row:
        return row
    return tuple([value if value is not None else other for value, other in zip(row, known, strict=True)])
