"""The wizard by keyboard: it stops at what is wrong, loses nothing, and keeps no secret."""

import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.events import Key
from textual.widgets import Input, Select

from syncwizard import paths
from syncwizard.client import drafts, saved_connections
from syncwizard.secrets import KEYRING_SERVICE
from syncwizard.task import file
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.specification import SchemaObjects
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.drafts import DraftsDialog
from syncwizard.tui.dialogs.file_picker import FilePickerDialog
from syncwizard.tui.dialogs.name import NameDialog
from syncwizard.tui.opening import Opening
from syncwizard.tui.tasks.screen import TasksScreen
from syncwizard.tui.widgets.field import Field, id_of
from syncwizard.tui.wizard.advanced import AdvancedStep
from syncwizard.tui.wizard.endpoints import EndpointsStep
from syncwizard.tui.wizard.screen import WizardScreen
from syncwizard.tui.wizard.start import StartStep
from tests.support.file_keyring import VARIABLE, FileKeyring
from tests.tui.apps import WIDE, text_on
from tests.tui.keyboard import Keyboard, at_screens, screens

MINUTES = "advanced.retry.connection_minutes"
pytestmark = pytest.mark.slow

END = EndpointDraft(host="db1", database="kb")
COMPLETE = TaskDraft(source=END, destination=END, objects=[SchemaObjects(schema="public")], name="kb", named=True)


def wizard_over(draft: TaskDraft | None) -> Opening:
    return Opening(screen="wizard", draft=draft)


def wizard_of(person: Keyboard) -> WizardScreen:
    assert isinstance(person.app.screen, WizardScreen)
    return person.app.screen


def focused_path(person: Keyboard) -> str:
    """The path of the field with the focus, '' where it is elsewhere."""
    widget = person.app.focused
    field = next((node for node in widget.ancestors if isinstance(node, Field)), None) if widget else None
    return field.path if field else ""


async def go_to(person: Keyboard, path: str) -> None:
    """Puts the focus on a field; that the tab key gets there is a test of its own."""
    await person.focus(wizard_of(person).query_one(f"#{id_of(path)}", Field).control)


async def test_next_stops_at_the_first_wrong_field_and_says_what_is_wrong() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        await person.press("f8")
        assert focused_path(person) == "source.host"
        assert person.sees("✗ the host is missing")
        assert person.sees("✗ the name of the database is missing")


async def test_next_goes_to_the_end_that_is_wrong() -> None:
    draft = TaskDraft(source=END)
    async with at_screens(wizard_over(draft)) as person:
        await person.press("f8")
        assert focused_path(person) == "destination.host"
        assert person.sees("✗ the host is missing")


async def test_enter_goes_to_the_next_field() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        await go_to(person, "source.host")
        await person.press("enter")
        assert focused_path(person) == "source.port"


async def test_a_field_is_judged_when_it_is_left_and_again_while_it_is_wrong() -> None:
    async with at_screens(wizard_over(COMPLETE), WIDE) as person:
        await go_to(person, "source.port")
        await person.write("54x")
        assert not person.sees("a port is a number")
        await person.press("tab")
        assert person.sees("✗ a port is a number from 1 to 65535")
        await person.press("shift+tab", "home", "shift+end")
        await person.write("5433")
        assert not person.sees("a port is a number")
        assert wizard_of(person).draft.source.port == "5433"


async def test_every_field_is_reached_by_the_tab_key_in_reading_order() -> None:
    async with at_screens(wizard_over(COMPLETE), WIDE) as person:
        await person.press("home")
        seen: list[str] = []
        while not (seen and focused_path(person) == seen[0]):
            if path := focused_path(person):
                seen.append(path)
            await person.press("tab")
        ends = ("type", "way", "host", "port", "database", "user", "password", "mode")
        assert seen == ["name", *(f"{end}.{field}" for end in ("source", "destination") for field in ends)]


async def test_a_choice_shows_the_fields_that_belong_to_it() -> None:
    async with at_screens(wizard_over(COMPLETE), WIDE) as person:
        await go_to(person, "source.way")
        await person.press("right", "right", "right")
        assert person.sees("SSH tunnel")
        assert person.sees("Through")
        assert person.sees("Local end")
        await go_to(person, "source.password")
        await person.press("right", "right")
        await go_to(person, "source.variable")
        await person.write("DST_PW")
        assert person.sees("$DST_PW is not set in this shell")
        assert wizard_of(person).draft.to_spec().source.password == "env:DST_PW"


async def test_the_name_follows_the_ends_until_a_person_chooses_one() -> None:
    async with at_screens(wizard_over(TaskDraft()), WIDE) as person:
        await go_to(person, "source.database")
        await person.write("kb")
        await go_to(person, "destination.host")
        await person.write("frankfurt.example.com")
        assert person.sees("New task · kb-to-frankfurt")
        await go_to(person, "name")
        await person.write("mine")
        await go_to(person, "source.database")
        await person.write("other")
        assert person.sees("New task · mine")


async def test_a_typed_password_is_in_no_file_and_not_on_the_screen() -> None:
    async with at_screens(wizard_over(COMPLETE)) as person:
        await go_to(person, "source.password")
        await person.press("right")
        await go_to(person, "source.secret")
        await person.write("hunter2")
        wizard = wizard_of(person)
        assert wizard.secrets.source == "hunter2"
        assert not person.sees("hunter2")
        await person.until(drafts.list_drafts, "the draft is kept")
        await person.press("f4")
        await person.until_on(CopyTextDialog)
        assert not person.sees("hunter2")
    written = [path.read_bytes() for path in paths.state_folder().rglob("*") if path.is_file()]
    assert written
    assert not any(b"hunter2" in content for content in written)


async def test_next_wants_a_password_that_only_a_person_can_give() -> None:
    draft = COMPLETE.with_value("destination.password", "prompt")
    async with at_screens(wizard_over(draft), WIDE) as person:
        await person.press("f8")
        assert focused_path(person) == "destination.secret"
        await person.press("f8")
        assert focused_path(person) == "destination.secret"
        await person.until_seen("✗ the password is missing")


async def test_a_keyring_that_is_not_there_is_explained_before_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring.backends.fail

    monkeypatch.setattr("keyring.core._keyring_backend", keyring.backends.fail.Keyring())  # type: ignore[no-untyped-call]
    async with at_screens(wizard_over(COMPLETE), WIDE) as person:
        await go_to(person, "source.password")
        await person.press("right", "right", "right")
        assert person.sees("this machine has no keyring")
        await person.press("f8")
        assert focused_path(person) == "source.password"


async def test_a_password_for_the_keyring_is_put_there_when_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "keyring"))
    kept = FileKeyring()  # type: ignore[no-untyped-call]
    monkeypatch.setattr("keyring.core._keyring_backend", kept)
    draft = COMPLETE.with_value("source.password", "keyring").with_value("source.user", "me")
    async with at_screens(wizard_over(draft)) as person:
        await go_to(person, "source.secret")
        await person.write("hunter2")
        await person.press("f8")
        await person.until(lambda: kept.get_password(KEYRING_SERVICE, "me@db1:5432/kb") == "hunter2")


async def test_a_draft_survives_the_end_of_the_program_and_is_offered_again() -> None:
    async with at_screens(wizard_over(None)) as person:
        await go_to(person, "source.host")
        await person.write("db7")
    async with at_screens(wizard_over(None)) as person:
        await person.until_on(DraftsDialog)
        assert person.sees("db7")
        await person.press("enter")
        assert wizard_of(person).draft.source.host == "db7"
        assert person.app.screen.query_one("#field-source-host Input", Input).value == "db7"


def fill_unheard(person: Keyboard, field: str, value: str) -> None:
    """As keys do whose change still waits behind others."""
    control = person.app.screen.query_one(f"#{field} Input", Input)
    with control.prevent(Input.Changed):
        control.value = value


async def test_keys_that_are_shown_and_not_yet_heard_are_kept_where_the_terminal_goes() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        await go_to(person, "source.host")
        fill_unheard(person, "field-source-host", "db7")
        wizard_of(person).keep_last_keys()
        assert [kept.draft.source.host for kept in drafts.list_drafts()] == ["db7"]


async def test_a_password_that_is_not_yet_heard_is_in_no_draft() -> None:
    async with at_screens(wizard_over(COMPLETE)) as person:
        await go_to(person, "source.password")
        await person.press("right")
        await go_to(person, "source.secret")
        fill_unheard(person, "field-source-secret", "hunter2")
        wizard_of(person).keep_last_keys()
        assert all(b"hunter2" not in file.read_bytes() for file in paths.drafts_folder().iterdir())


async def test_a_draft_can_be_discarded_for_a_new_task() -> None:
    drafts.save(COMPLETE)
    async with at_screens(wizard_over(None)) as person:
        await person.until_on(DraftsDialog)
        await person.press("x", "enter")
        assert len(drafts.list_drafts()) == 1
        await person.until_on(DraftsDialog)
        await person.press("x", "y")
        await person.until(lambda: not drafts.list_drafts(), "the draft is gone")
        await person.until_on(WizardScreen)
        assert wizard_of(person).draft.source.host == ""


async def test_brackets_in_the_name_of_a_draft_are_part_of_it() -> None:
    drafts.save(COMPLETE.with_value("name", "kb [/]"))
    async with at_screens(wizard_over(None)) as person:
        await person.until_on(DraftsDialog)
        assert person.sees("kb [/]")


async def test_a_draft_that_cannot_be_discarded_stays_in_the_list() -> None:
    drafts.save(COMPLETE)
    async with at_screens(wizard_over(None)) as person:
        await person.until_on(DraftsDialog)
        path = paths.drafts_folder() / f"{COMPLETE.id}.json"
        path.unlink()
        path.mkdir()
        await person.press("x", "y")
        await person.until_on(DraftsDialog)
        assert person.sees("db1:5432/kb")


@asynccontextmanager
async def host_typed_without_a_folder() -> AsyncIterator[Keyboard]:
    """A file where the folder of the drafts should be stands for a disk that takes nothing."""
    paths.drafts_folder().parent.mkdir(parents=True, exist_ok=True)
    paths.drafts_folder().touch()
    async with at_screens(wizard_over(COMPLETE)) as person:
        await go_to(person, "source.host")
        await person.write("db7")
        yield person


async def test_a_draft_that_cannot_be_written_is_reported_and_kept_once_it_can() -> None:
    async with host_typed_without_a_folder() as person:
        await person.until_seen("draft not kept: File exists")
        paths.drafts_folder().unlink()
        await person.press("escape")
        await person.until_on(TasksScreen)
        assert [kept.draft.source.host for kept in drafts.list_drafts()] == ["db7"]


async def test_a_wizard_whose_draft_cannot_be_written_is_left_all_the_same() -> None:
    async with host_typed_without_a_folder() as person:
        await person.press("escape")
        await person.until_on(TasksScreen)


async def test_back_from_the_first_step_leaves_and_keeps_the_draft() -> None:
    async with at_screens(wizard_over(None)) as person:
        await go_to(person, "source.host")
        await person.write("db7")
        await person.press("escape")
        await person.until_on(TasksScreen)
        assert [kept.draft.source.host for kept in drafts.list_drafts()] == ["db7"]


async def test_nothing_is_kept_of_a_wizard_in_which_nothing_was_typed() -> None:
    async with at_screens(wizard_over(None)) as person:
        await person.press("escape")
        await person.until_on(TasksScreen)
    assert drafts.list_drafts() == []


async def test_back_always_works_and_loses_nothing() -> None:
    async with at_screens(Opening()) as person:
        await person.app.push_screen(WizardScreen(COMPLETE, [AdvancedStep, StartStep]))
        await person.press("f8")
        assert person.sees("Removed by")
        await person.press("f7")
        await person.write("3")
        assert focused_path(person) == "advanced.retry.connection_minutes"
        await person.press("f8")
        assert person.sees("✗ must be from 10 to 1440 minutes")
        assert wizard_of(person).draft.value(MINUTES) == "3"


async def test_a_setting_shows_its_range_and_the_rule_it_breaks() -> None:
    async with at_screens(Opening()) as person:
        await person.app.push_screen(WizardScreen(COMPLETE, [AdvancedStep, StartStep]))
        assert person.sees("minutes · from 10 to 1440 · default 720")
        await person.write("20")
        await person.press("tab")
        await person.write("30")
        await person.press("f8")
        assert person.sees("✗ must be less than connection_minutes (20)")
        assert focused_path(person) == "advanced.retry.other_minutes"


async def test_a_saved_connection_fills_its_end() -> None:
    encryption = {"mode": "verify-ca", "ca": "ca.pem"}
    fields = {"host": "db9", "port": 6432, "database": "kb", "password": "env:PW", "encryption": encryption}
    saved_connections.add("frankfurt", fields)
    async with at_screens(wizard_over(TaskDraft())) as person:
        await person.press(*["shift+tab"] * 4, "enter", "down", "enter")
        await person.until(lambda: wizard_of(person).draft.source.host, "the end is filled")
        end = wizard_of(person).draft.source
        assert (end.host, end.port, end.database, end.variable) == ("db9", "6432", "kb", "PW")
        assert end.ca == str(paths.connections_file().parent / "ca.pem")
        assert person.sees("db9")


async def test_a_saved_connection_that_was_removed_meanwhile_is_not_put_in() -> None:
    saved_connections.add("frankfurt", {"host": "db9"})
    async with at_screens(wizard_over(TaskDraft())) as person:
        saved_connections.remove("frankfurt")
        await person.press(*["shift+tab"] * 4, "enter", "down", "enter")
        offered = wizard_of(person).query_one("#saved-source", Select)
        await person.until(lambda: offered.value is Select.NULL, "it is no more offered")
        assert wizard_of(person).draft.source.host == ""


async def test_brackets_in_the_name_of_a_connection_are_part_of_it() -> None:
    saved_connections.add("kb [/]", {"host": "db9", "database": "kb"})
    async with at_screens(wizard_over(TaskDraft())) as person:
        await person.press(*["shift+tab"] * 4, "enter", "down", "enter")
        await person.until(lambda: wizard_of(person).draft.source.host, "the end is filled")
        assert person.sees("kb [/]")


async def test_a_connection_that_cannot_be_written_is_reported() -> None:
    paths.connections_file().parent.parent.mkdir(parents=True, exist_ok=True)
    paths.connections_file().parent.touch()
    async with screens(wizard_over(COMPLETE)).run_test(notifications=True) as pilot:
        person = Keyboard(pilot)
        await person.until_on(WizardScreen)
        await person.press("tab", "tab", "enter")
        await person.until_on(NameDialog)
        await person.write("kb [/]")
        await person.press("enter")
        await person.until_seen("Not saved")
        paths.connections_file().parent.unlink()
        await person.press("enter")
        await person.until_on(NameDialog)
        await person.write("kb [/]")
        await person.press("enter")
        await person.until_seen("connection `kb [/]` is saved")


async def test_an_end_is_saved_as_a_connection_without_its_password() -> None:
    async with at_screens(wizard_over(COMPLETE)) as person:
        await person.press("tab", "tab", "enter")
        await person.until_on(NameDialog)
        await person.write("mine")
        await person.press("enter")
        await person.until(saved_connections.list_connections, "the connection is saved")
    assert saved_connections.fields_of("mine") == {"host": "db1", "port": 5432, "database": "kb"}


async def test_files_of_an_end_are_saved_by_names_that_hold_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draft = COMPLETE.with_value("source.mode", "verify-ca").with_value("source.ca", "ca.pem")
    async with at_screens(wizard_over(draft)) as person:
        await person.press("tab", "tab", "enter")
        await person.until_on(NameDialog)
        await person.write("mine")
        await person.press("enter")
        await person.until(saved_connections.list_connections, "the connection is saved")
    assert saved_connections.fields_of("mine")["encryption"]["ca"] == str(tmp_path / "ca.pem")


async def test_a_host_beside_a_service_is_asked_for_and_may_be_left_out() -> None:
    draft = COMPLETE.with_value("source.way", "service").with_value("source.service", "production")
    async with at_screens(wizard_over(draft), WIDE) as person:
        assert wizard_of(person).spec.source.describe() == "service production/kb"
        await go_to(person, "source.service_host")
        await person.write("replica")
        assert wizard_of(person).spec.source.describe() == "replica/kb"


async def test_a_certificate_is_picked_from_the_files(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("")
    draft = COMPLETE.with_value("source.mode", "verify-ca").with_value("source.ca", f"{tmp_path}/")
    async with at_screens(wizard_over(draft)) as person:
        await go_to(person, "source.ca")
        await person.press("tab", "enter")
        await person.until_on(FilePickerDialog)
        await person.until_seen("└── ca.pem")
        await person.press("down", "enter")
        await person.until_on(WizardScreen)
        assert wizard_of(person).draft.source.ca == str(tmp_path / "ca.pem")


async def test_the_preview_is_a_task_file_that_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with at_screens(wizard_over(COMPLETE), WIDE) as person:
        assert person.sees("Equivalent command: syncwizard check kb.yaml")
        await person.press("f4")
        await person.until_on(CopyTextDialog)
        await person.press("tab", "tab", "enter")
        await person.until_seen("written to")
    assert file.load(tmp_path / "kb.yaml") == COMPLETE.to_spec()


async def test_files_in_the_preview_are_those_that_are_tested_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draft = COMPLETE
    for end, ca in (("source", "~/ca.pem"), ("destination", "ca.pem")):
        draft = draft.with_value(f"{end}.mode", "verify-ca").with_value(f"{end}.ca", ca)
    async with at_screens(wizard_over(draft)) as person:
        await person.press("f4")
        await person.until_on(CopyTextDialog)
        await person.press("tab", "tab", "enter")
        await person.until_seen("written to")
    written = (tmp_path / "kb.yaml").read_text()
    assert f"ca: {Path.home() / 'ca.pem'}\n" in written
    assert f"ca: {tmp_path / 'ca.pem'}\n" in written


async def test_a_name_like_an_option_is_none_in_the_command() -> None:
    async with at_screens(wizard_over(TaskDraft(name="-kb", named=True)), WIDE) as person:
        assert person.sees("Equivalent command: syncwizard check ./-kb.yaml")


async def test_the_equivalent_command_can_be_pasted_into_a_shell() -> None:
    async with at_screens(wizard_over(TaskDraft(name="Bob's $kb", named=True)), WIDE) as person:
        assert person.sees("""Equivalent command: syncwizard check 'Bob'"'"'s $kb.yaml'""")


@pytest.mark.parametrize("name", ["kb-" + "x" * 60, "it's " + "'" * 30])
async def test_a_long_command_is_there_whole_and_can_be_copied(name: str) -> None:
    whole = f"syncwizard check {shlex.quote(f'{name}.yaml')}"
    async with at_screens(wizard_over(TaskDraft(name=name, named=True, source=END)), WIDE) as person:
        shown = "".join(text_on(person.app).split())
        assert "".join(f"Equivalent command: {whole}".split()) in shown
        # Whatever its length, the fields and the keys stay in sight.
        assert person.sees("F8 Test both") and person.sees("F7 Back")
        await person.press("f6")
        await person.until_on(CopyTextDialog)
        await person.press("tab", "enter")
        await person.until_seen("sent to the terminal")
        assert person.app.clipboard == whole


def press_at_once(person: Keyboard, *keys: str) -> None:
    """Keys that are there before any of them is answered."""
    for key in keys:
        person.app.post_message(Key(key, " " if key == "space" else key if len(key) == 1 else None))


async def test_what_is_typed_behind_next_lands_in_the_next_step() -> None:
    async with at_screens(Opening()) as person:
        await person.app.push_screen(WizardScreen(COMPLETE, [AdvancedStep, EndpointsStep]))
        await go_to(person, "advanced.retry.connection_minutes")
        press_at_once(person, "7", "0", "f8", "n", "e", "w")
        await person.until(lambda: wizard_of(person).draft.name == "new", "the name is typed")
        assert wizard_of(person).draft.value(MINUTES) == "70"
        press_at_once(person, "f7", "8", "0")
        await person.until(lambda: wizard_of(person).draft.value(MINUTES) == "80", "the minutes are typed")
        assert wizard_of(person).draft.name == "new"


async def test_what_is_typed_behind_a_next_that_stops_lands_in_the_field_that_is_wrong() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        press_at_once(person, "f8", "d", "b", "1")
        await person.until(lambda: wizard_of(person).draft.source.host == "db1", "the host is typed")


async def test_what_is_typed_as_the_wizard_opens_lands_in_its_first_field() -> None:
    async with at_screens(Opening()) as person:
        await person.until_seen("No tasks yet")
        press_at_once(person, "n", "n", "d", "p")
        await person.until_on(WizardScreen)
        await person.until(lambda: wizard_of(person).draft.source.host == "ndp", "the host is typed")


async def test_what_is_typed_ahead_of_the_screen_lands_in_the_next_field() -> None:
    async with at_screens(wizard_over(COMPLETE)) as person:
        await go_to(person, "source.port")
        press_at_once(person, "4", "2", "tab", "k", "tab", "m", "e")
        await person.until(lambda: focused_path(person) == "source.user", "the account has the focus")
        await person.until(lambda: wizard_of(person).draft.source.user == "me", "the account is typed")
        assert (wizard_of(person).draft.source.port, wizard_of(person).draft.source.database) == ("42", "k")


async def test_a_field_takes_the_question_mark_and_f9_lists_the_actions() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        await go_to(person, "source.database")
        await person.press("question_mark")
        assert wizard_of(person).draft.source.database == "?"
        assert person.sees("F9 Keys")
        await person.press("f9")
        await person.until_seen("What can be done here")


async def test_what_to_mind_follows_what_was_chosen() -> None:
    async with at_screens(wizard_over(COMPLETE), WIDE) as person:
        assert person.sees("Not encrypted")
        await go_to(person, "source.type")
        await person.press("right")
        assert person.sees("enable slot failover")


async def test_the_steps_are_in_the_rail_and_those_done_are_marked() -> None:
    async with at_screens(Opening()) as person:
        await person.app.push_screen(WizardScreen(COMPLETE, [EndpointsStep, AdvancedStep, StartStep]))
        assert person.sees("● Source & destination ── ○ Settings ── ○ Start")
        wizard_of(person).go_on()
        await person.until_seen("✓ Source & destination ── ● Settings ── ○ Start")


async def paste(person: Keyboard, text: str) -> None:
    """A text as a terminal pastes it, into the field with the focus."""
    await person.write(text)


async def test_a_pasted_url_fills_the_end_and_its_password_is_kept_nowhere() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        await go_to(person, "destination.host")
        await paste(person, "postgresql://sync:hunter2@db2:6432/kb?sslmode=verify-full")
        end = wizard_of(person).draft.destination
        assert (end.host, end.port, end.database, end.user, end.mode) == ("db2", "6432", "kb", "sync", "verify-full")
        assert wizard_of(person).secrets.destination == "hunter2" and end.password == "prompt"
        assert not person.sees("hunter2") and person.sees("db2")
        await person.until(drafts.list_drafts, "the draft is kept")
    assert not any(b"hunter2" in path.read_bytes() for path in paths.state_folder().rglob("*") if path.is_file())


async def test_a_new_task_is_described_by_pasting_two_urls_and_typing_two_passwords(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    async with at_screens(Opening(screen="wizard")) as person:
        await person.until(lambda: focused_path(person) == "source.host", "a new task begins at its source")
        await paste(person, "postgresql://sync@db1/shop")
        # Libpq could find no password: the field for one is next.
        assert focused_path(person) == "source.secret"
        await person.write("one")
        await person.press("f3")
        await paste(person, "postgresql://sync@db2/newshop")
        await person.write("two")
        wizard = wizard_of(person)
        assert (wizard.secrets.source, wizard.secrets.destination) == ("one", "two")
        assert wizard.draft.name == "shop-to-db2" and not wizard.current.problems()


async def test_a_connection_pasted_as_the_name_of_a_task_is_its_source_and_then_its_destination() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        for url in ("postgresql://db1/shop", "postgresql://db2/shop"):
            await go_to(person, "name")
            await paste(person, url)
        draft = wizard_of(person).draft
        assert (draft.source.host, draft.destination.host) == ("db1", "db2") and not draft.named
        # From neither end, to the source.
        await go_to(person, "name")
        await person.press("f3")
        assert focused_path(person) == "source.host"


async def test_a_connection_that_comes_key_by_key_fills_the_end_when_its_field_is_left() -> None:
    async with at_screens(wizard_over(TaskDraft())) as person:
        await go_to(person, "source.host")
        press_at_once(person, *"host=db1", "space", *"dbname=kb", "tab")
        await person.until(lambda: wizard_of(person).draft.source.database == "kb", "the end is filled")
        assert wizard_of(person).draft.source.host == "db1"


async def test_one_key_leads_to_the_same_field_of_the_other_end() -> None:
    async with at_screens(wizard_over(COMPLETE)) as person:
        await go_to(person, "source.database")
        await person.press("f3")
        assert focused_path(person) == "destination.database"
        await person.press("f3")
        assert focused_path(person) == "source.database"


async def test_the_key_to_the_other_end_leads_to_what_the_field_depends_on_or_to_where_an_end_begins() -> None:
    draft = TaskDraft().with_value("source.password", "prompt").with_value("source.host", "db1")
    async with at_screens(wizard_over(draft)) as person:
        await go_to(person, "source.secret")
        await person.press("f3")
        assert focused_path(person) == "destination.host"
        await person.write("db2")
        await go_to(person, "source.secret")
        await person.press("f3")
        assert focused_path(person) == "destination.password"


async def test_arrows_lead_from_one_button_of_a_dialog_to_the_next() -> None:
    async with at_screens(wizard_over(COMPLETE)) as person:
        await person.press("f2")
        dialog = await person.until_on(CopyTextDialog)
        await person.press("right", "right", "right")
        assert dialog.focused is dialog.query_one("#write")
        await person.press("left", "left", "left")
        assert dialog.focused is dialog.query_one("#close")


async def test_the_rights_of_both_accounts_are_there_as_sql_before_anything_is_tested() -> None:
    async with at_screens(wizard_over(COMPLETE.with_value("source.user", "sync")), WIDE) as person:
        await person.press("f2")
        await person.until_on(CopyTextDialog)
        assert person.sees("GRANT CREATE ON DATABASE kb TO sync;")
        assert person.sees("GRANT SET ON PARAMETER session_replication_role TO sync;")


async def test_what_to_mind_is_read_before_the_start_at_80_columns_too() -> None:
    async with at_screens(Opening()) as person:
        await person.app.push_screen(WizardScreen(COMPLETE, [StartStep]))
        await person.press("end")
        await person.until_seen("Nothing else writes to the selected tables")


def is_in_sight(person: Keyboard) -> bool:
    """Whether nothing lies over what has the focus."""
    focused = person.app.focused
    return focused is not None and person.app.screen.get_widget_at(*focused.region.offset)[0] is focused


async def test_where_both_ends_are_refused_the_first_wrong_field_has_the_focus() -> None:
    draft = COMPLETE
    for end in ("source", "destination"):
        draft = draft.with_value(f"{end}.host", "127.0.0.1").with_value(f"{end}.port", "1")
    async with at_screens(wizard_over(draft)) as person:
        await person.press("f8")
        await person.until(lambda: text_on(person.app).count("✗ Connect") == 2, "both are refused")
        await person.pilot.pause()
        assert focused_path(person) == "source.port"
        # What was found covers no field that is typed into.
        for path in ("source.mode", "destination.user", "destination.mode"):
            await go_to(person, path)
            await person.until(lambda: is_in_sight(person), f"{path} is in sight")
