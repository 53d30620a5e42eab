"""What differs at the destination, by keyboard: tables with columns, filters and scripts; and what it looks like."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input

from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.table_answers import edit_of, taken_beside
from syncwizard.task.names import TableName
from syncwizard.task.objects import RenameRule, SchemaObjects, TableObject
from syncwizard.task.summary import changes_of
from syncwizard.tui.dialogs.batch_edit import BatchDialog
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.edit import EditorDialog
from syncwizard.tui.dialogs.schema_edit import SchemaDialog
from syncwizard.tui.dialogs.table_edit import TableDialog
from syncwizard.tui.opening import Leaving
from syncwizard.tui.widgets.choice import Choice
from tests.tui.apps import NARROW, WIDE, shown, text_on
from tests.tui.catalogues import KNOWLEDGE_BASE
from tests.tui.test_objects_step import KnownSource, StepApp

pytestmark = pytest.mark.slow

Running = Pilot[Leaving]
WHOLE = [SchemaObjects(schema="kb")]
LISTED = [SchemaObjects(schema="kb", tables=[TableObject(table="documents"), TableObject(table="passages")])]


def draft_of(objects: list[SchemaObjects]) -> TaskDraft:
    return TaskDraft(name="kb", named=True, objects=objects)


@asynccontextmanager
async def at_objects(
    objects: list[SchemaObjects], size: tuple[int, int] = NARROW
) -> AsyncIterator[tuple[StepApp, Running]]:
    app = StepApp(draft_of(objects), KnownSource)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, "Source: ")
        yield app, pilot


async def on_table(pilot: Running, name: str) -> None:
    """The cursor on the table that the words of the filter find alone."""
    await pilot.press("slash", *name, "enter", "home", "down", "down")


async def test_a_burst_of_keys_renames_a_table_and_its_columns_and_leaves_one_out() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await on_table(pilot, "documents")
        await pilot.press("e", "down", "enter", *["backspace"] * 5, *"heading", "enter", *"s", "escape")
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("escape", "shift+tab", "down", "space", "shift+tab", "end", *"_eu", "f8")
        assert app.wizard.draft.objects == [
            SchemaObjects(
                schema="kb",
                overrides=[
                    TableObject(
                        table="documents",
                        name="documents_eu",
                        columns={"title": "heading", "note": "notes"},
                        exclude_columns=["price"],
                    )
                ],
            )
        ]
        assert "→ documents_eu" in text_on(app)


async def test_an_edit_is_undone_like_a_tick() -> None:
    async with at_objects(LISTED) as (app, pilot):
        await on_table(pilot, "documents")
        await pilot.press("e", "down", "space", "f8")
        assert app.wizard.draft.objects[0].tables[0].exclude_columns == ["title"]
        await pilot.press("u")
        assert app.wizard.draft.objects == LISTED


async def test_a_column_of_the_key_stays_and_says_why() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await on_table(pilot, "documents")
        await pilot.press("e", "space")
        assert "id stays: rows are found by it: it is part of the key" in await shown(pilot, "id stays")
        await pilot.press("f8")
        assert app.wizard.draft.objects == WHOLE


async def test_names_that_meet_are_reported_as_they_are_typed_and_are_not_taken() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await on_table(pilot, "documents")
        await pilot.press("e", "shift+tab", "end", *["backspace"] * 9, *"recent")
        await shown(pilot, "✗ view kb.recent has this name")
        await pilot.press("f8")
        assert isinstance(app.screen, TableDialog)
        await pilot.press(*["backspace"] * 6, *"papers", "tab", "down", "enter", *["backspace"] * 5, *"note")
        await shown(pilot, "✗ 2 columns go to note")
        await pilot.press("f8")
        assert isinstance(app.screen, TableDialog)
        await pilot.press(*"s", "f8")
        assert app.wizard.draft.objects[0].overrides == [
            TableObject(table="documents", name="papers", columns={"title": "notes"})
        ]


async def test_an_unticked_table_is_ticked_by_its_edits() -> None:
    async with at_objects([SchemaObjects(schema="kb", tables=[TableObject(table="passages")])]) as (app, pilot):
        await on_table(pilot, "documents")
        await pilot.press("e", "shift+tab", "end", *"2", "f8")
        assert app.wizard.draft.objects[0].tables == [
            TableObject(table="passages"),
            TableObject(table="documents", name="documents2"),
        ]


async def test_a_view_has_nothing_to_edit() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await on_table(pilot, "recent")
        await pilot.press("e")
        assert not isinstance(app.screen, TableDialog)


async def test_a_batch_of_tables_is_renamed_after_its_preview() -> None:
    async with at_objects(LISTED) as (app, pilot):
        await pilot.press("b", "tab", *"x_")
        await shown(pilot, "2 of 2 names change")
        assert "x_passages" in text_on(app)
        await pilot.press("f8")
        assert app.wizard.draft.objects[0].tables == [
            TableObject(table="documents", name="x_documents"),
            TableObject(table="passages", name="x_passages"),
        ]
        # The names there are the ones that are renamed next; a burst of keys is behind its messages.
        await pilot.press("b", "right", "right", "tab", *"x_", "tab", *"old_", "f8")
        assert [table.name for table in app.wizard.draft.objects[0].tables] == ["old_documents", "old_passages"]


async def test_a_batch_whose_names_meet_is_not_taken() -> None:
    async with at_objects(LISTED) as (app, pilot):
        await pilot.press("down", "b", *["right"] * 5, "tab", *".+", "tab", *"one", "f8")
        assert isinstance(app.screen, BatchDialog)
        assert "2 of 2 names change; 2 cannot be taken" in text_on(app)
        await pilot.press("escape", "y")
        assert app.wizard.draft.objects == LISTED


async def test_a_batch_gets_a_filter_and_tables_without_its_column_are_skipped() -> None:
    async with at_objects(LISTED) as (app, pilot):
        await pilot.press("b", *["right"] * 6, "tab", *"note = 'x'")
        await shown(pilot, "1 of 2 filters change; 1 without its columns stay as they are")
        assert "has no column note" in text_on(app)
        await pilot.press("f8")
        [entry] = app.wizard.draft.objects
        assert entry.tables == [TableObject(table="documents", where="note = 'x'"), TableObject(table="passages")]
        # What is wrong with the text is said before anything is taken.
        await pilot.press("b", *["right"] * 6, "tab", *"id >> ", "f8")
        assert isinstance(app.screen, BatchDialog)
        await shown(pilot, "cannot be taken")
        await pilot.press(*["backspace"] * 3, *"> 5", "f8")
        assert [table.where for table in app.wizard.draft.objects[0].tables] == ["id > 5", "id > 5"]
        await pilot.press("b", *["right"] * 6)
        await shown(pilot, "An empty filter takes theirs away")
        await pilot.press("f8")
        assert app.wizard.draft.objects == LISTED


async def test_a_batch_gets_operations() -> None:
    async with at_objects(LISTED) as (app, pilot):
        await pilot.press("b", *["right"] * 7, "tab", "right", "right", "space")
        await shown(pilot, "2 of 2 choices of operations change")
        assert "all but delete" in text_on(app)
        await pilot.press("f8")
        without = [table.operations for table in app.wizard.draft.objects[0].tables]
        assert without == [["insert", "update", "truncate", "ddl"]] * 2
        await pilot.press("b", *["right"] * 7)
        await shown(pilot, "all operations")
        await pilot.press("f8")
        assert app.wizard.draft.objects == LISTED


FILE = """
version: 1
name: another
source: {host: db1, database: kb}
destination: {host: db2, database: kb}
objects:
  - schema: kb
    tables:
      - {table: documents, name: passages, columns: {note: remark}, where: "price > 0"}
      - {table: recipes, name: dishes}
advanced: {etl: 'e_set(`note`, "x")', etl_errors: dead-letter}
"""


async def choose_file(pilot: Running, path: Path) -> None:
    """The file picker, from its key to its answer."""
    await pilot.press("f")
    field = pilot.app.screen.query_one(Input)
    field.value = str(path)
    field.focus()
    await pilot.press("enter")


async def test_edits_of_a_task_file_are_taken_after_their_preview(tmp_path: Path) -> None:
    path = tmp_path / "another.yaml"
    path.write_text(FILE)
    async with at_objects(LISTED, WIDE) as (app, pilot):
        await choose_file(pilot, path)
        screen = await shown(pilot, "From another.yaml")
        assert "1 entry of the file can be taken; 2 cannot, and stay as they are" in screen
        assert "table kb.passages has the name passages" in screen
        assert "kb.recipes" in screen and "is not at the source" in screen
        # Without the names there is nothing that meets; the key bar's F8 takes it.
        await pilot.press("right")
        await shown(pilot, "2 entries of the file can be taken")
        await pilot.press("f8")
        assert app.wizard.draft.objects[0].tables == [
            TableObject(table="documents", where="price > 0"),
            TableObject(table="passages"),
        ]
        assert app.wizard.draft.value("advanced.etl") == 'e_set(`note`, "x")'
        assert app.wizard.draft.value("advanced.etl_errors") == "dead-letter"
        await pilot.press("u")
        assert app.wizard.draft.objects == LISTED


async def test_a_file_that_cannot_be_read_says_why_and_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "broken.yaml"
    path.write_text(FILE.replace("price > 0", "price >"))
    async with at_objects(LISTED, WIDE) as (app, pilot):
        await choose_file(pilot, path)
        assert "syntax error" in await shown(pilot, "Nothing was taken")
        assert app.wizard.draft.objects == LISTED


async def test_tables_are_merged_by_a_column_or_by_their_keys() -> None:
    async with at_objects(LISTED) as (app, pilot):
        await on_table(pilot, "documents")
        await pilot.press("e", "shift+tab", "end", *["backspace"] * 9, *"passages")
        await shown(pilot, '✗ table kb.passages has this name, and "Merged there" is')
        app.screen.query_one("#merging").focus()
        await pilot.press("right")
        assert "its key has this text column" in await shown(pilot, "Origin column")
        await pilot.press("tab", *"note", "f8")
        assert isinstance(app.screen, TableDialog)
        await shown(pilot, "✗ 2 columns go to note")
        await pilot.press(*["backspace"] * 4, *"source", "f8")
        merged = TableObject(table="documents", name="passages", origin_column="source")
        assert app.wizard.draft.objects[0].tables[0] == merged
        assert "origin in source" in text_on(app)
        # The other one has to be told apart in the same way: the step says so.
        problems = [problem.message for problem in app.wizard.draft.problems("objects")]
        assert any("told apart in different ways" in message for message in problems), problems
        await pilot.press("e")
        app.screen.query_one("#merging").focus()
        await pilot.press("right", "tab", *["backspace"] * 6, *"note = 'x'", "f8")
        assert isinstance(app.screen, TableDialog)
        await shown(pilot, "note is not in the key of")
        await pilot.press(*["backspace"] * 10, *"id < 100", "f8")
        [entry] = app.wizard.draft.objects
        assert entry.tables[0] == TableObject(table="documents", name="passages", origin_keys="id < 100")


async def test_a_schema_gets_a_name_and_rules_that_say_what_they_do() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await pilot.press("down", "e", *"_eu", "tab", *"doc(.+) => d")
        await shown(pilot, "documents → d")
        await pilot.press(*["backspace"] * 4, "f8")
        assert isinstance(app.screen, SchemaDialog)
        await shown(pilot, "line 1: write the pattern, =>, and the name")
        await pilot.press(*r"=> d\2", "f8")
        await shown(pilot, "this does not fit the pattern")
        await pilot.press("backspace", *"1", "f8")
        rule = RenameRule(pattern="doc(.+)", name=r"d\1")
        assert app.wizard.draft.objects == [SchemaObjects(schema="kb", name="kb_eu", rename=[rule])]
        assert "→ kb_eu" in text_on(app)
        assert "→ duments" in text_on(app)


async def test_a_rule_that_maps_two_tables_to_one_is_said_as_it_is_typed() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await pilot.press("down", "e", "tab", *".*s => x", "f8")
        assert isinstance(app.screen, SchemaDialog)
        await shown(pilot, "✗ documents and passages would both be x")
        await pilot.press("backspace", *"y" * 64, "f8")
        assert isinstance(app.screen, SchemaDialog)
        await pilot.press("escape", "y")
        assert app.wizard.draft.objects == WHOLE


async def test_letters_and_the_script_of_the_task_are_settings() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        await pilot.press("f8")
        app.wizard.current.query_one("#field-capitalization Choice", Choice).focus()
        await pilot.press("right", "right", "tab", "enter", *"e_sett(`note`, 1)", "f8")
        assert isinstance(app.screen, EditorDialog)
        await shown(pilot, "line 1, column")
        await pilot.press("escape", "y")
        assert app.wizard.draft.capitalization == "upper"
        await pilot.press("f7")
        await shown(pilot, "→ DOCUMENTS")
        assert app.wizard.draft.advanced.get("advanced.etl", "") == ""


def test_the_summary_names_what_differs() -> None:
    spec = draft_of(EDITED).to_spec()
    assert changes_of(spec) == [
        "schema kb → knowledge",
        "kb.documents → knowledge.papers (title → heading) without note",
    ]


def table_dialog() -> TableDialog:
    """With every key, whatever this version acts on."""
    choice = ObjectChoice.from_objects(KNOWLEDGE_BASE, WHOLE)
    table = KNOWLEDGE_BASE.objects[0]
    taken = taken_beside(table, choice)
    return TableDialog(TableName("kb", "documents"), edit_of(table, choice), taken=taken)


async def test_filter_script_and_operations_are_checked_and_taken() -> None:
    async with at_objects(WHOLE) as (app, pilot):
        answers: list[TableObject | None] = []
        await app.push_screen(table_dialog(), answers.append)
        app.screen.query_one("#open-where").focus()
        await pilot.press("enter", *"prise > 1", "f8")
        assert isinstance(app.screen, EditorDialog)
        await shown(pilot, "line 1, column 1: column prise is not in kb.documents")
        await pilot.press(*["backspace"] * 6, *"ce > 1", "f8")
        assert isinstance(app.screen, TableDialog)
        assert str(app.screen.query_one("#open-where", Button).label) == "price > 1"
        await pilot.press("tab", "right", "right", "space", "tab", "enter", *"e_set(`note`, 1, 2)", "f8")
        assert isinstance(app.screen, EditorDialog)
        await shown(pilot, "✗ ")
        await pilot.press(*["backspace"] * 7, *', "x")', "f8", "f8")
        await pilot.pause()
        assert answers == [
            TableObject(
                table="documents",
                where="price > 1",
                operations=["insert", "update", "truncate", "ddl"],
                etl='e_set(`note`, "x")',
            )
        ]


BOTH = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])
EDITED = [
    SchemaObjects(
        schema="kb",
        name="knowledge",
        overrides=[
            TableObject(table="documents", name="papers", columns={"title": "heading"}, exclude_columns=["note"])
        ],
    )
]


@pytest.mark.slow
@BOTH
def test_the_dialog_of_a_table(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    """Name, columns with a box, type and name each, the new one in the accent's colour, the one left out muted; filter,
    operations and script below them."""

    async def prepare(pilot: "Pilot[Any]") -> None:
        await shown(pilot, "→ papers")
        choice = ObjectChoice.from_objects(KNOWLEDGE_BASE, EDITED)
        table = KNOWLEDGE_BASE.objects[0]
        dialog = TableDialog(TableName("kb", "documents"), edit_of(table, choice), taken={})
        await pilot.app.push_screen(dialog)
        await pilot.press("down")
        await pilot.pause()

    assert snap_compare(StepApp(draft_of(EDITED), KnownSource), run_before=prepare, terminal_size=size)


@pytest.mark.slow
@BOTH
def test_the_marks_of_what_differs(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    """Behind the schema and the table their new names, and in what the table differs, in the accent's colour."""

    async def prepare(pilot: "Pilot[Any]") -> None:
        await shown(pilot, "→ papers")

    assert snap_compare(StepApp(draft_of(EDITED), KnownSource), run_before=prepare, terminal_size=size)
