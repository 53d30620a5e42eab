"""Looks at the captured relations again and again, as often as the source does not mind."""

import time
from collections.abc import Iterable, Sequence

from syncwizard.postgres.captured import Member
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.lineage import NOT_FOLLOWED, FollowedTables, Lineage, compare_lineage, read_digest
from syncwizard.task.names import TableName

# A look takes this part of the source's time at most: 20,000 tables take it half a second.
SHARE = 0.01


class Members:
    """The members as they are known, but for what becomes of tables that are `aside`; the definitions of those
    `redefined` come in the stream. The applier changes them, too, within a look of the watcher:
    each change is one step of a dictionary."""

    def __init__(
        self,
        members: Iterable[Member],
        aside: Iterable[TableName] = (),
        redefined: FollowedTables = NOT_FOLLOWED,
    ) -> None:
        self.redefined = redefined
        self._members = {member.relation: member for member in members}
        self._aside = set(aside)
        self._digest = ""
        self._due = 0.0

    @property
    def all(self) -> Sequence[Member]:
        """As they were when they were captured, or changed without harm."""
        return list(self._members.values())

    @property
    def followed(self) -> Sequence[Member]:
        """Those whose changes are applied."""
        return [member for member in self._members.values() if member.table not in self._aside]

    def set_aside(self, tables: Iterable[TableName]) -> None:
        """No changes of these are applied any more."""
        self._aside |= set(tables)
        self._digest = ""

    def note(self, members: Iterable[Member]) -> None:
        """Takes in what is known by now."""
        self._members |= {member.relation: member for member in members}
        self._digest = ""

    def forget(self, relation: int) -> None:
        """It is captured no more."""
        self._members.pop(relation, None)
        self._digest = ""

    def look(self, connection: Connection) -> Lineage:
        """What differs since the last look."""
        began = time.monotonic()
        if began < self._due:
            return Lineage()
        followed = self.followed
        digest = read_digest(connection, [member.relation for member in followed])
        same = digest == self._digest
        found = Lineage() if same else compare_lineage(connection, followed, self.redefined)
        if found.noted:
            self.note(found.noted)
        # What changed meanwhile differs from this digest, and is seen the next time.
        self._digest = digest
        now = time.monotonic()
        self._due = now + (now - began) / SHARE
        return found
