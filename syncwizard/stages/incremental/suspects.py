"""Captured tables whose rows the stream cannot bring in step, or may not have: which are to be set aside."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from syncwizard.postgres.captured import Member, parents
from syncwizard.postgres.catalog.tables import read_types
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.continuity import find_relations
from syncwizard.postgres.source.lineage import Altered, Loss
from syncwizard.remedies import or_else, resync
from syncwizard.rows.misfits import Spared
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


def of_spared(spared: Spared, task: str) -> TableSetAside:
    """A partitioned table of which some partitions were truncated, and whose rows cannot be told apart by them."""
    return TableSetAside(
        table=spared.root,
        tables=sorted(spared.tree - {spared.root}),
        reason=spared.reason,
        remedy=resync(task, [spared.root]),
    )


def of_unreadable(table: TableName, why: str, task: str, *, followed: bool) -> TableSetAside:
    """A table whose condition or script is made for what it is like by now, and not for rows that come first."""
    return TableSetAside(
        table=table,
        reason=f"rows come as they were before a change of the table: {why}",
        remedy=resync(task, [table]),
        redefined=followed,
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


class _Found(NamedTuple):
    """Why rows differ, what is to be done at the destination first, and under which name the table was captured."""

    reason: str
    first: str
    captured: TableName


def of_differing(
    source: Connection, lost: Iterable[Loss], altered: Iterable[Altered], members: Sequence[Member], task: str
) -> list[TableSetAside]:
    """Tables whose rows differ, or may, partitions with their whole tree."""
    found: dict[int, list[_Found]] = {}
    for loss in lost:
        # What is in another tree now is in neither as it should be.
        for top in dict.fromkeys([loss.member.top, *parents(loss.attachment)[-1:]]):
            found.setdefault(top, []).append(_Found(loss.reason, loss.first, loss.member.table))
    for each in altered:
        step = f"give column {each.column} that type at the destination, too"
        found.setdefault(each.member.top, []).append(_Found(each.message, step, each.member.table))
    trees: dict[int, set[TableName]] = {top: {each.captured for each in of_tree} for top, of_tree in found.items()}
    for member in members:
        if (tree := trees.get(member.top)) is not None:
            tree.add(member.table)
    names = find_relations(source, list(found))
    events = []
    for top, of_tree in found.items():
        table = names.get(top) or min(trees[top])
        events.append(
            TableSetAside(
                table=table,
                tables=sorted(trees[top] - {table}),
                reason="; ".join(dict.fromkeys(each.reason for each in of_tree)),
                remedy=resync(task, [table], *dict.fromkeys(each.first for each in of_tree if each.first)),
            )
        )
    return events


def of_renamed(
    source: Connection, renamed: Iterable[tuple[TableName, TableName]], members: Sequence[Member], task: str
) -> list[TableSetAside]:
    """Tables that have other names than they were captured under, partitions with their whole tree. What is named so
    now belongs to it: two whose names were swapped are copied again together."""
    captured = {member.table: member for member in members}
    found: dict[int, list[tuple[TableName, TableName]]] = {}
    for before, now in renamed:
        found.setdefault(captured[before].top, []).append((before, now))
    roots = find_relations(source, list(found))
    events = []
    for top, pairs in found.items():
        tree = {member.table for member in members if member.top == top}
        table = next((member.table for member in members if member.relation == top), roots.get(top) or min(tree))
        what = [f"{'it' if before == table else before} is named {now} now" for before, now in pairs]
        events.append(
            TableSetAside(
                table=table,
                tables=sorted((tree | {now for _, now in pairs}) - {table}),
                reason="; ".join(what),
                remedy=or_else(
                    resync(task, [table], "name it as before"),
                    resync(
                        task,
                        (),
                        "to go on under the new name, let the table at the destination be as that at the source is",
                    ),
                ),
            )
        )
    return events


def names_of(events: Iterable[TableSetAside]) -> frozenset[TableName]:
    """Every name of tables that are set aside."""
    return frozenset(name for event in events for name in event.names)
