"""What is compared with what: the relations of both ends that hold the rows of one table, and their columns."""

from collections.abc import Iterable, Mapping

import msgspec

from syncwizard.postgres.comparing import Expression, Reading, image, read_senders
from syncwizard.postgres.session.connection import Connection
from syncwizard.stages.targets import Targets
from syncwizard.structure.table import Column, Table
from syncwizard.task.names import TableName

Senders = Mapping[tuple[int, str], str]


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the source, or several partitions whose rows one partitioned table of the destination holds.

    `reason`: why it cannot be compared; then there is nothing to read.
    """

    table: TableName
    rows: int = 0
    relations: tuple[int, ...] = ()
    source: tuple[Reading, ...] = ()
    destination: tuple[Reading, ...] = ()
    key_columns: tuple[str, ...] = ()
    reason: str = ""


class _Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of one unit. `target`: the destination's, whose shape stands for those of its partitions."""

    sources: tuple[Table, ...]
    targets: tuple[Table, ...]
    target: Table


def make_units(tables: Iterable[Table], targets: Targets, source: Connection, destination: Connection) -> list[Unit]:
    """The units of the tables, the largest first; `tables` are those of the source that hold rows."""
    units, pairings = [], []
    for group in _groups(tables, targets):
        if isinstance(group, Unit):
            units.append(group)
        else:
            pairings.append(group)
    ours = read_senders(source, [table.oid for pairing in pairings for table in pairing.sources])
    theirs = read_senders(destination, [table.oid for pairing in pairings for table in pairing.targets])
    units += [_unit(pairing, targets, ours, theirs) for pairing in pairings]
    return sorted(units, key=lambda unit: -unit.rows)


def _groups(tables: Iterable[Table], targets: Targets) -> list[Unit | _Pairing]:
    """Partitions whose rows go through their root at the destination belong together with all others of their tree."""
    trees: dict[TableName, list[tuple[Table, Table]]] = {}
    found: list[Unit | _Pairing] = []
    for table in tables:
        target = targets.find(table)
        if target is None:
            found.append(Unit(table=table.name, reason=f"table {targets.mapping.table(table.name)} is not there"))
        else:
            trees.setdefault(target.root, []).append((table, target))
    for root, members in trees.items():
        if not any(target.partitioned for _, target in members):
            found += [_Pairing(sources=(table,), targets=(target,), target=target) for table, target in members]
            continue
        leaves = tuple(each for each in targets.there.values() if each.root == root and not each.partitioned)
        found.append(_Pairing(sources=tuple(table for table, _ in members), targets=leaves, target=targets.there[root]))
    return found


def _unit(pairing: _Pairing, targets: Targets, ours: Senders, theirs: Senders) -> Unit:
    first = pairing.sources[0]
    table = first.root if len(pairing.sources) > 1 or pairing.target.partitioned else first.name
    columns = _columns(first, pairing.target, targets)
    if isinstance(columns, str):
        return Unit(table=table, reason=columns)
    key = _key(first, pairing.target, columns, targets)
    # The form has to be the same at both ends and in all partitions, in which users' types may differ.
    binary = {
        here.name
        for here, there in columns
        if here.type == there.type
        and not here.textual
        and all((each.oid, here.name) in ours for each in pairing.sources)
        and all((each.oid, there.name) in theirs for each in pairing.targets)
    }
    return Unit(
        table=table,
        rows=sum(each.estimated_rows for each in pairing.sources),
        relations=tuple(each.oid for each in pairing.sources),
        source=tuple(
            _reading(each, [here for here, _ in columns], [here for here, _ in key], ours, binary)
            for each in pairing.sources
        ),
        destination=tuple(
            _reading(
                each, [there for _, there in columns], [there for _, there in key], theirs, _mapped(columns, binary)
            )
            for each in pairing.targets
        ),
        key_columns=tuple(here.name for here, _ in key),
    )


def _mapped(columns: list[tuple[Column, Column]], names: set[str]) -> set[str]:
    return {there.name for here, there in columns if here.name in names}


def _columns(source: Table, target: Table, targets: Targets) -> list[tuple[Column, Column]] | str:
    """The columns of both ends that hold the same values; or why they cannot be compared."""
    there = {column.name: column for column in target.columns}
    pairs = []
    edited = targets.mapping.edited(source.name, source.root)
    for column in source.columns:
        if not targets.mapping.travels(edited, column.name):
            continue
        if column.generated == "v":
            # Computed when it is read, of columns that are compared.
            continue
        found = there.get(targets.mapping.column(edited, column.name))
        if found is None and column.generated:
            # It goes with a column that is left out.
            continue
        if found is None:
            return f"column {column.name} is not at the destination"
        pairs.append((column, found))
    return pairs


def _key(
    source: Table, target: Table, columns: list[tuple[Column, Column]], targets: Targets
) -> list[tuple[Column, Column]]:
    """The columns of a unique index that both ends have, by which rows are named; none where there is none."""
    names = {here.name: found.name for here, found in columns}
    there = {frozenset(index.columns) for index in target.keys(column.name for column in target.columns)}
    for index in source.keys(names):
        if frozenset(names[name] for name in index.columns) in there:
            return [pair for name in index.columns for pair in columns if pair[0].name == name]
    return []


def _reading(table: Table, columns: list[Column], key: list[Column], senders: Senders, binary: set[str]) -> Reading:
    def expression(column: Column) -> Expression:
        return image(column.name, senders.get((table.oid, column.name)) if column.name in binary else None)

    return Reading(
        relation=table.name,
        oid=table.oid,
        images=tuple(map(expression, columns)),
        key=tuple(map(expression, key)),
        key_columns=tuple(column.name for column in key),
        condition=table.condition,
    )
