"""Works off planned statements at the destination; what the stages schema, keys, constraints and indexes share."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial

from syncwizard.postgres.destination.definitions import Created, StatementRefused
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.refused import Attempt, report_missing, settle, work_off
from syncwizard.stages.interruptible import interruptible
from syncwizard.stages.relations import aside_at_destination
from syncwizard.structure.definition import part_names
from syncwizard.structure.planned import VALIDATIONS, PlannedStatement
from syncwizard.task.events import StatementFinished, StatementSkipped
from syncwizard.task.names import TableName

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
        *VALIDATIONS,
        "index",
        "check constraint",
        "materialized view refresh",
    }
)
# Of these, what goes through the rows of its own table alone.
BUILDS = frozenset({"primary key", "unique constraint", "unique index", "index"})
# What a followed definition has.
OF_TABLES = LONG_KINDS - {"materialized view refresh"}
# The SQLSTATEs of duplicate objects, tables and functions; and of a column that is gone, which is looked for first.
THERE_ALREADY = ("42710", "42P07", "42723", "42703")
REPORTED_KINDS = LONG_KINDS | {"table", "statistics"}


def create_phase(
    context: Context,
    destination: Destination,
    statements: Sequence[PlannedStatement],
    attempt: Attempt | None = None,
) -> int:
    """Creates those that are not there yet, in order unless `attempt` knows better; returns how many. A pause ends the
    running statement.

    Refused ones are tried again after the others; what is refused then is listed as missing. Raises StatementRefused
    where rows cannot do without it.
    """
    with translated("destination", "reading what is done"):
        done = destination.definitions.read_done()
    todo = leave_out(context, destination, [each for each in statements if each.position not in done])
    refused = work_off(todo, attempt or partial(create_batches, context, destination))
    settle(context, destination, still_wanted(context, destination, refused))
    return len(todo) - len(refused)


def create_batches(
    context: Context,
    destination: Destination,
    statements: Sequence[PlannedStatement],
    small: Collection[TableName] = (),
) -> list[StatementRefused]:
    """Creates the statements, each whatever becomes of the others; the refusals. Those of `small` tables, which are
    done at once whatever their kind, share transactions."""
    return [refused for batch in batches(statements, small) for refused in create_together(context, destination, batch)]


def leave_out(context: Context, destination: Destination, left: Sequence[PlannedStatement]) -> list[PlannedStatement]:
    """The statements without those that are not to be created any more, which are noted, and those of tables that are
    set aside, which come when these join again: rows of two moments need not fit together."""
    left = [each for each in left if not held_back(context, each)]
    changed = _changed_meanwhile(context, destination, left)
    without = {
        statement.position: reason
        for statement in left
        if (reason := _why_without(context, statement) or changed.get(statement.position, ""))
    }
    _note_left_out(context, destination, [statement for statement in left if statement.position in without], without)
    return [statement for statement in left if statement.position not in without]


def still_wanted(
    context: Context, destination: Destination, refused: Sequence[StatementRefused]
) -> list[StatementRefused]:
    """The refusals without those of what the source has lost since its turn came, which are noted."""
    statements = [each.statement for each in refused]
    changed = _changed_meanwhile(context, destination, statements)
    _note_left_out(context, destination, [each for each in statements if each.position in changed], changed)
    return [each for each in refused if each.statement.position not in changed]


def outdated(
    context: Context, destination: Destination, statements: Sequence[PlannedStatement]
) -> list[PlannedStatement]:
    """Those for constraints and indexes that the source has no more, as far as that was followed."""
    changed = _changed_meanwhile(context, destination, statements)
    return [each for each in statements if each.position in changed]


def held_back(context: Context, statement: PlannedStatement) -> bool:
    """Whether it waits for a table that is set aside. Its key is what it may join again with."""
    if statement.phase == "keys":
        return False
    return bool(aside_at_destination(context).intersection((statement.table, statement.references)))


def excluded(context: Context, statement: PlannedStatement) -> bool:
    """Whether the task excludes the object now, though it is in the plan: the user chose to do without it."""
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
    tables = (statement.source_table, statement.source_references or statement.references)
    gone = [table for table in tables if table in context.state().dropped]
    if statement.references is not None and gone:
        # Its rows are those of another moment than the other table's.
        return f"{gone[0]} was dropped at the source"
    return ""


def _changed_meanwhile(
    context: Context, destination: Destination, statements: Sequence[PlannedStatement]
) -> dict[int, str]:
    """The statements for constraints and indexes that the source has no more, as far as that was followed, or has under
    another name, under which they were made then; with the reason, by position."""
    wanted = [each for each in statements if each.kind in OF_TABLES and each.source_table and each.source_object]
    if context.spec.advanced.ddl != "follow" or not wanted:
        return {}
    with translated("destination", "reading what is followed"):
        followed = {TableName(each.schema, each.name): each for each in destination.followed.read().values()}
        log = destination.followed.read_log(0)
    left = {event.table: event.kind for event in log if event.kind in ("renamed", "dropped")}
    if context.spec.advanced.dropped_tables != "drop":
        left = {table: kind for table, kind in left.items() if kind == "renamed"}
    found: dict[int, str] = {}
    for each in wanted:
        assert each.source_table is not None
        definition = followed.get(each.source_table)
        if definition is None and each.source_table in left:
            found[each.position] = f"{each.source_table} was {left[each.source_table]} at the source"
        elif definition is not None and each.source_object not in part_names(definition):
            found[each.position] = "it was dropped or renamed at the source"
    return found


def _note_left_out(
    context: Context, destination: Destination, statements: Sequence[PlannedStatement], reasons: Mapping[int, str]
) -> None:
    if not statements:
        return
    for statement in statements:
        reason = reasons[statement.position]
        context.record(StatementSkipped(kind=statement.kind, name=statement.name, reason=reason))
    with translated("destination", "noting what is left out"):
        destination.definitions.mark_done(statements)


def create_together(
    context: Context, destination: Destination, batch: Sequence[PlannedStatement]
) -> list[StatementRefused]:
    """Creates what the destination takes, in one transaction, and one by one where that refuses some of it."""
    try:
        with interruptible(context, destination.connection, "destination", f"creating {batch[0].kind} {batch[0].name}"):
            created = destination.definitions.create(batch)
    except StatementRefused as refusal:
        if len(batch) > 1:
            return [refused for statement in batch for refused in create_together(context, destination, [statement])]
        if not _made_by_hand(context, destination, refusal):
            return [refusal]
        created = [Created(statement=refusal.statement, seconds=0.0)]
    report(context, created)
    return []


def _made_by_hand(context: Context, destination: Destination, refusal: StatementRefused) -> bool:
    """Whether the statement was refused because what it makes is there, which is noted."""
    if refusal.sqlstate not in THERE_ALREADY:
        return False
    with translated("destination", "looking for what is there"):
        found = destination.definitions.is_there(refusal.statement)
        if found:
            destination.definitions.mark_done([refusal.statement])
    return found


def batches(statements: Sequence[PlannedStatement], small: Collection[TableName] = ()) -> list[list[PlannedStatement]]:
    """The statements in order, cut into transactions: long ones alone, but for those of `small` tables."""
    cut: list[list[PlannedStatement]] = []
    closed = True
    for statement in statements:
        alone = statement.kind in LONG_KINDS and not (statement.kind in BUILDS and statement.table in small)
        if alone or closed or len(cut[-1]) >= STATEMENTS_A_TRANSACTION:
            cut.append([])
        cut[-1].append(statement)
        closed = alone
    return cut


def report(context: Context, created: Sequence[Created]) -> None:
    """Puts what was created, and what was refused, into the journal."""
    missing = {(each.kind, each.name) for each in context.state().missing_definitions}
    settings: dict[str, list[Created]] = {}
    finished: list[StatementFinished] = []
    for entry in created:
        statement = entry.statement
        if entry.refused and statement.kind == "column setting":
            settings.setdefault(entry.refused, []).append(entry)
        elif entry.refused:
            report_missing(context, [(entry.statement, entry.refused, entry.sqlstate)])
        elif statement.kind in REPORTED_KINDS or (statement.kind, statement.name) in missing:
            finished.append(StatementFinished(kind=statement.kind, name=statement.name, seconds=entry.seconds))
    if finished:
        context.record(*finished)
    # An option that the destination does not know may stand at every column: one fact for all of them.
    for refused in settings.values():
        report_missing(context, [(entry.statement, entry.refused, entry.sqlstate) for entry in refused])
