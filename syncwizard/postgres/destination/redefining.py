"""Brings tables of the destination from one definition to the next, in the transaction of the rows around (rule 23)."""

import uuid
from collections.abc import Callable, Collection, Iterable, Mapping

import msgspec
import psycopg

from syncwizard.errors import ChangeFailed
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.remedies import Remedy, resync, to_do
from syncwizard.rows.changes import Command, Redefinition
from syncwizard.rows.commands import parse_command
from syncwizard.structure.compare import Step, compare
from syncwizard.structure.definition import Definition, parse_definition
from syncwizard.task.lsn import format_lsn
from syncwizard.task.mapping import Mapping as NameMapping
from syncwizard.task.names import TableName

# Of a statement in a message.
SHOWN = 500


class Followed:
    """The definitions that the destination has of one task's tables, by the source's OIDs."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def read(self) -> dict[int, Definition]:
        """All of them; in the layout that has them."""
        rows = self._connection.execute(
            "SELECT relation, definition FROM syncwizard.followed WHERE task_id = %s", (self._task_id,)
        )
        return {relation: parse_definition(text) for relation, text in rows}

    def note(self, definitions: Iterable[Definition]) -> None:
        """What the destination has from here on. In the caller's transaction."""
        rows = [(each.relation, msgspec.json.encode(each).decode()) for each in definitions]
        self._connection.execute(
            "INSERT INTO syncwizard.followed AS f (task_id, relation, definition)"
            " SELECT %s, * FROM unnest(%s::bigint[], %s::text[])"
            " ON CONFLICT (task_id, relation) DO UPDATE SET definition = excluded.definition",
            (self._task_id, [relation for relation, _ in rows], [text for _, text in rows]),
        )

    def forget(self, relations: Collection[int] | None = None) -> None:
        """These tables, or all, are not followed any more. In the caller's transaction."""
        if relations is None:
            self._connection.execute("DELETE FROM syncwizard.followed WHERE task_id = %s", (self._task_id,))
            return
        self._connection.execute(
            "DELETE FROM syncwizard.followed WHERE task_id = %s AND relation = ANY (%s)",
            (self._task_id, list(relations)),
        )


class Redefining:
    """Follows captured commands over the apply session.

    - `known`: the followed tables by OID, as the destination has them.
    - `renew`: makes the routes look at both ends of a table of the source again.
    - `pair_of`: the LSN below which a table's rows are in its copy; `same_names`: tables named alike at both ends.
    """

    def __init__(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        known: Mapping[int, Definition],
        mapping: NameMapping,
        *,
        renew: Callable[[TableName], None],
        pair_of: Callable[[TableName], int],
        same_names: Callable[[], list[TableName]],
    ) -> None:
        self._connection = connection
        self._store = Followed(connection, task_id)
        self._known = dict(known)
        self._mapping = mapping
        self._renew = renew
        self._pair_of = pair_of
        self._same_names = same_names
        # What was done and is not committed yet.
        self._done: list[str] = []

    def captured(self, frame: bytes, final_lsn: int) -> Redefinition | None:
        """What a captured command means for the task; None for one that concerns none of its followed tables.

        In the receiver's thread, which waits while another command is followed.
        """
        command = parse_command(frame, codec_of(self._connection))
        if command.kind == "failed" or self._before(command) is not None:
            return Redefinition(command=command, final_lsn=final_lsn)
        return None

    def redefine(self, redefinition: Redefinition) -> None:
        """Follows a command inside the open transaction. Raises ChangeFailed that names what cannot be, or what the
        destination refuses."""
        command = redefinition.command
        before = self._before(command)
        if before is None:
            raise self._failure(redefinition, "", f"it could not be captured: {command.definition}", _NOT_CAPTURED)
        after = self._after(command, before)
        source = TableName(before.schema, before.name)
        target = self._mapping.table(source)
        statements: list[str] = []
        if redefinition.final_lsn >= self._pair_of(source) or not self._has(target, after):
            steps = compare(before, after, target, statement=command.statement, known=tuple(self._same_names()))
            statements = self._statements(redefinition, source, target, steps)
        for statement in statements:
            self._execute(redefinition, target, statement)
        self._store.note([after])
        self._known[after.relation] = after
        self._renew(source)
        if statements:
            self._done.append(f"{command.tag} on {source} was followed: {'; '.join(statements)}")
        redefinition.done.set()

    def committed(self) -> list[str]:
        """What was followed since the last time, once its transaction is durable."""
        done, self._done = self._done, []
        return done

    def _before(self, command: Command) -> Definition | None:
        if command.kind != "index":
            return self._known.get(command.relation)
        of = (each for each in self._known.values() if any(part.oid == command.relation for part in each.indexes))
        return next(of, None)

    def _after(self, command: Command, before: Definition) -> Definition:
        if command.kind == "index":
            indexes = [part for part in before.indexes if part.oid != command.relation]
            return msgspec.structs.replace(before, indexes=indexes)
        assert command.definition is not None
        return parse_definition(command.definition)

    def _statements(
        self, redefinition: Redefinition, source: TableName, target: TableName, steps: list[Step]
    ) -> list[str]:
        problems = [step.problem for step in steps if step.problem is not None]
        if problems:
            here = self._read(target)
            for problem in problems:
                if not problem.settled(here):
                    raise self._failure(
                        redefinition, str(target), problem.message, _again(source) if not problem.part else _REFUSED
                    )
        return [statement for step in steps for statement in step.statements]

    def _execute(self, redefinition: Redefinition, target: TableName, statement: str) -> None:
        try:
            self._connection.execute(statement.encode(codec_of(self._connection)))
        except psycopg.Error as error:
            if is_connection_loss(error):
                raise
            message = f"the destination refuses {statement}: {' '.join(str(error).split())}"
            raise self._failure(redefinition, str(target), message, _REFUSED, error.sqlstate or "") from error

    def _read(self, target: TableName) -> Definition | None:
        """The destination's table as it is now."""
        name = "SELECT pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::text, %s::text))::oid::bigint"
        relation = scalar(self._connection, name, target.schema, target.name)
        if relation is None:
            return None
        text = query("table_definition").replace(":relation", str(int(relation)))
        row = self._connection.execute(text.encode()).fetchone()
        return None if row is None else parse_definition(row[0])

    def _has(self, target: TableName, after: Definition) -> bool:
        """Whether the destination's table has the columns of a definition: its copy came with them."""
        here = self._read(target)
        return here is not None and {(column.name, column.type) for column in here.columns} == {
            (column.name, column.type) for column in after.columns
        }

    def _failure(
        self, redefinition: Redefinition, target: str, message: str, remedy: Remedy, sqlstate: str = ""
    ) -> ChangeFailed:
        command = redefinition.command
        text = "run by a function that does not show it" if command.statement is None else command.statement[:SHOWN]
        return ChangeFailed(
            f"{command.tag}{f' on {target}' if target else ''}, committed at {format_lsn(redefinition.final_lsn)},"
            " cannot be followed",
            detail=f"{message}. The statement, run by {command.role}: {text}",
            where=f"destination {target}".strip(),
            remedy=remedy,
            sqlstate=sqlstate,
        )


def _again(source: TableName) -> Remedy:
    return resync("", [source], "let the table at the destination have the columns and types that it has at the source")


_REFUSED = to_do("put right at the destination what the message says", then="resume")
_NOT_CAPTURED = resync(everything=True)
