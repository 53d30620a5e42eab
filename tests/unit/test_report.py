"""`report` tells all of a task, and no secret, wherever one slipped in."""

import json
import os
import stat
import uuid
from pathlib import Path

import pytest

from syncwizard.client import tasks
from syncwizard.client.report import last_lines
from syncwizard.client.tasks import StoredTask
from syncwizard.engine.journal import FILE_NAME, Journal
from syncwizard.engine.logs import FILE_NAME as LOG_NAME
from syncwizard.task.events import EngineStarted, Noticed, PrecheckItemFinished, StageFinished, StageStarted
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec
from tests.support.commands import syncwizard

SECRET = 'swordfish "4711" \\carp'
CORE = "4711"
OTHERS = ("herring-in-url", "herring-in-string", "herring-in-sql")


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch) -> StoredTask:
    """A task whose log and journal hold what never should have got there."""
    monkeypatch.setenv("SOURCE_PW", SECRET)
    end = Endpoint(host="127.0.0.1", database="kb", user="sync", password="env:SOURCE_PW")
    spec = TaskSpec(name="kb", id=uuid.uuid4(), source=end, destination=end, objects=[SchemaObjects(schema="public")])
    task = tasks.store(spec)
    journal = Journal(task.folder / FILE_NAME, task.id, "kb")
    journal.append(EngineStarted(pid=1, version="0.0.9"))
    journal.append(StageStarted(stage="precheck"))
    journal.append(PrecheckItemFinished(item="rights", title="rights", verdict="passed", message="all there"))
    journal.append(PrecheckItemFinished(item="estimate", title="cost", verdict="passed", message="about ten seconds"))
    journal.append(StageStarted(stage="full"))
    journal.append(StageFinished(stage="full", summary="all copied"))
    journal.append(Noticed(level="error", message=f"cannot log in with {SECRET}"))
    journal.close()
    lines = [f"line {number} of the log" for number in range(1000)] + [
        f"plain {SECRET}",
        f"escaped {json.dumps(SECRET)}",
        f"postgresql://sync:{OTHERS[0]}@127.0.0.1/kb",
        f"host=127.0.0.1 password={OTHERS[1]} dbname=kb",
        f"ALTER ROLE sync PASSWORD '{OTHERS[2]}'",
    ]
    (task.folder / LOG_NAME).write_text("\n".join(lines) + "\n")
    return task


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_a_report_holds_what_a_colleague_needs_and_no_secret(
    task: StoredTask, tmp_path: Path, options: list[str]
) -> None:
    path = tmp_path / "report"
    printed = syncwizard("report", "kb", "--output", path, *options)
    text = path.read_text()
    for part in (
        "0.0.9",
        "estimated: about ten seconds",
        "took: full ",
        "(all copied)",
        "rights: all there",
        "env:SOURCE_PW",
        "stage precheck started",
        "line 999 of the log",
        "***",
    ):
        assert part in text, part
    assert "line 100 of the log" not in text
    for secret in (CORE, "swordfish", *OTHERS):
        assert secret not in text
        assert secret not in printed.stdout + printed.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert str(path) in printed.stdout
    if options:
        assert json.loads(text)["state"]["name"] == "kb"
        assert json.loads(printed.stdout) == {"file": str(path)}


def test_a_report_without_a_file_name_is_named_after_the_task(
    task: StoredTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert syncwizard("report", "kb").stdout.strip() == "kb-report.txt"
    assert (tmp_path / "kb-report.txt").read_text().startswith("Report on the task kb, made ")
    assert "Report on the task kb" in syncwizard("report", "kb", "--output", "-").stdout


def test_a_damaged_journal_is_part_of_the_report(task: StoredTask) -> None:
    (task.folder / FILE_NAME).write_bytes(b"nonsense" * 1000)
    text = syncwizard("report", "kb", "--output", "-").stdout
    assert ["state", "unknown"] in map(str.split, text.splitlines())
    assert "the task's journal cannot be used" in text
    assert "line 999 of the log" in text


def test_a_file_that_others_could_read_is_made_the_owners_alone(task: StoredTask, tmp_path: Path) -> None:
    path = tmp_path / "report"
    path.write_text("longer than the report, which takes its place\n" * 10_000)
    path.chmod(0o644)
    syncwizard("report", "kb", "--output", path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "takes its place" not in path.read_text()


def test_a_device_keeps_its_mode(task: StoredTask) -> None:
    device = Path(os.devnull)
    before = device.stat().st_mode
    syncwizard("report", "kb", "--output", device)
    assert device.stat().st_mode == before


def test_a_file_that_cannot_be_written_is_named(task: StoredTask, tmp_path: Path) -> None:
    path = tmp_path / "no such folder" / "report"
    assert str(path) in syncwizard("report", "kb", "--output", path, expect=2).stderr


def test_only_the_end_of_a_large_log_is_read(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    path.write_text("x" * 2_000_000 + "\nlast but one\nlast\n")
    assert last_lines(path, 2) == ["last but one", "last"]
    assert len(last_lines(path, 3)[0]) < 2_000_000
    assert last_lines(tmp_path / "missing") == []
