"""Values of sequences: read at both ends, moved forward at the destination. No query per sequence."""

from collections.abc import Iterable, Mapping

import msgspec
from psycopg import sql

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.task.names import TableName

# Values stand in each sequence's own relation, so many of them are read in one statement.
SEQUENCES_A_STATEMENT = 200


class Sequence(msgspec.Struct, frozen=True, kw_only=True):
    """A sequence: `last` was handed out when `called`, else it is the next. None where we may not read it."""

    oid: int
    name: TableName
    increment: int
    minimum: int
    maximum: int
    cycles: bool
    writable: bool
    last: int | None = None
    called: bool = False


def read_sequences(connection: Connection, names: Iterable[TableName]) -> dict[TableName, Sequence]:
    """Those of the sequences that exist, with their values."""
    wanted = list(names)
    parameters = {"schemas": [name.schema for name in wanted], "names": [name.name for name in wanted]}
    found: dict[int, Sequence] = {}
    readable: list[Sequence] = []
    for oid, schema, name, increment, minimum, maximum, cycles, may_read, may_write in connection.execute(
        query("sequences"), parameters
    ):
        found[oid] = Sequence(
            oid=oid,
            name=TableName(schema, name),
            increment=increment,
            minimum=minimum,
            maximum=maximum,
            cycles=cycles,
            writable=may_write,
        )
        if may_read:
            readable.append(found[oid])
    for start in range(0, len(readable), SEQUENCES_A_STATEMENT):
        for oid, last, called in connection.execute(_values(readable[start : start + SEQUENCES_A_STATEMENT])):
            found[oid] = msgspec.structs.replace(found[oid], last=last, called=called)
    return {sequence.name: sequence for sequence in found.values()}


def _values(sequences: list[Sequence]) -> sql.Composed:
    return sql.SQL(" UNION ALL ").join(
        sql.SQL("SELECT {}::bigint, last_value, is_called FROM {}").format(
            sql.Literal(each.oid), quoted(each.name.schema, each.name.name)
        )
        for each in sequences
    )


def next_value(source: Sequence, there: Sequence, offset: int) -> tuple[int, bool] | None:
    """What to set the destination's sequence to: `offset` beyond the source's value; None when it is there or ahead.

    A sequence is never set back, because what it gave out at the destination may be in use; one that cycles has no
    such order and is always set. Values stay within the destination's bounds.

    >>> source = Sequence(oid=1, name=TableName("s", "q"), increment=1, minimum=1, maximum=99, cycles=False,
    ...                   writable=True, last=7, called=True)
    >>> fresh = msgspec.structs.replace(source, last=1, called=False)
    >>> next_value(source, fresh, 0), next_value(source, fresh, 1000), next_value(fresh, source, 0)
    ((7, True), (99, True), None)
    >>> downward = msgspec.structs.replace(source, increment=-1)
    >>> next_value(downward, msgspec.structs.replace(downward, last=90), 2)
    (5, True)
    """
    if source.last is None or there.last is None:
        return None
    direction = 1 if source.increment > 0 else -1
    last = min(max(source.last + direction * offset, there.minimum), there.maximum)
    wanted = last, source.called
    if wanted == (there.last, there.called):
        return None
    if there.cycles or (direction * last, source.called) > (direction * there.last, there.called):
        return wanted
    return None


class Sequences:
    """The sequences of one end."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def read(self, names: Iterable[TableName]) -> dict[TableName, Sequence]:
        """Those of the sequences that exist, with their values."""
        return read_sequences(self._connection, names)

    def set(self, values: Mapping[int, tuple[int, bool]]) -> None:
        """Sets sequences, given by OID, to a last value and whether it was handed out."""
        self._connection.execute(
            "SELECT pg_catalog.setval(oid::regclass, last, called)"
            " FROM unnest(%s::bigint[]::oid[], %s::bigint[], %s::boolean[]) AS v (oid, last, called)",
            (list(values), [last for last, _ in values.values()], [called for _, called in values.values()]),
        )
