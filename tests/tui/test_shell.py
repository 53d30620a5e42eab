"""What holds on every screen: keys from one registry, help, settings, themes, dialogs."""

import os
from pathlib import Path

import msgspec
import pytest
from textual.screen import Screen
from textual.widgets import Button, Input

from syncwizard import paths
from syncwizard.engine.journal import FILE_NAME
from syncwizard.engine.locking import TaskLock
from syncwizard.errors import EndpointError
from syncwizard.task.events import Failure
from syncwizard.tui import entry as launch
from syncwizard.tui.actions import ACTIONS
from syncwizard.tui.app import SyncwizardApp
from syncwizard.tui.dialogs.confirm import TypedConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.error import ErrorDialog
from syncwizard.tui.opening import Leaving
from syncwizard.tui.settings import load_preferences, load_settings
from tests.support.replay import NOW, Replay, seen, store_task, synchronizing, through, view_of
from tests.tui.apps import NARROW, WIDE, monitor, shown, task_list


async def test_help_lists_what_can_be_done_here_finds_it_by_words_and_runs_it() -> None:
    app = task_list(seen(store_task(), through("incremental"), synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        await pilot.press("question_mark")
        text = await shown(pilot, "What can be done here")
        assert "Close every connection" in text and "Continue a paused" not in text
        await pilot.press(*"contain some words")
        assert "Close every connection" not in await shown(pilot, "Filter")
        await pilot.press("enter")
        await shown(pilot, "filter: words that a task contains")


async def test_help_names_the_marked_action_as_the_key_map_wants_it() -> None:
    app = task_list(seen(store_task(), through("incremental"), synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        await pilot.press("question_mark")
        await shown(pilot, "tasks.open · Esc: back")
        await pilot.press("down")
        await shown(pilot, "tasks.pause · Esc: back")
        await pilot.press(*"clone")
        await shown(pilot, "tasks.clone · 1 of")


async def test_the_palette_offers_the_same_actions() -> None:
    app = task_list(seen(store_task(), through("incremental"), synchronizing()))
    async with app.run_test() as pilot:
        await shown(pilot, "in step")
        await pilot.press("colon")
        await pilot.press(*"clone")
        assert "tasks.clone · Take the task as the draft of a new one" in await shown(pilot, "Clone")


async def test_a_key_of_the_settings_replaces_the_one_of_the_registry() -> None:
    app = task_list(seen(store_task(), through("incremental"), synchronizing()), keys={"tasks.filter": "f"})
    async with app.run_test() as pilot:
        assert "f Filter" in await shown(pilot, "Filter")
        await pilot.press("f")
        await shown(pilot, "filter: words that a task contains")


def test_a_mistake_in_the_settings_is_named_with_the_nearest_action(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("theme: light\nkeys: {monitor.puase: x, monitor.pause: P}\n")
    settings, mistakes = load_settings(path, ACTIONS.keys())
    assert settings.theme == "light" and settings.keys == {"monitor.pause": "P"}
    assert mistakes == [f"{path}: no action is called `monitor.puase`; did you mean `monitor.pause`?"]


def test_a_theme_that_there_is_not_is_answered_with_those_there_are(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text("theme: purple\n")
    mistake = load_settings(path, ACTIONS.keys())[1][0]
    assert mistake.endswith("; one of: dark, light, high-contrast, ansi-dark, ansi-light")


@pytest.mark.parametrize("text", ["theme: [", "theme: purple\n", "colour: red\n", "\xff"])
def test_settings_that_cannot_be_read_leave_the_defaults(tmp_path: Path, text: str) -> None:
    path = tmp_path / "config.yaml"
    path.write_bytes(text.encode("latin-1"))
    settings, mistakes = load_settings(path, ACTIONS.keys())
    assert settings.theme is None and len(mistakes) == 1 and str(path) in mistakes[0]


async def test_the_screens_start_on_defaults_and_say_what_is_wrong_with_the_settings() -> None:
    paths.settings_file().parent.mkdir(parents=True, exist_ok=True)
    # Brackets are no markup in text of users.
    paths.settings_file().write_text("'[/]': red\n")
    app = SyncwizardApp(clock=lambda: NOW)
    async with app.run_test(size=(120, 30), notifications=True) as pilot:
        assert "`[/]`" in await shown(pilot, "The settings have a mistake")


async def test_a_chosen_theme_is_remembered() -> None:
    app = SyncwizardApp(clock=lambda: NOW)
    async with app.run_test() as pilot:
        await shown(pilot, "No tasks yet")
        before = app.theme
        await pilot.press("f10")
        await pilot.pause()
        assert app.theme != before
    assert load_preferences().theme == app.theme
    assert SyncwizardApp(clock=lambda: NOW).theme == app.theme


def test_no_action_has_the_key_of_another_on_the_same_screen() -> None:
    for screen in ("tasks", "monitor"):
        keys = [
            key
            for action in ACTIONS.values()
            if action.id.partition(".")[0] in (screen, "app", "screen", "list")
            for key in action.key.split(",")
        ]
        # Pause and resume are never there at once, but have keys of their own all the same.
        assert len(keys) == len(set(keys))


async def test_what_is_below_the_fold_of_a_dialog_is_reached_by_keys_from_its_buttons() -> None:
    app = task_list()
    details = "\n".join(f"table {number}" for number in range(100))
    async with app.run_test(size=NARROW) as pilot:
        dialog = TypedConfirmDialog(
            "Release kb", "It goes.", name="kb", source="a", destination="b", verb="Release", details=details
        )
        app.push_screen(dialog)
        assert "table 99" not in await shown(pilot, "table 0")
        assert dialog.query_one("#cancel").has_focus
        await pilot.press("end")
        await shown(pilot, "table 99")
        await pilot.press("home")
        await shown(pilot, "table 0")
        await pilot.press("down")
        await shown(pilot, "table 0", gone=True)


async def test_the_destructive_dialog_wants_the_exact_name_and_a_button() -> None:
    app = task_list()
    answers: list[bool | None] = []
    async with app.run_test() as pilot:
        dialog = TypedConfirmDialog("Release kb", "It goes.", name="kb", source="a", destination="b", verb="Release")
        app.push_screen(dialog, answers.append)
        await shown(pilot, "Type the task's name")
        confirm = dialog.query_one("#confirm", Button)
        assert dialog.query_one("#cancel").has_focus
        await pilot.press("k")
        assert dialog.query_one(Input).value == "k" and confirm.disabled
        await pilot.press("b", "enter")
        assert not answers and confirm.has_focus
        await pilot.press("enter")
        await pilot.pause()
    assert answers == [True]


async def test_copying_claims_no_more_than_is_known_and_a_file_is_always_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMUX", "/tmp/tmux-0/default,1,0")
    app = task_list()
    async with app.run_test() as pilot:
        app.push_screen(CopyTextDialog("SQL", "SELECT 1", "statement.sql"))
        await shown(pilot, "Write to file")
        await pilot.press("tab", "enter")
        assert "set-clipboard on" in await shown(pilot, "sent to the terminal")
        assert app.clipboard == "SELECT 1"
        await pilot.press("tab", "enter")
        await shown(pilot, "written to")
        assert Path("statement.sql").read_text() == "SELECT 1\n"
        app.screen.query_one(Input).value = os.devnull + "/impossible"
        app.screen.query_one(Input).focus()
        await pilot.press("enter")
        await shown(pilot, "the file cannot be written")


async def test_a_file_that_is_there_is_replaced_only_once_that_was_stated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("kb.yaml").write_text("mine\n")
    app = task_list()
    async with app.run_test() as pilot:
        app.push_screen(CopyTextDialog("Task file", "name: kb", "kb.yaml"))
        await shown(pilot, "Write to file")
        app.screen.query_one(Input).focus()
        await pilot.press("enter")
        await shown(pilot, "there is such a file")
        assert Path("kb.yaml").read_text() == "mine\n"
        await pilot.press("enter")
        await shown(pilot, "written to")
        assert Path("kb.yaml").read_text() == "name: kb\n"
        # It is ours now.
        await pilot.press("enter")
        await pilot.pause()
        await shown(pilot, "written to")


async def test_an_error_says_what_where_the_servers_words_and_the_way_on() -> None:
    error = EndpointError(
        "the login was refused",
        end="source",
        transient=False,
        detail='password authentication failed for user "sync"',
        sqlstate="28P01",
        remedy="correct the password",
    )
    app = task_list()
    async with app.run_test() as pilot:
        app.push_screen(ErrorDialog(error))
        text = await shown(pilot, "the login was refused")
        assert 'password authentication failed for user "sync"' in text
        assert "[28P01]" in text and "What to do    correct the password" in text


class _Broken(Screen[None]):
    """A screen with a defect, and a secret at hand."""

    def on_mount(self) -> None:
        password = "hunter2"
        raise ZeroDivisionError(f"a defect near a password of {len(password)} letters")


async def test_a_defect_is_written_to_a_file_without_the_secrets_that_were_at_hand() -> None:
    app = task_list()
    with pytest.raises(ZeroDivisionError):
        async with app.run_test() as pilot:
            await app.push_screen(_Broken())
            await pilot.pause()
    written = paths.defect_file().read_text()
    assert "ZeroDivisionError: a defect near a password of 7 letters" in written
    assert paths.defect_file().stat().st_mode & 0o777 == 0o600
    assert "hunter2" not in written


def test_leaving_says_how_many_tasks_go_on() -> None:
    store_task("a")
    assert launch.farewell(Leaving()) == ""
    with TaskLock(store_task("b", 2).id):
        assert launch.farewell(Leaving()) == "b goes on; come back with: syncwizard"


def test_leaving_a_task_whose_journal_is_damaged_says_so() -> None:
    task = store_task("kb")
    (task.folder / FILE_NAME).write_bytes(b"nonsense" * 1000)
    words = launch.farewell(Leaving(task=task))
    assert "the task's journal cannot be used" in words
    assert words.endswith("come back with: syncwizard open kb")


async def test_labels_lead_to_whatever_takes_the_focus() -> None:
    app = monitor(view_of(store_task(), through("incremental"), synchronizing()))
    async with app.run_test(size=WIDE) as pilot:
        await shown(pilot, "in step")
        await pilot.press("f12")
        # In reading order: stages, charts, tables, events.
        text = await shown(pilot, " f ")
        assert all(f" {letter} " in text for letter in "asd")
        await pilot.press("d")
        await shown(pilot, " f ", gone=True)
        assert app.focused is not None and app.focused.id == "monitor-tables"
        await pilot.press("f12", "escape")
        assert app.focused is not None and app.focused.id == "monitor-tables"


async def test_the_end_of_a_task_is_announced_where_nothing_else_is_looked_at() -> None:
    view = view_of(store_task(), through("incremental"), synchronizing())
    failed = msgspec.structs.replace(view.seen.state, state="failed", failure=Failure(title="it is full"))
    link = Replay(view)
    app = monitor(view, follow=link)
    async with app.run_test(size=WIDE, notifications=True) as pilot:
        await shown(pilot, "in step")
        link.post(msgspec.structs.replace(view, seen=msgspec.structs.replace(view.seen, state=failed)))
        await shown(pilot, "kb-to-frankfurt failed")
