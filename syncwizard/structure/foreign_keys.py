"""Foreign keys are there at once and validated beside the stream: a row that breaks one may be right a change later."""

import msgspec

from syncwizard.structure.statements import Statement
from syncwizard.task.names import quote

NOT_VALID = " NOT VALID"
NOT_ENFORCED = "NOT ENFORCED"


def validated_later(statement: Statement, *, partitioned: bool) -> list[Statement]:
    """The statement, a foreign key that holds at the source as two: without a look at the rows, and that look.

    `partitioned`: the destination takes that form on partitioned tables too.
    """
    if statement.kind != "foreign key" or statement.not_valid or statement.table is None:
        return [statement]
    if not (statement.only or partitioned) or NOT_ENFORCED in statement.text:
        return [statement]
    table = f"{quote(statement.table.schema)}.{quote(statement.table.name)}"
    validation = Statement(
        kind="foreign key validation",
        text=f"ALTER TABLE {table} VALIDATE CONSTRAINT {quote(statement.name.name)}",
        name=statement.name,
        table=statement.table,
        references=statement.references,
        optional=statement.optional,
    )
    return [msgspec.structs.replace(statement, text=statement.text + NOT_VALID), validation]
