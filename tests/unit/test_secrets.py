"""Where secrets come from, and what is said when they do not."""

import getpass
from typing import ClassVar

import keyring
import keyring.backend
import pytest

from syncwizard import secrets
from syncwizard.client import credentials, probes
from syncwizard.engine.protocol import CatalogueRequest
from syncwizard.engine.starting import environment_without_secrets
from syncwizard.errors import EndpointError, UsageError
from syncwizard.task.failures import error_from_failure, failure_of
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Encryption, Endpoint, SchemaObjects, TaskSpec

PROMPTED = TaskSpec(
    name="t",
    source=Endpoint(host="db1", database="kb", password="prompt"),
    destination=Endpoint(host="db2", database="kb", password="prompt"),
    objects=[],
)


def test_what_was_typed_is_asked_for_again_only_where_its_own_end_refused_it() -> None:
    known = credentials.together(Handover(), Handover(source="a", destination="b"))
    assert credentials.unanswered(PROMPTED, known) == []
    refused = EndpointError("no", end="source", transient=False, sqlstate="28P01")
    known = credentials.still_good(known, refused)
    assert [question.part for question in credentials.unanswered(PROMPTED, known)] == ["source"]
    known = credentials.together(known, Handover(source="c"))
    assert known == Handover(source="c", destination="b")
    # As an engine reports it that cannot reach the other end.
    lost = error_from_failure(failure_of(EndpointError("lost", end="destination", transient=True)))
    assert isinstance(lost, EndpointError)
    assert credentials.still_good(known, lost) == known


class MemoryKeyring(keyring.backend.KeyringBackend):
    """A keyring for the length of a test."""

    priority = 1.0
    entries: ClassVar[dict[tuple[str, str], str]] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.entries[service, username]


def endpoint(password: str) -> Endpoint:
    return Endpoint(host="db", database="kb", user="sync", password=password)


def test_libpq_finds_its_own_password() -> None:
    assert secrets.password_of(endpoint("pgpass"), "source") is None


def test_libpqs_own_variable_is_handed_over_and_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "swordfish")
    assert secrets.password_of(endpoint("pgpass"), "source") == "swordfish"
    key = Endpoint(database="kb", encryption=Encryption(key_password="pgpass"))
    assert secrets.key_password_of(key, "source") is None
    spec = TaskSpec(name="kb", source=key, destination=key, objects=[SchemaObjects(schema="public")])
    assert "swordfish" not in environment_without_secrets((spec.source, spec.destination)).values()


def test_an_environment_variable_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_PW", "swordfish")
    assert secrets.password_of(endpoint("env:SOURCE_PW"), "source") == "swordfish"


def test_a_missing_variable_is_reported_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_PW", raising=False)
    with pytest.raises(UsageError, match="SOURCE_PW is not set") as caught:
        secrets.password_of(endpoint("env:SOURCE_PW"), "source")
    assert "export SOURCE_PW" in str(caught.value.remedy)
    assert "source (db:5432/kb)" in caught.value.where


def test_the_keyring_is_asked_for_user_and_place() -> None:
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())  # type: ignore[no-untyped-call]
    try:
        with pytest.raises(UsageError, match="no entry") as caught:
            secrets.password_of(endpoint("keyring"), "source")
        assert "keyring set syncwizard 'sync@db:5432/kb'" in str(caught.value.remedy)
        keyring.set_password("syncwizard", "sync@db:5432/kb", "swordfish")
        assert secrets.password_of(endpoint("keyring"), "source") == "swordfish"
    finally:
        keyring.set_keyring(before)
        MemoryKeyring.entries.clear()


def test_a_prompt_needs_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_terminal(prompt: str) -> str:
        raise EOFError

    monkeypatch.setattr(getpass, "getpass", no_terminal)
    with pytest.raises(UsageError, match="no terminal"):
        secrets.password_of(endpoint("prompt"), "source")


def test_variables_with_secrets_are_not_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_PW", "swordfish")
    monkeypatch.setenv("KEY_PW", "trout")
    spec = TaskSpec(
        name="kb",
        source=Endpoint(database="a", password="env:SOURCE_PW"),
        destination=Endpoint(database="b", encryption=Encryption(key_password="env:KEY_PW")),
        objects=[SchemaObjects(schema="public")],
    )
    environment = environment_without_secrets((spec.source, spec.destination))
    assert not {"swordfish", "trout"} & set(environment.values())
    assert "PATH" in environment


def test_a_listing_of_the_source_has_nothing_of_the_destinations_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_PW", "swordfish")
    monkeypatch.setenv("DST_PW", "trout")
    spec = TaskSpec(name="kb", source=endpoint("env:SOURCE_PW"), destination=endpoint("env:DST_PW"), objects=[])
    probe = probes.catalogue(spec, Handover(source="swordfish", destination="trout", destination_key="carp"))
    assert not {"swordfish", "trout"} & set(probe._environment.values())
    assert isinstance(probe._request, CatalogueRequest)
    assert probe._request.secrets == Handover(source="swordfish")


def test_secrets_do_not_show_themselves() -> None:
    assert "swordfish" not in repr(Handover(source="swordfish"))
