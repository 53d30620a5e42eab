"""A task set up on plain lines, at a terminal that cannot draw: to its start, and with mistakes on the way."""

import os
from pathlib import Path

import pytest

from syncwizard.client import drafts, tasks
from syncwizard.client.lifecycle import pause
from syncwizard.task import file
from syncwizard.task.specification import Endpoint
from tests.support.pair import DatabasePair
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("state_home")]

SQL = """
CREATE TABLE passages (id int PRIMARY KEY, body text);
CREATE TABLE scratch (id int PRIMARY KEY);
CREATE TABLE log (at timestamptz);
INSERT INTO passages SELECT n, 'text ' || n FROM generate_series(1, 100) n;
"""


def answer_end(person: Terminal, end: str, endpoint: Endpoint) -> None:
    """The end as one pasted line; what it says is taken as it is."""
    person.answer(
        f"whole URL of the {end}",
        f"host={endpoint.hosts[0]} port={endpoint.ports[0]} dbname={endpoint.database} user={endpoint.user}",
    )
    for question in ("Port", "Database", "Account", "Number", "Number"):
        person.answer(question, "")


def test_a_task_is_set_up_and_started_by_answers_alone(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.execute(SQL)
    monkeypatch.chdir(tmp_path)
    environment = {"TERM": "dumb", "PYTHONPATH": os.environ.get("PYTHONPATH") or str(Path(__file__).parents[2])}
    with Terminal("new", "--plain", env=environment) as person:
        # A database that is not there: the test says so, and its answers are asked for again.
        wrong = pair.source_endpoint.hosts[0]
        person.answer("whole URL of the source", f"host={wrong} port={pair.source_endpoint.ports[0]} dbname=no_such")
        for question in ("Port", "Database", "Account", "Number", "Number"):
            person.answer(question, str(pair.source_endpoint.user) if question == "Account" else "")
        person.answer("source cannot be used yet", "")
        answer_end(person, "source", pair.source_endpoint)
        answer_end(person, "destination", pair.destination_endpoint)
        person.answer("Name of the task", "plain")
        person.answer("Schemas to synchronize", "publik")
        person.answer("no schema publik", "public")
        person.answer("stay behind", "scratch")
        person.answer("has already", "")
        person.answer("Change settings", "y")
        person.answer("Setting to change", "retry.other_minutes")
        person.answer("retry.other_minutes", "zero")
        person.answer("wrong:", "retry.other_minutes")
        person.answer("retry.other_minutes", "20")
        person.answer("Setting to change", "-")
        person.answer("Accept the warning replica-identity", "y")
        person.answer("Start the task now", "")
        person.answer("Write the task file to", "")
        person.finish()
    task = tasks.find_task("plain")
    try:
        assert file.load(tmp_path / "plain.yaml").id == task.id
        assert task.spec.advanced.retry.other_minutes == 20
        assert [entry.exclude for entry in task.spec.objects] == [["scratch"]]
        assert [kept for kept in drafts.list_drafts() if kept.draft.name == "plain"] == []
    finally:
        pause(task)


def test_the_end_of_the_input_keeps_what_was_answered(pair: DatabasePair) -> None:
    environment = {"TERM": "dumb", "PYTHONPATH": os.environ.get("PYTHONPATH") or str(Path(__file__).parents[2])}
    with Terminal("new", "--plain", env=environment) as person:
        answer_end(person, "source", pair.source_endpoint)
        person.answer("whole URL of the destination", "\x04")
        person.finish(expect=130)
    (kept,) = [each for each in drafts.list_drafts() if each.draft.source.database == pair.source_endpoint.database]
    assert kept.draft.source.user == pair.source_endpoint.user
    drafts.remove(kept.draft.id)
