"""What is compared with what: the relations of both ends that hold the rows of one table, and their columns."""

from collections.abc import Iterable, Mapping

import msgspec

from syncwizard.postgres.comparing import Expression, Reading, hashes_portably, image, read_senders
from syncwizard.postgres.repairing import KeyColumn, Place, read_equalities
from syncwizard.postgres.session.connection import Connection
from syncwizard.rows.projection import RowRule
from syncwizard.stages.targets import Targets
from syncwizard.stages.verification.projected import NotComparable, Senders, readings
from syncwizard.structure.table import Column, Index, Table
from syncwizard.task.names import TableName
from syncwizard.task.verification import WHOLE

Rules = Mapping[TableName, RowRule]
OTHER_PARTITIONS = "its partitions are not those of the destination, and its rows change on their way"
# The columns of both ends that hold the same values.
ColumnPairs = list[tuple[Column, Column]]


class Unit(msgspec.Struct, frozen=True, kw_only=True):
    """One table of the source, or several partitions whose rows one partitioned table of the destination holds.

    `places`: of the source, and `place` of the destination, where rows are repaired, `binary` in binary form; none
    where rows have no key. `key_type`: the type of the key's first column, where it is the same at both ends.
    `sample`: percent of the rows that are read. `reason`: why it cannot be compared; then there is nothing to read.
    """

    table: TableName
    rows: int = 0
    relations: tuple[int, ...] = ()
    source: tuple[Reading, ...] = ()
    destination: tuple[Reading, ...] = ()
    key_columns: tuple[str, ...] = ()
    key_type: str = ""
    sample: int = WHOLE
    places: tuple[Place, ...] = ()
    place: Place | None = None
    binary: bool = False
    reason: str = ""

    def holds(self, table: TableName) -> bool:
        """Whether a table of the source is among those that are compared."""
        return table == self.table or any(reading.relation == table for reading in self.source)


class Equals(msgspec.Struct, frozen=True, kw_only=True):
    """The equality operators of the columns of unique indexes, by the OID of the index, in their order."""

    source: Mapping[int, list[str]]
    destination: Mapping[int, list[str]]


class _Key(msgspec.Struct, frozen=True, kw_only=True):
    """The columns that name a row at both ends, and the indexes they are of."""

    columns: ColumnPairs = []
    source: Index | None = None
    destination: Index | None = None


class _Pairing(msgspec.Struct, frozen=True, kw_only=True):
    """The tables of one unit. `target`: the destination's, whose shape stands for those of its partitions."""

    sources: tuple[Table, ...]
    targets: tuple[Table, ...]
    target: Table


def make_units(
    tables: Iterable[Table], targets: Targets, rules: Rules, source: Connection, destination: Connection
) -> list[Unit]:
    """The units of the tables, the largest first; `tables` are those of the source that hold rows, `rules` what selects
    and changes their rows on the way."""
    units, pairings = [], []
    for group in _groups(tables, targets):
        if isinstance(group, Unit):
            units.append(group)
        else:
            pairings.append(group)
    ours = read_senders(source, [table.oid for pairing in pairings for table in pairing.sources])
    theirs = read_senders(destination, [table.oid for pairing in pairings for table in pairing.targets])
    equals = Equals(
        source=read_equalities(source, {table.name.schema for pairing in pairings for table in pairing.sources}),
        destination=read_equalities(destination, {pairing.target.name.schema for pairing in pairings}),
    )
    for pairing in pairings:
        if any(table.name in rules for table in pairing.sources):
            units.append(_projected(pairing, rules, ours, theirs, targets))
        else:
            units.append(_unit(pairing, targets, ours, theirs, equals))
    if hashes_portably(source, destination):
        units = [
            msgspec.structs.replace(unit, source=_portable(unit.source), destination=_portable(unit.destination))
            for unit in units
        ]
    return sorted(units, key=lambda unit: -unit.rows)


def _portable(readings: Iterable[Reading]) -> tuple[Reading, ...]:
    return tuple(msgspec.structs.replace(reading, portable=True) for reading in readings)


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


def _projected(pairing: _Pairing, rules: Rules, ours: Senders, theirs: Senders, targets: Targets) -> Unit:
    """What the source's projection gives, against what the destination holds."""
    if len(pairing.sources) > 1 or len(pairing.targets) > 1:
        name = pairing.sources[0].root
        return Unit(table=name, reason=OTHER_PARTITIONS)
    table, target = pairing.sources[0], pairing.targets[0]
    try:
        here, there = readings(
            rules[table.name].projection, table, target, ours, theirs, targets.origin_condition(table)
        )
    except NotComparable as reason:
        return Unit(table=table.name, reason=str(reason))
    return Unit(
        table=table.name,
        rows=table.estimated_rows,
        relations=(table.oid,),
        source=(here,),
        destination=(there,),
        key_columns=here.key_columns,
    )


def _unit(pairing: _Pairing, targets: Targets, ours: Senders, theirs: Senders, equals: Equals) -> Unit:
    first = pairing.sources[0]
    table = first.root if len(pairing.sources) > 1 or pairing.target.partitioned else first.name
    columns = _columns(first, pairing.target, targets)
    if isinstance(columns, str):
        return Unit(table=table, reason=columns)
    key = _key(first, pairing.target, columns)
    # The form has to be the same at both ends and in all partitions, in which users' types may differ.
    binary = {
        here.name
        for here, there in columns
        if here.type == there.type
        and not here.textual
        and all((each.oid, here.name) in ours for each in pairing.sources)
        and all((each.oid, there.name) in theirs for each in pairing.targets)
    }
    places, place = _places(pairing, columns, key, equals)
    return Unit(
        table=table,
        rows=sum(each.estimated_rows for each in pairing.sources),
        relations=tuple(each.oid for each in pairing.sources),
        source=tuple(
            _reading(each, [here for here, _ in columns], [here for here, _ in key.columns], ours, binary)
            for each in pairing.sources
        ),
        destination=tuple(
            _reading(
                each,
                [there for _, there in columns],
                [there for _, there in key.columns],
                theirs,
                _mapped(columns, binary),
                targets.origin_condition(first),
            )
            for each in pairing.targets
        ),
        key_columns=tuple(here.name for here, _ in key.columns),
        key_type=next((str(here.type) for here, there in key.columns[:1] if here.type == there.type), ""),
        places=places,
        place=place,
        binary=all(here.binary and here.type == there.type for here, there in columns),
    )


def _mapped(columns: ColumnPairs, names: set[str]) -> set[str]:
    return {there.name for here, there in columns if here.name in names}


def _columns(source: Table, target: Table, targets: Targets) -> ColumnPairs | str:
    """The columns of both ends that hold the same values; or why they cannot be compared."""
    there = {column.name: column for column in target.columns}
    pairs: ColumnPairs = []
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


def _key(source: Table, target: Table, columns: ColumnPairs) -> _Key:
    """A unique index that both ends have, by which rows are named; an empty key where there is none."""
    names = {here.name: found.name for here, found in columns}
    there = {frozenset(index.columns): index for index in target.keys(column.name for column in target.columns)}
    for index in source.keys(names):
        found = there.get(frozenset(names[name] for name in index.columns))
        if found is not None:
            pairs = [pair for name in index.columns for pair in columns if pair[0].name == name]
            return _Key(columns=pairs, source=index, destination=found)
    return _Key()


def _places(
    pairing: _Pairing, columns: ColumnPairs, key: _Key, equals: Equals
) -> tuple[tuple[Place, ...], Place | None]:
    """Where rows are repaired, by the equality operators of the key's indexes."""
    if key.source is None or key.destination is None:
        return (), None
    here = dict(zip(key.source.columns, equals.source.get(key.source.oid, ()), strict=False))
    there = dict(zip(key.destination.columns, equals.destination.get(key.destination.oid, ()), strict=False))
    stored = [(ours, theirs) for ours, theirs in columns if not theirs.generated]
    if not all(ours.name in here and theirs.name in there for ours, theirs in key.columns):
        return (), None
    own = tuple(
        KeyColumn(name=column.name, type_name=column.declared_type, equal=here[column.name])
        for column, _ in key.columns
    )
    places = tuple(
        Place(relation=each.name, columns=tuple(column.name for column, _ in stored), key=own)
        for each in pairing.sources
    )
    return places, Place(
        relation=pairing.target.name,
        columns=tuple(column.name for _, column in stored),
        key=tuple(
            KeyColumn(name=column.name, type_name=column.declared_type, equal=there[column.name])
            for _, column in key.columns
        ),
    )


def _reading(
    table: Table, columns: list[Column], key: list[Column], senders: Senders, binary: set[str], origin: str = ""
) -> Reading:
    def expression(column: Column) -> Expression:
        return image(column.name, senders.get((table.oid, column.name)) if column.name in binary else None)

    return Reading(
        relation=table.name,
        oid=table.oid,
        columns=tuple(column.name for column in columns),
        images=tuple(map(expression, columns)),
        key=tuple(map(expression, key)),
        key_columns=tuple(column.name for column in key),
        condition=origin or table.condition,
    )
