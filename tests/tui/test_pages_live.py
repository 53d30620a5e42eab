"""The pages of a living task by keys: why it is late, both ends compared and repaired, a change decided about."""

from pathlib import Path

import pytest
from textual.events import Paste

from syncwizard.client import launch, probes
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced, Retry
from syncwizard.task.verification import RowValues
from syncwizard.tui.dialogs.confirm import TypedConfirmDialog
from syncwizard.tui.dialogs.edit import EditorDialog
from syncwizard.tui.dialogs.verify import VerifyDialog
from syncwizard.tui.monitor.pages.verification import VerificationPage
from syncwizard.tui.monitor.screen import MonitorScreen
from syncwizard.tui.opening import Opening
from tests.faults.running import RunningTask, running
from tests.support.pair import DatabasePair
from tests.tui.keyboard import Keyboard, at_screens

FOLLOWED = Advanced(ddl="follow", retry=Retry(connection_minutes=10, other_minutes=5))
TABLES = """
CREATE TABLE one (id int PRIMARY KEY, k0 numeric, body text);
INSERT INTO one SELECT i, i / 4.0, 'note ' || i FROM generate_series(1, 50) i;
CREATE TABLE "Odd ""t.%s" (a text, "b b" int, v text, PRIMARY KEY (a, "b b"));
INSERT INTO "Odd ""t.%s" VALUES ('it''s', 1, 'x'), ('', 2, NULL);
"""


def values(task: RunningTask, table: str, *key: str) -> dict[str, tuple[str | None, str | None, bool]]:
    """What a row has at both ends by now, by the source's columns."""
    spec = task.task.spec
    found: list[RowValues] = []
    probes.row(spec, launch.collect_secrets(spec), TableName("public", table), key).run(found.append)
    return {each.column: (each.source, each.destination, each.differs) for each in found[0].columns}


async def paste(person: Keyboard, text: str) -> None:
    """As a terminal does, by way of the application: one for a text area alone would reach it again from there."""
    person.app.post_message(Paste(text))
    await person.pilot.pause()


async def compare(person: Keyboard) -> None:
    """Begins to compare with what is proposed."""
    await person.press("v")
    await person.until_on(VerifyDialog)
    await person.press("enter")
    await person.until_on(VerificationPage)


@pytest.mark.slow
async def test_a_task_is_explained_compared_repaired_and_decided_about_by_keys(
    pair: DatabasePair, tmp_path: Path, state_home: Path
) -> None:
    with running(pair, tmp_path, TABLES, advanced=FOLLOWED) as task:
        task.start()
        pair.destination.execute("SET session_replication_role = replica")
        pair.destination.execute("UPDATE one SET k0 = 0.250, body = NULL WHERE id = 1; DELETE FROM one WHERE id = 2")
        pair.destination.execute(b"""UPDATE "Odd ""t.%s" SET v = '' WHERE a = ''""")
        async with at_screens(Opening(screen="monitor", task=task.task)) as person:
            await person.until_seen("● in step")
            await person.press("e")
            await person.until_seen("it is not late: the latency is")
            await person.until_seen("acknowledged")
            await person.until_seen("WalSender")
            await person.press("escape", "v")
            await person.until_seen("Both ends were never compared")
            await compare(person)
            await person.until_seen("2 different, 0 not compared")
            await person.press("slash", *"one", "enter")
            await person.until_seen("1 of 2")
            await person.press("enter")
            await person.until_seen("only at the source")
            await person.press("enter")
            await person.until_seen("2 of 3 columns differ")
            # Equal as numbers, and another value.
            assert values(task, "one", "1") == {
                "id": ("1", "1", False),
                "k0": ("0.25000000000000000000", "0.250", True),
                "body": ("note 1", None, True),
            }
            assert values(task, "one", "2")["body"] == ("note 2", None, False)
            assert values(task, 'Odd "t.%s', "", "2")["v"] == (None, "", True)
            await person.press("escape", "escape", "w")
            await person.until_on(TypedConfirmDialog)
            await person.press(*task.name, "enter", "enter")
            await person.until_seen("2 tables equal, 0 different")
            await person.press("escape")
            await person.until_on(MonitorScreen)

            pair.destination.execute("INSERT INTO one VALUES (-1, 0, NULL)")
            pair.source.execute("ALTER TABLE one ALTER COLUMN body SET NOT NULL")
            await person.until_seen("d decides about it")
            await person.press("d")
            await person.until_seen("Skipped, it leaves a difference")
            assert person.sees("contains null values") and person.sees("ALTER TABLE one ALTER COLUMN body SET NOT NULL")
            await person.press("e")
            await person.until_on(EditorDialog)
            await person.press("end")
            await paste(person, "COMMIT;")
            await person.until_seen("would end the transaction")
            await person.press(*["backspace"] * len("COMMIT;"), "up", "home")
            await paste(person, "DELETE FROM public.one WHERE id < 0;")
            await person.press("f8")
            await person.until_seen("1 followed, nothing waits", 60)
            await person.until_seen("edited")
        task.converged()
        task.release()
