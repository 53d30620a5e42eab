"""What to do travels as data; each face words how to go on, and no statement is ever taken apart."""

import json
import sqlite3
from pathlib import Path

import pytest

from syncwizard.cli.output import json_of
from syncwizard.engine.journal import Journal, read_entries, read_state
from syncwizard.errors import ChangesMissing, SyncwizardError, TaskFailed
from syncwizard.postgres.captured import Progress
from syncwizard.postgres.destination.session import LockHolder, _fenced
from syncwizard.postgres.source.continuity import _back_or_from_here, missing_changes
from syncwizard.remedies import Remedy, followed_by, or_else, resync, to_do
from syncwizard.task.earlier import decode_event
from syncwizard.task.events import Failure, Noticed, PrecheckItemFinished, Remainder, TaskFailedEvent, TaskReleased
from syncwizard.task.failures import LOG_HINT, failure_of, format_failure
from syncwizard.task.names import TableName
from syncwizard.tui.precheck_items import describe_item
from syncwizard.tui.trouble import _next

PROGRESS = Progress(
    slot="dts_sync_1",
    system_identifier="1",
    timeline=1,
    source_database="kb",
    applied_lsn="0/1",
    acknowledged_lsn="0/1",
    epoch=1,
    publication_oid=1,
    publication_xmin=1,
    publication_owner=1,
    task_name="kb",
)
HOLDER = LockHolder(pid=77, since="12:00", ours=False)
ODD = 'ALTER TABLE public."a; b" REPLICA IDENTITY FULL'
ALL = "; i shows it all, to copy"


def in_monitor(remedy: Remedy) -> str:
    """As a task that failed with it shows it: the engine adds how a failed task goes on where nothing else is said."""
    return _next(followed_by(remedy, "resume")).removesuffix(ALL)


@pytest.mark.parametrize(
    ("remedy", "words"),
    [
        # The journal is elsewhere (capture), a foreign heartbeat table, a heartbeat that is gone.
        (
            to_do("run the task where its journal is", otherwise=Remedy(then="new task")),
            "run the task where its journal is, then r resumes; or D releases the task, for a new one",
        ),
        (to_do("rename or drop that table", then="resume"), "rename or drop that table, then r resumes"),
        (resync(), "R resyncs"),
        # Another server or database, and a table that is in the publication.
        (
            _back_or_from_here("server", PROGRESS),
            "point the task at the server it was started with, then r resumes; or R resyncs everything",
        ),
        (
            _back_or_from_here("database", PROGRESS),
            "point the task at the database it was started with, then r resumes; or R resyncs everything",
        ),
        (
            or_else(
                resync("kb", [TableName("public", "t")], "to have its rows at the destination"),
                to_do("take it out", statements=["ALTER PUBLICATION p DROP TABLE t"], then="resume"),
            ),
            "to have its rows at the destination, then R resyncs public.t; "
            "or take it out (ALTER PUBLICATION p DROP TABLE t), then r resumes",
        ),
        # The stream has a hole, another engine has the task, a defect, a stage that ended by itself.
        (
            missing_changes("gone", PROGRESS, detail="").remedy,
            f"R resyncs; or write only the rows that differ: syncwizard heal {PROGRESS.task_name}",
        ),
        (
            _fenced(HOLDER).remedy,
            "the task runs elsewhere: pause it there, or end that engine; if none is left, end its session "
            "(SELECT pg_terminate_backend(77)), then r resumes",
        ),
        (LOG_HINT, "engine.log in the task's folder has the details for a report of this defect, then r resumes"),
        (Remedy(then="resume"), "r resumes"),
    ],
)
def test_the_monitor_names_the_key_that_goes_on_and_no_other(remedy: Remedy, words: str) -> None:
    assert in_monitor(remedy) == words


def test_a_terminal_names_the_command() -> None:
    error = ChangesMissing("gone", where="source", remedy=resync("my kb", [TableName("public", "t")]))
    shown = format_failure(failure_of(error))
    assert shown == "source: gone\n  copy again: syncwizard resync 'my kb' --table public.t\n"


def test_a_text_is_one_step() -> None:
    assert TaskFailed("no", remedy="wait").remedy == to_do("wait")
    assert not SyncwizardError("no").remedy


def test_a_name_with_a_semicolon_stays_in_one_statement() -> None:
    item = PrecheckItemFinished(
        item="replica-identity",
        title="Keys",
        verdict="failed",
        remedy=to_do("run these", statements=[ODD, "SELECT 1"]),
        sql_end="source",
    )
    assert describe_item(item).splitlines()[-3:] == ["-- at the source", f"{ODD};", "SELECT 1;"]


def test_json_has_a_text_and_its_parts() -> None:
    failure = Failure(title="no", remedy=to_do("run it", statements=[ODD], then="resume"))
    left = TaskReleased(left_over=[Remainder(statements=(ODD,), end="source")])
    found = json.loads(json_of({"failure": failure, "event": left}))
    assert found["failure"]["remedy"] == f"run it ({ODD}), then resume the task"
    parts = found["failure"]["remedy_parts"]
    assert (parts["steps"], parts["statements"], parts["then"]) == (["run it"], [ODD], "resume")
    assert found["event"]["left_over"] == [f"{ODD};  -- source"]
    assert found["event"]["left_over_parts"] == [{"statements": [ODD], "end": "source", "note": ""}]


EARLIER: dict[str, dict[str, object]] = {
    "TaskFailed": {"failure": {"title": "no", "remedy": "correct it, then resume the task", "exit_code": 1}},
    "Noticed": {"level": "warning", "message": "late", "remedy": ""},
    "PrecheckItemFinished": {
        "item": "rights", "title": "Rights", "verdict": "failed", "remedy": "grant", "sql": "GRANT a; GRANT b"
    },
    "TaskReleased": {"left_over": ["DROP PUBLICATION p  -- source", "ALTER TABLE t  -- once p is dropped"]},
}  # fmt: skip


def test_a_journal_of_an_earlier_version_is_read_and_shown_as_before(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    Journal(path).close()
    with sqlite3.connect(path) as connection:
        for sequence, (kind, fields) in enumerate(EARLIER.items(), 1):
            text = json.dumps({"event": kind, **fields}).encode()
            connection.execute("INSERT INTO events (sequence, at, event) VALUES (?, ?, ?)", (sequence, 1.0, text))
    failed, noticed, item, released = (entry.event for entry in read_entries(path))
    assert isinstance(failed, TaskFailedEvent) and isinstance(noticed, Noticed)
    assert str(failed.failure.remedy) == "correct it, then resume the task"
    assert not noticed.remedy
    assert isinstance(item, PrecheckItemFinished) and item.remedy == to_do("grant", statements=["GRANT a; GRANT b"])
    assert isinstance(released, TaskReleased)
    assert released.left_over == [
        Remainder(statements=("DROP PUBLICATION p",), end="source"),
        Remainder(statements=("ALTER TABLE t",), note="once p is dropped"),
    ]
    assert read_state(path).left_over == tuple(released.left_over)


def test_what_no_version_wrote_is_still_refused() -> None:
    with pytest.raises(ValueError, match="Expected"):
        decode_event(b'{"event": "Noticed", "level": "warning", "message": "late", "remedy": 7}')
