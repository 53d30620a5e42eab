"""The dialogs before something is done keep their buttons in sight however long the text is."""

import pytest
from textual.widgets import Button, Input

from syncwizard.tui.dialogs.confirm import ConfirmDialog
from syncwizard.tui.dialogs.copy_text import CopyTextDialog
from syncwizard.tui.dialogs.dialog import Dialog
from syncwizard.tui.dialogs.run_sql import RunAs, RunSqlDialog
from tests.tui.apps import NARROW, shown, task_list, text_on

STATEMENTS = [f'GRANT SELECT ON "docs"."table_{number:02}" TO "sync"' for number in range(1, 54)]


def dialog(*, own_account: bool = True) -> RunSqlDialog:
    return RunSqlDialog("source", "db1:5432/kb", STATEMENTS, own_account=own_account)


@pytest.mark.parametrize("made", [dialog(), ConfirmDialog("Really?", "\n".join(STATEMENTS), "Do it")])
async def test_a_long_text_can_be_read_to_its_end_with_the_buttons_in_sight(made: Dialog[object]) -> None:
    async with task_list().run_test(size=NARROW) as pilot:
        await pilot.app.push_screen(made)
        text = await shown(pilot, "Cancel")
        assert "table_01" in text and "table_53" not in text
        for button in made.query(Button):
            assert str(button.label) in text
        await pilot.press("end")
        text = await shown(pilot, "table_53")
        assert "Cancel" in text
        await pilot.press("pageup", "pageup", "home")
        await shown(pilot, "table_01")
        assert made.focused is made.query_one("#cancel")


async def test_tab_and_enter_run_nothing() -> None:
    answers: list[RunAs | None] = []
    async with task_list().run_test(size=NARROW) as pilot:
        await pilot.app.push_screen(dialog(), answers.append)
        await shown(pilot, "53 statements")
        await pilot.press("tab", "enter")
        await shown(pilot, "Write to file")
        assert isinstance(pilot.app.screen, CopyTextDialog)
        await pilot.press("escape", "y")
        assert answers == []
        await pilot.press("escape")
        assert answers == [None]


async def test_what_the_account_may_not_do_is_run_as_another_one() -> None:
    answers: list[RunAs | None] = []
    asked = dialog(own_account=False)
    async with task_list().run_test(size=NARROW) as pilot:
        await pilot.app.push_screen(asked, answers.append)
        await shown(pilot, "not the task's account")
        run = asked.query_one("#run", Button)
        assert run.disabled
        asked.query_one("#user", Input).focus()
        await pilot.press(*"dba", "enter", *"secret", "enter")
        assert not run.disabled
        assert "secret" not in text_on(pilot.app)
        assert answers == []
        run.focus()
        await pilot.press("enter")
        assert answers == [RunAs("dba", "secret")]
