"""The frame of the precheck: what an item is, what it finds, and the read-only sessions and facts that items share."""

from collections.abc import Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import Self

import msgspec

from syncwizard.errors import End, EndpointError
from syncwizard.postgres.catalog.dependencies import read_needs
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.postgres.destination.definitions import Existing, read_existing
from syncwizard.postgres.session.connection import Connection
from syncwizard.remedies import NOTHING, Remedy, as_remedy
from syncwizard.stages.context import Context
from syncwizard.structure.needs import Needs
from syncwizard.structure.table import Table
from syncwizard.task.events import Verdict
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.text import listed as listed


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What an item found. A warning with `acceptance` blocks until the task file accepts it, one without informs."""

    verdict: Verdict
    message: str = ""
    remedy: Remedy = NOTHING
    acceptance: bool = False


def passed(message: str = "") -> Finding:
    """Nothing stands in the way."""
    return Finding(verdict="passed", message=message)


def failed(message: str, remedy: Remedy | str, sql: str | Sequence[str] = ()) -> Finding:
    """The task cannot start. `sql`: a statement, or several."""
    return Finding(verdict="failed", message=message, remedy=_with_statements(remedy, sql))


def warning(message: str, remedy: Remedy | str = "", sql: str | Sequence[str] = ()) -> Finding:
    """Worth knowing; the task can start."""
    return Finding(verdict="warning", message=message, remedy=_with_statements(remedy, sql))


def must_be_accepted(message: str, remedy: Remedy | str, sql: str | Sequence[str] = ()) -> Finding:
    """The task can start once the task file accepts it."""
    return Finding(verdict="warning", message=message, remedy=_with_statements(remedy, sql), acceptance=True)


def _with_statements(remedy: Remedy | str, sql: str | Sequence[str]) -> Remedy:
    statements = (sql,) if isinstance(sql, str) else tuple(sql)
    given = as_remedy(remedy)
    return msgspec.structs.replace(given, statements=(*given.statements, *filter(None, statements)))


class Checkup:
    """The sessions of one precheck, opened when first asked for, and what items read more than once."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.spec = context.spec
        self.state = context.state()
        self.errors: dict[End, EndpointError] = {}
        self._sessions: dict[End, Connection] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            session.close()

    def session(self, end: End) -> Connection:
        """A session that cannot write. Raises EndpointError, the same each time, when the end cannot be used."""
        if end in self.errors:
            raise self.errors[end]
        if end not in self._sessions:
            try:
                session = self.context.connect(end, "precheck")
            except EndpointError as error:
                self.errors[end] = error
                raise
            session.execute("SET default_transaction_read_only = on")
            self._sessions[end] = session
        return self._sessions[end]

    @property
    def source(self) -> Connection:
        """The source's session."""
        return self.session("source")

    @property
    def destination(self) -> Connection:
        """The destination's session."""
        return self.session("destination")

    def synchronizes(self, part: str) -> bool:
        """Whether the task has this synchronization type."""
        return part in self.spec.synchronization.types

    @property
    def captured(self) -> bool:
        """Whether capture began: then objects of ours are where they should be."""
        return self.state.heartbeat

    @cached_property
    def selection(self) -> Selection:
        """The task's tables at the source."""
        return select_tables(self.source, self.spec)

    @cached_property
    def needs(self) -> Needs:
        """What those tables need."""
        return read_needs(self.source, self.spec, self.selection)

    @property
    def mapping(self) -> Mapping:
        """Where the names of the source go at the destination."""
        return Mapping.of(self.spec)

    def target_of(self, table: Table) -> Table | None:
        """What the destination has for the rows of a table: its own, else the partitioned table it belongs to."""
        own, root = self.mapping.table(table.name), self.mapping.table(table.root)
        return self.destination_tables.get(own) or self.destination_tables.get(root)

    @cached_property
    def existing(self) -> Existing:
        """What the destination has of that."""
        return read_existing(self.destination, self.needs, self.mapping)

    @cached_property
    def destination_tables(self) -> dict[TableName, Table]:
        """The tables of the destination that bear the name of a selected one."""
        names = {self.mapping.table(table.name) for table in self.selection.tables}
        there = read_tables(self.destination, sorted({name.schema for name in names}))
        return {table.name: table for table in there if table.name in names}


Check = Callable[[Checkup], Finding]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A check: `name` is what `precheck.ignore` accepts; it runs when `ends` can be reached and the items `after`
    which it comes ran and did not fail."""

    name: str
    title: str
    check: Check
    ends: tuple[End, ...]
    after: tuple[str, ...] = ()


ITEMS: list[Item] = []
BOTH: tuple[End, ...] = ("source", "destination")


def item(name: str, title: str, ends: tuple[End, ...], after: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Enters a check into the registry; items run in the order in which their modules are imported."""

    def enter(check: Check) -> Check:
        ITEMS.append(Item(name=name, title=title, check=check, ends=ends, after=after))
        return check

    return enter
