"""A task set up on plain lines, at a terminal that cannot draw: to its start, and with mistakes on the way."""

import os
from pathlib import Path

import pytest

from syncwizard.client import drafts, tasks
from syncwizard.client.lifecycle import pause
from syncwizard.client.waiting import wait_for
from syncwizard.task import file
from syncwizard.task.objects import TableObject
from syncwizard.task.specification import Access, Encryption, Endpoint
from tests.support.pair import DatabasePair
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("state_home")]

ENVIRONMENT = {"TERM": "dumb", "PYTHONPATH": os.environ.get("PYTHONPATH") or str(Path(__file__).parents[2])}
SQL = """
CREATE TABLE passages (id int PRIMARY KEY, body text, note text);
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


def answer_table(person: Terminal) -> None:
    """One table under another name, with a column less, another column's name, and half of its rows; each answer is
    wrong at first."""
    person.answer("Table to change", "public.passage")
    person.answer("no table public.passage is chosen", "public.passages")
    person.answer("Name at the destination", "log")
    person.answer("table public.log has this name", "texts")
    person.answer("Columns that stay behind", "id")
    person.answer("Columns with other names", "body=content")
    person.answer("wrong: id: rows are found by it", "note")
    person.answer("Columns with other names", "body=content")
    person.answer("Rows that travel", "idd > 50")
    person.answer("column idd is not in public.passages", "id > 50")
    person.answer("Table to change", "")


def test_a_task_is_set_up_and_started_by_answers_alone(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.execute(SQL)
    monkeypatch.chdir(tmp_path)
    with Terminal("new", "--plain", env=ENVIRONMENT) as person:
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
        person.answer("other names, leave columns out, or filter rows", "y")
        person.answer("Name of schema public", "pg_kept")
        person.answer("a schema of the server itself", "")
        answer_table(person)
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
        (entry,) = task.spec.objects
        assert (entry.exclude, entry.name) == (["scratch"], None)
        assert entry.overrides == [
            TableObject(
                table="passages", name="texts", columns={"body": "content"}, exclude_columns=["note"], where="id > 50"
            )
        ]
        wait_for(task, "full", 60)
        copied = pair.destination.execute("SELECT count(*), max(content) FROM texts").fetchone()
        assert copied == (50, "text 99")
        assert [kept for kept in drafts.list_drafts() if kept.draft.name == "plain"] == []
    finally:
        pause(task)


def test_the_end_of_the_input_keeps_what_was_answered(pair: DatabasePair) -> None:
    with Terminal("new", "--plain", env=ENVIRONMENT) as person:
        answer_end(person, "source", pair.source_endpoint)
        person.answer("whole URL of the destination", "\x04")
        person.finish(expect=130)
    (kept,) = [each for each in drafts.list_drafts() if each.draft.source.database == pair.source_endpoint.database]
    assert kept.draft.source.user == pair.source_endpoint.user
    drafts.remove(kept.draft.id)


def test_a_service_says_where_the_source_is(pair: DatabasePair, tmp_path: Path) -> None:
    end = pair.source_endpoint
    services = tmp_path / "pg_service.conf"
    services.write_text(f"[kb]\nhost={end.hosts[0]}\nport={end.ports[0]}\ndbname={end.database}\nuser={end.user}\n")
    with Terminal("new", "--plain", env={**ENVIRONMENT, "PGSERVICEFILE": str(services)}) as person:
        person.answer("service=NAME, or a whole URL of the source", "service=kb")
        for question in ("Port", "Database", "Account", "Number", "Number"):
            person.answer(question, "")
        # The source was tested, and works.
        person.answer("a whole URL of the destination", "\x04")
        person.finish(expect=130)
    (kept,) = [each for each in drafts.list_drafts() if each.draft.source.service == "kb"]
    source = kept.draft.to_spec().source
    assert (source.service, source.host, source.port, source.database, source.user) == ("kb", None, None, None, None)
    drafts.remove(kept.draft.id)


def test_a_tunnel_and_the_accounts_certificate_are_asked_for_after_a_yes(tmp_path: Path) -> None:
    with Terminal("new", "--plain", env=ENVIRONMENT) as person:
        person.answer("whole URL of the source", "db1.example.com")
        person.answer("through an SSH tunnel", "y")
        # A host that no name leads to: the test of the end says so.
        person.answer("SSH host of the tunnel", "sync@bastion.invalid")
        for question, answer in (
            ("Port", ""),
            ("Database", "kb"),
            ("Account", "sync"),
            ("Number", ""),
            ("Number", "2"),
        ):
            person.answer(question, answer)
        person.answer("log in with a certificate", "y")
        person.answer("certificate of the account", "/etc/sync/client.crt")
        person.answer("its key", "/etc/sync/client.key")
        person.answer("Number", "2")
        person.answer("Password of the key of the source", "swordfish")
        person.answer("source cannot be used yet", "3")
        person.answer("Go on?", "")
        person.answer("whole URL of the destination", "\x04")
        printed = person.finish(expect=130)
    assert "swordfish" not in printed
    (kept,) = [each for each in drafts.list_drafts() if each.draft.source.way == "ssh"]
    source = kept.draft.to_spec().source
    assert source.access == Access(ssh="sync@bastion.invalid")
    assert source.encryption == Encryption(
        mode="require", certificate="/etc/sync/client.crt", key="/etc/sync/client.key", key_password="prompt"
    )
    drafts.remove(kept.draft.id)
