"""Routes, decided over shapes: a mapping changes names and nothing else. No server."""

import string

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncwizard.rows.changes import Route
from syncwizard.rows.relation_message import RelationMessage
from syncwizard.rows.routing import NoPlace, Shapes, TypesDiffer, make_route
from syncwizard.structure.table import Column, Index, Table, TypeFacts, ValueType
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import TableName

SOURCE = TableName("s", "t")
TYPES = ("integer", "text", "public.vector")
NAMES = st.text(string.ascii_letters + "é中 \".'", min_size=1, max_size=8)


def facts(name: str, *, textual: bool = False) -> TypeFacts:
    return TypeFacts(type=ValueType(name, ""), binary=name != "text", textual=textual, local="")


def column(name: str, number: int, type_name: str, generated: str = "") -> Column:
    return Column(
        name=name,
        number=number,
        type=ValueType(type_name, ""),
        declared_type=type_name,
        not_null=True,
        identity="a" if number == 2 else "",
        generated=generated,
        binary=type_name != "text",
        textual=False,
        local="",
    )


def index(columns: tuple[str, ...], oid: int = 7, collation: str = "") -> Index:
    return Index(
        name="key",
        oid=oid,
        columns=columns,
        primary=True,
        immediate=True,
        complete=True,
        valid=True,
        replica_identity=False,
        collations=(collation,) * len(columns),
        temporal=False,
    )


def table(
    name: TableName, columns: tuple[Column, ...], keys: tuple[Index, ...], root: TableName | None = None
) -> Table:
    return Table(
        oid=1,
        name=name,
        kind="p" if root == name else "r",
        is_partition=root is not None and root != name,
        root=root or name,
        persistence="p",
        replica_identity="d",
        owned=True,
        estimated_rows=0,
        heap_bytes=0,
        bytes=0,
        columns=columns,
        unique_indexes=keys,
    )


def relation(columns: tuple[Column, ...], key: tuple[str, ...], identity: str = "d") -> RelationMessage:
    return RelationMessage(
        oid=1,
        schema=SOURCE.schema,
        name=SOURCE.name,
        replica_identity=identity,
        columns=tuple((each.name, identity == "f" or each.name in key, 1000 + each.number, -1) for each in columns),
    )


class World(msgspec.Struct, frozen=True):
    """A table at the source, the order of its columns at the destination, and a mapping of all its names."""

    columns: tuple[Column, ...]
    key: tuple[str, ...]
    order: tuple[int, ...]
    identity: str
    mapping: Mapping


@st.composite
def worlds(draw: st.DrawFn) -> World:
    names = draw(st.lists(NAMES, min_size=1, max_size=6, unique=True))
    columns = tuple(column(name, at, draw(st.sampled_from(TYPES))) for at, name in enumerate(names, 1))
    key = tuple(draw(st.lists(st.sampled_from(names), max_size=3, unique=True)))
    renames = draw(st.lists(NAMES, min_size=len(names), max_size=len(names), unique=True))
    mapping = Mapping(
        schemas={"s": draw(NAMES)},
        objects={("s", "t"): (draw(NAMES), draw(NAMES))} if draw(st.booleans()) else {},
        columns={SOURCE: dict(zip(names, renames, strict=True))},
    )
    order = tuple(draw(st.permutations(range(len(names)))))
    return World(columns, key, order, draw(st.sampled_from(["d", "f"])), mapping)


def route(world: World, mapping: Mapping, *, binary: bool) -> Route:
    own = table(SOURCE, world.columns, (index(world.key),) if world.key else ())
    there = tuple(
        msgspec.structs.replace(world.columns[at], name=mapping.column(SOURCE, world.columns[at].name), number=number)
        for number, at in enumerate(world.order, 1)
    )
    keys = (index(tuple(mapping.column_names(SOURCE, world.key)), oid=9),) if world.key else ()
    target = table(mapping.table(SOURCE), there, keys)
    shapes = Shapes(
        mapping=mapping,
        selected={SOURCE: own},
        pairs={SOURCE: 42},
        tables={target.name: target},
        operators={9: [f"OPERATOR({at})" for at in range(len(world.key))]},
    )
    types = [facts(each.type.name) for each in world.columns] if binary else None
    return make_route(relation(world.columns, world.key, world.identity), SOURCE, SOURCE, types, shapes)


@settings(deadline=None)
@given(worlds(), st.booleans())
def test_a_mapping_changes_names_and_nothing_else(world: World, binary: bool) -> None:
    plain, mapped = route(world, Mapping(), binary=binary), route(world, world.mapping, binary=binary)
    assert mapped.source == plain.source == SOURCE
    assert mapped.target == world.mapping.table(SOURCE)
    assert [each.source for each in mapped.columns] == [each.source for each in plain.columns]
    assert [each.name for each in mapped.columns] == world.mapping.column_names(
        SOURCE, [each.name for each in plain.columns]
    )
    assert [msgspec.structs.replace(each, name="") for each in mapped.columns] == [
        msgspec.structs.replace(each, name="") for each in plain.columns
    ]
    assert (mapped.key, mapped.text, mapped.written) == (plain.key, plain.text, plain.written)
    assert (mapped.pair_lsn, mapped.full, mapped.shared) == (42, world.identity == "f", False)


@settings(deadline=None)
@given(worlds())
def test_values_keep_the_order_in_which_the_source_sends_them(world: World) -> None:
    found = route(world, Mapping(), binary=True)
    assert [each.source for each in found.columns] == [each.name for each in world.columns]
    assert [found.columns[at].name for at in found.key] == list(world.key)
    assert {at for at, each in enumerate(world.columns) if each.type.name == "text"} == set(found.text)


COLUMNS = (column("id", 1, "integer"), column("note", 2, "text"))
OWN = table(SOURCE, COLUMNS, (index(("id",)),))


def shapes(*tables: Table, pairs: dict[TableName, int] | None = None, known: Table | None = OWN) -> Shapes:
    return Shapes(
        mapping=Mapping(),
        selected={SOURCE: known} if known is not None else {},
        pairs=pairs or {},
        tables={each.name: each for each in tables},
        operators={7: ["OPERATOR(=)"]},
    )


def test_a_partition_that_the_destination_does_not_know_goes_to_its_tree() -> None:
    root = TableName("s", "tree")
    tree = table(root, COLUMNS, (index(("id",)),), root)
    found = make_route(relation(COLUMNS, ("id",)), SOURCE, root, None, shapes(tree, pairs={root: 7}))
    assert (found.target, found.shared, found.partitioned, found.pair_lsn) == (root, True, True, 7)


def test_a_table_that_is_set_aside_needs_no_place_and_no_types() -> None:
    root = TableName("s", "tree")
    for name in (SOURCE, root):
        aside = msgspec.structs.replace(shapes(pairs={root: 7}), aside=frozenset([name]))
        found = make_route(relation(COLUMNS, ("id",)), SOURCE, root, [None, None], aside)
        assert (found.aside, found.source, found.pair_lsn) == (True, SOURCE, 7)


def test_what_the_destination_lacks_is_named() -> None:
    with pytest.raises(NoPlace, match=r"table s\.t is not at the destination"):
        make_route(relation(COLUMNS, ("id",)), SOURCE, SOURCE, None, shapes())
    narrow = table(SOURCE, COLUMNS[:1], (index(("id",)),))
    with pytest.raises(NoPlace, match=r"column note of s\.t is not at the destination"):
        make_route(relation(COLUMNS, ("id",)), SOURCE, SOURCE, None, shapes(narrow))


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (facts("bigint"), "column id of s.t is bigint at the source and integer at the destination"),
        (None, "column id of s.t is of a dropped type at the source and integer at the destination"),
        (facts("integer", textual=True), "column id of s.t, which is integer, means nothing in binary form"),
    ],
)
def test_bytes_that_would_mean_something_else_are_refused(sent: TypeFacts | None, message: str) -> None:
    with pytest.raises(TypesDiffer, match=message):
        make_route(relation(COLUMNS, ("id",)), SOURCE, SOURCE, [sent, facts("text")], shapes(OWN))


def test_a_key_that_the_source_does_not_keep_unique_is_none() -> None:
    loose = table(SOURCE, COLUMNS, (index(("note",), collation="case insensitive"),))
    found = make_route(relation(COLUMNS, ("id",), "f"), SOURCE, SOURCE, None, shapes(loose))
    assert found.key == ()


def test_an_identity_that_the_source_had_then_is_a_key_still() -> None:
    without = table(SOURCE, COLUMNS, ())
    found = make_route(relation(COLUMNS, ("id",)), SOURCE, SOURCE, None, shapes(OWN, known=without))
    assert found.key == (0,)


def test_an_identity_of_texts_that_may_be_equal_by_other_bytes_is_no_key() -> None:
    """Which collation the source's index had then is not known any more."""
    loose = table(SOURCE, COLUMNS, (index(("note",), collation="case insensitive"),))
    without = table(SOURCE, COLUMNS, ())
    assert make_route(relation(COLUMNS, ("note",)), SOURCE, SOURCE, None, shapes(loose, known=without)).key == ()
    strict = table(SOURCE, COLUMNS, (index(("note",)),))
    assert make_route(relation(COLUMNS, ("note",)), SOURCE, SOURCE, None, shapes(strict, known=without)).key == (1,)


def test_what_the_destination_computes_by_itself_may_be_of_another_type() -> None:
    computed = table(SOURCE, (COLUMNS[0], column("note", 3, "public.vector", generated="s")), (index(("id",)),))
    found = make_route(relation(COLUMNS, ("id",)), SOURCE, SOURCE, [facts("integer"), facts("text")], shapes(computed))
    assert found.written == (0,)
