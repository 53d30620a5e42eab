"""Creates the planned definitions at the destination, each with its row in syncwizard.statements (DESIGN rule 3)."""

import time
import uuid
from collections.abc import Iterable, Sequence

import msgspec
import psycopg
from psycopg import sql

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.layout import migrate_layout
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, quoted
from syncwizard.postgres.session.trouble import is_connection_loss, is_transient
from syncwizard.remedies import to_do
from syncwizard.structure.needs import Needs
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import FunctionName, ObjectName, TableName

# As pg_dump's own header: bodies may name what comes later, XML may be a fragment, tables go where the
# destination puts them.
DUMP_SETTINGS = "SET check_function_bodies = off; SET xmloption = content; SET client_min_messages = warning"


# As pg_constraint has them.
CONSTRAINT_TYPES = {
    "foreign key": "f",
    "check constraint": "c",
    "unique constraint": "u",
    "exclusion constraint": "x",
}
# The first version that gives names to NOT NULL constraints.
NAMED_NOT_NULL = 18_00_00
# In every name that a server gives to one, however long those of table and column are.
NOT_NULL_LABEL = "_not_null"


class Created(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that ran, how long it took, and the server's words with SQLSTATE when an optional one was refused."""

    statement: PlannedStatement
    seconds: float
    refused: str = ""
    sqlstate: str = ""


class StatementRefused(TaskFailed):
    """The destination does not take a statement, as things are."""

    def __init__(self, statement: PlannedStatement, words: str, sqlstate: str) -> None:
        super().__init__(
            f"the destination refused {statement.kind} {statement.name}",
            detail=words,
            where="destination",
            remedy=to_do(
                "make the destination accept this statement", statements=[_short(statement.text)], then="resume"
            ),
            sqlstate=sqlstate,
        )
        self.statement = statement
        self.words = words


class Existing(msgspec.Struct, frozen=True, kw_only=True):
    """What the destination already has of a task's needs."""

    tables: frozenset[TableName]
    objects: frozenset[ObjectName]
    functions: frozenset[FunctionName]


class Definitions:
    """The definitions of one task's plan."""

    def __init__(self, connection: Connection, task_id: uuid.UUID) -> None:
        self._connection = connection
        self._task_id = task_id

    def add_column(self, table: TableName, column: str, kind: str) -> None:
        """Adds a nullable column where it is missing; `kind` is the name of its type, qualified and quoted."""
        self._connection.execute(
            sql.SQL("ALTER TABLE {} ADD COLUMN IF NOT EXISTS {} {}").format(
                quoted(table.schema, table.name), sql.Identifier(column), sql.SQL(kind)
            )
        )

    def prepare(self) -> None:
        """Makes the session read definitions the way pg_dump means them, and brings an older layout to the newest.

        Raises LayoutNewer.
        """
        self._connection.execute(DUMP_SETTINGS)
        migrate_layout(self._connection)

    def read_done(self) -> set[int]:
        """Positions of the plan's statements that were created."""
        rows = self._connection.execute(
            "SELECT position FROM syncwizard.statements WHERE task_id = %s", (self._task_id,)
        )
        return {position for (position,) in rows}

    def create(self, statements: Sequence[PlannedStatement], lock_milliseconds: int = 0) -> list[Created]:
        """Runs the statements in one transaction: all of them and their rows, or nothing. Waits for each lock so long
        at most, or as long as it takes.

        Raises psycopg's error for trouble that may pass, StatementRefused for a refusal.
        """
        created = []
        with self._connection.transaction():
            if lock_milliseconds:
                text = sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(lock_milliseconds))
                self._connection.execute(text)
            for statement in statements:
                started = time.monotonic()
                words, sqlstate = self._execute(statement)
                seconds = time.monotonic() - started
                created.append(Created(statement=statement, seconds=seconds, refused=words, sqlstate=sqlstate))
            self.mark_done(statements)
        return created

    def mark_done(self, statements: Iterable[PlannedStatement]) -> None:
        """Notes that the statements were created."""
        self._connection.execute(
            "INSERT INTO syncwizard.statements (task_id, position) SELECT %s, unnest(%s::integer[])"
            " ON CONFLICT DO NOTHING",
            (self._task_id, [statement.position for statement in statements]),
        )

    def is_there(self, statement: PlannedStatement) -> bool:
        """Whether what the statement makes is there already under its name, of the same table: created by hand, say."""
        made, table = statement.object, statement.table
        if made is None:
            return False
        parameters = {
            "kind": statement.kind,
            "schema": made.schema,
            "name": made.name,
            "table_schema": table.schema if table else "",
            "table": table.name if table else "",
            "constraint": CONSTRAINT_TYPES.get(statement.kind, ""),
        }
        row = self._connection.execute(query("definition_there"), parameters).fetchone()
        return row is not None and bool(row[0])

    def read_existing(self, needs: Needs, mapping: Mapping) -> Existing:
        """What the destination has of the names that the needs get there: relations, types, functions and others."""
        relations: set[TableName] = set()
        types: set[ObjectName] = set()
        others: set[tuple[str, ObjectName]] = set()
        functions: set[FunctionName] = set()
        for kind, schema, name, arguments in self._connection.execute(
            query("existing_objects"), (sorted(map(mapping.schema, needs.schemas)),)
        ):
            if kind == "relation":
                relations.add(TableName(schema, name))
            elif kind == "function":
                functions.add(FunctionName(schema, name, tuple(arguments)))
            elif kind == "type":
                types.add(ObjectName(schema, name))
            else:
                others.add((kind, ObjectName(schema, name)))
        named = {mapping.sequence(name, needs.sequence_owners.get(name)) for name in needs.sequences | needs.views}
        found = {name for name in named if TableName(name.schema, name.name) in relations}
        wanted = {(kind, mapping.object(name)) for kind, name in needs.others}
        return Existing(
            tables=frozenset(map(mapping.table, needs.all_tables)) & relations,
            objects=frozenset(
                found
                | types.intersection(map(mapping.object, needs.types))
                | {name for kind, name in others if (kind, name) in wanted}
            ),
            functions=frozenset(map(mapping.function, needs.functions)) & functions,
        )

    def _execute(self, statement: PlannedStatement) -> tuple[str, str]:
        """Runs one statement; an optional one that is refused answers with the server's words and SQLSTATE instead."""
        # The text is the server's own definition, from pg_dump: it takes no parameters and must not be rewritten.
        text = statement.text.encode()
        try:
            if statement.optional:
                with self._connection.transaction():
                    self._connection.execute(text, prepare=False)
            else:
                self._connection.execute(text, prepare=False)
                self._make_room(statement)
        except psycopg.Error as error:
            words = " ".join(str(error).split())
            if is_connection_loss(error) or is_transient(error) or isinstance(error, psycopg.errors.QueryCanceled):
                raise
            if statement.optional:
                return words, error.sqlstate or ""
            raise StatementRefused(statement, words, error.sqlstate or "") from error
        return "", ""

    def _make_room(self, statement: PlannedStatement) -> None:
        """Renames the NOT NULL constraints of a new table that have names of constraints to come.

        Up to PostgreSQL 17 they have no names, from then on the server gives them one. Once partitions are attached
        it would not take a new one.
        """
        table = statement.table
        if self._connection.info.server_version < NAMED_NOT_NULL or table is None:
            return
        for name in statement.constraints:
            if NOT_NULL_LABEL not in name:
                continue
            parameters = {"schema": table.schema, "table": table.name, "name": name}
            row = self._connection.execute(query("not_null_name"), parameters).fetchone()
            if row is not None:
                self._connection.execute(
                    sql.SQL("ALTER TABLE {} RENAME CONSTRAINT {} TO {}").format(
                        quoted(table.schema, table.name), sql.Identifier(name), sql.Identifier(row[0])
                    )
                )


def _short(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 300 else one_line[:299] + "…"
