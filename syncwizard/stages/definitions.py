"""Works off planned statements at the destination; what the stages schema, keys, constraints and indexes share."""

from collections.abc import Sequence

from syncwizard.postgres.connection import Connection, translated
from syncwizard.postgres.destination.definitions import Created, create, read_done
from syncwizard.stages.context import Context
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.events import StatementFinished, StatementSkipped

# A few hundred definitions a transaction: the commit is not what takes the time, and the locks of one
# transaction fit into the server's table.
STATEMENTS_A_TRANSACTION = 200
# Statements that go through the rows may take hours: each is kept as soon as it is done.
LONG_KINDS = frozenset(
    {
        "primary key",
        "unique constraint",
        "unique index",
        "exclusion constraint",
        "foreign key",
        "index",
        "check constraint",
    }
)
REPORTED_KINDS = LONG_KINDS | {"table", "statistics"}


def create_phase(context: Context, destination: Connection, statements: Sequence[PlannedStatement]) -> int:
    """Creates those that are not there yet, in order; returns how many. A pause ends the running statement."""
    with translated("destination", "reading what is done"):
        done = read_done(destination, context.task_id)
    todo = [statement for statement in statements if statement.position not in done]
    for batch in batches(todo):
        with interruptible(context, destination, "destination", f"creating {batch[0].kind} {batch[0].name}"):
            created = create(destination, context.task_id, batch)
        report(context, created)
    return len(todo)


def batches(statements: Sequence[PlannedStatement]) -> list[list[PlannedStatement]]:
    """The statements in order, cut into transactions: long ones alone."""
    cut: list[list[PlannedStatement]] = []
    for statement in statements:
        alone = statement.kind in LONG_KINDS
        full = not cut or len(cut[-1]) >= STATEMENTS_A_TRANSACTION or cut[-1][-1].kind in LONG_KINDS
        if alone or full:
            cut.append([])
        cut[-1].append(statement)
    return cut


def report(context: Context, created: Sequence[Created]) -> None:
    """Puts what was created, and what was refused, into the journal."""
    for entry in created:
        statement = entry.statement
        if entry.refused:
            context.record(
                StatementSkipped(kind=statement.kind, name=statement.name, reason=f"refused: {entry.refused}")
            )
        elif statement.kind in REPORTED_KINDS:
            context.record(StatementFinished(kind=statement.kind, name=statement.name, seconds=entry.seconds))
