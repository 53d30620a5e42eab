"""CHECKs that must not run while rows are copied: taken from their tables, and made again once the rows are there."""

from collections.abc import Iterable

import msgspec

from syncwizard.structure.statements import Statement
from syncwizard.task.names import ObjectName, TableName, quote


class LateCheck(msgspec.Struct, frozen=True, kw_only=True):
    """A validated CHECK of the source: `definition` as pg_get_constraintdef writes it, `expression` what it evaluates.

    An `inherited` one comes with its parent's.
    """

    table: TableName
    name: str
    definition: str
    expression: str
    inherited: bool = False


def checked_later(statement: Statement, checks: Iterable[LateCheck]) -> list[Statement]:
    """The statement of a table without these of its CHECKs, and what makes them when the rows are there.

    Each is made where its expression can be evaluated for some row: then without a look at the others, which comes
    beside the stream. Otherwise changes could not be applied.
    """
    own = [check for check in checks if check.table == statement.table]
    if statement.kind != "table" or statement.table is None or not own:
        return [statement]
    table = f"{quote(statement.table.schema)}.{quote(statement.table.name)}"
    drops = [f";\nALTER TABLE {table} DROP CONSTRAINT IF EXISTS {quote(check.name)}" for check in own]
    made = [msgspec.structs.replace(statement, text=statement.text + "".join(drops))]
    for check in own:
        if check.inherited:
            continue
        name = ObjectName(statement.table.schema, check.name)
        text = f"SELECT ({check.expression}) FROM {table} LIMIT 1;\n"
        text += f"ALTER TABLE {table} ADD CONSTRAINT {quote(check.name)} {check.definition} NOT VALID"
        made.append(Statement(kind="check constraint", text=text, name=name, table=statement.table, not_valid=True))
        text = f"ALTER TABLE {table} VALIDATE CONSTRAINT {quote(check.name)}"
        made.append(Statement(kind="check constraint validation", text=text, name=name, table=statement.table))
    return made


def is_late(statement: Statement, checks: Iterable[LateCheck]) -> bool:
    """Whether the statement makes one of these CHECKs by itself, as pg_dump does where definitions need each other."""
    if statement.kind != "check constraint" or statement.not_valid:
        return False
    return any((check.table, check.name) == (statement.table, statement.name.name) for check in checks)
