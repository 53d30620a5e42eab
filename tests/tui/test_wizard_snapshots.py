"""What the wizard looks like; each docstring says what the eye should see."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from syncwizard.errors import PrecheckNotPassed
from syncwizard.remedies import to_do
from syncwizard.task.connectivity import ConnectivityNews, StepBegan, StepEnded, StepName, StepVerdict
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.events import PrecheckFinished, PrecheckItemFinished, Verdict
from syncwizard.task.specification import IgnoredItem, SchemaObjects
from syncwizard.tui.opening import Opening
from syncwizard.tui.wizard.advanced import AdvancedStep
from syncwizard.tui.wizard.end_test import EndTest
from syncwizard.tui.wizard.endpoints import EndpointsStep
from syncwizard.tui.wizard.precheck import PrecheckStep
from syncwizard.tui.wizard.screen import WizardScreen
from syncwizard.tui.wizard.start import StartStep
from syncwizard.tui.wizard.step import Step
from tests.tui.apps import NARROW, WIDE, shown
from tests.tui.keyboard import screens

pytestmark = pytest.mark.slow

Snapshot = Callable[..., bool]
Act = Callable[["Pilot[Any]"], Awaitable[None]]
BOTH = pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "120x40"])

DRAFT = TaskDraft(
    name="kb-to-frankfurt",
    named=True,
    source=EndpointDraft(host="db1.example.com", database="kb", user="sync", password="env", variable="SOURCE_PW"),
    destination=EndpointDraft(
        host="db2.example.com", database="kb", user="sync", mode="verify-full", ca="/etc/ssl/db-ca.pem"
    ),
    objects=[SchemaObjects(schema="kb"), SchemaObjects(schema="public", exclude=["scratch"])],
    ignore=[IgnoredItem(item="replica-identity", accepted_at="2026-01-15T09:58:00+00:00")],
)


@pytest.fixture(autouse=True)
def plain_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """No place of this machine's is named on a picture."""
    monkeypatch.setenv("PGPASSFILE", "/home/dba/.pgpass")
    monkeypatch.delenv("SOURCE_PW", raising=False)


def of_wizard(draft: TaskDraft, *steps: type[Step], act: Act | None = None) -> dict[str, Any]:
    """The application at a wizard of these steps, and what is done in it before the picture is taken."""

    async def prepare(pilot: "Pilot[Any]") -> None:
        wizard = WizardScreen(draft, list(steps))
        wizard.size_of_choice = "12 objects · 4 tables · about 62,579 rows · 35.2 MB"
        await pilot.app.push_screen(wizard)
        await pilot.pause()
        if act is not None:
            await act(pilot)
        await pilot.pause()
        if wizard.draft != draft:
            # It is kept a moment after the last key, and says so.
            await shown(pilot, "draft kept")
        for field in pilot.app.screen.query(Input):
            field.cursor_blink = False
        await pilot.pause()

    return {"app": screens(Opening()), "run_before": prepare}


@BOTH
def test_the_ends_of_a_new_task(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """Empty fields with examples in grey; at 80 columns one end and the pages, at 120 both ends and what to mind."""
    assert snap_compare(**of_wizard(TaskDraft(), EndpointsStep, AdvancedStep, StartStep), terminal_size=size)


@BOTH
def test_the_ends_of_a_task_filled_in(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """Hosts, database, account; the variable of the source's password, and that it is not set in this shell."""
    assert snap_compare(**of_wizard(DRAFT, EndpointsStep, AdvancedStep, StartStep), terminal_size=size)


@BOTH
def test_an_end_with_mistakes(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """What is wrong stands in the error's colour under host, port and database, and the focus is on the first."""
    wrong = DRAFT.with_value("source.host", "").with_value("source.port", "54x").with_value("source.database", "")

    async def go_on(pilot: "Pilot[Any]") -> None:
        await pilot.press("f8")

    assert snap_compare(**of_wizard(wrong, EndpointsStep, AdvancedStep, act=go_on), terminal_size=size)


@BOTH
def test_a_setting_out_of_its_range(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """Both settings with unit, range and default; the broken rule under the first."""

    async def break_rule(pilot: "Pilot[Any]") -> None:
        await pilot.press("5", "tab")
        await shown(pilot, "draft kept")

    assert snap_compare(**of_wizard(DRAFT, AdvancedStep, StartStep, act=break_rule), terminal_size=size)


@BOTH
def test_the_summary_before_the_start(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """Ends, objects with their size, settings, the accepted warning, what is made; the focus on Start."""
    assert snap_compare(**of_wizard(DRAFT, StartStep), terminal_size=size)


def ended(end: str, step: StepName, verdict: StepVerdict, message: str, **more: object) -> StepEnded:
    seconds = {"passed": 0.004, "failed": 0.021}.get(verdict, 0.0)
    return StepEnded(end=end, step=step, verdict=verdict, seconds=seconds, message=message, **more)  # type: ignore[arg-type]


NEWS: list[ConnectivityNews] = [
    ended("source", "resolve", "passed", "10.0.0.5"),
    ended("source", "connect", "passed", "10.0.0.5, port 5432"),
    ended("source", "tls", "skipped", "encryption is disabled"),
    ended("source", "login", "passed", "as sync"),
    ended("source", "database", "passed", "kb"),
    ended("source", "version", "passed", "PostgreSQL 16"),
    ended(
        "source",
        "replication",
        "failed",
        "permission denied to start WAL sender",
        remedy=to_do("give the account the right to replicate", statements=['ALTER ROLE "sync" REPLICATION']),
    ),
    ended("destination", "resolve", "passed", "10.1.0.5"),
    StepBegan(end="destination", step="connect"),
]


@BOTH
def test_connectivity_of_one_end_refused_while_the_other_is_tested(
    snap_compare: Snapshot, size: tuple[int, int]
) -> None:
    """Below each end what its test found: what failed in the error's colour with its remedy; the step that runs."""

    async def test(pilot: "Pilot[Any]") -> None:
        for news in NEWS:
            pilot.app.screen.query_one(f"#test-{news.end}", EndTest).hear(news)
        pilot.app.screen.query_one("#test-source", EndTest).end_test()
        await shown(pilot, "Right and room to replicate")

    assert snap_compare(**of_wizard(DRAFT, EndpointsStep, AdvancedStep, act=test), terminal_size=size)


def item(name: str, title: str, verdict: Verdict = "passed", **more: Any) -> PrecheckItemFinished:
    return PrecheckItemFinished(item=name, title=title, verdict=verdict, **more)


ITEMS = [
    item("source-connectivity", "The source can be reached and logged in to"),
    item("destination-connectivity", "The destination can be reached and logged in to"),
    item(
        "source-encryption",
        "Whether the source's connection is encrypted, and its server checked",
        "warning",
        message="rows travel to 10.0.0.5 without encryption",
        remedy=to_do("set encryption: {mode: verify-full, ca: FILE} for the source"),
    ),
    item(
        "wal-level",
        "The source writes WAL for logical replication",
        "failed",
        message="wal_level is replica",
        remedy=to_do("set it to logical and restart the source", statements=["ALTER SYSTEM SET wal_level = logical"]),
        sql_end="source",
    ),
    item(
        "replica-identity",
        "Every table can publish UPDATE and DELETE",
        "warning",
        message="kb.query_log has no primary key: REPLICA IDENTITY FULL will be set at the start",
        remedy=to_do("add a primary key where you can; accept this item to have it set"),
        ignorable=True,
    ),
    item("apply-key", "Rows can be addressed by a key at the destination"),
]
PASSED = [
    *ITEMS[:3],
    item("wal-level", "The source writes WAL for logical replication"),
    msgspec.structs.replace(ITEMS[4], ignored=True),
    ITEMS[5],
]


def replayed(items: list[PrecheckItemFinished]) -> type[PrecheckStep]:
    """A precheck step whose precheck found these items before."""

    class ReplayedPrecheck(PrecheckStep):
        def _check(self, *, again: bool) -> None:
            for each in items:
                self.post_message(self.Heard(self._number, each))
            self.post_message(self.Heard(self._number, PrecheckFinished(passed=not any(each.blocks for each in items))))
            if any(each.blocks for each in items):
                self.call_after_refresh(self._failed, PrecheckNotPassed("stands in the way"))
            else:
                self.call_after_refresh(self._finished, None)

    return ReplayedPrecheck


@BOTH
def test_a_precheck_with_a_failure_and_a_warning_to_accept(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """The rate in the error's colour, the failed item marked, its remedy and SQL with its end; Next is locked."""
    assert snap_compare(**of_wizard(DRAFT, replayed(ITEMS), StartStep), terminal_size=size)


@BOTH
def test_a_precheck_that_passed(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """100 % in the colour of success, the accepted warning marked, one to know; Next is open."""
    assert snap_compare(**of_wizard(DRAFT, replayed(PASSED), StartStep), terminal_size=size)
