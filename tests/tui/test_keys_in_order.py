"""Keys that come at once do what they would have done one after the other."""

from pathlib import Path

import pytest
from textual.events import Key, Paste
from textual.widgets import Input

from syncwizard.client.credentials import Question
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.handover import Handover
from syncwizard.tui.dialogs.confirm import TypedConfirmDialog
from syncwizard.tui.dialogs.edit import EditorDialog
from syncwizard.tui.dialogs.help import HelpDialog
from syncwizard.tui.dialogs.password import PasswordDialog
from syncwizard.tui.opening import Opening
from syncwizard.tui.wizard.endpoints import EndpointsStep
from syncwizard.tui.wizard.screen import WizardScreen
from tests.support.replay import seen, store_task, synchronizing, through, view_of
from tests.support.screen_terminal import BACK_TAB, TAB, ScreenTerminal
from tests.tui.apps import NARROW, monitor, task_list
from tests.tui.keyboard import Keyboard, at_screens
from tests.tui.test_pages import FOUND, compared

BACKSPACE, HOME, DELETE_LINE = "\x7f", "\x1b[H", "\x15"


def press_at_once(person: Keyboard, *keys: str) -> None:
    """Keys that are there before any of them is answered."""
    for key in keys:
        person.app.post_message(Key(key, key if len(key) == 1 else None))


async def wizard(person: Keyboard, database: str = "") -> WizardScreen:
    """The first step, with the database's field in focus."""
    screen = WizardScreen(TaskDraft().with_value("source.database", database), [EndpointsStep])
    await person.app.push_screen(screen)
    await person.until(lambda: person.app.focused, "the wizard takes keys")
    await person.focus(screen.query_one("#field-source-database Input"))
    return screen


EDITED = {
    "abc": ("a", "b", "x", "backspace", "c"),
    "Xsync": ("s", "y", "n", "c", "home", "X"),
    "kb": ("o", "l", "d", "ctrl+u", "k", "b"),
    "cbd": ("a", "b", "left", "left", "delete", "c", "end", "d"),
    "d": ("a", "b", "ctrl+w", "c", "left", "ctrl+k", "d"),
}


@pytest.mark.slow
async def test_keys_that_edit_a_field_keep_their_place() -> None:
    async with at_screens(Opening()) as person:
        screen = await wizard(person)
        field = person.app.focused
        for value, keys in EDITED.items():
            press_at_once(person, "end", "ctrl+u", *keys, "tab")
            await person.until(lambda: person.app.focused is not field, "the field was left")
            assert screen.draft.source.database == value
            press_at_once(person, "shift+tab")
            await person.until(lambda: person.app.focused is field, "the field has the focus again")


@pytest.mark.parametrize("mover", ["tab", "enter"])
async def test_two_passwords_land_in_their_fields(mover: str) -> None:
    async with at_screens(Opening()) as person:
        answers: list[Handover | None] = []
        questions = [Question(part="source", what="source"), Question(part="destination", what="destination")]
        await person.app.push_screen(PasswordDialog(questions), answers.append)
        await person.until_on(PasswordDialog)
        press_at_once(person, *"abc", mover, *"defgh", "enter")
        await person.until(lambda: answers, "the dialog is answered")
        assert answers == [Handover(source="abc", destination="defgh")]


@pytest.mark.slow
async def test_back_tab_and_what_is_pasted_keep_their_place() -> None:
    async with at_screens(Opening()) as person:
        screen = await wizard(person)
        press_at_once(person, "tab", "m", "e", "shift+tab")
        person.app.post_message(Paste("kb"))
        press_at_once(person, "2", "tab")
        await person.until(lambda: screen.draft.source.database == "kb2", "the database is typed")
        assert screen.draft.source.user == "me"


@pytest.mark.slow
async def test_what_is_typed_behind_a_pasted_connection_is_its_password(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    async with at_screens(Opening(screen="wizard")) as person:
        screen = await person.until_on(WizardScreen)
        await person.until(
            lambda: person.app.focused is screen.query_one("#field-source-host Input"), "it begins there"
        )
        person.app.post_message(Paste("postgresql://sync@db1/shop"))
        press_at_once(person, *"one", "f3")
        person.app.post_message(Paste("postgresql://sync@db2/newshop"))
        press_at_once(person, *"two", "f3", "end", "X")
        await person.until(lambda: screen.secrets.source == "oneX", "both are typed")
        assert screen.secrets.destination == "two" and screen.draft.name == "shop-to-db2"


async def test_what_is_typed_behind_the_key_of_the_filter_is_filtered() -> None:
    async with task_list(seen(store_task("quiet"), through("incremental"), synchronizing())).run_test() as pilot:
        person = Keyboard(pilot)
        await person.until_seen("quiet")
        press_at_once(person, "slash", *"qUiet")
        field = person.app.screen.query_one("#tasks-filter", Input)
        await person.until(lambda: field.value == "qUiet", "the filter is typed")


async def test_what_is_typed_behind_the_key_of_the_monitors_filter_is_filtered() -> None:
    view = view_of(store_task("quiet"), through("incremental"), synchronizing())
    async with monitor(view).run_test() as pilot:
        person = Keyboard(pilot)
        await person.until_seen("in step")
        press_at_once(person, "2", "slash", *"tagx", "backspace", "s", "enter")
        field = person.app.screen.query_one("#monitor-filter", Input)
        await person.until(lambda: field.value == "tags", "the filter is typed")
        await person.until(lambda: person.app.focused is not field, "the list has the focus")


async def test_what_is_typed_behind_the_keys_of_a_page_and_its_filter_is_filtered() -> None:
    view = compared(FOUND, ended=True)
    async with monitor(view).run_test(size=NARROW) as pilot:
        person = Keyboard(pilot)
        await person.until_seen("in step")
        press_at_once(person, "v", "slash", "t", "x", "backspace", "a", "g", "s", "enter")
        await person.until_seen("Tables (1 of 3)")
        field = person.app.screen.query_one("#verification-filter", Input)
        await person.until(lambda: field.value == "tags" and person.app.focused is not field, "the list has the focus")


async def test_what_is_typed_into_an_editor_keeps_its_place() -> None:
    async with at_screens(Opening()) as person:
        await person.until_seen("No tasks yet")
        taken: list[str | None] = []
        await person.app.push_screen(EditorDialog("Filter", "b", lambda text: ""), taken.append)
        press_at_once(person, "home", "a", "end", "x", "backspace", "c", "f8")
        await person.until(lambda: taken == ["abc"], "the text is taken")


async def test_what_is_typed_behind_the_key_of_the_help_is_searched_and_run() -> None:
    async with task_list(seen(store_task("quiet"), through("incremental"), synchronizing())).run_test() as pilot:
        person = Keyboard(pilot)
        await person.until_seen("quiet")
        press_at_once(person, "question_mark", *"next-thx", "backspace", "enter")
        await person.until(lambda: not isinstance(person.app.screen, HelpDialog), "an action is run")


async def test_a_name_is_typed_whole_wherever_the_focus_was() -> None:
    async with at_screens(Opening()) as person:
        dialog = TypedConfirmDialog("t", "", name="kb", source="a", destination="b", verb="Release")
        await person.app.push_screen(dialog)
        await person.until_on(TypedConfirmDialog)
        press_at_once(person, *"orders", "backspace", "s", "home", "X")
        await person.until(lambda: dialog.query_one(Input).value == "Xorders", "the name is typed")


async def test_keys_go_on_where_the_widget_that_had_them_is_gone() -> None:
    async with at_screens(Opening()) as person:
        screen = await wizard(person)
        await person.app.push_screen(PasswordDialog([Question(part="source", what="source")]))
        await person.until_on(PasswordDialog)
        press_at_once(person, "x", "escape", "k", "b", "left", "X")
        await person.until(lambda: screen.draft.source.database == "kXb", "the database is typed")


@pytest.mark.slow
def test_bursts_at_a_terminal_keep_their_order() -> None:
    with ScreenTerminal("new") as terminal:
        terminal.until_seen("F8 Test both")
        # To the database: the title shows the name, which follows it.
        terminal.press(f"{TAB}{TAB}")
        # Each in one write, as a slow line or a text expander sends them.
        for keys, name in ((f"abx{BACKSPACE}c", "abc"), (f"sync{HOME}X", "Xsync"), (f"old{DELETE_LINE}kb", "kb")):
            terminal.press(f"{DELETE_LINE}{keys}{TAB}")
            terminal.until_seen(f"New task · {name} ")
            terminal.press(BACK_TAB)


@pytest.mark.slow
def test_keys_behind_the_one_that_ends_it_all_end_nothing_badly() -> None:
    with ScreenTerminal() as terminal:
        terminal.until_seen("No tasks yet")
        terminal.press(f"qxy{TAB}z/q")
        assert "Traceback" not in terminal.finish(expect=0)
