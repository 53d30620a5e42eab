"""A change of a row with other values than the source sent."""

from collections.abc import Mapping
from struct import Struct

from syncwizard.rows.changes import NULL, UPDATE, Change
from syncwizard.rows.tuples import MARK_AT, NEW, UNCHANGED, decoded, tuple_end

_COUNT = Struct(">h")


def with_values(change: Change, values: Mapping[int, bytes]) -> Change:
    """The insert or update with these values of its new row, by position: each with its length in front, or NULL, in
    the form in which the column arrives."""
    kind, route, frame = change
    new = decoded(change)[3]
    if new is None:
        raise ValueError("a delete has no new row")
    head = frame[:MARK_AT]
    if kind == UPDATE and frame[MARK_AT] != NEW:
        head = frame[: tuple_end(frame, MARK_AT + 1)]
    parts = [head, bytes([NEW]), _COUNT.pack(len(new))]
    for at, old in enumerate(new):
        value = values.get(at, old)
        if value is None:
            parts.append(bytes([UNCHANGED]))
        elif bytes(value) == NULL:
            parts.append(b"n")
        else:
            parts += [b"t" if at in route.text else b"b", bytes(value)]
    return kind, route, b"".join(parts)
