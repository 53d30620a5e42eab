"""Settings with a form of their own, in the wizard: throttle, alerts, metrics, definitions."""

import json
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from textual.widgets import Button, Input

from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.settings import SettingsDialog
from syncwizard.tui.opening import Opening
from syncwizard.tui.widgets.choice import Choice
from syncwizard.tui.widgets.field import id_of
from syncwizard.tui.wizard.advanced import AdvancedStep
from syncwizard.tui.wizard.screen import WizardScreen
from syncwizard.tui.wizard.start import StartStep
from tests.support.certificates import Authority
from tests.support.network import ADDRESS
from tests.support.receivers import ACCOUNT, PASSWORD, Hook, mailbox, program, syslog
from tests.tui.keyboard import Keyboard, at_screens
from tests.tui.test_wizard import COMPLETE, wizard_of
from tests.tui.test_wizard_snapshots import BOTH, DRAFT, Snapshot, of_wizard

if TYPE_CHECKING:
    from textual.pilot import Pilot

pytestmark = pytest.mark.slow

ROWS = "advanced.throttle.full.rows_per_second"


async def at_settings(person: Keyboard, part: str, draft: TaskDraft = COMPLETE) -> None:
    """Opens the form of a part."""
    await person.app.push_screen(WizardScreen(draft, [AdvancedStep, StartStep]))
    person.app.screen.query_one(f"#{part}", Button).focus()
    await person.press("enter")
    await person.until_on(SettingsDialog)


def field(person: Keyboard, path: str) -> Input:
    return person.app.screen.query_one(f"#{id_of(path)} Input", Input)


async def test_limits_are_set_in_a_form_and_named_on_its_button() -> None:
    async with at_screens(Opening()) as person:
        await at_settings(person, "part-throttle", COMPLETE.with_value("advanced.tag", "online"))
        field(person, ROWS).value = ""
        field(person, ROWS).focus()
        await person.write("fast")
        await person.press("f8")
        await person.until_seen("must be from 0 to 100000000 rows a second")
        assert isinstance(person.app.screen, SettingsDialog)
        await person.press("ctrl+u")
        await person.write("5000")
        await person.press("escape")
        await person.until_on(ConfirmDialog)
        await person.press("escape")
        await person.until_on(SettingsDialog)
        await person.press("f8")
        await person.until_seen("rows 5000")
        assert wizard_of(person).draft.value(ROWS) == "5000"
        assert wizard_of(person).spec.advanced.throttle.full.rows_per_second == 5000
        assert str(person.app.screen.query_one("#part-definitions", Button).label) == "tag online"
        assert str(person.app.screen.query_one("#part-metrics", Button).label) == "as usual"


async def test_limits_that_contradict_each_other_are_found_in_the_form() -> None:
    async with at_screens(Opening()) as person:
        await at_settings(person, "part-throttle")
        field(person, "advanced.throttle.quiet.full.rows_per_second").value = "10"
        await person.press("f8")
        await person.until_seen("limits of quiet hours need their times")
        field(person, "advanced.throttle.quiet.between").value = "22:00-06:00"
        await person.press("f8")
        await person.until(lambda: wizard_of(person).spec.advanced.throttle.quiet.between == "22:00-06:00")


async def test_a_test_alert_is_sent_from_the_form_before_there_is_a_task(tmp_path: Path) -> None:
    program, taken = tmp_path / "page", tmp_path / "taken"
    program.write_text(f"#!{sys.executable}\nimport sys\nopen({str(taken)!r}, 'w').write(sys.stdin.read())\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    async with at_screens(Opening()) as person:
        await at_settings(person, "part-alerts")
        person.app.screen.query_one("#trial", Button).press()
        await person.until_seen("this task sends its alerts nowhere")
        field(person, "advanced.alerts.command").value = str(program)
        person.app.screen.query_one("#trial", Button).press()
        await person.until_seen("command ✓")
        assert json.loads(taken.read_text())["message"] == "this is a test: alerts of this task arrive here"
        await person.press("f8")
        await person.until_seen("command /")


async def test_a_test_alert_reaches_every_receiver_in_every_shape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mail server with TLS and a login, a webhook, a program and syslog; one that is not there is named."""
    monkeypatch.setenv("TEST_SMTP_PASSWORD", PASSWORD)
    authority, output, log = Authority(tmp_path), tmp_path / "taken", tmp_path / "log"
    with mailbox(authority.issue("mail", address=ADDRESS)) as mails, Hook() as hook, syslog(log) as lines:
        hook.answer = '{"errcode": 0, "code": 0}'
        monkeypatch.setenv("TEST_HOOK", hook.url("/services"))
        given = {
            "email.to": "dba@example.com",
            "email.server": mails.address,
            "email.ca": str(authority.certificate),
            "email.user": ACCOUNT,
            "email.password": "env:TEST_SMTP_PASSWORD",
            "webhook.url": "env:TEST_HOOK",
            "command": str(program(tmp_path / "page", output)),
            "syslog": str(log),
        }
        draft = COMPLETE
        for name, text in given.items():
            draft = draft.with_value(f"advanced.alerts.{name}", text)
        async with at_screens(Opening()) as person:
            await at_settings(person, "part-alerts", draft)
            shape = person.app.screen.query_one(f"#{id_of('advanced.alerts.webhook.shape')} Choice", Choice)
            for count, (each, _) in enumerate(shape.options, 1):
                shape.value = each
                person.app.screen.query_one("#trial", Button).press()
                await person.until(lambda count=count: len(mails.mails) == len(hook.posts) == count)  # type: ignore[misc]
                await person.until_seen("e-mail ✓ · webhook ✓ · command ✓ · syslog ✓")
                assert "test begins" in lines.recv(4096).decode()
            hook.status = 404
            person.app.screen.query_one("#trial", Button).press()
            await person.until_seen("webhook ✗ the webhook answers 404")
        kinds = [next(iter(post)) for post in hook.posts]
        assert kinds == ["rule", "text", "type", "msgtype", "msg_type"]
        assert all(mail["Subject"].endswith("test begins") for mail in mails.mails)
        assert len([line for line in output.read_text().splitlines() if line]) == len(kinds) + 1


@BOTH
def test_the_form_of_alerts(snap_compare: Snapshot, size: tuple[int, int]) -> None:
    """Each setting with unit, range and words; the buttons in sight, one of them sends a test."""

    async def open_it(pilot: "Pilot[Any]") -> None:
        pilot.app.screen.query_one("#part-alerts", Button).press()
        await pilot.pause()

    assert snap_compare(**of_wizard(DRAFT, AdvancedStep, StartStep, act=open_it), terminal_size=size)
