"""The destination's side of changes of definitions: reads tables, runs statements and keeps what was done, all in the
transaction of the rows around (rule 23)."""

import uuid
from collections.abc import Sequence
from typing import Literal

import psycopg
from psycopg import sql

from syncwizard.postgres.destination.followed import Followed
from syncwizard.postgres.dialect import for_server
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted, scalar
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.remedies import Remedy, or_else, to_do
from syncwizard.rows.changes import Redefinition
from syncwizard.structure.compare import Step
from syncwizard.structure.definition import Definition, parse_definition
from syncwizard.task.ddl import DefinitionBlocked, DefinitionDecided
from syncwizard.task.events import BlockedDefinition, DefinitionFollowed
from syncwizard.task.lsn import format_lsn
from syncwizard.task.names import TableName, quote

# Of a statement in a message.
SHOWN = 500

DECIDE = to_do("decide about it: syncwizard ddl TASK shows what it would run, runs other statements, or skips it")
REFUSED = to_do("put right at the destination what the message says", then="resume")


class DefinitionWriter:
    """Changes definitions over the apply session. `decided`: what is run in place of what would follow a command."""

    def __init__(self, connection: Connection, task_id: uuid.UUID, decided: Sequence[DefinitionDecided]) -> None:
        self._connection = connection
        self._decided = decided
        self.store = Followed(connection, task_id)
        # What was done and is not committed yet.
        self._done: list[DefinitionFollowed] = []

    def committed(self) -> list[DefinitionFollowed]:
        """What was followed since the last time, once its transaction is durable."""
        done, self._done = self._done, []
        return done

    def decision(self, redefinition: Redefinition) -> DefinitionDecided | None:
        """What was decided about a command; None as a rule."""
        ordinal, lsn = redefinition.command.ordinal, format_lsn(redefinition.final_lsn)
        return next((each for each in self._decided if each.concerns(ordinal, lsn)), None)

    def note(
        self,
        redefinition: Redefinition,
        kind: Literal["created", "dropped", "renamed", "changed", "object"],
        table: TableName,
        statements: list[str],
        renamed: TableName | None = None,
        object_kind: str = "",
        object_name: str = "",
        refused: str = "",
        sqlstate: str = "",
    ) -> None:
        """Keeps what was done for a command."""
        command, decision = redefinition.command, self.decision(redefinition)
        event = DefinitionFollowed(
            lsn=format_lsn(redefinition.final_lsn),
            kind=kind,
            table=table,
            renamed=renamed,
            tag=command.tag,
            role=command.role,
            statement=command.statement,
            statements=statements,
            object_kind=object_kind,
            object_name=object_name,
            refused=refused,
            sqlstate=sqlstate,
            ordinal=command.ordinal,
            decided="" if decision is None or decision.action == "retry" else decision.action,
            by=decision.by if decision else "",
        )
        self._done.append(self.store.log(event))

    def run(
        self, redefinition: Redefinition, target: TableName, statements: list[str], consequences: Sequence[str] = ()
    ) -> list[str]:
        """Runs the statements, or what was decided in their place; which ones ran.

        `consequences`: what is other at the destination without them. Raises DefinitionBlocked where the destination
        refuses one.
        """
        decision = self.decision(redefinition)
        wanted = statements if decision is None else list(decision.statements)
        for statement in wanted:
            try:
                self._connection.execute(statement.encode(codec_of(self._connection)))
            except psycopg.Error as error:
                if is_connection_loss(error):
                    raise
                message = f"the destination refuses {statement}: {' '.join(str(error).split())}"
                raise self.failure(
                    redefinition,
                    str(target),
                    message,
                    REFUSED,
                    error.sqlstate or "",
                    statements=wanted,
                    consequences=consequences,
                ) from error
        return wanted

    def alter(
        self, redefinition: Redefinition, target: TableName, steps: Sequence[Step], consequences: Sequence[str] = ()
    ) -> list[str]:
        """Runs the statements of steps, and those that each has otherwise where they are refused; which ones ran.

        Raises DefinitionBlocked where the destination refuses both.
        """
        ran: list[str] = []
        for step in steps:
            try:
                with self._connection.transaction():
                    ran += self.run(redefinition, target, list(step.statements), consequences)
            except DefinitionBlocked:
                if not step.otherwise:
                    raise
                ran += self.run(redefinition, target, list(step.otherwise), consequences)
        return ran

    def attempt(
        self,
        redefinition: Redefinition,
        table: TableName,
        kind: str,
        statements: list[str],
        *,
        object_name: str = "",
        reason: str = "",
    ) -> None:
        """Runs what rows do not need, unless there is a reason not to; what is refused is noted with the server's
        message."""
        refused, sqlstate = reason, ""
        try:
            if not reason:
                with self._connection.transaction():
                    self._connection.execute("SET LOCAL check_function_bodies = off")
                    for statement in statements:
                        self._connection.execute(statement.encode(codec_of(self._connection)))
        except psycopg.Error as error:
            if is_connection_loss(error):
                raise
            refused, sqlstate = " ".join(str(error).split()), error.sqlstate or ""
        self.note(
            redefinition,
            "object",
            table,
            statements,
            object_kind=kind,
            object_name=object_name,
            refused=refused,
            sqlstate=sqlstate,
        )

    def read(self, target: TableName) -> Definition | None:
        """The destination's table as it is now."""
        name = "SELECT pg_catalog.to_regclass(pg_catalog.format('%%I.%%I', %s::text, %s::text))::oid::bigint"
        relation = scalar(self._connection, name, target.schema, target.name)
        if relation is None:
            return None
        text = query("table_definition").replace(":relation", str(int(relation)))
        row = self._connection.execute(for_server(self._connection, text).encode()).fetchone()
        return None if row is None else parse_definition(row[0])

    def holds_rows(self, target: TableName) -> bool:
        """Whether a table of the destination that is there has a row."""
        found = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(quoted(target.schema, target.name))
        return self._connection.execute(found).fetchone() == (True,)

    def missing_schema(self, name: str) -> list[str]:
        """What makes a schema of the destination; nothing where it is there."""
        there = "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = %s)"
        return [] if scalar(self._connection, there, name) else [f"CREATE SCHEMA {quote(name)}"]

    def failure(
        self,
        redefinition: Redefinition,
        target: str,
        message: str,
        remedy: Remedy,
        sqlstate: str = "",
        *,
        statements: Sequence[str] = (),
        consequences: Sequence[str] = (),
    ) -> DefinitionBlocked:
        """The error of a command that cannot be followed; `statements` and `consequences` as BlockedDefinition has
        them."""
        command, lsn = redefinition.command, format_lsn(redefinition.final_lsn)
        text = "run by a function that does not show it" if command.statement is None else command.statement[:SHOWN]
        ran = f". The statement, run by {command.role}: {text}" if text else ""
        return DefinitionBlocked(
            f"{command.tag}{f' on {target}' if target else ''}, committed at {lsn}, cannot be followed",
            definition=BlockedDefinition(
                ordinal=command.ordinal,
                lsn=lsn,
                tag=command.tag,
                role=command.role,
                statement=command.statement,
                table=target,
                statements=list(statements),
                consequences=list(consequences),
            ),
            detail=f"{message}{ran}",
            where=f"destination {target}".strip(),
            remedy=or_else(remedy, DECIDE),
            sqlstate=sqlstate,
        )
