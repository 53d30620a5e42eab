"""The choice of objects: what ticks mean, that nothing is lost on the way from and into a file, what is advised."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncwizard.task.drafting.catalogue import (
    KINDS,
    Catalogue,
    CatalogueObject,
    ObjectKey,
    ObjectKind,
    RelationName,
    Use,
)
from syncwizard.task.drafting.choice import LISTS, ObjectChoice
from syncwizard.task.drafting.choice_advice import advise, sequences_to_offer
from syncwizard.task.drafting.outline import Node, chosen, everything, filtered, objects_of, outline
from syncwizard.task.specification import SchemaObjects, TableObject


def table(name: str, schema: str = "kb", **fields: object) -> CatalogueObject:
    return CatalogueObject(kind="table", schema=schema, name=name, **fields)  # type: ignore[arg-type]


def of_kind(kind: ObjectKind, name: str, parent: str | None = None) -> CatalogueObject:
    return CatalogueObject(kind, "kb", name, parent=None if parent is None else RelationName("kb", parent))


CATALOGUE = Catalogue(
    schemas=("empty", "kb", "sales"),
    objects=(
        table("documents", rows=10, bytes=100),
        table("passages", rows=1000, bytes=9000, vectors=("embedding vector(384)",)),
        table("scratch", bytes=5, keyless=True),
        table("log", partitioned=True),
        table("log_1", rows=1, bytes=10, parent=RelationName("kb", "log")),
        table("log_2", rows=2, bytes=20, parent=RelationName("kb", "log")),
        of_kind("view", "recent"),
        of_kind("view", "recent_titles"),
        of_kind("function", "scratch"),
        of_kind("function", "touch"),
        of_kind("sequence", "documents_id_seq", "documents"),
        table("orders", "sales", rows=7, bytes=70),
        table("log_3", "sales", rows=3, bytes=30, parent=RelationName("kb", "log")),
        table("far", "sales", obstacle="foreign"),
    ),
    uses=(
        Use("view", "kb", "recent", RelationName("kb", "documents")),
        Use("view", "kb", "recent_titles", RelationName("kb", "recent")),
        Use("trigger", "kb", "touched", RelationName("kb", "documents")),
        Use("function", "kb", "touch", RelationName("kb", "documents")),
    ),
)
EMPTY = ObjectChoice(catalogue=CATALOGUE)


def get(name: str, kind: ObjectKind = "table", schema: str = "kb") -> CatalogueObject:
    return CATALOGUE.by_key[ObjectKey(schema, kind, name)]


def names(choice: ObjectChoice) -> set[str]:
    return {each.name for each in objects_of(chosen(choice))}


def there(choice: ObjectChoice) -> set[ObjectKey]:
    return {each.key for each in CATALOGUE.objects if choice.has(each)}


def listed(*tables: str, schema: str = "kb", **lists: Any) -> SchemaObjects:
    return SchemaObjects(schema=schema, tables=[TableObject(table=name) for name in tables], **lists)


def test_a_schema_is_ticked_whole_and_unticked() -> None:
    whole = EMPTY.with_schema("kb", True)
    assert whole.to_objects() == [SchemaObjects(schema="kb")]
    assert (whole.tick_of("kb"), whole.tick_of("sales")) == ("all", "some")
    assert whole.with_schema("kb", False).to_objects() == []


def test_what_is_unticked_in_a_whole_schema_is_excluded_and_may_come_back() -> None:
    less = EMPTY.with_schema("kb", True).with_objects([get("documents")], False)
    assert less.to_objects() == [SchemaObjects(schema="kb", exclude=["documents"])]
    assert less.tick_of("kb") == less.tick_of("kb", "table") == "some"
    assert less.with_objects([get("documents")], True).to_objects() == [SchemaObjects(schema="kb")]


def test_excluding_a_name_excludes_everything_of_that_name() -> None:
    """A task file excludes names, not kinds: the boxes say what will happen."""
    less = EMPTY.with_schema("kb", True).with_objects([get("scratch")], False)
    assert not less.has(get("scratch", "function"))


def test_single_objects_are_listed_by_kind() -> None:
    choice = EMPTY.with_objects([get("documents"), get("recent", "view"), get("touch", "function")], True)
    assert choice.to_objects() == [listed("documents", views=["recent"], functions=["touch"])]
    assert choice.tick_of("kb", "view") == "some"
    assert choice.with_objects([get("recent_titles", "view")], True).tick_of("kb", "view") == "all"


def test_a_schema_with_nothing_left_is_gone_because_an_empty_list_means_all() -> None:
    one = EMPTY.with_objects([get("documents")], True)
    assert one.with_objects([get("documents")], False).to_objects() == []
    whole = EMPTY.with_schema("kb", True)
    assert whole.with_objects(objects_of(everything(whole), Node("kb")), False).schemas.keys() == set()


def test_an_empty_schema_can_be_chosen_whole() -> None:
    choice = EMPTY.with_schema("empty", True)
    assert choice.tick_of("empty") == "all"
    assert choice.with_whole("empty", False).to_objects() == [SchemaObjects(schema="empty")]


def test_unticking_a_kind_of_a_whole_schema_lists_the_rest() -> None:
    rest = EMPTY.with_schema("kb", True).with_kind("kb", "table", False)
    assert rest.to_objects() == [
        SchemaObjects(
            schema="kb",
            views=["recent", "recent_titles"],
            functions=["scratch", "touch"],
            sequences=["documents_id_seq"],
        )
    ]
    assert rest.with_kind("kb", "table", True).tick_of("kb") == "all"


def test_a_list_becomes_whole_and_a_whole_schema_a_list_of_the_same_objects() -> None:
    two = EMPTY.with_objects([get("documents"), get("touch", "function")], True)
    whole = two.with_whole("kb", True)
    assert whole.is_whole("kb")
    assert names(whole) == names(two)
    assert whole.with_whole("kb", False).to_objects() == two.to_objects()


def test_a_partitioned_table_brings_its_partitions_wherever_they_are() -> None:
    choice = EMPTY.with_objects([get("log")], True)
    assert choice.to_objects() == [listed("log")]
    assert names(choice) == {"log", "log_1", "log_2", "log_3"}
    assert (choice.tally.rows, choice.tally.bytes, choice.tally.tables) == (6, 60, 3)


def test_a_partition_goes_with_its_parent_and_its_siblings() -> None:
    choice = EMPTY.with_objects([get("log_3", schema="sales")], True)
    assert choice.to_objects() == [listed("log")]
    assert choice.with_objects([get("log_1")], False).to_objects() == []
    less = EMPTY.with_everything().with_objects([get("log_2")], False)
    assert less.to_objects()[1:] == [
        SchemaObjects(schema="kb", exclude=["log", "log_1", "log_2"]),
        SchemaObjects(schema="sales", exclude=["log_3"]),
    ]
    assert less.with_objects([get("log_2")], True).to_objects() == EMPTY.with_everything().to_objects()


def test_a_file_that_lists_one_partition_alone_is_kept_as_it_is() -> None:
    choice = ObjectChoice.from_objects(CATALOGUE, [listed("log_1")])
    assert names(choice) == {"log_1"}
    assert choice.to_objects() == [listed("log_1")]


def test_a_partition_that_a_whole_schema_excludes_stays_out() -> None:
    file = [listed("log"), SchemaObjects(schema="sales", exclude=["log_3"])]
    assert "log_3" not in names(ObjectChoice.from_objects(CATALOGUE, file))


def test_what_the_source_does_not_have_is_kept_shown_and_can_be_taken_out() -> None:
    file = [SchemaObjects(schema="gone", exclude=["a"]), listed("documents", "dropped", types=["t"])]
    choice = ObjectChoice.from_objects(CATALOGUE, file)
    assert choice.missing == ("gone", ObjectKey("kb", "table", "dropped"), ObjectKey("kb", "type", "t"))
    assert choice.with_objects([get("touch", "function")], True).to_objects()[0] == file[0]
    dropped = next(each for each in objects_of(chosen(choice)) if each.name == "dropped")
    assert choice.with_objects([dropped], False).missing == ("gone", ObjectKey("kb", "type", "t"))
    assert "gone" in chosen(choice)


def test_counts_are_of_what_is_copied() -> None:
    """A partitioned table holds nothing itself, a foreign one is not copied."""
    tally = EMPTY.with_everything().tally
    assert (tally.objects, tally.tables) == (14, 7)
    assert (tally.rows, tally.bytes, tally.unestimated) == (1023, 9235, 1)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("doc", {"documents", "documents_id_seq"}),
        ("kb.re titles", {"recent_titles"}),
        ("titles kb.re", {"recent_titles"}),
        ("PASS 384", {"passages"}),
        ("no key", {"scratch"}),
        ("nothing at all", set()),
    ],
)
def test_a_filter_takes_words_in_any_order_and_what_is_known_of_an_object(words: str, found: set[str]) -> None:
    groups = filtered(everything(EMPTY), words.lower().split())
    assert {each.name for each in objects_of(groups)} == found


def test_partitions_stand_below_their_parent_and_those_of_other_schemas_in_their_own() -> None:
    lines = outline(everything(EMPTY), lambda node: True)
    depths = {line.object.name: line.depth for line in lines if line.object is not None and "log" in line.object.name}
    assert depths == {"log": 2, "log_1": 3, "log_2": 3, "log_3": 2}
    assert [lines.place_of(line.node) for line in lines] == list(range(len(lines)))
    closed = outline(everything(EMPTY), lambda node: node.name is None)
    assert not {"log_1", "log_2"} & {line.node.name for line in closed}


def test_tables_alone_warn_of_the_views_triggers_and_functions_that_use_them() -> None:
    advice = advise(EMPTY.with_objects([get("documents"), get("documents_id_seq", "sequence")], True))
    assert len(advice) == 1
    assert "2 views (kb.recent, kb.recent_titles)" in advice[0].message
    assert "1 trigger (touched on documents)" in advice[0].message
    assert "1 function (kb.touch)" in advice[0].message
    assert {each.name for each in advice[0].add} == {"recent", "recent_titles", "touch"}
    assert advise(EMPTY.with_schema("kb", True)) == []


def test_a_view_without_its_table_is_reported() -> None:
    choice = EMPTY.with_objects([get("recent_titles", "view")], True)
    assert ["view kb.recent_titles needs kb.recent" in each.message for each in advise(choice)] == [True]


def test_the_sequence_of_a_chosen_tables_column_is_offered_until_it_is_chosen() -> None:
    choice = EMPTY.with_objects([get("documents")], True)
    assert sequences_to_offer(choice) == (get("documents_id_seq", "sequence"),)
    assert sequences_to_offer(choice.with_objects(sequences_to_offer(choice), True)) == ()
    assert sequences_to_offer(EMPTY.with_schema("kb", True)) == ()


def test_tables_that_cannot_be_synchronized_are_reported() -> None:
    assert "sales.far (foreign)" in advise(EMPTY.with_schema("sales", True))[0].message


NAMES = ("a", "b", "documents", "log_1", "scratch", "touch")


@st.composite
def files(draw: st.DrawFn) -> list[SchemaObjects]:
    """What a valid task file may say of objects, some of them unknown to the catalogue."""
    schemas = draw(st.lists(st.sampled_from(["kb", "sales", "empty", "gone"]), unique=True))
    unique = st.lists(st.sampled_from(NAMES), unique=True)
    entries = []
    for schema in schemas:
        if draw(st.booleans()):
            entries.append(SchemaObjects(schema=schema, exclude=draw(unique)))
        else:
            lists = {attribute: draw(unique) for attribute in LISTS.values()}
            entries.append(listed(*draw(unique), schema=schema, **lists))
    return entries


@given(files())
def test_a_file_comes_back_as_it_was(file: list[SchemaObjects]) -> None:
    assert ObjectChoice.from_objects(CATALOGUE, file).to_objects() == file


OPERATIONS = st.lists(
    st.one_of(
        st.tuples(st.just("object"), st.sampled_from(range(len(CATALOGUE.objects))), st.booleans()),
        st.tuples(st.just("schema"), st.sampled_from(CATALOGUE.schemas), st.booleans()),
        st.tuples(st.just("kind"), st.sampled_from(KINDS), st.booleans()),
        st.tuples(st.just("whole"), st.sampled_from(CATALOGUE.schemas), st.booleans()),
    ),
    max_size=8,
)


@settings(max_examples=200)
@given(files(), OPERATIONS)
def test_after_any_ticks_the_boxes_say_what_the_file_says(
    file: list[SchemaObjects], operations: Sequence[tuple[str, object, bool]]
) -> None:
    """Views that are kept from one choice to the next agree with a choice that is read anew."""
    choice = ObjectChoice.from_objects(CATALOGUE, file)
    for what, argument, ticked in operations:
        assert choice.tally.objects >= 0
        match what, argument:
            case "object", int(index):
                choice = choice.with_objects([CATALOGUE.objects[index]], ticked)
                assert choice.has(CATALOGUE.objects[index]) == ticked
            case "schema", str(schema):
                choice = choice.with_schema(schema, ticked)
            case "kind", str(kind):
                choice = choice.with_kind("kb", cast(ObjectKind, kind), ticked)
            case "whole", str(schema):
                before = there(choice)
                choice = choice.with_whole(schema, ticked)
                # A list brings the partitions of a table that a whole schema may exclude singly.
                family = {each.key for each in CATALOGUE.families[RelationName("kb", "log")]}
                assert there(choice) >= before
                assert ticked or there(choice) - before <= family
    again = ObjectChoice.from_objects(CATALOGUE, choice.to_objects())
    assert all(not entry.whole or choice.is_whole(entry.schema) for entry in choice.to_objects())
    assert there(choice) == there(again)
    assert choice.tally == again.tally


def test_the_owners_of_what_is_selected_are_known_each_once() -> None:
    owned = Catalogue(
        schemas=("kb", "sales"),
        objects=(table("a", owner="app"), table("b", owner="app"), table("c", "sales", owner="bill")),
    )
    assert ObjectChoice(catalogue=owned).with_schema("kb", True).owners == ["app"]
    assert ObjectChoice(catalogue=owned).with_everything().owners == ["app", "bill"]
