"""The picker by keyboard: what keys tick, what a filter leaves alone, what is in sight, and what it looks like."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from syncwizard.task.drafting.catalogue import Catalogue, CatalogueObject, RelationName
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.outline import Node
from syncwizard.task.specification import SchemaObjects, TableObject
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.widgets.object_picker import ObjectPicker
from tests.tui.apps import NARROW, WIDE, stylesheets
from tests.tui.catalogues import KNOWLEDGE_BASE, large


class PickerApp(App[None]):
    """The picker alone, in the colours and breakpoints of the application."""

    CSS_PATH: ClassVar = stylesheets("base", "objects")
    COMPONENT_CLASSES = SyncwizardApp.COMPONENT_CLASSES
    HORIZONTAL_BREAKPOINTS = SyncwizardApp.HORIZONTAL_BREAKPOINTS
    VERTICAL_BREAKPOINTS = SyncwizardApp.VERTICAL_BREAKPOINTS

    def __init__(self, catalogue: Catalogue = KNOWLEDGE_BASE, chosen: Sequence[SchemaObjects] = ()) -> None:
        super().__init__()
        self._start = ObjectChoice.from_objects(catalogue, chosen)
        self.changes: list[ObjectChoice] = []

    def compose(self) -> ComposeResult:
        yield ObjectPicker()

    def on_mount(self) -> None:
        self.picker.load(self._start)
        self.picker.source.focus()

    @property
    def picker(self) -> ObjectPicker:
        return self.query_one(ObjectPicker)

    @property
    def objects(self) -> list[SchemaObjects]:
        return self.picker.choice.to_objects()

    def on_object_picker_changed(self, event: ObjectPicker.Changed) -> None:
        self.changes.append(event.choice)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen."""
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip).rstrip().replace("▌", " ") for strip in strips]

    def line_with(self, text: str) -> str:
        return next(line for line in self.lines if text in line)


def listed(schema: str, *tables: str, **lists: Any) -> SchemaObjects:
    return SchemaObjects(schema=schema, tables=[TableObject(table=name) for name in tables], **lists)


def under_cursor(app: PickerApp) -> Node | None:
    line = app.picker.source.line
    return None if line is None else line.node


MASSES = Catalogue(
    schemas=("kb",),
    objects=(
        CatalogueObject("table", "kb", "passages", 10, 8_192),
        *(
            CatalogueObject("table", "kb", f"ref_{number:02}", 100, 16_384, keyless=number == 3)
            for number in range(1, 6)
        ),
        *(CatalogueObject("sequence", "kb", f"{name}_id_seq", parent=RelationName("kb", "passages")) for name in "abc"),
    ),
)


async def test_numbered_tables_and_owned_sequences_are_a_line_until_it_is_opened() -> None:
    app = PickerApp(MASSES)
    async with app.run_test(size=NARROW) as pilot:
        mass = app.line_with("ref_01 … ref_05")
        assert "(5)" in mass and "▲ 1 without a key" in mass and "500" in mass and "81.9 kB" in mass
        assert app.line_with("3 owned by tables")
        await pilot.press("j", "j", "j", "space")
        assert app.objects == [listed("kb", *(f"ref_{number:02}" for number in range(1, 6)))]
        assert app.line_with("ref_01 …").strip().startswith("▸ [x]")
        await pilot.press("enter", "j", "space")
        assert app.line_with("ref_01 …").strip().startswith("▾ [-]")
        # A filter is about single objects.
        await pilot.press("slash", *"ref_04")
        assert "1 of 9" in app.lines[0] and app.line_with("[x] ref_04")


async def test_a_small_catalogue_is_all_in_sight_with_what_is_to_know_of_it() -> None:
    app = PickerApp()
    async with app.run_test(size=WIDE):
        passages = app.line_with("passages").partition("│")[0]
        assert passages.split() == ["[", "]", "passages", "◆", "vector(384)", "12.40", "M", "21.3", "GB"]
        assert "no key" in app.line_with("query_log")
        assert "unlogged: left out" in app.line_with("cache")
        assert "2 partitions" in app.line_with("▸ [ ] orders")
        assert "of docu" in app.line_with("documents_id_seq")
        assert "empty" in app.line_with("archive")


async def test_space_ticks_what_is_under_the_cursor_and_says_so() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("j", "j", "down", "k", "j", "space")
        assert app.objects == [listed("kb", "cache")]
        assert app.line_with("cache").strip().startswith("[x]")
        assert app.line_with(" kb ").strip().startswith("▾ [-]")
        await pilot.press("space")
        assert app.objects == []
        assert len(app.changes) == 2


async def test_a_schema_is_ticked_whole_and_a_key_makes_a_list_of_it() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("j", "space")
        assert app.objects == [SchemaObjects(schema="kb")]
        assert "whole" in app.line_with(" kb ")
        await pilot.press("w")
        assert app.objects[0].tables[0].table == "cache"
        await pilot.press("w", "j", "j", "space")
        assert app.objects == [SchemaObjects(schema="kb", exclude=["cache"])]
        assert "whole, without 1" in app.line_with(" kb ")


async def test_arrows_open_and_close_and_go_to_the_line_above() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("G", "home", "j", "left")
        assert not any("passages" in line for line in app.lines)
        await pilot.press("right")
        assert any("passages" in line for line in app.lines)
        await pilot.press("right", "right", "j", "h")
        assert under_cursor(app) == Node("kb", "table")
        await pilot.press("enter", "G")
        assert under_cursor(app) == Node("sales", "type", "currency")
        await pilot.press("g")
        assert under_cursor(app) == Node("archive")


async def test_a_filter_narrows_with_each_key_counts_and_never_loses_a_tick() -> None:
    app = PickerApp(chosen=[listed("kb", "passages"), SchemaObjects(schema="sales")])
    async with app.run_test(size=NARROW) as pilot:
        before = app.objects
        await pilot.press("slash", "l", "o", "g")
        assert "1 of 12" in app.lines[0]
        assert not any("passages" in line for line in app.lines)
        assert app.objects == before
        await pilot.press("enter", "escape")
        assert app.line_with("passages").strip().startswith("[x]")
        assert app.objects == before
        assert app.changes == []


async def test_words_of_a_filter_come_in_any_order() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("slash", *"2026", "space", *"ord")
        assert "1 of 12" in app.lines[0]
        assert app.line_with("orders_2026")
        # Each of them counts: the first alone finds more.
        await pilot.press("ctrl+u", *"ord")
        assert "1 of 12" not in app.lines[0]
        await pilot.press("space", *"2026")
        assert "1 of 12" in app.lines[0]


async def test_a_filter_without_a_match_says_so() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("slash", *"zzz")
        assert app.line_with("no object has these words")


async def test_under_a_filter_ticks_are_about_what_is_shown_and_nothing_else() -> None:
    app = PickerApp(chosen=[SchemaObjects(schema="sales")])
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("slash", *"documents", "enter", "a")
        assert app.objects == [
            SchemaObjects(schema="sales"),
            listed("kb", "documents", sequences=["documents_id_seq"]),
        ]
        await pilot.press("g", "space")
        assert app.objects == [SchemaObjects(schema="sales")]
        await pilot.press("space", "n")
        assert app.objects == [SchemaObjects(schema="sales")]


async def test_a_key_that_is_faster_than_the_filter_is_about_what_was_typed() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("slash")
        app.picker.filter.value = "passages"
        app.picker.leave_filter()
        app.picker.action_all()
        assert app.objects == [listed("kb", "passages")]
        assert app.focused is app.picker.source


async def test_all_and_none_without_a_filter_and_the_way_back() -> None:
    app = PickerApp(chosen=[listed("kb", "passages")])
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("a")
        assert app.objects == [SchemaObjects(schema=schema) for schema in ("kb", "archive", "sales")]
        await pilot.press("n")
        assert app.objects == []
        await pilot.press("u", "u")
        assert app.objects == [listed("kb", "passages")]
        await pilot.press("u")
        assert app.objects == [listed("kb", "passages")]


async def test_narrow_the_selected_are_a_list_of_their_own_and_space_takes_out() -> None:
    app = PickerApp(chosen=[listed("kb", "passages", "documents"), listed("gone", "t")])
    async with app.run_test(size=NARROW) as pilot:
        assert not app.query_one("#pane-selected").display
        await pilot.press("v")
        assert not app.query_one("#pane-source").display
        assert "not at the source" in app.line_with(" t ")
        await pilot.press("g", "j", "j", "space")
        assert app.objects == [listed("kb", "passages"), listed("gone", "t")]
        await pilot.press("G", "space", "v")
        assert app.objects == [listed("kb", "passages")]
        assert app.query_one("#pane-source").display


async def test_wide_both_lists_stand_side_by_side_and_follow_each_other() -> None:
    app = PickerApp()
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("slash", *"passages", "enter", "a", "escape")
        assert "[x] passages" in app.line_with("] passages").partition("│")[0]
        assert any("passages" in line.partition("│")[2] for line in app.lines)
        assert "Selected: 1 object · 1 table · about 12.40 M rows · 21.3 GB" in app.lines[0]
        await pilot.press("tab", "j", "j", "space")
        assert app.objects == []


async def test_esc_is_the_filters_as_long_as_there_is_one() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        assert app.picker.check_action("clear_filter", ()) is False
        await pilot.press("slash")
        assert app.picker.check_action("clear_filter", ()) is True
        await pilot.press("escape")
        assert app.focused is app.picker.source
        assert app.picker.check_action("clear_filter", ()) is False


async def test_the_mouse_ticks_opens_and_moves() -> None:
    app = PickerApp()
    async with app.run_test(size=NARROW) as pilot:
        row = next(number for number, line in enumerate(app.lines) if "passages" in line)
        await pilot.click(offset=(7, row))
        assert app.objects == [listed("kb", "passages")]
        row = next(number for number, line in enumerate(app.lines) if "▾ [-] kb" in line)
        await pilot.click(offset=(0, row))
        assert not any("passages" in line for line in app.lines)


async def test_only_lines_in_sight_are_drawn_of_many_thousand() -> None:
    catalogue = large(20_000)
    app = PickerApp(catalogue, [SchemaObjects(schema="schema_01")])
    async with app.run_test(size=NARROW) as pilot:
        assert len([line for line in app.lines if "schema_0" in line]) == 4
        await pilot.press("slash", *"table_0", "enter", "G")
        assert "10,000 of 20,000" in app.lines[0]
        assert app.line_with("table_09999")
        assert len(app.lines) == NARROW[1]


Compare = Callable[..., bool]
CHOSEN = [listed("kb", "documents", "passages"), SchemaObjects(schema="sales", exclude=["currency"])]


@pytest.mark.parametrize("size", [NARROW, WIDE])
def test_the_picker_with_a_choice(snap_compare: Compare, size: tuple[int, int]) -> None:
    """Boxes [x], [-] and [ ]; words and figures aligned to the right; wide: the selected beside the source."""
    assert snap_compare(PickerApp(chosen=CHOSEN), terminal_size=size, press=["j", "j", "j", "j"])


def test_the_picker_under_a_filter(snap_compare: Compare) -> None:
    """The filter and its count in the first line; what matches open below its schema; ticks as before."""

    async def settle(pilot: Pilot[None]) -> None:
        await pilot.press("slash", *"orders", "enter")

    assert snap_compare(PickerApp(chosen=CHOSEN), terminal_size=NARROW, run_before=settle)


def test_the_list_of_the_selected_at_80_columns(snap_compare: Compare) -> None:
    """The selected alone, without boxes, in place of the source."""
    assert snap_compare(PickerApp(chosen=CHOSEN), terminal_size=NARROW, press=["v"])
