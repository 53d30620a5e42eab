"""What the items of a precheck look with: read-only sessions, of which an item has its own, and the facts they share.

Items run side by side. A session is used by one item at a time; a fact is read once, by the item that asks first.
"""

import threading
import uuid
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import Generic, Self, TypeVar

from syncwizard.errors import End, EndpointError, SyncwizardError
from syncwizard.postgres.catalog.dependencies import read_needs
from syncwizard.postgres.catalog.row_rules import read_rules
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.catalog.tables import database_of, read_tables
from syncwizard.postgres.destination.definitions import Existing
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.server import make_read_only
from syncwizard.postgres.session.trouble import DriverError
from syncwizard.rows.projection import RowRule
from syncwizard.stages.context import Context
from syncwizard.structure.needs import Needs
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName

Value = TypeVar("Value")


class Once(Generic[Value]):
    """A value that several threads ask for and one of them reads; an error of reading it is every asker's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read: tuple[Value] | None = None
        self._error: DriverError | SyncwizardError | None = None

    def get(self, read: Callable[[], Value]) -> Value:
        """The value; `read` is called by the first that asks."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._read is None:
                try:
                    self._read = (read(),)
                except (DriverError, SyncwizardError) as error:
                    self._error = error
                    raise
            return self._read[0]


class Facts:
    """What more than one item reads."""

    def __init__(self) -> None:
        self.selection: Once[Selection] = Once()
        self.needs: Once[Needs] = Once()
        self.existing: Once[Existing] = Once()
        self.rules: Once[dict[TableName, RowRule]] = Once()
        self.destination_tables: Once[dict[TableName, Table]] = Once()


class ReadOnlySessions:
    """A session an end, opened when first asked for, that cannot write. For one item at a time."""

    def __init__(self, context: Context) -> None:
        self.errors: dict[End, EndpointError] = {}
        self._context = context
        self._open: dict[End, Connection] = {}

    def get(self, end: End) -> Connection:
        """The end's session. Raises EndpointError, the same each time, when the end cannot be used."""
        if end in self.errors:
            raise self.errors[end]
        if end not in self._open:
            try:
                session = self._context.connect(end, "precheck")
            except EndpointError as error:
                self.errors[end] = error
                raise
            make_read_only(session)
            self._open[end] = session
        return self._open[end]

    def all(self) -> list[Connection]:
        """Those that are open."""
        return list(self._open.values())

    def close(self) -> None:
        """Ends them."""
        while self._open:
            self._open.popitem()[1].close()


class Checkup:
    """What an item is given: the sessions it has to itself, and the shared facts."""

    def __init__(self, context: Context, sessions: ReadOnlySessions | None = None, facts: Facts | None = None) -> None:
        """Without them it has some of its own; as a context manager it closes the sessions."""
        self.context = context
        self.spec = context.spec
        self.state = context.state()
        self._facts = facts or Facts()
        self._sessions = sessions or ReadOnlySessions(context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sessions.close()

    def session(self, end: End) -> Connection:
        """A session that cannot write. Raises EndpointError, the same each time, when the end cannot be used."""
        return self._sessions.get(end)

    @property
    def source(self) -> Connection:
        """The source's session."""
        return self.session("source")

    @property
    def destination(self) -> Connection:
        """The destination's session."""
        return self.session("destination")

    @property
    def there(self) -> Destination:
        """The destination as the other stages ask it; for a task without an id nothing is there."""
        return Destination(self.destination, self.spec.id or uuid.UUID(int=0))

    def synchronizes(self, part: str) -> bool:
        """Whether the task has this synchronization type."""
        return part in self.spec.synchronization.types

    @property
    def captured(self) -> bool:
        """Whether capture began: then objects of ours are where they should be."""
        return self.state.heartbeat

    @property
    def selection(self) -> Selection:
        """The task's tables at the source."""
        return self._facts.selection.get(lambda: select_tables(self.source, self.spec))

    @property
    def needs(self) -> Needs:
        """What those tables need."""
        return self._facts.needs.get(lambda: read_needs(self.source, self.spec, self.selection))

    @cached_property
    def mapping(self) -> Mapping:
        """Where the names of the source go at the destination."""
        return self.context.mapping

    @property
    def rules(self) -> dict[TableName, RowRule]:
        """What selects and changes rows, by the source's tables. Raises TaskFailed for what cannot be used."""
        return self._facts.rules.get(self._read_rules)

    def _read_rules(self) -> dict[TableName, RowRule]:
        source = self.source
        return read_rules(source, database_of(source), self.selection.tables, self.spec, self.mapping)

    def target_of(self, table: Table) -> Table | None:
        """What the destination has for the rows of a table: its own, else the partitioned table it belongs to."""
        own, root = self.mapping.table(table.name), self.mapping.table(table.root)
        return self.destination_tables.get(own) or self.destination_tables.get(root)

    @property
    def existing(self) -> Existing:
        """What the destination has of that."""
        return self._facts.existing.get(lambda: self.there.definitions.read_existing(self.needs, self.mapping))

    @property
    def destination_tables(self) -> dict[TableName, Table]:
        """The tables of the destination that bear the name of a selected one."""
        return self._facts.destination_tables.get(self._read_destination_tables)

    def _read_destination_tables(self) -> dict[TableName, Table]:
        names = {self.mapping.table(table.name) for table in self.selection.tables}
        there = read_tables(self.destination, sorted({name.schema for name in names}))
        return {table.name: table for table in there if table.name in names}
