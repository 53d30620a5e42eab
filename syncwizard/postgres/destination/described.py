"""Changes of definitions as Relation messages show them, where no event triggers capture commands (rule 23)."""

from collections.abc import Callable, Mapping

import msgspec

from syncwizard.postgres.destination.routes import RouteCompiler
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.structure.compare import compare
from syncwizard.structure.definition import Definition
from syncwizard.structure.described import Unclear, at_description, side_by_side, travelling
from syncwizard.task.names import TableName


class Descriptions:
    """Compares each description of a followed table with its definition as the destination has it.

    - `known`: the followed tables by OID; `routes`: of the same session
    - `read_now`: the definition that a table of the source has by now, by OID
    """

    def __init__(
        self,
        known: Mapping[int, Definition],
        routes: RouteCompiler,
        read_now: Callable[[int], Definition | None],
    ) -> None:
        self._known = known
        self._routes = routes
        self._read_now = read_now
        # What was followed, or decided about: the description comes once more behind it.
        self._over: set[tuple[int, RelationMessage]] = set()
        # A transaction, and how many of its descriptions had to be followed: that numbers them.
        self._counted = (0, 0)

    def described(self, message: RelationMessage, final_lsn: int, transaction: int) -> Redefinition | None:
        """What a description in a transaction means for the task; None as a rule. In the receiver's thread."""
        top = self._routes.top(message.oid)
        known = self._known.get(top)
        if known is None or (final_lsn, message) in self._over:
            return None
        name = TableName(message.schema, message.name) if top == message.oid else None
        columns = [column for column, _, _, _ in message.columns]
        table = TableName(known.schema, known.name)
        same = not set(columns).symmetric_difference(travelling(known.columns)) - _generated(known)
        if (same and name in (None, table)) or final_lsn < self._routes.pair_of(table):
            return None
        self._routes.wait_for(transaction)
        now = self._read_now(top)
        if now is None:
            # It was dropped since.
            return None
        self._over.add((final_lsn, message))
        found = at_description(known, now, columns, name)
        if isinstance(found, Unclear):
            if self._routes.has_columns(table, columns):
                # It was brought in step by hand.
                return None
            return self._redefinition("unclear", top, final_lsn, _unclear(found, known, now))
        return self._redefinition("described", top, final_lsn, msgspec.json.encode(found).decode())

    def _redefinition(self, kind: str, relation: int, final_lsn: int, definition: str) -> Redefinition:
        of, count = self._counted
        self._counted = (final_lsn, count + 1 if of == final_lsn else 1)
        command = Command(
            kind=kind,
            tag="ALTER TABLE",
            role="",
            # Nothing was computed from the rows that are there: the columns that come are new, or as they were.
            statement="",
            relation=relation,
            definition=definition,
            ordinal=self._counted[1],
        )
        return Redefinition(command=command, final_lsn=final_lsn)


def _unclear(found: Unclear, known: Definition, now: Definition) -> str:
    target = TableName(known.schema, known.name)
    renamed = msgspec.structs.replace(now, schema=known.schema, name=known.name)
    steps = compare(known, renamed, target, statement="")
    statements = [statement for step in steps for statement in step.statements]
    fitting = f"; what makes it fit: {'; '.join(statements)}" if statements else ""
    return f"{found.reason}: {side_by_side(known, now)}{fitting}"


def _generated(definition: Definition) -> set[str]:
    return {column.name for column in definition.columns if column.generated}
