"""The relations of a stream as they were described last, and the routes of their changes.

The server describes a relation before its first change, and again once something about it has changed.
"""

from collections.abc import Callable, Collection, Mapping
from struct import error as struct_error
from typing import NamedTuple

from syncwizard.errors import ProtocolError
from syncwizard.rows.changes import Route, SieveLoop
from syncwizard.rows.relation_message import RelationMessage, parse_relation
from syncwizard.rows.tuples import MESSAGE_AT
from syncwizard.task.names import TableName

_BODY_AT = MESSAGE_AT + 1
_OID_END = _BODY_AT + 4
# For routes that are looked at closely: as if nothing of them were taken before this final LSN.
NEVER = 1 << 64


class Postponed(NamedTuple):
    """Why a relation has no route as it is described, and the final LSN up to which it needs none."""

    error: Exception
    pair_lsn: int


class Relations:
    """`resolve` compiles a route for a relation in a transaction (it may ask catalogues) or gives None for a relation
    whose changes are none of this task's, or Postponed: the error is raised for the first change that is taken. `codec`
    is Python's name of the encoding that the source sends names in.

    `routes`, by OID as it is sent: the route, and the final LSN from which on its changes are taken (rule 10).
    `postponed`: why some have none. `sieves`: those of routes that compiled loops can sieve.
    """

    def __init__(self, resolve: Callable[[RelationMessage, int], Route | Postponed | None], codec: str) -> None:
        self._resolve = resolve
        self._codec = codec
        self.routes: dict[bytes, tuple[Route | None, int]] = {}
        self._messages: dict[int, RelationMessage] = {}
        self.postponed: dict[bytes, Postponed] = {}
        self.sieves: dict[bytes, SieveLoop] = {}
        self._before: dict[bytes, bytes] = {}

    def describe(self, frame: bytes, transaction: int) -> None:
        """Takes a Relation message, which belongs to the transaction."""
        message = self.parse(frame)
        oid = frame[_BODY_AT:_OID_END]
        # pgoutput repeats the message after an invalidation; only a difference needs a new route.
        if self._messages.get(message.oid) != message:
            self._messages[message.oid] = message
            self.postponed.pop(oid, None)
            route = self._resolve(message, transaction)
            if isinstance(route, Postponed):
                self.postponed[oid] = route
                route = None
            # What has a sieve comes by the branch that looks closer.
            looked_at = route is None or route.heartbeat or route.aside or route.commands or route.sieve is not None
            from_lsn = NEVER if looked_at or route is None else route.pair_lsn
            self.routes[oid] = route, from_lsn
            loop = route.sieve.loop(route) if route is not None and route.sieve is not None else None
            if loop is None or route is None or route.heartbeat or route.aside or route.commands:
                self.sieves.pop(oid, None)
            else:
                self.sieves[oid] = loop

    def parse(self, frame: bytes) -> RelationMessage:
        """A Relation message. Raises ProtocolError."""
        try:
            return parse_relation(frame, MESSAGE_AT, self._codec)
        except (IndexError, ValueError, struct_error) as error:
            raise short(frame) from error

    def recall(self, described: Mapping[bytes, bytes]) -> None:
        """Relation messages that came before the first transaction, by OID as it is sent. A route is made of one when a
        change needs it: by then its table may be another one, and then it is described again before that change."""
        self._before = dict(described)

    def find(self, frame: bytes, oid: bytes, transaction: int) -> tuple[Route | None, int]:
        """What `routes` has of the relation that a frame is about. Raises ProtocolError where it was not described."""
        if oid not in self.routes and oid in self._before:
            self.describe(self._before[oid], transaction)
        found = self.routes.get(oid)
        if found is None:
            kind = chr(frame[MESSAGE_AT]) if len(frame) > MESSAGE_AT else ""
            raise ProtocolError(f"a message of kind {kind!r} about a relation that was not described")
        return found

    def spared(self, truncated: Collection[Route]) -> dict[TableName, frozenset[TableName]]:
        """As in Truncation: of the partitions that were known when a route was made, and those described since."""
        found: dict[TableName, set[TableName]] = {}
        for route in truncated:
            if route.shared and route.root is not None:
                found.setdefault(route.root, set()).update(route.tree)
        for other, _ in self.routes.values():
            if other is not None and other.shared and other.root in found:
                found[other.root].add(other.source)
        together = {route.source for route in truncated}
        return {root: rest for root, known in found.items() if (rest := frozenset(known - together))}

    def forget(self, relation: int) -> None:
        """The relation's next description needs a new route, even if that is the same."""
        self._messages.pop(relation, None)

    def check_postponed(self, oid: bytes, final_lsn: int) -> None:
        """Raises what is wrong with a relation whose changes are taken from here on."""
        postponed = self.postponed.get(oid)
        if postponed is not None and final_lsn >= postponed.pair_lsn:
            raise postponed.error


def short(frame: bytes) -> ProtocolError:
    """The error of a message that ends early."""
    return ProtocolError(f"a message of kind {chr(frame[MESSAGE_AT])!r} with {len(frame)} bytes that end early")
