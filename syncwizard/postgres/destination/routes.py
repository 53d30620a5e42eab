"""Reads what the routes of a task are decided by, and asks `rows.routing` for the route of each relation."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Mapping as MappingOf
from typing import NamedTuple

import msgspec

from syncwizard.errors import SourceChanged
from syncwizard.postgres.captured import DDL_TABLE, HEARTBEAT_TABLE, Member
from syncwizard.postgres.catalog.row_rules import key_of, read_rules
from syncwizard.postgres.catalog.tables import read_tables
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.remedies import or_else, resync, to_do
from syncwizard.rows.changes import Route
from syncwizard.rows.projection import needs_full
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.rows.relations import Postponed
from syncwizard.rows.routing import NoPlace, Shapes, make_route
from syncwizard.structure.table import Table, TypeFacts
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec


class Source(NamedTuple):
    """What the source is asked, in the receiver's thread.

    `wait_for`: waits until its catalogue knows what a transaction has done. `find_root`: which partitioned table a
    relation, by OID, belongs to: itself when it is none, None when it is gone. `find_types`: leaves out those gone.
    """

    wait_for: Callable[[int], None]
    find_root: Callable[[int], TableName | None]
    find_types: Callable[[list[int]], dict[int, TypeFacts]]


class RouteCompiler:
    """Knows the destination's tables. `selected` are the source's as the catalogue has them now; `pairs` gives the pair
    LSN of each copied table and partitioned table; `mapping` tells where the source's names go.

    `members`: what is captured, by the names it was captured under, which the mapping is asked for. `recoded`: the
    encodings of the databases differ. `spec`: what the task asks of its tables' rows. `binary`: values come in
    binary, so that the types of both ends must be the same.
    `aside`: tables, and roots of partitions, whose changes are not applied.
    `left_out` is called with a relation that has no place at the destination and needs none, and why.
    """

    def __init__(
        self,
        connection: Connection,
        schemas: Iterable[str],
        selected: Iterable[Table],
        pairs: dict[TableName, int],
        source: Source,
        left_out: Callable[[TableName, str], None],
        mapping: Mapping,
        members: Iterable[Member] = (),
        *,
        recoded: bool = False,
        spec: TaskSpec | None = None,
        source_database: str = "",
        aside: frozenset[TableName] = frozenset(),
    ) -> None:
        self._members = {member.relation: member for member in members}
        self._captured = {member.table: member for member in members}
        # The topmost table of each partition that came or was captured, by OID.
        self._roots = {member.relation: member.top for member in self._members.values()}
        self._source = source
        self._left_out = left_out
        self.binary = True
        self._types: dict[int, TypeFacts] = {}
        self._connection = connection
        self._schemas = list(schemas)
        self._spec = spec
        self._source_database = source_database
        self._shapes = Shapes(
            mapping=mapping,
            selected={table.name: table for table in selected},
            pairs=pairs,
            recoded=recoded,
            aside=aside,
            followed=spec is not None and spec.advanced.ddl == "follow",
            captured=_partitions(self._members.values()),
        )

    def choose(self, *, binary: bool, codec: str) -> None:
        """In which form and encoding values come."""
        self.binary = binary
        self._shapes = msgspec.structs.replace(self._shapes, codec=codec)

    def renew(self, sources: Sequence[TableName], now: MappingOf[TableName, Table]) -> None:
        """Looks again at where tables of the source go, after definitions changed; `now`: what they are like at the
        source. On the apply session, inside its transaction."""
        shapes = self._shapes
        targets = [shapes.mapping.table(table) for table in sources]
        schemas, names = sorted({each.schema for each in targets}), sorted({each.name for each in targets})
        found = read_tables(self._connection, schemas, sizes=False, named=names)
        operators = self._connection.execute(query("catalog_key_operators"), (schemas, names))
        self._shapes = msgspec.structs.replace(
            shapes,
            tables={**shapes.tables, **{each.name: each for each in found}},
            selected={**shapes.selected, **now},
            operators={**shapes.operators, **dict(operators.fetchall())},
        )
        if self._spec is not None:
            # What is set aside need not fit by now.
            asked = [table for name, table in now.items() if not {name, table.root} & shapes.aside]
            rules = read_rules(self._connection, self._source_database, asked, self._spec, shapes.mapping, there=True)
            kept = {name: rule for name, rule in shapes.rules.items() if name not in sources}
            self._shapes = msgspec.structs.replace(self._shapes, rules={**kept, **rules})

    def evaluates(self, target: TableName) -> bool:
        """Whether rows of a table of the destination are made by a condition or script."""
        return any(self._shapes.mapping.table(name) == target for name in self._shapes.rules)

    def lacks_old_rows(self, source: TableName) -> str:
        """Why old rows of a table have to come whole and do not, to be read behind its name; empty where not."""
        rule, now = self._shapes.rules.get(source), self._shapes.selected.get(source)
        if rule is None or now is None or source in self._shapes.aside:
            return ""
        return needs_full(rule.projection, now, key_of(now))

    def join(self, member: Member, pair_lsn: int, root: int | None = None) -> None:
        """A table has come, or has the member's name from here on; `renew` follows. `root`: the OID of the topmost
        table of its tree, where it is a partition."""
        before = self._members.get(member.relation)
        if before is not None:
            self.leave(member.relation)
        self._roots[member.relation] = root or member.relation
        self._members[member.relation] = self._captured[member.table] = member
        self._shapes = msgspec.structs.replace(self._shapes, pairs={**self._shapes.pairs, member.table: pair_lsn})

    def hold_back(self, tables: Iterable[TableName]) -> None:
        """Changes of the tables are not applied from here on."""
        self._shapes = msgspec.structs.replace(self._shapes, aside=self._shapes.aside.union(tables))

    def leave(self, relation: int) -> None:
        """A table is gone, or has another name from here on."""
        member = self._members.pop(relation, None)
        if member is None:
            return
        self._captured.pop(member.table, None)
        shapes = self._shapes
        pairs = {name: lsn for name, lsn in shapes.pairs.items() if name != member.table}
        selected = {name: table for name, table in shapes.selected.items() if name != member.table}
        self._shapes = msgspec.structs.replace(shapes, pairs=pairs, selected=selected)

    def sources(self, target: TableName) -> list[TableName]:
        """The captured tables whose rows go to a table of the destination."""
        return self._shapes.mapping.sources(target, self._captured)

    def captures(self, relation: int) -> bool:
        """Whether changes of the relation, by OID, or of its partitions are the task's."""
        return relation in self._members

    def is_aside(self, table: TableName) -> bool:
        """Whether changes of the table are not applied."""
        return table in self._shapes.aside

    def member(self, relation: int) -> Member | None:
        """What is captured under an OID."""
        return self._members.get(relation)

    def name_of(self, relation: int) -> TableName | None:
        """The name that a captured relation has for the task."""
        member = self._members.get(relation)
        return None if member is None else member.table

    def wait_for(self, transaction: int) -> None:
        """Waits until the source's catalogue knows what a transaction has done."""
        self._source.wait_for(transaction)

    def top(self, relation: int) -> int:
        """The OID of the topmost table of the tree that a captured relation belongs to, its own where it is none."""
        return self._roots.get(relation, relation)

    def has_columns(self, table: TableName, names: Iterable[str]) -> bool:
        """Whether the destination's table for one of the source has the columns."""
        here = self._shapes.tables.get(self._shapes.mapping.table(table))
        return here is not None and {column.name for column in here.columns}.issuperset(names)

    def root_of(self, relation: int) -> TableName | None:
        """The topmost table of the tree that a captured partition belongs to, or did last."""
        return self.name_of(self._roots.get(relation, relation))

    def tree(self, root: int) -> list[TableName]:
        """The captured partitions of a tree, by the OID of its topmost table."""
        return [
            member.table
            for relation, member in self._members.items()
            if relation != root and self._roots.get(relation) == root
        ]

    def captures_name(self, table: TableName) -> bool:
        """Whether a relation of the name, or what was captured under it, is the task's."""
        return table in self._captured

    def selected(self) -> list[TableName]:
        """The selected tables that share no table of the destination with others."""
        mapping = self._shapes.mapping
        return [name for name in self._shapes.selected if not mapping.merged(name)]

    def pair_of(self, table: TableName) -> int:
        """The LSN below which changes of the table are in its copy."""
        return self._shapes.pair_of(table, table)

    def read(self) -> None:
        """Reads the destination's catalogue. On the apply session, outside a pipeline."""
        tables = read_tables(self._connection, self._schemas, sizes=False)
        rules = {}
        if self._spec is not None:
            shapes, spec = self._shapes, self._spec
            rules = read_rules(
                self._connection,
                self._source_database,
                [table for name, table in shapes.selected.items() if not {name, table.root} & shapes.aside],
                spec,
                shapes.mapping,
                there=True,
            )
        operators = self._connection.execute(query("catalog_key_operators"), (self._schemas, None))
        self._shapes = msgspec.structs.replace(
            self._shapes,
            tables={table.name: table for table in tables},
            operators=dict(operators.fetchall()),
            rules=rules,
        )

    def compile(self, message: RelationMessage, transaction: int) -> Route | Postponed | None:
        """The route of a relation in a transaction; None for one that is gone, or is none of the task's any more, and
        has no place at the destination; Postponed where it has none, but was copied since.

        Raises TaskFailed when the destination has no place for one that exists, TypesDiffer.
        """
        # Otherwise what the transaction has created would pass for what is gone.
        self._source.wait_for(transaction)
        try:
            return self._compile(message)
        except NoPlace as error:
            root = self._source.find_root(message.oid)
            if root is not None and (message.oid in self._members or root in self._shapes.selected):
                pair_lsn = self._shapes.pair_of(self._captured_as(message), root)
                # What it was like before its copy need not fit.
                return Postponed(error, pair_lsn)
            why = "was dropped at the source" if root is None else "is no table of this task any more"
            self._left_out(TableName(message.schema, message.name), why)
            return None

    def _compile(self, message: RelationMessage) -> Route:
        if (message.schema, message.name) == HEARTBEAT_TABLE:
            name = TableName(*HEARTBEAT_TABLE)
            return Route(source=name, target=name, columns=(), key=(), heartbeat=True)
        if (message.schema, message.name) == DDL_TABLE:
            name = TableName(*DDL_TABLE)
            return Route(source=name, target=name, columns=(), key=(), commands=True)
        source = self._captured_as(message)
        known = self._shapes.selected.get(source)
        root = known.root if known is not None else self._source.find_root(message.oid) or source
        return make_route(message, source, root, self._types_of(message) if self.binary else None, self._shapes)

    def _captured_as(self, message: RelationMessage) -> TableName:
        """The name whose table takes the rows: what was renamed goes on where it began.

        Raises SourceChanged when the name belongs to another relation that is captured.
        """
        if (member := self._members.get(message.oid)) is not None:
            return member.table
        name = TableName(message.schema, message.name)
        other = self._captured.get(name)
        if other is None or (root := self._source.find_root(other.relation)) is None:
            return name
        listed = other.oid is not None
        if not listed and not any(member.table == root for member in self._members.values() if member.oid is not None):
            # A partition that was detached: it is captured no more, and the tree goes on under its name.
            return name
        raise SourceChanged(
            f"changes come of a relation named {name}, and another one was captured under that name",
            detail=f"OID {message.oid}, was {other.relation}",
            where="source",
            remedy=or_else(to_do("name the tables at the source as they were", then="resume"), resync(tables=[name])),
        )

    def _types_of(self, message: RelationMessage) -> list[TypeFacts | None]:
        """The types at the time of the change, which need not be those of today's catalogue; None when gone."""
        unknown = [oid for _, _, oid, _ in message.columns if oid not in self._types]
        if unknown:
            self._types.update(self._source.find_types(unknown))
        return [self._types.get(oid) for _, _, oid, _ in message.columns]


def _partitions(members: Iterable[Member]) -> dict[TableName, frozenset[TableName]]:
    """The captured partitions that hold rows, by the name that the topmost table of their tree was captured under."""
    known = {member.relation: member for member in members}
    found: dict[TableName, set[TableName]] = {}
    for member in known.values():
        top = known.get(member.top)
        if top is not None and top is not member and member.holds_rows:
            found.setdefault(top.table, set()).add(member.table)
    return {top: frozenset(names) for top, names in found.items()}


def binary_stream(source: Iterable[Table]) -> bool:
    """Whether the stream may be binary: every selected column can be sent so, and means the same there (rule 14)."""
    return not any(column.textual for table in source for column in table.stored_columns)
