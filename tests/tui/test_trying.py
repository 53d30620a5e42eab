"""Filters and scripts tried in the wizard: on real rows of the source, and at both ends."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import pytest
from textual.widgets import Input

from syncwizard.task.drafting.catalogue import Catalogue, CatalogueObject, ColumnFacts, RelationName, TableColumns
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.tui.dialogs.edit import EditorDialog
from syncwizard.tui.dialogs.trial import TrialDialog
from syncwizard.tui.wizard.objects import ObjectsStep
from tests.support.pair import DatabasePair
from tests.tui.apps import NARROW, text_on
from tests.tui.apps import shown as shown_by_then
from tests.tui.test_objects_step import Running, StepApp, draft_over

pytestmark = pytest.mark.slow

ROWS = """
CREATE SCHEMA kb;
CREATE TABLE kb.documents (id int PRIMARY KEY, title text, region text);
INSERT INTO kb.documents SELECT i, 'title ' || i, (ARRAY['eu', 'us'])[i % 2 + 1] FROM generate_series(1, 40) i;
CREATE TABLE kb.passages (id int PRIMARY KEY, body text);
INSERT INTO kb.passages VALUES (1, 'body');
ANALYZE;
"""
CATALOGUE = Catalogue(
    schemas=("kb",),
    objects=(
        CatalogueObject("table", "kb", "documents", 40, 8_192),
        CatalogueObject("table", "kb", "passages", 1, 8_192),
    ),
    columns=(
        TableColumns(
            RelationName("kb", "documents"),
            (
                ColumnFacts("id", "integer", of_key=True),
                ColumnFacts("title", "text"),
                ColumnFacts("region", "text"),
            ),
        ),
        TableColumns(
            RelationName("kb", "passages"), (ColumnFacts("id", "integer", of_key=True), ColumnFacts("body", "text"))
        ),
    ),
)

# A probe is a process, and asks two servers.
shown = partial(shown_by_then, seconds=60.0)


@pytest.fixture
def stocked(pair: DatabasePair) -> DatabasePair:
    pair.source.execute(ROWS.encode())
    return pair


class ListedSource(ObjectsStep):
    """The step over the source of the tests, without asking for what is known."""

    def action_reload(self) -> None:
        self._load(CATALOGUE)


@asynccontextmanager
async def at_objects(pair: DatabasePair, objects: list[SchemaObjects]) -> AsyncIterator[tuple[StepApp, Running]]:
    app = StepApp(draft_over(pair, objects=objects), ListedSource)
    async with app.run_test(size=NARROW) as pilot:
        await shown(pilot, "Source: ")
        yield app, pilot


@asynccontextmanager
async def at_documents(pair: DatabasePair) -> AsyncIterator[tuple[StepApp, Running]]:
    """In the dialog of the table that the tests edit, which has another name than its own."""
    entry = TableObject(table="documents", name="papers", columns={"title": "heading"})
    async with at_objects(pair, [SchemaObjects(schema="kb", name="library", overrides=[entry])]) as (app, pilot):
        await pilot.press("slash", *"documents", "enter", "home", "down", "down", "e")
        await shown(pilot, "Table kb.documents")
        yield app, pilot


async def test_a_filter_is_tried_and_its_rows_are_counted_on_demand(stocked: DatabasePair) -> None:
    async with at_documents(stocked) as (app, pilot):
        app.screen.query_one("#open-where").focus()
        await pilot.press("enter", *"region = 'eu'", "f5")
        assert isinstance(app.screen, TrialDialog)
        await shown(pilot, "about 20 rows travel, by the plan")
        assert "row 1: id = 2, title = title 2, region = eu" in text_on(app)
        await pilot.press("tab", "enter")
        await shown(pilot, "20 of 40 rows travel")
        await pilot.press("escape", "f8")
        await shown(pilot, "region = 'eu'")


async def test_a_script_shows_rows_under_the_new_names(stocked: DatabasePair) -> None:
    async with at_documents(stocked) as (app, pilot):
        app.screen.query_one("#open-etl").focus()
        await pilot.press("enter", *'e_set(`title`, str_mask(`title`, 0, 2, "*"))', "f5")
        await shown(pilot, "becomes heading = ***le 1")
        await shown(pilot, "both ends can evaluate it")


async def test_what_an_end_refuses_is_reported_in_its_words_and_nothing_is_tried_that_cannot_be_read(
    stocked: DatabasePair,
) -> None:
    async with at_documents(stocked) as (app, pilot):
        app.screen.query_one("#open-where").focus()
        await pilot.press("enter", *"regio = 'eu'", "f5")
        assert isinstance(app.screen, EditorDialog)
        await shown(pilot, "column regio is not in kb.documents")
        await pilot.press(*["backspace"] * 7, *"n > 5", "f5")
        await shown(pilot, "operator does not exist")


async def test_the_script_of_the_task_is_tried_on_any_chosen_table(stocked: DatabasePair) -> None:
    async with at_objects(stocked, [SchemaObjects(schema="kb")]) as (app, pilot):
        await pilot.press("f8")
        app.wizard.current.query_one("#script").focus()
        await pilot.press("enter", *'e_if(op_eq(__TB__, "passages"), e_set(`body`, "-"))', "f5")
        assert isinstance(app.screen, TrialDialog)
        await shown(pilot, "travels as it is")
        app.screen.query_one(Input).value = "kb.pasages"
        app.screen.query_one(Input).focus()
        await pilot.press("enter")
        await shown(pilot, "no table kb.pasages is selected")
        app.screen.query_one(Input).value = "kb.passages"
        await pilot.press("enter")
        await shown(pilot, "becomes body = -")
