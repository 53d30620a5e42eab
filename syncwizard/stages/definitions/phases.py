"""Works off planned statements at the destination; what the stages schema, keys, constraints and indexes share."""

from collections.abc import Mapping, Sequence

from syncwizard.paths import TASK_FILE
from syncwizard.postgres.destination.definitions import Created, StatementRefused, create, mark_done, read_done
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import or_else, to_do
from syncwizard.stages.context import Context
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.events import DefinitionMissing, StatementFinished, StatementSkipped
from syncwizard.task.text import listed

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
        "materialized view refresh",
    }
)
REPORTED_KINDS = LONG_KINDS | {"table", "statistics"}
# Class 42, syntax error or access rule violation, holds all of the undefined-something errors.
MISSING_SOMETHING = "42"


def create_phase(context: Context, destination: Connection, statements: Sequence[PlannedStatement]) -> int:
    """Creates those that are not there yet, in order; returns how many. A pause ends the running statement.

    A refused one is tried again after the others: it may need what comes later (a function's body hides from
    pg_dump what it uses). Raises StatementRefused when that does not help.
    """
    with translated("destination", "reading what is done"):
        done = read_done(destination, context.task_id)
    left = [statement for statement in statements if statement.position not in done]
    without = {statement.position: reason for statement in left if (reason := _why_without(context, statement))}
    _leave_out(context, destination, [statement for statement in left if statement.position in without], without)
    todo = [statement for statement in left if statement.position not in without]
    waiting: Sequence[PlannedStatement] = todo
    while waiting:
        refused: list[StatementRefused] = []
        for batch in batches(waiting):
            refused += _create(context, destination, batch)
        if len(refused) == len(waiting):
            if _can_be_excluded(context, refused[0].statement):
                without_it = f"do without it: add its name to `exclude` in {context.folder / TASK_FILE}"
                refused[0].remedy = or_else(refused[0].remedy, to_do(without_it, then="resume"))
            raise refused[0]
        waiting = [refusal.statement for refusal in refused]
    return len(todo)


def _can_be_excluded(context: Context, statement: PlannedStatement) -> bool:
    """Whether it makes an object of its own in a schema that is selected whole."""
    whole = [entry.schema for entry in context.spec.objects if entry.whole]
    return statement.table is None and any(statement.name.startswith(f"{schema}.") for schema in whole)


def excluded(context: Context, statement: PlannedStatement) -> bool:
    """Whether the task excludes the object now, though it is in the plan: somebody chose to do without it."""
    for entry in context.spec.objects:
        for name in entry.exclude:
            whole = f"{entry.schema}.{name}"
            if (
                statement.name == whole
                or statement.name.startswith(f"{whole}(")
                or statement.name.endswith(f" on {whole}")
            ):
                return True
    return False


def _why_without(context: Context, statement: PlannedStatement) -> str:
    """Why a statement of the plan is not created any more; empty for one that is."""
    if excluded(context, statement):
        return "the task excludes it"
    gone = [table for table in (statement.table, statement.references) if table in context.state().dropped]
    if statement.references is not None and gone:
        # Its rows are those of another moment than the other table's.
        return f"{gone[0]} was dropped at the source"
    return ""


def _leave_out(
    context: Context, destination: Connection, statements: Sequence[PlannedStatement], reasons: Mapping[int, str]
) -> None:
    if not statements:
        return
    for statement in statements:
        reason = reasons[statement.position]
        context.record(StatementSkipped(kind=statement.kind, name=statement.name, reason=reason))
    with translated("destination", "noting what is left out"):
        mark_done(destination, context.task_id, statements)


def _create(context: Context, destination: Connection, batch: Sequence[PlannedStatement]) -> list[StatementRefused]:
    """Creates what the destination takes, in one transaction, and one by one where that refuses some of it."""
    try:
        with interruptible(context, destination, "destination", f"creating {batch[0].kind} {batch[0].name}"):
            created = create(destination, context.task_id, batch)
    except StatementRefused as refusal:
        if len(batch) > 1:
            return [refused for statement in batch for refused in _create(context, destination, [statement])]
        if refusal.statement.kind in LONG_KINDS and not refusal.sqlstate.startswith(MISSING_SOMETHING):
            # The rows are what it does not like: the same minutes or hours would end the same way.
            raise
        return [refusal]
    report(context, created)
    return []


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
    missing = {(each.kind, each.name) for each in context.state().missing_definitions}
    settings: dict[str, list[Created]] = {}
    for entry in created:
        statement = entry.statement
        if entry.refused and statement.kind == "column setting":
            settings.setdefault(entry.refused, []).append(entry)
        elif entry.refused:
            _report_missing(context, [entry])
        elif statement.kind in REPORTED_KINDS or (statement.kind, statement.name) in missing:
            context.record(StatementFinished(kind=statement.kind, name=statement.name, seconds=entry.seconds))
    # An option that the destination does not know may stand at every column: one fact for all of them.
    for refused in settings.values():
        _report_missing(context, refused)


def _report_missing(context: Context, refused: Sequence[Created]) -> None:
    """Definitions that were refused for one reason, as one fact."""
    first = refused[0]
    context.record(
        DefinitionMissing(
            kind=first.statement.kind,
            name=listed(entry.statement.name for entry in refused),
            reason=f"refused: {first.refused}",
            sqlstate=first.sqlstate,
            statements=[entry.statement.text for entry in refused],
        )
    )
