"""While changes stream: the indexes that only readers need, one by one and CONCURRENTLY, those of pgvector last.

Materialized views are filled between the indexes of tables and their own.
"""

import time

from syncwizard.errors import EndpointError
from syncwizard.postgres.destination.definitions import Created
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.destination.indexes import ServerResources, choose_settings
from syncwizard.postgres.session.trouble import translated
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.index_progress import watched_builds
from syncwizard.stages.definitions.phases import create_phase, excluded, report
from syncwizard.stages.definitions.schema import read_plan
from syncwizard.stages.interruptible import interruptible
from syncwizard.structure.planned import PlannedStatement
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


def run(context: Context) -> str:
    """Builds the remaining indexes. A run after a kill skips the finished ones and builds a half-made one again."""
    plan = read_plan(context)
    if plan is None:
        return "not part of this task"
    statements = plan.of("indexes")
    with context.destination("indexes") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
            resources = destination.indexes.read_resources()
            done = destination.definitions.read_done()
        left = [statement for statement in statements if statement.position not in done]
        with watched_builds(context, destination):
            for begun, statement in enumerate(left, start=1):
                context.sample(Sample(indexes_waiting=len(left) - begun))
                if statement.concurrent and not excluded(context, statement):
                    _build(context, destination, statement, resources)
                else:
                    create_phase(context, destination, [statement])
    built = sum(1 for statement in statements if statement.kind == "index")
    return f"{counted(built, 'index', 'indexes')} built"


def _build(context: Context, destination: Destination, statement: PlannedStatement, resources: ServerResources) -> None:
    """One index, whatever an earlier run left of it. A concurrent build cannot be in a transaction with its row."""
    started = time.monotonic()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            with interruptible(context, destination.connection, "destination", f"building index {statement.name}"):
                _build_once(context, destination, statement, resources)
                destination.definitions.mark_done([statement])
            break
        except EndpointError as error:
            lost = not error.sqlstate or error.sqlstate.startswith(CONNECTION_LOST)
            if lost or attempt == ATTEMPTS:
                raise
            context.record(
                Noticed(level="warning", message=f"index {statement.name} will be built again: {error.detail}")
            )
            context.cancellation.wait(FIRST_PAUSE_SECONDS * 2**attempt)
    report(context, [Created(statement=statement, seconds=time.monotonic() - started)])


def _wait_for_builder(context: Context, destination: Destination, index: ObjectName, table: TableName) -> None:
    """A server goes on building for a client that was killed or cut off: what it does is not done a second time."""
    builder = destination.indexes.builder(index, table)
    if builder is None:
        return
    context.record(
        Noticed(
            level="info",
            message=f"index {index.name} on {table} is being built by process {builder} of the destination already,"
            " which is waited for",
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
