"""The shapes that travel between decoder, fold and apply: routes, rows as raw bytes, changes, transactions.

A row is a tuple with one entry a column of the source's Relation message: the column's value with its
four-byte length in front, exactly as pgoutput sends it and as binary COPY wants it (so neither end of the row
path looks at a value); NULL is the length -1 alone; None stands for an unchanged TOAST value that was not sent.
"""

from typing import Literal

import msgspec

from syncwizard.task.events import TableName

NULL = b"\xff\xff\xff\xff"

Value = bytes | None
Row = tuple[Value, ...]
Key = bytes | tuple[Value, ...]

INSERT: Literal[1] = 1
UPDATE: Literal[2] = 2
DELETE: Literal[3] = 3
TRUNCATE: Literal[4] = 4

KIND_NAMES = {INSERT: "insert", UPDATE: "update", DELETE: "delete", TRUNCATE: "truncate"}


class RouteColumn(msgspec.Struct, frozen=True, kw_only=True):
    """Where a source column goes. `type_name` is the destination's, qualified, ready for a cast.

    `equal` is the operator of the apply key's index (`OPERATOR(pg_catalog.=)`), for key columns only;
    `identity_always` columns may be inserted with OVERRIDING SYSTEM VALUE but never SET;
    `generated` ones are computed by the destination and never written.
    """

    name: str
    type_name: str
    identity_always: bool = False
    generated: bool = False
    equal: str = "OPERATOR(pg_catalog.=)"


class Route(msgspec.Struct, eq=False, kw_only=True):
    """What happens to the rows of one source relation, compiled once per Relation message.

    `key`: positions of the apply key's columns, empty for a keyless table. `full`: the source sends whole old
    rows. `partitioned`: the target is a partitioned table; `shared`: it also holds rows of other relations (ours
    is a partition that the destination does not know). `text`: positions that arrive in text form, grown by the
    decoder as it sees them; `written`: all but generated columns, set here. Changes of commits below `pair_lsn`
    are in the table's copy already and are skipped (rule 10).
    """

    source: TableName
    target: TableName
    columns: tuple[RouteColumn, ...]
    key: tuple[int, ...]
    pair_lsn: int = 0
    full: bool = False
    partitioned: bool = False
    shared: bool = False
    heartbeat: bool = False
    text: set[int] = msgspec.field(default_factory=set)
    written: tuple[int, ...] = ()
    replaces: bool = False

    def __post_init__(self) -> None:
        self.written = tuple(at for at, column in enumerate(self.columns) if not column.generated)
        # An identity ALWAYS column beside the key may differ between old and new row, and SET refuses it: such a
        # row is changed by deleting and inserting it.
        self.replaces = any(column.identity_always for at, column in enumerate(self.columns) if at not in self.key)

    def key_of(self, row: Row) -> Key:
        """The apply key of a row, as something to hash."""
        if len(self.key) == 1:
            return row[self.key[0]] or b""
        return tuple([row[at] for at in self.key])


# (kind, route, old row or key, new row); a TRUNCATE carries its routes and options in the third place. Plain
# tuples, because a struct or named tuple costs 0.3 µs a change and there are hundreds of thousands a second.
Change = tuple[int, Route, Row | None, Row | None]


class Truncation(msgspec.Struct, frozen=True, kw_only=True):
    """A TRUNCATE of one statement: its tables, and its options as the source logged them."""

    routes: tuple[Route, ...]
    cascade: bool
    restart_identity: bool


class Piece(msgspec.Struct, eq=False, kw_only=True):
    """A source transaction, or a part of a large one.

    `end_lsn` and `commit_time` (source's clock, seconds since the epoch) are set on the last piece; `heartbeat`
    says that the transaction held this task's heartbeat, `truncations` that a Truncation is among the
    changes. `weight` estimates the memory of the changes in bytes.
    """

    first: bool
    changes: list[Change | Truncation]
    weight: int
    final_lsn: int
    end_lsn: int = 0
    commit_time: float = 0.0
    heartbeat: bool = False
    truncations: bool = False

    @property
    def last(self) -> bool:
        """True when the transaction ends with this piece."""
        return self.end_lsn != 0


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
