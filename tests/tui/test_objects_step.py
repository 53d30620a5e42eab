"""The wizard's step of the objects: over a real source, by keyboard, and what it looks like."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from syncwizard.client import drafts
from syncwizard.task.drafting.catalogue import CatalogueProgress
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.specification import SchemaObjects, TableObject
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.opening import Leaving, Opening
from syncwizard.tui.settings import Settings
from syncwizard.tui.wizard.advanced import AdvancedStep
from syncwizard.tui.wizard.objects import ObjectsStep
from syncwizard.tui.wizard.screen import WizardScreen
from tests.support.pair import DatabasePair
from tests.tui.apps import NARROW, WIDE, shown, stylesheets, text_on
from tests.tui.catalogues import KNOWLEDGE_BASE

Running = Pilot[Leaving]

SQL = """
CREATE SCHEMA kb;
CREATE TABLE kb.documents (id serial PRIMARY KEY, title text);
CREATE TABLE kb.passages (id int PRIMARY KEY);
CREATE TABLE kb.log (at timestamptz);
CREATE VIEW kb.recent AS SELECT * FROM kb.documents;
"""
READY = "Source: "


class KnownSource(ObjectsStep):
    """The step over a catalogue that is known already: no server, and the same picture everywhere."""

    def action_reload(self) -> None:
        self._load(KNOWLEDGE_BASE)


class SlowSource(ObjectsStep):
    """The step while the source has not answered yet."""

    def action_reload(self) -> None:
        self._running = True
        self.post_message(self.Heard(self._number, CatalogueProgress(step="objects")))


class StepApp(SyncwizardApp):
    """The application, at once at a wizard with these steps."""

    CSS_PATH: ClassVar = stylesheets("base", "dialogs")

    def __init__(self, draft: TaskDraft, *steps: type[ObjectsStep]) -> None:
        super().__init__(Opening(), clock=lambda: 0.0, given=Settings(theme="dark", question_delay=0), look=list)
        self._wizard = WizardScreen(draft, [*steps, AdvancedStep])

    async def on_ready(self) -> None:
        await self.push_screen(self._wizard)

    @property
    def wizard(self) -> WizardScreen:
        return self._wizard

    @property
    def step(self) -> ObjectsStep:
        step = self._wizard.current
        assert isinstance(step, ObjectsStep)
        return step


def draft_over(pair: DatabasePair, **fields: object) -> TaskDraft:
    source = EndpointDraft.from_endpoint(pair.source_endpoint)
    draft = TaskDraft(name="kb", named=True, source=source, destination=source)
    return msgspec.structs.replace(draft, **fields)


@asynccontextmanager
async def at_step(
    draft: TaskDraft, until: str = READY, size: tuple[int, int] = NARROW
) -> AsyncIterator[tuple[StepApp, Running]]:
    """The step over the draft's real source, as soon as the text stands on the screen."""
    app = StepApp(draft, ObjectsStep)
    async with app.run_test(size=size) as pilot:
        await shown(pilot, until)
        yield app, pilot


def advice(app: StepApp) -> str:
    return str(app.step.query_one("#objects-advice", Static).content)


async def test_the_sources_objects_are_listed_and_ticks_go_into_the_draft_and_onto_the_disk(
    pair: DatabasePair,
) -> None:
    pair.source.execute(SQL)
    async with at_step(draft_over(pair), "Source: 5 objects") as (app, pilot):
        assert "Nothing is ticked yet: Space ticks" in text_on(app)
        assert [problem.message for problem in app.wizard.current.problems()] == ["no object is selected"]
        await pilot.press("slash", *"passages", "enter", "a", "escape")
        assert app.wizard.draft.objects == [SchemaObjects(schema="kb", tables=[TableObject(table="passages")])]
        assert app.wizard.size_of_choice.startswith("1 object · 1 table")
        draft_id = app.wizard.draft.id
    assert [kept.draft.objects for kept in drafts.list_drafts() if kept.draft.id == draft_id] == [
        [SchemaObjects(schema="kb", tables=[TableObject(table="passages")])]
    ]


async def test_what_the_draft_has_chosen_is_ticked(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    chosen = [SchemaObjects(schema="kb", exclude=["log"])]
    async with at_step(draft_over(pair, objects=chosen), "whole, without 1") as (app, _):
        assert app.wizard.draft.objects == chosen


@pytest.mark.slow
async def test_tables_alone_warn_of_what_is_left_out_and_a_key_adds_it(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    chosen = [SchemaObjects(schema="kb", tables=[TableObject(table="documents")])]
    async with at_step(draft_over(pair, objects=chosen)) as (app, pilot):
        assert "1 view (kb.recent)" in advice(app)
        assert "kb.documents_id_seq" in advice(app)
        await pilot.press("i")
        assert isinstance(app.screen, CopyTextDialog)
        await pilot.press("escape", "plus")
        assert app.wizard.draft.objects[0].views == ["recent"]
        assert app.wizard.draft.objects[0].sequences == ["documents_id_seq"]
        assert advice(app) == ""


@pytest.mark.slow
async def test_next_stops_without_a_table_and_says_so(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    async with at_step(draft_over(pair)) as (app, pilot):
        await pilot.press("f8")
        assert "no object is selected" in advice(app)
        await pilot.press("slash", *"recent", "enter", "a", "f8")
        assert "no table is selected" in advice(app)
        await pilot.press("escape", "a", "f8")
        assert isinstance(app.wizard.current, AdvancedStep)


@pytest.mark.slow
async def test_types_and_conflicts_are_explained_when_they_are_not_the_usual(pair: DatabasePair) -> None:
    async with at_step(draft_over(pair)) as (app, pilot):
        await pilot.press("shift+tab", "shift+tab", "space", "right", "space", "right", "space")
        assert app.wizard.draft.types == ["incremental"]
        printed = text_on(app)
        assert "[ ] schema  [ ] full copy  [x] incremental" in printed
        assert "Without schema: the tables must be there already" in printed
        assert "Without full: no row is copied" in printed
        await pilot.press("tab", "right")
        assert app.wizard.draft.conflicts == "ignore"
        assert "may differ for good" in text_on(app)


@pytest.mark.slow
async def test_a_source_that_cannot_be_used_says_why_and_r_tries_again(pair: DatabasePair) -> None:
    gone = f"{pair.database}_later"
    source = msgspec.structs.replace(EndpointDraft.from_endpoint(pair.source_endpoint), database=gone)
    async with at_step(draft_over(pair, source=source), "does not exist") as (app, pilot):
        assert "r tries again" in text_on(app)
        pair.source_cluster.create_database(gone)
        try:
            await pilot.press("r")
            await shown(pilot, READY)
        finally:
            await asyncio.to_thread(pair.source_cluster.drop_database, gone)


@pytest.mark.slow
async def test_a_listing_that_waits_is_stopped_and_the_screen_stays_free(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    with pair.source_cluster.connect(pair.database) as holder, holder.transaction():
        holder.execute("LOCK pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE")
        async with at_step(draft_over(pair), "reading what the source has") as (_, pilot):
            began = time.monotonic()
            await pilot.press("c")
            await shown(pilot, "stopped; r lists")
            assert time.monotonic() - began < 8
            holder.execute("ROLLBACK")
            await pilot.press("r")
            await shown(pilot, "Source: 5 objects")


@pytest.mark.slow
async def test_keys_for_objects_that_are_not_there_yet_wait_for_them_or_are_refused(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    words = ("slash", *"docx", "backspace", "enter", "a", "f8")
    with pair.source_cluster.connect(pair.database) as holder, holder.transaction():
        holder.execute("LOCK pg_catalog.pg_inherits IN ACCESS EXCLUSIVE MODE")
        async with at_step(draft_over(pair), "reading what the source has") as (app, pilot):
            await pilot.press(*words)
            await shown(pilot, f"(Esc stops) · {len(words)} keys wait for it")
            await pilot.press("escape")
            await shown(pilot, f"the {len(words)} keys pressed meanwhile did")
            await pilot.press("r")
            await shown(pilot, "reading what the source has")
            await pilot.press(*words)
            await shown(pilot, f"{len(words)} keys wait for it")
            assert app.wizard.draft.objects == []
            holder.execute("ROLLBACK")
            await shown(pilot, "Other trouble")
            assert [each.table for entry in app.wizard.draft.objects for each in entry.tables or []] == ["documents"]


@pytest.mark.slow
async def test_refresh_shows_what_is_new_and_keeps_what_is_chosen(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    async with at_step(draft_over(pair), "Source: 5 objects") as (app, pilot):
        await pilot.press("a")
        chosen = app.wizard.draft.objects
        pair.source.execute("CREATE TABLE kb.later (id int PRIMARY KEY)")
        await pilot.press("r")
        await shown(pilot, "Source: 6 objects")
        assert app.wizard.draft.objects == chosen
        assert "[x] later" in text_on(app)


@pytest.mark.slow
async def test_a_refresh_that_fails_leaves_no_tree_to_act_upon_and_the_draft_as_it_is(pair: DatabasePair) -> None:
    pair.source.execute(SQL)
    chosen = [SchemaObjects(schema="kb", tables=[TableObject(table="documents")])]
    async with at_step(draft_over(pair, objects=chosen)) as (app, pilot):
        await pilot.press("slash", *"passages", "enter", "a", "escape")
        ticked = app.wizard.draft.objects
        assert ticked != chosen and "kb.documents_id_seq" in advice(app)
        with pair.source_cluster.connect() as owner:
            owner.execute(f"ALTER DATABASE {pair.database} ALLOW_CONNECTIONS false")
        await pilot.press("r")
        await shown(pilot, "r tries again")
        assert advice(app) == ""
        # Nothing to undo, nothing to add.
        await pilot.press("u", "plus")
        assert app.wizard.draft.objects == ticked
        await pilot.press("f8")
        assert isinstance(app.wizard.current, AdvancedStep)


CHOSEN = [
    SchemaObjects(schema="kb", tables=[TableObject(table="documents"), TableObject(table="passages")]),
    SchemaObjects(schema="sales"),
]
PLAIN = TaskDraft(name="kb-to-frankfurt", named=True, objects=CHOSEN)
Compare = Callable[..., bool]


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_step_with_a_choice(snap_compare: Compare, size: tuple[int, int]) -> None:
    """Types and conflicts above, the tree with its boxes, below it what the choice leaves out, and the keys."""
    assert snap_compare(StepApp(PLAIN, KnownSource), terminal_size=size, press=["j", "j", "j", "j"])


def test_the_step_with_everything_unusual(snap_compare: Compare) -> None:
    """Schema and full copy unticked, existing tables used: what that means stands below in two or three lines."""
    draft = msgspec.structs.replace(PLAIN, types=["incremental"], conflicts="ignore")
    assert snap_compare(StepApp(draft, KnownSource), terminal_size=NARROW)


def test_the_step_while_the_source_is_listed(snap_compare: Compare) -> None:
    """In place of the tree: what is being done, and the key that stops it."""
    assert snap_compare(StepApp(PLAIN, SlowSource), terminal_size=NARROW)
