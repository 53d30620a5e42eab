"""Which tables are copied again by a task of their own, beside the changes of the others, and that task. Pure."""

import uuid

import msgspec

from syncwizard.task.alerting import Alerts
from syncwizard.task.events import ResyncRequested
from syncwizard.task.mapping import Mapping
from syncwizard.task.modification import of_tables
from syncwizard.task.monitoring import Metrics
from syncwizard.task.scheduling import Scheduled
from syncwizard.task.specification import Synchronization, TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.validation import NAME_CHARACTERS

SUFFIX = "-beside"
# A smaller copy takes less time than another engine, slot and stream would.
LEAST_BYTES = 256 * 1024 * 1024
replace = msgspec.structs.replace


def beside_name(name: str) -> str:
    """What the task is called that copies tables for another one.

    >>> beside_name("kb")
    'kb-beside'
    """
    return name[: NAME_CHARACTERS - len(SUFFIX)] + SUFFIX


def is_copied_beside(spec: TaskSpec, state: TaskState, order: ResyncRequested) -> bool:
    """Whether an order is carried out beside the changes of the other tables.

    Not where there would be none, nor where what a copy leaves or replaces is not the table's alone: rows of others in
    one table, rows that were there before, rows for which a script failed.

    >>> from syncwizard.task.events import TableToCopy
    >>> from syncwizard.task.names import TableName
    >>> from syncwizard.task.objects import SchemaObjects
    >>> from syncwizard.task.specification import Endpoint
    >>> spec = TaskSpec(name="t", source=Endpoint(), destination=Endpoint(), objects=[SchemaObjects(schema="kb")])
    >>> table = TableToCopy(table=TableName("kb", "tags"), rows=1, bytes=1 << 30)
    >>> order = ResyncRequested(id=uuid.UUID(int=1), tables=[table], whole=False, intact=True)
    >>> is_copied_beside(spec, TaskState(), order), is_copied_beside(spec, TaskState(), replace(order, whole=True))
    (True, False)
    >>> small = replace(order, tables=[replace(table, bytes=1)])
    >>> is_copied_beside(spec, TaskState(), small)
    False
    """
    wish = spec.advanced.copy_again
    plain = order.intact and not (order.whole or order.heals or order.modifies)
    if wish == "held" or not plain or not order.tables or state.beside is not None:
        return False
    # Two streams of all tables of the database would be read there.
    if spec.advanced.decoding == "test_decoding":
        return False
    if spec.synchronization.conflicts == "ignore" or spec.advanced.etl_errors == "dead-letter":
        return False
    mapping = Mapping.of(spec)
    if any(mapping.merged(each.table) for each in order.tables):
        return False
    return wish == "beside" or sum(each.bytes for each in order.tables) >= LEAST_BYTES


def beside_spec(spec: TaskSpec, order: ResyncRequested) -> TaskSpec:
    """The task, with an id of its own, that copies the tables of an order and keeps them in step.

    Definitions are the first task's to follow; so are alerts and comparisons.

    >>> from syncwizard.task.events import TableToCopy
    >>> from syncwizard.task.names import TableName
    >>> from syncwizard.task.objects import SchemaObjects
    >>> from syncwizard.task.specification import Endpoint
    >>> spec = TaskSpec(name="t", source=Endpoint(), destination=Endpoint(), objects=[SchemaObjects(schema="kb")])
    >>> table = TableToCopy(table=TableName("kb", "tags"), rows=1, bytes=1)
    >>> beside = beside_spec(spec, ResyncRequested(id=uuid.UUID(int=1), tables=[table], whole=False))
    >>> beside.name, beside.synchronization.types, [each.table for each in beside.objects[0].tables]
    ('t-beside', ['full', 'incremental'], ['tags'])
    """
    part = of_tables(spec, [each.table for each in order.tables])
    return replace(
        part,
        id=uuid.uuid4(),
        name=beside_name(spec.name),
        synchronization=Synchronization(types=["full", "incremental"]),
        # An index that it dropped would be missing for good, were the copy given up.
        advanced=replace(
            spec.advanced,
            # One that it dropped would be missing for good, were the copy given up.
            vector_indexes="keep",
            metrics=Metrics(),
            alerts=Alerts(),
            verification=Scheduled(),
            ddl="off",
            failover_slot="off",
        ),
    )
