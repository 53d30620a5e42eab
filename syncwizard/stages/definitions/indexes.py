"""While changes stream: the indexes that only readers need, one by one and CONCURRENTLY, those of pgvector last. Small
tables' B-trees are built by the dozen, in milliseconds.

Foreign keys are validated, and materialized views filled between the indexes of tables and their own. What the
destination refuses is listed as missing: the changes do not need it.
"""

import time
from collections.abc import Collection, Sequence

from syncwizard.errors import EndpointError, SyncwizardError, TaskFailed
from syncwizard.postgres.destination.definitions import Created, StatementRefused
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.indexes import ServerResources, choose_settings
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.index_progress import watched_builds
from syncwizard.stages.definitions.phases import create_batches, held_back, leave_out, outdated, report, still_wanted
from syncwizard.stages.definitions.quick import is_quick
from syncwizard.stages.definitions.refused import settle, work_off
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.plan import Plan
from syncwizard.structure.planned import VALIDATIONS, PlannedStatement
from syncwizard.task.events import Noticed
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.text import counted

# A concurrent build can be the victim of a deadlock, or find the disk or the memory full for a while. It begins
# again by itself: its trouble must not stop the changes that are applied beside it.
ATTEMPTS = 6
FIRST_PAUSE_SECONDS = 2.0
CONNECTION_LOST = ("08", "57P")
BUILDER_SECONDS = 1.0
INDEXES_A_TRANSACTION = 50
# Shorter than the server's deadlock_timeout of 1 s: where changes and builds wait for each other, the builds give way.
SHORT_LOCK_MILLISECONDS = 500


def run(context: Context) -> str:
    """Builds the remaining indexes. A run after a kill skips the finished ones and builds a half-made one again."""
    plan = read_plan(context)
    if plan is None:
        return "not part of this task"
    wanted = [each for each in plan.of("indexes") if not held_back(context, each)]
    statements = [each for each in wanted if not _lacks_key(context, plan, each)]
    refused: list[StatementRefused] = []
    with context.destination("indexes") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
            done = destination.definitions.read_done()
        todo = leave_out(context, destination, [each for each in statements if each.position not in done])
        refused = still_wanted(context, destination, build(context, destination, todo))
        settle(context, destination, refused)
    built = sum(1 for statement in statements if statement.kind == "index")
    failed = sum(1 for each in refused if each.statement.kind == "index")
    return f"{counted(built - failed, 'index', 'indexes')} built"


def build(context: Context, destination: Destination, statements: Sequence[PlannedStatement]) -> list[StatementRefused]:
    """Creates statements of any phase beside the stream, indexes without locking their tables; what stays refused."""
    with translated("destination", "reading its resources"):
        resources = destination.indexes.read_resources()
        small = destination.tables.small(each.table for each in statements if each.concurrent and each.table)

    def attempt(waiting: Sequence[PlannedStatement]) -> list[StatementRefused]:
        refused: list[StatementRefused] = []
        left = len(waiting)
        for group in small_together(waiting, small):
            if len(group) > 1 and _build_at_once(context, destination, group):
                left -= len(group)
                continue
            for statement in group:
                left -= 1
                context.sample(Sample(indexes_waiting=left))
                if statement.concurrent:
                    refused += _build(context, destination, statement, resources)
                else:
                    refused += create_batches(context, destination, [statement])
        return refused

    with watched_builds(context, destination):
        refused = work_off(statements, attempt)
    _drop_outdated(context, destination, statements)
    return refused


def _drop_outdated(context: Context, destination: Destination, built: Sequence[PlannedStatement]) -> None:
    """Drops what the source has lost while it was built: when that was followed there was nothing to drop."""
    with translated("destination", "dropping indexes that the source has no more"):
        for each in outdated(context, destination, [each for each in built if each.kind == "index"]):
            if each.index and each.table and destination.indexes.state(each.index, each.table) != "missing":
                destination.indexes.drop(each.index)


def small_together(
    statements: Sequence[PlannedStatement], small: Collection[TableName]
) -> list[list[PlannedStatement]]:
    """The statements in order, indexes of small tables that follow each other together."""
    groups: list[list[PlannedStatement]] = []
    closed = True
    for statement in statements:
        alone = not is_quick(statement) or statement.table not in small
        if alone or closed or len(groups[-1]) >= INDEXES_A_TRANSACTION:
            groups.append([])
        groups[-1].append(statement)
        closed = alone
    return groups


def _build_at_once(context: Context, destination: Destination, statements: Sequence[PlannedStatement]) -> bool:
    """Builds indexes of small tables in one transaction, which keeps changes waiting for milliseconds; whether it
    could. What else is on the way, locks or a half-made index, is looked after one by one."""
    doing = f"building {counted(len(statements), 'index', 'indexes')}"
    tables = {each.table for each in statements if each.table}
    try:
        with interruptible(context, destination.connection, "destination", doing):
            # They may have grown while others were built.
            if destination.tables.small(tables) != tables:
                return False
            created = destination.definitions.create(statements, SHORT_LOCK_MILLISECONDS)
    except StatementRefused:
        return False
    except EndpointError as error:
        if not error.sqlstate or error.sqlstate.startswith(CONNECTION_LOST):
            raise
        return False
    report(context, created)
    return True


def _lacks_key(context: Context, plan: Plan, statement: PlannedStatement) -> bool:
    """Whether it validates a constraint that is missing: both are tried again together."""
    if statement.kind not in VALIDATIONS:
        return False
    key = next((each for each in plan.statements if statement.validates(each)), None)
    return key is not None and any(each.is_of(key.kind, key.name) for each in context.state().missing_definitions)


def _build(
    context: Context, destination: Destination, statement: PlannedStatement, resources: ServerResources
) -> list[StatementRefused]:
    """One index, whatever an earlier run left of it; its refusal, if any. A concurrent build cannot be in a
    transaction with its row."""
    started = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            doing = f"building index {statement.name}"
            # Trouble at the other end must not cost hours of a build.
            with interruptible(context, destination.connection, "destination", doing, outlives_attempt=True):
                _build_once(context, destination, statement, resources)
                destination.definitions.mark_done([statement])
            break
        except TaskFailed as error:
            return [_refusal(context, destination, statement, error)]
        except EndpointError as error:
            if not error.sqlstate or error.sqlstate.startswith(CONNECTION_LOST):
                raise
            if attempt == ATTEMPTS:
                return [_refusal(context, destination, statement, error)]
            context.record(
                Noticed(level="warning", message=f"index {statement.name} will be built again: {error.detail}")
            )
            context.cancellation.wait(FIRST_PAUSE_SECONDS * 2**attempt)
    report(context, [Created(statement=statement, seconds=time.monotonic() - started)])
    return []


def _refusal(
    context: Context, destination: Destination, statement: PlannedStatement, error: SyncwizardError
) -> StatementRefused:
    """The refusal of an index; what the build left of it costs each change of its table, and goes."""
    if statement.index is not None and statement.table is not None:
        with translated("destination", f"dropping what is left of index {statement.name}"):
            if destination.indexes.state(statement.index, statement.table) == "invalid":
                destination.indexes.drop(statement.index)
    return StatementRefused(statement, error.detail, error.sqlstate)


def _wait_for_builder(context: Context, destination: Destination, index: ObjectName, table: TableName) -> None:
    """Waits while the server still builds the index for a client that was killed or cut off."""
    builder = destination.indexes.builder(index, table)
    if builder is None:
        return
    context.record(
        Noticed(
            level="info",
            message=f"index {index.name} on {table} is being built by process {builder} of the destination already,"
            " waiting for it",
        )
    )
    while destination.indexes.builder(index, table) is not None:
        context.cancellation.wait(BUILDER_SECONDS)


def _build_once(
    context: Context, destination: Destination, statement: PlannedStatement, resources: ServerResources
) -> None:
    assert statement.index is not None
    assert statement.table is not None
    _wait_for_builder(context, destination, statement.index, statement.table)
    state = destination.indexes.state(statement.index, statement.table)
    if state == "valid":
        return
    if state == "invalid":
        destination.indexes.drop(statement.index)
    needed = destination.indexes.needed_memory(statement)
    settings = choose_settings(resources, needed, vector=statement.vector, method=statement.method)
    destination.indexes.build(statement, settings)
