"""A task that 0.1 left behind, paused after it had caught up: its folder and both ends, laid out on today's servers.

`tests/fixtures/left_by_0_1` was written by 0.1. What no two servers have in common is put in here: where they are,
the source's identifier, the OIDs of what the task captures, and the position of a slot made now.
"""

import re
import shutil
import sqlite3
import uuid
from pathlib import Path
from string import Template

from syncwizard import paths
from tests.support.pair import DatabasePair, Session

FIXTURE = Path(__file__).parents[1] / "fixtures" / "left_by_0_1"
TASK = uuid.UUID("58e44b88-de5e-4091-ae9a-e46f337f92cd")
SLOT = f"dts_sync_{TASK.hex[:12]}"
# As they were on the servers of the fixture.
PUBLICATION, SYSTEM_IDENTIFIER, LSN = "16415", "7713688852917590128", re.compile(rb"0/18[0-9A-F]{5}")
MEMBERS = {"heartbeat": "16416", "lines": "16417", "notes": "16418"}

FACTS = """
SELECT (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
       (SELECT timeline_id::text FROM pg_control_checkpoint()) AS timeline,
       p.oid::text AS publication, p.xmin::text AS publication_xmin, p.pubowner::text AS publication_owner
  FROM pg_publication p WHERE p.pubname = %s
"""
LISTED = "SELECT prrelid::regclass::text, prrelid::text, oid::text FROM pg_publication_rel"


def lay_out(pair: DatabasePair) -> Path:
    """Makes both ends and the task's folder as 0.1 left them; the folder."""
    run(pair.source_cluster.connect(pair.database), (FIXTURE / "source.sql").read_text())
    facts = source_facts(pair)
    run(
        pair.destination_cluster.connect(pair.database),
        Template((FIXTURE / "destination.sql").read_text()).substitute(facts),
    )
    folder = paths.ensure_private_folder(paths.task_folder(TASK))
    for name in ("structure.json", "history.json", "journal.db"):
        shutil.copy(FIXTURE / name, folder)
    (folder / paths.TASK_FILE).write_text(Template((FIXTURE / "task.yaml").read_text()).substitute(facts))
    translate_journal(folder / "journal.db", facts)
    return folder


def run(session: Session, script: str) -> None:
    """Runs a script in a session of its own."""
    with session:
        session.execute(script.encode())


def source_facts(pair: DatabasePair) -> dict[str, str]:
    """What stands for the names in the fixture, with a slot made now."""
    [(lsn,)] = pair.source.execute(
        "SELECT lsn::text FROM pg_create_logical_replication_slot(%s, 'pgoutput')", (SLOT,)
    ).fetchall()
    [row] = pair.source.execute(FACTS, (SLOT,)).fetchall()
    names = ("system_identifier", "timeline", "publication", "publication_xmin", "publication_owner")
    facts = {
        "lsn": lsn,
        "database": pair.database,
        "source_host": pair.source_endpoint.host or "",
        "destination_host": pair.destination_endpoint.host or "",
        **dict(zip(names, row, strict=True)),
    }
    for table, relation, member in pair.source.execute(LISTED):
        name = table.rpartition(".")[2].removeprefix("dts_postgres_")
        facts |= {name: relation, f"{name}_member": member}
    return facts


def translate_journal(path: Path, facts: dict[str, str]) -> None:
    """Puts the servers of today into the events."""
    words = {
        SYSTEM_IDENTIFIER: facts["system_identifier"],
        f'"oid":{PUBLICATION}': f'"oid":{facts["publication"]}',
        **{number: facts[f"{name}_member"] for name, number in MEMBERS.items()},
    }
    with sqlite3.connect(path) as connection:
        for sequence, text in connection.execute("SELECT sequence, event FROM events").fetchall():
            text = LSN.sub(facts["lsn"].encode(), text)
            for old, new in words.items():
                text = text.replace(old.encode(), new.encode())
            connection.execute("UPDATE events SET event = ? WHERE sequence = ?", (text, sequence))
    connection.close()
