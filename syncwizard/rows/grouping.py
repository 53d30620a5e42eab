"""Divides the changes of a batch by route, and what is among them, by compiled loops where there are any."""

from collections import defaultdict
from operator import itemgetter
from typing import NamedTuple, cast

from syncwizard.rows import compiled
from syncwizard.rows.changes import DELETE, INSERT, UPDATE, Change, Route, Statement
from syncwizard.rows.frame_rows import LARGEST_BYTES, Scanned, scanned
from syncwizard.rows.tuples import MARK_AT, MESSAGE_AT, NEW

# What is found among the frames of a route; `group` has the same bits.
INSERTS = 1
UPDATES = 2
DELETES = 4
OLD_ROWS = 8
LARGE = 16
KINDS = INSERTS | UPDATES | DELETES

_BITS = {INSERT: INSERTS, UPDATE: UPDATES, DELETE: DELETES}
# Of a frame: the kind of its message, its relation, and what its first tuple is.
_HEAD = itemgetter(slice(MESSAGE_AT, MARK_AT + 1))


class Group(NamedTuple):
    """The frames of a route in their order; `found`: the bits of what is among them."""

    route: Route
    frames: list[bytes]
    found: int

    @property
    def kinds(self) -> int:
        """Of the changes."""
        return self.found & KINDS

    def complete(self) -> Scanned | None:
        """What compiled loops see in the frames, where their rows may stay in them: all of their values were sent."""
        seen = None if self.found & LARGE else scanned(self.route, self.frames)
        return seen if seen is not None and seen.complete else None


def grouped(changes: list[Change | Statement]) -> list[Group] | None:
    """The changes by route; None with a Statement among them."""
    if compiled.loops is not None:
        found = compiled.loops.group(changes, LARGEST_BYTES)
        if found is not None:
            return [Group(route, frames, frames.pop(0)) for route, frames in found.items()]
    if set(map(type, changes)) - {tuple}:
        return None
    groups: dict[Route, list[bytes]] = defaultdict(list)
    for _, route, frame in cast(list[Change], changes):
        groups[route].append(frame)
    return [group_of(route, frames) for route, frames in groups.items()]


def group_of(route: Route, frames: list[bytes]) -> Group:
    """The frames of a route, and what is among them."""
    heads = set(map(_HEAD, frames))
    found = sum({_BITS[head[0]] for head in heads})
    if any(head[0] == UPDATE and head[-1] != NEW for head in heads):
        found |= OLD_ROWS
    if compiled.loops is not None and max(map(len, frames)) > LARGEST_BYTES:
        found |= LARGE
    return Group(route, frames, found)
