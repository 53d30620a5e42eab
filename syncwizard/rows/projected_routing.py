"""The route of a relation with a projection: its columns are the source's, with the source's types; what they become
at the destination the projection says (rules 8, 14, 20)."""

from collections.abc import Sequence

import msgspec

from syncwizard.remedies import to_do
from syncwizard.rows.changes import Projected, Route, RouteColumn
from syncwizard.rows.early import Early
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.etl.values import STAMPS
from syncwizard.rows.misfits import DROPPED, EQUAL, NoPlace, TypesDiffer, Unreadable
from syncwizard.rows.projection import Projection, RowRule, check_destination
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.rows.sieve import TableSieve
from syncwizard.structure.renames import with_origin
from syncwizard.structure.table import Column, Index, Table, TypeFacts, ValueType, apply_key
from syncwizard.task.names import TableName


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """Where the rows of a relation arrive: `table`, with the equality operators of its unique indexes by their OID;
    the rest as in Route. `known`: the source's table as its catalogue has it now. `followed`: so is its definition.
    `codec`: that of the stream."""

    table: Table
    operators: dict[int, Sequence[str]]
    known: Table | None
    pair_lsn: int
    root: TableName
    shared: bool
    tree: frozenset[TableName]
    followed: bool
    codec: str


def projected_route(
    message: RelationMessage,
    source: TableName,
    types: Sequence[TypeFacts | None] | None,
    rule: RowRule,
    arrival: Arrival,
) -> Route:
    """The route; `types` as for `make_route`. Raises NoPlace, TypesDiffer."""
    projection, table = rule.projection, arrival.table
    names = [name for name, _, _, _ in message.columns]
    # Before the destination is looked at, which may not be as the source is by now.
    _check_columns(source, projection, names, arrival)
    try:
        projected = project_to(projection, table)
    except ScriptError as error:
        raise NoPlace(
            error.message,
            where=f"destination {table.name}",
            remedy=to_do(error.remedy or "change the task", then="resume"),
        ) from error
    index = _key(message, projection, arrival)
    columns = _columns(source, projection, names, index, arrival)
    text = frozenset(range(len(columns)))
    if types is not None:
        _compare_types(source, projection, names, types, table)
        text = frozenset(at for at, facts in enumerate(types) if facts is None or not facts.binary)
    sources = {output.name: output.source for output in projection.outputs}
    # The origin is in the key, and in none of the stream's columns.
    own = projection.origin[0] if projection.origin else None
    key = tuple(names.index(sources[column] or "") for column in index.columns if column != own) if index else ()
    return Route(
        source=source,
        target=table.name,
        columns=columns,
        key=key,
        pair_lsn=arrival.pair_lsn,
        full=message.replica_identity == "f",
        partitioned=table.partitioned,
        root=arrival.root,
        shared=arrival.shared,
        tree=arrival.tree,
        text=text,
        identity=frozenset(at for at, (_, identity, _, _) in enumerate(message.columns) if identity),
        sieve=_sieve(rule, names, text, arrival, text_stream=types is None),
        projection=projected,
    )


def _key(message: RelationMessage, projection: Projection, arrival: Arrival) -> Index | None:
    """The destination's key, of columns that go there unchanged and come with every old row."""
    sent = {name for name, identity, _, _ in message.columns if identity}
    targets = {output.name for output in projection.outputs if output.source in sent}
    if projection.origin is not None:
        targets.add(projection.origin[0])
    if arrival.known is None:
        return next(iter(arrival.table.keys(targets)), None)
    return apply_key(as_written(arrival.known, projection), arrival.table, targets)


def as_written(table: Table, projection: Projection) -> Table:
    """The source's table with the columns that go to the destination unchanged, by their names there."""
    names = {output.source: output.name for output in projection.outputs if output.source is not None}
    written = msgspec.structs.replace(
        table,
        columns=tuple(
            msgspec.structs.replace(column, name=names[column.name]) for column in table.columns if column.name in names
        ),
        unique_indexes=tuple(
            msgspec.structs.replace(index, columns=tuple(names[column] for column in index.columns))
            for index in table.unique_indexes
            if names.keys() >= set(index.columns)
        ),
    )
    return written if projection.origin is None else with_origin(written, projection.origin[0])


def as_expected(table: Table, projection: Projection) -> Table:
    """The same, with the columns that are computed."""
    written = as_written(table, projection)
    first = written.columns[0] if written.columns else table.columns[0]
    computed = [
        msgspec.structs.replace(
            first,
            name=output.name,
            type=ValueType(output.type.name, ""),
            declared_type=output.type.name,
            not_null=False,
            identity="",
            generated="",
            local="",
            textual=False,
        )
        for output in projection.outputs
        if output.source is None
    ]
    return msgspec.structs.replace(written, columns=(*written.columns, *computed))


def _columns(
    source: TableName, projection: Projection, names: list[str], index: Index | None, arrival: Arrival
) -> tuple[RouteColumn, ...]:
    """The message's columns, and the stamps behind them."""
    targets = {output.source: output.name for output in projection.outputs if output.source is not None}
    equals = dict(zip(index.columns, arrival.operators[index.oid], strict=True)) if index else {}
    found = [
        RouteColumn(
            source=name,
            name=name,
            type_name=projection.columns[name],
            equal=equals.get(targets.get(name, ""), EQUAL),
        )
        for name in names
    ]
    found += [RouteColumn(source=name, name=name, type_name=STAMPS[name].name) for name in projection.stamps]
    return tuple(found)


def _check_columns(source: TableName, projection: Projection, names: list[str], arrival: Arrival) -> None:
    """Raises Unreadable where the projection was made for other columns than those of the message."""
    unknown = [name for name in names if name not in projection.columns]
    lacking = [name for name in projection.columns if name not in names]
    if unknown or lacking:
        # It came after the projection was made, or is gone: what it means has to be asked again.
        what = f"column {unknown[0]} of {source} is not known to" if unknown else f"{lacking[0]} of {source} is read by"
        raise Unreadable(
            f"{what} the task's condition or script",
            arrival.root if arrival.followed or not unknown else None,
            followed=arrival.followed,
            where=f"source {source}",
            remedy=to_do("resume the task, which reads the table again", then="resume"),
        )


def _compare_types(
    source: TableName, projection: Projection, names: list[str], types: Sequence[TypeFacts | None], table: Table
) -> None:
    known = {column.name: column.type for column in table.columns}
    targets = {output.source: output.name for output in projection.outputs if output.source is not None}
    for name, facts in zip(names, types, strict=True):
        here = DROPPED if facts is None else facts.type
        there = known.get(targets.get(name, ""))
        if here.name != projection.columns[name] or (there is not None and there != here):
            raise TypesDiffer(
                f"column {name} of {source} is {here} at the source and {there or projection.columns[name]} at the"
                " destination"
            )
        if facts is not None and facts.textual:
            raise TypesDiffer(f"column {name} of {source}, which is {here}, means nothing in binary form")


def _sieve(
    rule: RowRule, names: list[str], text: frozenset[int], arrival: Arrival, *, text_stream: bool
) -> TableSieve | None:
    early = None
    if rule.condition is not None and arrival.known is not None:
        columns: dict[str, Column] = {column.name: column for column in arrival.known.columns}
        early = Early(rule.condition, [columns.get(name) for name in names], text, arrival.codec)
    sieve = TableSieve(rule.projection, early, text=text_stream)
    return None if sieve.idle else sieve


def project_to(projection: Projection, table: Table) -> Projected:
    """The projection into a table of the destination. Raises ScriptError where it does not fit."""
    check_destination(projection, table)
    columns = {column.name: column for column in table.columns}
    targets = [columns[output.name] for output in projection.outputs]
    return Projected(
        projection=projection,
        types=tuple(column.type.name for column in targets),
        whole=tuple(column.declared_type for column in targets),
        always=frozenset(column.name for column in targets if column.identity == "a"),
        inserts="insert" in projection.operations,
    )
