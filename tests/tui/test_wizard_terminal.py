"""The wizard at a real terminal: what a lost connection costs, and a task file to begin with."""

import signal
from pathlib import Path

from syncwizard.client import drafts
from syncwizard.task import file
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec
from tests.support.screen_terminal import ScreenTerminal


def test_a_hang_up_costs_no_answer() -> None:
    with ScreenTerminal("new") as terminal:
        terminal.until_seen("Test both")
        terminal.press("mine")
        terminal.until_seen("Host       mine")
        terminal.hang_up()
        assert terminal.process.wait(timeout=20.0) == 128 + signal.SIGHUP
    assert [kept.draft.source.host for kept in drafts.list_drafts()] == ["mine"]


def test_a_new_task_begins_with_the_answers_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "kb.yaml"
    source = Endpoint(host="db1.example.com", port=5432, database="kb")
    destination = Endpoint(host="db2.example.com", port=5432, database="kb")
    objects = [SchemaObjects(schema="public")]
    file.save(TaskSpec(name="kb-to-rome", source=source, destination=destination, objects=objects), path)
    with ScreenTerminal("new", "--from", path) as terminal:
        terminal.until_seen("New task · kb-to-rome")
        terminal.until_seen("db1.example.com")
