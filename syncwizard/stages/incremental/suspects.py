"""Captured tables whose rows the stream cannot bring in step, or may not have: which are to be set aside."""

from collections.abc import Iterable, Sequence

from syncwizard.postgres.captured import Member
from syncwizard.postgres.catalog.tables import read_types
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.continuity import find_relations
from syncwizard.postgres.source.lineage import Altered, parents
from syncwizard.remedies import resync
from syncwizard.task.events import TableSetAside
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName


def of_anew(table: TableName, task: str) -> TableSetAside:
    """A table that was dropped, and another one made under its name."""
    return TableSetAside(
        table=table,
        reason="it was dropped and created anew at the source, and the new one is not captured",
        remedy=resync(task, [table], "let the table at the destination be as that at the source is"),
        anew=True,
    )


def altered_at_both(
    source: Connection, destination: Destination, altered: Iterable[Altered], mapping: Mapping
) -> list[Altered]:
    """Those whose column has the new type at the destination, too: who altered both knows what with."""
    found = list(altered)
    types = read_types(source, [each.type for each in found])
    schemas = sorted({mapping.table(each.member.table).schema for each in found})
    there = {table.name: table for table in destination.tables.read(schemas, sizes=False)} if schemas else {}
    likewise = []
    for each in found:
        table = there.get(mapping.table(each.member.table))
        column = mapping.column(each.member.table, each.column)
        now = next((known.type for known in table.columns if known.name == column), None) if table else None
        facts = types.get(each.type)
        if facts is not None and facts.type == now:
            likewise.append(each)
    return likewise


def of_altered(
    source: Connection, altered: Iterable[Altered], members: Sequence[Member], task: str
) -> list[TableSetAside]:
    """Tables whose values may be others, partitions with their whole tree."""
    tops = {member.relation: _top(member) for member in members}
    trees: dict[int, list[Altered]] = {}
    for each in altered:
        trees.setdefault(tops[each.member.relation], []).append(each)
    names = find_relations(source, list(trees))
    events = []
    for top, found in trees.items():
        tree = [member.table for member in members if tops[member.relation] == top]
        table = names.get(top, tree[0])
        columns = dict.fromkeys(each.column for each in found)
        events.append(
            TableSetAside(
                table=table,
                tables=sorted(name for name in tree if name != table),
                reason="; ".join(dict.fromkeys(each.message for each in found)),
                remedy=resync(
                    task, [table], *(f"give column {column} that type at the destination, too" for column in columns)
                ),
            )
        )
    return events


def _top(member: Member) -> int:
    """The OID of the partitioned table it belongs to, its own where it is no partition."""
    above = parents(member.traits.attachment) if member.traits is not None else []
    return above[-1] if above else member.relation
