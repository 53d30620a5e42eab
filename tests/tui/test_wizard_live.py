"""The wizard over real servers: it tests both ends, checks, mends, and starts the task it describes."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.widgets import Button

from syncwizard.client import drafts, lifecycle, probes, tasks
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.handover import Handover
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.run_sql import RunSqlDialog
from syncwizard.tui.monitor.screen import MonitorScreen
from syncwizard.tui.opening import Opening
from syncwizard.tui.wizard.advanced import AdvancedStep
from syncwizard.tui.wizard.endpoints import EndpointsStep
from syncwizard.tui.wizard.precheck import PrecheckStep
from syncwizard.tui.wizard.screen import WizardScreen
from syncwizard.tui.wizard.start import StartStep
from syncwizard.tui.wizard.step import Step
from tests.support.pair import DatabasePair
from tests.tui.apps import WIDE, text_on
from tests.tui.keyboard import Keyboard, at_screens

pytestmark = pytest.mark.slow

# Both servers trust whoever comes: what matters is that it was typed.
TYPED = Handover(source="typed")


@pytest.fixture
def draft(pair: DatabasePair) -> TaskDraft:
    """A task over two tables, one of them without a key."""
    pair.source.execute("CREATE TABLE orders (id int PRIMARY KEY, note text); CREATE TABLE log (line text)")
    pair.source.execute("INSERT INTO orders SELECT n, 'x' FROM generate_series(1, 100) AS n")
    return TaskDraft.from_spec(pair.spec(id=None))


@pytest.fixture
def plain(draft: TaskDraft, pair: DatabasePair) -> Iterator[TaskDraft]:
    """The same with an account at both ends that has no right but to log in."""
    role = f"{pair.database}_plain"
    for end in (pair.source, pair.destination):
        end.execute(f"CREATE ROLE {role} LOGIN".encode())
    yield draft.with_value("source.user", role).with_value("destination.user", role)
    for end in (pair.source, pair.destination):
        end.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def wizard_of(person: Keyboard) -> WizardScreen:
    assert isinstance(person.app.screen, WizardScreen)
    return person.app.screen


def own_probes() -> list[str]:
    """The probes that this process has running."""
    children = [pid for path in Path("/proc/self/task").glob("*/children") for pid in path.read_text().split()]
    commands = [Path(f"/proc/{pid}/cmdline").read_text() for pid in children]
    return [command for command in commands if probes.PROBE_MODULE in command]


async def open_steps(person: Keyboard, draft: TaskDraft, *steps: type[Step]) -> None:
    """The wizard with these steps alone."""
    await person.app.push_screen(WizardScreen(draft, list(steps)))


async def mark(person: Keyboard, item: str) -> None:
    """Puts the mark on an item of the precheck."""
    wizard_of(person).query_one(PrecheckStep).listing.go_to(item)
    await person.until_seen(f"({item})")


async def test_both_ends_are_tested_step_by_step_before_the_objects(draft: TaskDraft) -> None:
    async with at_screens(Opening(), WIDE) as person:
        await open_steps(person, draft, EndpointsStep, AdvancedStep)
        assert person.sees("F8 Test both")
        await person.press("f8")
        await person.until_seen("● Settings")
        await person.press("f7")
        # What was found stays with its end.
        for words in ("PostgreSQL 16", "PostgreSQL 18", "✓ "):
            assert person.sees(words)
        assert person.sees("F8 Next: Settings")
        await person.press("f8")
        await person.until_seen("● Settings")


async def test_one_end_is_tested_alone(draft: TaskDraft) -> None:
    async with at_screens(Opening(), WIDE) as person:
        await open_steps(person, draft.with_value("destination.database", ""), EndpointsStep, AdvancedStep)
        await person.focus(wizard_of(person).query_one("#field-source-database Input"))
        await person.press("f5")
        await person.until_seen("PostgreSQL 16")
        assert not person.sees("PostgreSQL 18") and person.sees("F8 Test both")
        await person.press("end")
        await person.write("x")
        # What was found was of another database.
        assert not person.sees("PostgreSQL 16")


async def test_an_end_that_cannot_be_used_is_explained_and_stops_the_wizard(draft: TaskDraft) -> None:
    async with at_screens(Opening()) as person:
        await open_steps(person, draft.with_value("destination.database", "nowhere"), EndpointsStep, AdvancedStep)
        await person.press("f8")
        await person.until_seen("✗ Open the database")
        await person.until_seen("→ create the database")
        # What came after it was skipped, and takes no room from the reason; the focus is where it is corrected.
        assert not person.sees("skipped") and not person.sees("Right to write")
        await person.until(
            lambda: person.app.focused is wizard_of(person).query_one("#field-destination-database Input"), "the field"
        )
        assert person.sees("● Source & destination")


async def test_a_right_that_is_missing_leaves_the_password_alone(draft: TaskDraft, pair: DatabasePair) -> None:
    role = f"poor_{pair.destination_database}"
    pair.destination.execute(f"CREATE ROLE {role} LOGIN".encode())
    asked = draft.with_value("destination.user", role).with_value("destination.password", "prompt")
    try:
        async with at_screens(Opening()) as person:
            await open_steps(person, asked, EndpointsStep, AdvancedStep)
            wizard_of(person).secrets = Handover(destination="hunter2")
            await person.press("f8")
            await person.until_seen("✗ Right to write")
            account = wizard_of(person).query_one("#field-destination-user Input")
            await person.until(lambda: person.app.focused is account, "the account has the focus")
            assert wizard_of(person).secrets.destination == "hunter2"
    finally:
        pair.destination.execute(f"DROP ROLE {role}".encode())


async def test_leaving_a_connectivity_test_ends_its_process(draft: TaskDraft) -> None:
    # It takes connections and never says a word.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = draft.with_value("source.way", "host").with_value("source.host", "127.0.0.1")
        there = there.with_value("source.port", str(silent.getsockname()[1]))
        async with at_screens(Opening()) as person:
            await open_steps(person, there, EndpointsStep, AdvancedStep)
            await person.press("f8")
            await person.until_seen("▸ Log in …")
            assert own_probes()
            await person.press("escape")
            await person.until(lambda: not own_probes(), "the probe is gone")
            await person.until_seen("stopped; F5 tests again")
            assert person.sees("● Source & destination")


async def test_next_is_locked_until_every_warning_is_accepted(draft: TaskDraft) -> None:
    async with at_screens(Opening()) as person:
        await open_steps(person, draft, PrecheckStep, StartStep)
        await person.until_seen("▲ 1 to accept")
        await person.press("f8")
        assert person.sees("● Precheck") and person.sees("F8 Next (1 to accept)")
        await person.press("i")
        await person.until_on(ConfirmDialog)
        await person.until_seen("Accepted, it no longer stops the task")
        assert person.sees("No data differ by it")
        await person.press("enter")
        assert wizard_of(person).draft.ignore == []
        await person.press("i")
        await person.until_on(ConfirmDialog)
        await person.press("y")
        await person.until_seen("✓ success rate 100 %")
        assert [getattr(entry, "item", "") for entry in wizard_of(person).draft.ignore] == ["replica-identity"]
        await person.press("f8")
        await person.until_seen("Accepted warnings")
        await person.until_seen("replica-identity, 20")


async def test_an_acceptance_can_be_taken_back(draft: TaskDraft) -> None:
    accepted = draft.with_value("ignore", ["replica-identity"])
    async with at_screens(Opening()) as person:
        await open_steps(person, accepted, PrecheckStep, StartStep)
        await person.until_seen("✓ success rate 100 %")
        await mark(person, "replica-identity")
        await person.press("i")
        await person.until_seen("1 to accept")
        assert wizard_of(person).draft.ignore == []
        assert not wizard_of(person).current.may_go_on


async def test_the_sql_of_a_remedy_is_run_at_its_end_and_what_failed_is_checked_again(
    draft: TaskDraft, pair: DatabasePair
) -> None:
    pair.source.execute("CREATE EXTENSION vector; CREATE TABLE passages (id int PRIMARY KEY, embedding vector(3))")
    pair.destination.execute("CREATE SCHEMA elsewhere; CREATE EXTENSION vector SCHEMA elsewhere")
    async with at_screens(Opening(), WIDE) as person:
        await open_steps(person, draft.with_value("ignore", ["replica-identity"]), PrecheckStep, StartStep)
        await person.until_seen("in the way")
        await mark(person, "extensions")
        await person.until_seen("-- at the destination")
        await person.focus(wizard_of(person).query_one("#run-sql"))
        await person.press("enter")
        await person.until_on(RunSqlDialog)
        await person.until_seen("At the DESTINATION")
        await person.until_seen("ALTER EXTENSION")
        await person.focus(person.app.screen.query_one("#user"))
        await person.write("postgres")
        await person.focus(person.app.screen.query_one("#run"))
        await person.press("enter")
        await person.until_seen("✓ success rate 100 %")
        # Its button went with the failure; the keys of the list work all the same.
        assert person.app.focused is wizard_of(person).query_one(PrecheckStep).listing
    moved = pair.destination.execute(
        "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'"
    )
    assert moved.fetchone() == ("public",)


async def test_a_remedy_that_the_server_refuses_is_reported_in_its_words(plain: TaskDraft) -> None:
    async with at_screens(Opening(), WIDE) as person:
        await open_steps(person, plain, PrecheckStep, StartStep)
        await person.until_seen("in the way")
        await mark(person, "replication-right")
        # It would be refused: what the account lacks, it cannot grant to itself.
        await person.until_seen("-- at the source, as another account")
        await person.focus(wizard_of(person).query_one("#run-sql"))
        await person.press("enter")
        await person.until_on(RunSqlDialog)
        assert person.app.screen.query_one("#run", Button).disabled
        await person.focus(person.app.screen.query_one("#user"))
        await person.write(plain.source.user)
        await person.focus(person.app.screen.query_one("#run"))
        await person.press("enter")
        await person.until_on(CopyTextDialog)
        await person.until_seen("permission denied")


async def test_what_is_missing_is_shown_as_one_script(plain: TaskDraft) -> None:
    async with at_screens(Opening(), WIDE) as person:
        await open_steps(person, plain, PrecheckStep, StartStep)
        await person.until_seen("in the way")
        await person.focus(wizard_of(person).query_one("#rights"))
        await person.press("enter")
        await person.until_on(CopyTextDialog)
        await person.until_seen("-- What the source lacks for this task")


async def test_only_what_failed_is_checked_again(draft: TaskDraft, pair: DatabasePair) -> None:
    async with at_screens(Opening()) as person:
        await open_steps(person, draft, PrecheckStep, StartStep)
        await person.until_seen("1 to accept")
        before = len(wizard_of(person).query_one(PrecheckStep)._items)
        pair.source.execute("ALTER TABLE log ADD PRIMARY KEY (line)")
        await person.press("f")
        await person.until_seen(f"✓ success rate 100 %: {before} items")


async def test_a_change_of_the_draft_wants_another_precheck(draft: TaskDraft) -> None:
    accepted = draft.with_value("ignore", ["replica-identity"])
    async with at_screens(Opening()) as person:
        await open_steps(person, accepted, AdvancedStep, PrecheckStep, StartStep)
        await person.press("f8")
        await person.until_seen("✓ success rate 100 %")
        await person.press("f7")
        await person.write("60")
        await person.press("f8")
        await person.until_seen("▸ checking")
        await person.until_seen("✓ success rate 100 %")


async def test_start_runs_the_task_shows_its_monitor_and_forgets_the_draft(
    draft: TaskDraft, pair: DatabasePair
) -> None:
    asked = draft.with_value("ignore", ["replica-identity"]).with_value("source.password", "prompt")
    drafts.save(asked)
    async with at_screens(Opening()) as person:
        await open_steps(person, asked, StartStep)
        wizard_of(person).secrets = TYPED
        await person.until_seen("schema public")
        await person.press("f8")
        await person.until_on(MonitorScreen)
        # Another page of the same task asks for no password again.
        assert person.app.typed == {tasks.find_task("test").id: TYPED}  # type: ignore[attr-defined]
    task = tasks.find_task("test")
    try:
        assert task.find_engine() is not None
        assert drafts.list_drafts() == []
    finally:
        lifecycle.pause(task)
        lifecycle.release(task, lambda event: None, TYPED)


async def test_a_start_that_is_refused_says_why_and_may_be_tried_again(draft: TaskDraft, pair: DatabasePair) -> None:
    async with at_screens(Opening()) as person:
        await open_steps(person, draft, StartStep)
        await person.press("f8")
        await person.until_on(CopyTextDialog)
        await person.until_seen("the precheck did not pass")
        await person.press("escape")
        await person.until_on(WizardScreen)
        stored = wizard_of(person).draft.task_id
        assert stored is not None
        await person.until_seen("✗ not started")
        await person.press("f8")
        await person.until_on(CopyTextDialog)
        await person.press("escape")
        assert [task.id for task in tasks.list_tasks()] == [stored]
        assert drafts.list_drafts() != [], text_on(person.app)
    slots = pair.source.execute("SELECT count(*) FROM pg_replication_slots WHERE database = current_database()")
    assert slots.fetchone() == (0,)
