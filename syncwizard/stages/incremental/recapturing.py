"""Capturing definitions again after event triggers, or what they write into, were dropped or disabled (rule 23)."""

from typing import NamedTuple

from syncwizard.postgres.captured import DDL_TABLE, Progress
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.ddl import (
    broken_parts,
    check_capture,
    may_capture,
    repair_ddl_capture,
    set_joining,
)
from syncwizard.postgres.source.definitions import last_captured, read_by_now
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.publication import join_publication
from syncwizard.remedies import resync
from syncwizard.rows.following import joining
from syncwizard.structure.compare import compare
from syncwizard.structure.definition import Definition
from syncwizard.task.events import TableSetAside
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec


class Recaptured(NamedTuple):
    """What was found: which parts were missing, tables whose definitions changed meanwhile, and, by OID, those that are
    not followed any more, dropped ones among them."""

    broken: list[str]
    aside: list[TableSetAside]
    lost: list[int]

    @property
    def message(self) -> str:
        """In words."""
        what = f"what captures definitions was made again ({', '.join(self.broken)})"
        if not self.aside:
            return f"{what}: no followed table changed meanwhile"
        return f"{what}: {', '.join(str(event.table) for event in self.aside)} changed meanwhile"


def recapture(
    source: Connection,
    destination: Destination,
    spec: TaskSpec,
    progress: Progress,
    definitions: dict[int, Definition],
    members: Members,
) -> Recaptured | None:
    """Makes what is missing at the source; None where nothing is. Raises SourceChanged where the account may not."""
    broken = broken_parts(source)
    if not broken:
        return None
    if not may_capture(source):
        check_capture(source, progress)
    anew = repair_ddl_capture(source, spec.slot)
    set_joining(source, spec.slot, joining(spec, Mapping.of(spec)))
    if anew:
        for member in members.all:
            if member.table == TableName(*DDL_TABLE):
                destination.ledger.forget_member(member.relation)
                members.forget(member.relation)
        joined = join_publication(source, spec.slot, TableName(*DDL_TABLE))
        destination.ledger.note_members([joined])
        members.note([joined])
    aside, lost = _missed(source, spec, definitions)
    return Recaptured(broken, aside, lost)


def _missed(
    source: Connection, spec: TaskSpec, definitions: dict[int, Definition]
) -> tuple[list[TableSetAside], list[int]]:
    """The followed tables whose definitions are not what the last captured command left, and those to forget."""
    now, last = read_by_now(source, list(definitions)), last_captured(source, list(definitions))
    names = [TableName(each.schema, each.name) for each in definitions.values()]
    aside, lost = [], []
    for relation, known in definitions.items():
        before, after = last.get(relation, known), now.get(relation)
        if after is None:
            lost.append(relation)
            continue
        target = TableName(after.schema, after.name)
        # A rewrite may have given rows other values: nothing says which command it was.
        if TableName(before.schema, before.name) == target and not compare(
            before, after, target, statement=None, known=names
        ):
            continue
        table = TableName(known.schema, known.name)
        lost.append(relation)
        aside.append(
            TableSetAside(
                table=table,
                reason="its definition changed while the event triggers were not there",
                remedy=resync(
                    spec.name, [table], "let the table at the destination have the columns and types of the source's"
                ),
            )
        )
    return aside, lost
