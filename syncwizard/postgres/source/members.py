"""Looks at the captured relations again and again, as often as the source does not mind."""

import time
from collections.abc import Iterable, Sequence

from syncwizard.postgres.captured import Member, Progress
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.lineage import Lineage, check_lineage, read_digest

# A look takes this part of the source's time at most: 20,000 tables take it half a second.
SHARE = 0.01


class Members:
    """The members as they are known. For one thread at a time."""

    def __init__(self, members: Iterable[Member]) -> None:
        self._members = {member.relation: member for member in members}
        self._digest = ""
        self._due = 0.0

    @property
    def all(self) -> Sequence[Member]:
        """As they were when they were captured, or changed without harm."""
        return list(self._members.values())

    def note(self, members: Iterable[Member]) -> None:
        """Takes in what is known by now."""
        self._members |= {member.relation: member for member in members}
        self._digest = ""

    def look(self, connection: Connection, progress: Progress) -> Lineage:
        """What differs since the last look. Raises ChangesMissing, SourceChanged as `check_lineage` does."""
        began = time.monotonic()
        if began < self._due:
            return Lineage()
        digest = read_digest(connection, list(self._members))
        found = Lineage() if digest == self._digest else check_lineage(connection, progress, self.all)
        if found.noted:
            self.note(found.noted)
        # What changed meanwhile differs from this digest, and is seen the next time.
        self._digest = digest
        now = time.monotonic()
        self._due = now + (now - began) / SHARE
        return found
