"""Drafts: what was typed is kept as typed, on disk too, and without secrets."""

import os
import stat
from pathlib import Path

import msgspec
import pytest

from syncwizard import paths
from syncwizard.client import credentials, drafts
from syncwizard.errors import UsageError
from syncwizard.task import file
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.handover import Handover
from syncwizard.task.specification import (
    Access,
    Advanced,
    Encryption,
    Endpoint,
    IgnoredItem,
    PrecheckSettings,
    Retry,
    SchemaObjects,
    TableObject,
    TaskSpec,
)

WHOLE = TaskSpec(
    name="kb",
    source=Endpoint(
        host=["db1", "db2"],
        port=[5432, 5433],
        database="kb",
        user="sync",
        password="env:SOURCE_PW",
        encryption=Encryption(mode="verify-full", ca="/ca", certificate="/c", key="/k", key_password="prompt"),
    ),
    destination=Endpoint(
        type="polardb-postgresql",
        host="inside",
        port=5432,
        database="kb",
        password="prompt",
        access=Access(ssh="me@bastion", local="127.0.0.1:15432"),
    ),
    objects=[SchemaObjects(schema="sales", tables=[TableObject(table="orders")], sequences=["orders_id_seq"])],
    advanced=Advanced(retry=Retry(connection_minutes=60, other_minutes=5)),
    precheck=PrecheckSettings(ignore=[IgnoredItem(item="replica-identity", accepted_at="2026-01-01T00:00:00Z")]),
)


def complete() -> TaskDraft:
    end = EndpointDraft(host="db1", database="kb")
    return TaskDraft(source=end, destination=end, objects=[SchemaObjects(schema="public")])


@pytest.mark.parametrize(
    "end",
    [
        WHOLE.source,
        WHOLE.destination,
        Endpoint(host="/var/run/postgresql", port=5432, database="kb", password="keyring"),
        Endpoint(service="production"),
        Endpoint(service="production", host="replica", port=5433, database="kb"),
        Endpoint(service="production", host="/run/postgresql"),
        Endpoint(service="production", port=[5432, 5433]),
        Endpoint(service="production", host="inside", access=Access(ssh="me@bastion")),
        Endpoint(service="production", host="inside", port=5433, access=Access(ssh="me@bastion")),
    ],
)
def test_an_end_comes_back_from_its_fields_as_it_was(end: Endpoint) -> None:
    assert EndpointDraft.from_endpoint(end).to_endpoint() == end


def test_a_task_comes_back_from_its_draft_as_it_was() -> None:
    assert TaskDraft.from_spec(WHOLE).to_spec() == WHOLE


def test_a_complete_draft_has_no_problem_and_a_valid_task_file(tmp_path: Path) -> None:
    draft = complete()
    assert [problem for step in ("endpoints", "objects", "advanced") for problem in draft.problems(step)] == []
    path = tmp_path / "kb.yaml"
    file.save(draft.to_spec(), path)
    assert file.load(path) == draft.to_spec()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("source.host", "", "the host is missing"),
        ("source.host", "postgresql://me:secret@db1/kb", "this is a connection string, not a host"),
        ("destination.port", "99999", "a port is a number from 1 to 65535"),
        ("destination.port", "5432x", "a port is a number from 1 to 65535"),
        ("source.port", "1,2", "2 ports for 1 hosts"),
        ("source.database", "", "the name of the database is missing"),
        ("name", " ", "the name is empty"),
    ],
)
def test_a_wrong_value_is_named_by_its_field_and_kept_as_typed(field: str, value: str, words: str) -> None:
    draft = complete().with_value(field, value)
    assert [(problem.path, problem.message) for problem in draft.problems("endpoints")] == [(field, words)]
    assert draft.value(field) == value


def test_encryption_that_verifies_wants_its_authority() -> None:
    draft = complete().with_value("source.mode", "verify-full")
    assert [problem.path for problem in draft.problems("endpoints")] == ["source.ca"]
    draft = draft.with_value("source.ca", "/ca.pem").with_value("source.key", "/k")
    assert [problem.path for problem in draft.problems("endpoints")] == ["source.certificate"]


def test_what_another_way_of_access_needs_is_kept_and_not_part_of_the_task() -> None:
    draft = complete().with_value("source.way", "socket")
    assert draft.to_spec().source.host == "/var/run/postgresql"
    assert draft.with_value("source.way", "host").to_spec().source.host == "db1"
    served = draft.with_value("source.way", "service").with_value("source.service", "production").to_spec().source
    assert (served.service, served.host, served.port) == ("production", None, None)


def test_what_is_wrong_beside_a_service_is_named_by_its_field() -> None:
    end = EndpointDraft(way="service", service="production", service_host="password=x", service_port="54x")
    assert [problem.path for problem in end.problems("source")] == ["source.service_host", "source.service_port"]
    assert msgspec.structs.replace(end, service_host="db1", service_port="6").describe() == "db1:6"


def test_drafts_are_listed_the_latest_first_and_gone_when_removed(state_home: Path) -> None:
    older, newer = complete().with_value("name", "older"), complete().with_value("name", "newer")
    drafts.save(older)
    drafts.save(newer)
    os.utime(paths.drafts_folder() / f"{older.id}.json", (100, 100))
    assert [(kept.draft.name, kept.edited_at == 100) for kept in drafts.list_drafts()] == [
        ("newer", False),
        ("older", True),
    ]
    drafts.remove(older.id)
    drafts.remove(older.id)
    assert [kept.draft for kept in drafts.list_drafts()] == [newer]


def test_a_draft_is_for_its_owner_alone(state_home: Path) -> None:
    drafts.save(complete())
    file_mode = next(paths.drafts_folder().iterdir()).stat().st_mode
    assert stat.S_IMODE(file_mode) == 0o600
    assert stat.S_IMODE(paths.drafts_folder().stat().st_mode) == 0o700


def test_a_damaged_draft_hides_no_other(state_home: Path) -> None:
    drafts.save(complete())
    (paths.drafts_folder() / "broken.json").write_text('{"name": 1}')
    assert len(drafts.list_drafts()) == 1


def test_only_secrets_that_are_kept_nowhere_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_PW", "of the environment")
    assert [question.part for question in credentials.questions(WHOLE)] == ["source_key", "destination"]
    collected = credentials.collect(WHOLE, Handover(destination="typed", source_key="typed too", source="ignored"))
    assert collected == Handover(source="of the environment", destination="typed", source_key="typed too")


def test_a_secret_that_was_not_typed_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="password of the source's key"):
        credentials.collect(WHOLE, Handover(destination="typed"))
