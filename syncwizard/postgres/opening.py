"""Triggers, rules and foreign keys by their state, at either end: what a destination lacks to take writes."""

from collections.abc import Iterable, Mapping

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.task.names import TableName, quote

# How a trigger or rule is brought into the state that pg_trigger and pg_rewrite have a letter for.
_STATES: Mapping[str, str] = {"O": "ENABLE", "A": "ENABLE ALWAYS", "R": "ENABLE REPLICA", "D": "DISABLE"}


class Definition(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger, a rule, or a foreign key of a table."""

    table: TableName
    kind: str
    name: str


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What brings a definition into the state that it has at the source; `undo` is empty where nothing has to."""

    definition: Definition
    statement: str
    undo: str


def read_states(connection: Connection, tables: Iterable[TableName]) -> dict[Definition, str]:
    """Triggers and rules of the tables with the letter of their state; foreign keys with V or N, whether validated."""
    wanted = list(tables)
    values = {"schemas": [each.schema for each in wanted], "names": [each.name for each in wanted]}
    return {
        Definition(table=TableName(schema, table), kind=kind, name=name): state
        for schema, table, kind, name, state in connection.execute(query("opening_definitions"), values)
    }


def changes(source: Mapping[Definition, str], destination: Mapping[Definition, str]) -> list[Change]:
    """What the destination lacks to fire and check as the source does; both are in the names of the destination.

    A trigger that is disabled at the source stays so, and so does a foreign key that is not validated there.

    >>> table = TableName("s", "t")
    >>> trigger, key = (Definition(table=table, kind=kind, name="x") for kind in ("trigger", "foreign key"))
    >>> for each in changes({trigger: "A", key: "V"}, {trigger: "D", key: "N"}): print(each.statement, [each.undo])
    ALTER TABLE "s"."t" ENABLE ALWAYS TRIGGER "x" ['ALTER TABLE "s"."t" DISABLE TRIGGER "x"']
    ALTER TABLE "s"."t" VALIDATE CONSTRAINT "x" ['']
    """
    found = []
    for definition, state in destination.items():
        wanted = source.get(definition)
        table = f"ALTER TABLE {quote(definition.table.schema)}.{quote(definition.table.name)}"
        name = quote(definition.name)
        if definition.kind == "foreign key":
            if (wanted, state) == ("V", "N"):
                statement = f"{table} VALIDATE CONSTRAINT {name}"
                found.append(Change(definition=definition, statement=statement, undo=""))
        elif wanted is not None and wanted != state and state == "D":
            kind = definition.kind.upper()
            statement, undo = (f"{table} {_STATES[each]} {kind} {name}" for each in (wanted, state))
            found.append(Change(definition=definition, statement=statement, undo=undo))
    return found
