"""What a task captures, as commands change it: tables that enter it, leave it, or have other names from here on; all in
the transaction of the rows around (rule 23)."""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

from syncwizard.postgres.captured import Member
from syncwizard.postgres.destination.aside import Aside
from syncwizard.postgres.destination.chunks import Copies
from syncwizard.postgres.destination.followed import Followed
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.destination.routes import RouteCompiler
from syncwizard.postgres.session.connection import Connection
from syncwizard.remedies import Remedy
from syncwizard.structure.definition import Definition
from syncwizard.structure.table import Table
from syncwizard.task.events import TableSetAside
from syncwizard.task.lsn import format_lsn
from syncwizard.task.names import TableName

# Tables of the source as they are now, by name.
Look = Callable[[Sequence[TableName]], Mapping[TableName, Table]]


class Captured(Protocol):
    """The members as the session compares them with the source."""

    def note(self, members: Iterable[Member]) -> None:
        """Takes in what is known by now."""

    def forget(self, relation: int) -> None:
        """A relation is captured no more."""


class CapturedTables:
    """Keeps what is captured, over the apply session: at the destination, in the routes, and in what is compared with
    the source.

    - `known`: the followed tables by OID, as the destination has them; kept up to date.
    - `routes`: of the same session; `look`: at tables of the source as they are now.
    - `members`: what the session compares with the source.
    """

    def __init__(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        known: dict[int, Definition],
        routes: RouteCompiler,
        look: Look,
        members: Captured,
    ) -> None:
        self._ledger = Ledger(connection, task_id)
        self._copies = Copies(connection, task_id)
        self._aside = Aside(connection, task_id)
        self._store = Followed(connection, task_id)
        self._held: list[TableSetAside] = []
        self.known = known
        self._routes = routes
        self._look = look
        self._members = members

    def enter(self, member: Member, final_lsn: int) -> None:
        """A table is captured from here on, and all of its changes are in the stream."""
        self._copies.empty(member.table, format_lsn(final_lsn))
        self._note(member, final_lsn)

    def enter_aside(self, member: Member, final_lsn: int) -> None:
        """A table is captured from here on, and its changes wait for a copy of it."""
        self._note(member, final_lsn)

    def enter_tree(self, member: Member, root: int) -> None:
        """A partition has come into a captured tree, by the root's OID, without rows."""
        tree = self._routes.name_of(root)
        if tree is not None:
            self._note(member, self._routes.pair_of(tree), root)

    def leave_tree(self, member: Member, final_lsn: int) -> None:
        """A partition is a captured table of its own from here on."""
        pair = self._routes.pair_of(member.table)
        self._ledger.forget_member(member.relation)
        if member.table not in self._copies.read_pairs():
            self._copies.empty(member.table, format_lsn(final_lsn))
            pair = final_lsn
        self._note(member, pair)

    def _note(self, member: Member, pair_lsn: int, root: int | None = None) -> None:
        self._ledger.note_members([member])
        self._routes.join(member, pair_lsn, root)
        self._members.note([member])

    def leave(self, relation: int, source: TableName, *, gone: bool) -> None:
        """A table is captured no more; `gone`: it was dropped, and another one may come under its name."""
        self.forget_definition(relation)
        self._ledger.forget_member(relation)
        if gone:
            self._copies.forget(source)
        self._routes.leave(relation)
        self._members.forget(relation)

    def rename(self, relation: int, source: TableName, now: TableName) -> None:
        """A table has another name."""
        pair = self._routes.pair_of(source)
        member = self._ledger.rename_member(relation, now)
        self._copies.rename(source, now)
        if member is not None:
            self._routes.join(member, pair)
            self._members.note([member])

    def now(self, definition: Definition, source: TableName) -> None:
        """The destination has this definition."""
        self._store.note([definition])
        self.known[definition.relation] = definition
        self.renew_all(definition.relation, source)

    def renew_all(self, relation: int, source: TableName) -> None:
        """Looks again at where rows of a table, or of its partitions, go."""
        self.renew([source, *self._routes.tree(relation)])

    def renew(self, tables: Sequence[TableName]) -> None:
        """Looks again at where rows of tables go."""
        self._routes.renew(tables, self._look(tables))

    def forget_definition(self, relation: int) -> None:
        """The definition of a table is not followed any more."""
        self._store.forget([relation])
        self.known.pop(relation, None)

    def set_aside(
        self, table: TableName, reason: str, remedy: Remedy, *, names: Sequence[TableName] = (), redefined: bool = True
    ) -> None:
        """Lets changes of the table be held back until it is copied again. `names`: others under which they come;
        `redefined`: its definition is followed still."""
        event = TableSetAside(table=table, tables=list(names), reason=reason, remedy=remedy, redefined=redefined)
        self._aside.note([event])
        self._routes.hold_back([table, *names])
        self._held.append(event)

    def held(self) -> list[TableSetAside]:
        """The tables that were set aside since the last time, once that is durable."""
        held, self._held = self._held, []
        return held
