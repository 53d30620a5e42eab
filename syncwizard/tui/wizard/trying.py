"""Filters and scripts of a draft, tried on real rows of its source before they are taken."""

from collections.abc import Callable

import msgspec

from syncwizard.client import credentials, probes
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.specification import TaskSpec
from syncwizard.task.trial import Trial
from syncwizard.tui.dialogs.trial import TrialDialog

AskedFor = Callable[[], tuple[TaskSpec, Handover]]


class Trials:
    """Makes the dialogs. `asked`: the draft as a specification by now, and the secrets that were typed."""

    def __init__(self, asked: AskedFor) -> None:
        self._asked = asked

    def of_table(self, table: TableName, choice: ObjectChoice, entry: TableObject) -> TrialDialog:
        """Of a table with another entry than it has in the choice."""
        spec, typed = self._asked()

        def begin(table: TableName, count: bool) -> probes.Probe[Trial]:
            return _probe(_alone(spec, choice, table, entry), typed, table, count)

        return TrialDialog([table], begin)

    def of_script(self, choice: ObjectChoice, script: str) -> TrialDialog:
        """Of any chosen table, with another script of the task than it has in the draft."""
        spec, typed = self._asked()
        spec = msgspec.structs.replace(spec, advanced=msgspec.structs.replace(spec.advanced, etl=script or None))

        def begin(table: TableName, count: bool) -> probes.Probe[Trial]:
            entry = choice.table(table.schema, table.name)
            return _probe(_alone(spec, choice, table, entry), typed, table, count)

        return TrialDialog(chosen_tables(choice), begin)


def chosen_tables(choice: ObjectChoice) -> list[TableName]:
    """The tables that rows are copied of, in the order of the tree."""
    return [
        TableName(each.schema, each.name)
        for schema in choice.schemas
        for each in choice.view(schema).chosen.get("table", ())
        if not each.obstacle
    ]


def _probe(spec: TaskSpec, typed: Handover, table: TableName, count: bool) -> probes.Probe[Trial]:
    return probes.trial(spec, credentials.collect(spec, typed), str(table), count=count)


def _alone(spec: TaskSpec, choice: ObjectChoice, table: TableName, entry: TableObject) -> TaskSpec:
    """The task with that table alone: the others of thousands need no look."""
    chosen = choice.schemas.get(table.schema)
    objects = SchemaObjects(
        schema=table.schema,
        name=None if chosen is None else chosen.name,
        operations=None if chosen is None else chosen.operations,
        rename=[] if chosen is None else list(chosen.rename),
        tables=[entry],
    )
    return msgspec.structs.replace(spec, objects=[objects])
