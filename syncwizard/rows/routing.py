"""Decides the route of a relation: the destination's table, the key, the columns and their form (rules 8, 13, 14, 19).

Pure: the shapes of both ends are read elsewhere. Whatever reads another plugin writes pgoutput's frames for the one
decoder there is, and so comes by here with a Relation message, too.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as MappingOf

import msgspec

from syncwizard.remedies import to_do
from syncwizard.rows.changes import Route, RouteColumn
from syncwizard.rows.misfits import DROPPED, EQUAL
from syncwizard.rows.misfits import NoPlace as NoPlace
from syncwizard.rows.misfits import TypesDiffer as TypesDiffer
from syncwizard.rows.projected_routing import Arrival, projected_route
from syncwizard.rows.projection import RowRule
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Column, Index, Table, TypeFacts, apply_key
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName


class Shapes(msgspec.Struct, frozen=True, kw_only=True):
    """What both ends are like.

    `selected`: the source's tables as its catalogue has them now. `pairs`: the pair LSN of each copied table and
    partitioned table, by the source's names. `tables`: the destination's, by its own names. `operators`: the equality
    operator of each column of its unique indexes, by the index's OID. `recoded`: the encodings of the databases differ.
    `rules`: what selects and changes rows, by source table; `codec`: Python's name of the stream's encoding;
    `followed`: whether changes of definitions are.
    `aside`: the source's tables whose changes are not applied. `captured`: partitions that are captured, by the
    topmost table of their tree, those that are no part of it any more included.
    """

    mapping: Mapping
    selected: MappingOf[TableName, Table] = {}
    pairs: MappingOf[TableName, int] = {}
    tables: MappingOf[TableName, Table] = {}
    operators: MappingOf[int, Sequence[str]] = {}
    recoded: bool = False
    rules: MappingOf[TableName, RowRule] = {}
    codec: str = "utf-8"
    aside: frozenset[TableName] = frozenset()
    followed: bool = False
    captured: MappingOf[TableName, frozenset[TableName]] = {}

    def pair_of(self, source: TableName, root: TableName) -> int:
        """The LSN below which a table's changes are in its copy; `root` is the partitioned table it belongs to."""
        return self.pairs.get(source, self.pairs.get(root, 0))

    def leaves(self, root: TableName) -> frozenset[TableName]:
        """The partitions of a tree whose rows the destination may hold."""
        selected = (name for name, table in self.selected.items() if table.root == root and not table.partitioned)
        return self.captured.get(root, frozenset()).union(selected)


def make_route(
    message: RelationMessage,
    source: TableName,
    root: TableName,
    types: Sequence[TypeFacts | None] | None,
    shapes: Shapes,
) -> Route:
    """The route of a relation captured as `source`, in the partition tree of `root`.

    `types`: those of the message's columns at its time, None for one that is gone; None as a whole where all values
    come as text. Raises NoPlace, TypesDiffer.
    """
    if source in shapes.aside or root in shapes.aside:
        # What it is like by now need not fit.
        target = shapes.mapping.table(source)
        return Route(
            source=source, target=target, columns=(), key=(), pair_lsn=shapes.pair_of(source, root), aside=True
        )
    table, shared = _place(source, root, shapes)
    if (rule := shapes.rules.get(source) or shapes.rules.get(root)) is not None:
        arrival = Arrival(
            table=table,
            operators=dict(shapes.operators),
            known=shapes.selected.get(source) or shapes.selected.get(root),
            pair_lsn=shapes.pair_of(source, root),
            shared=shared,
            root=root,
            tree=shapes.leaves(root) if shared else frozenset(),
            followed=shapes.followed and "ddl" in rule.projection.operations and not rule.projection.merged,
            codec=shapes.codec,
        )
        return projected_route(message, source, types, rule, arrival)
    index = _key(message, source, root, table, shapes)
    edited = shapes.mapping.edited(source, root)
    columns = _columns(edited, table, index, [name for name, _, _, _ in message.columns], shapes.mapping, shapes)
    text = frozenset(range(len(columns)))
    if types is not None:
        _compare_types(source, columns, types, table)
        # In a binary stream, too, a value whose type cannot be sent so comes as text.
        text = frozenset(at for at, facts in enumerate(types) if facts is None or not facts.binary)
    names = [None if column.left_out else column.name for column in columns]
    return Route(
        source=source,
        target=table.name,
        columns=columns,
        key=tuple(names.index(column) for column in index.columns) if index else (),
        pair_lsn=shapes.pair_of(source, root),
        full=message.replica_identity == "f",
        partitioned=table.partitioned,
        shared=shared,
        root=root,
        tree=shapes.leaves(root) if shared else frozenset(),
        text=text,
    )


def _place(source: TableName, root: TableName, shapes: Shapes) -> tuple[Table, bool]:
    """The destination's table: its own, or that of the tree, which other relations share; so they do where rows belong
    to other partitions there than at the source, and the tree has to find their places."""
    own, whole = (shapes.tables.get(shapes.mapping.table(name)) for name in (source, root))
    known = shapes.selected.get(source)
    scattered = known is not None and whole is not None and known.scattered(recoded=shapes.recoded)
    table = whole if scattered else own or whole
    if table is None:
        raise NoPlace(
            f"table {shapes.mapping.table(source)} is not at the destination",
            where="destination",
            remedy=to_do("create it there as it is at the source, or take it out of the task", then="resume"),
        )
    return table, own is None or scattered


def _key(message: RelationMessage, source: TableName, root: TableName, table: Table, shapes: Shapes) -> Index | None:
    """The key that the old rows of the message's time can be found by."""
    mapping, edited = shapes.mapping, shapes.mapping.edited(source, root)
    sent = {
        mapping.column(edited, name)
        for name, identity, _, _ in message.columns
        if identity and mapping.travels(edited, name)
    }
    known = shapes.selected.get(source) or shapes.selected.get(root)
    if known is not None and (index := apply_key(renamed(known, shapes.mapping), table, sent)) is not None:
        return index
    # The identity is an index that the source had then, which need not be there any more.
    unique = sent if message.replica_identity in ("d", "i") else None
    return next(
        (
            index
            for index in table.keys(sent)
            if known is None or (set(index.columns) == unique and not any(index.collations))
        ),
        None,
    )


def _columns(
    edited: TableName, table: Table, index: Index | None, names: list[str], mapping: Mapping, shapes: Shapes
) -> tuple[RouteColumn, ...]:
    known = {column.name: column for column in table.columns}
    targets = {name: mapping.column(edited, name) for name in names if mapping.travels(edited, name)}
    missing = [name for name in targets.values() if name not in known]
    if missing:
        raise NoPlace(
            f"column {missing[0]} of {table.name} is not at the destination",
            where=f"destination {table.name}",
            remedy=to_do(f"add the column to {table.name} at the destination as it is at the source", then="resume"),
        )
    equals = dict(zip(index.columns, shapes.operators[index.oid], strict=True)) if index else {}
    return tuple(
        _column(own, known[targets[own]], equals.get(targets[own], EQUAL))
        if own in targets
        # Its values come in the stream, and stay in their frames.
        else RouteColumn(source=own, name=own, type_name="pg_catalog.text", left_out=True)
        for own in names
    )


def _column(source: str, target: Column, equal: str) -> RouteColumn:
    return RouteColumn(
        source=source,
        name=target.name,
        type_name=target.type.name,
        identity_always=target.identity == "a",
        generated=bool(target.generated),
        equal=equal,
    )


def _compare_types(
    source: TableName, columns: Iterable[RouteColumn], types: Sequence[TypeFacts | None], table: Table
) -> None:
    known = {column.name: column for column in table.columns}
    for routed, facts in zip(columns, types, strict=True):
        if routed.left_out:
            continue
        column = known[routed.name]
        here = DROPPED if facts is None else facts.type
        if here != column.type and not column.generated:
            raise TypesDiffer(
                f"column {routed.source} of {source} is {here} at the source and {column.type} at the destination"
            )
        if facts is not None and facts.textual:
            raise TypesDiffer(f"column {routed.source} of {source}, which is {here}, means nothing in binary form")
