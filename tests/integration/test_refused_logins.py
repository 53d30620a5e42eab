"""A login that is refused for good is known as such in every language: by its SQLSTATE, not by its words."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.demo import installations
from syncwizard.demo.servers import Cluster
from syncwizard.errors import EndpointError
from syncwizard.postgres.catalog.locale import lacks_database
from syncwizard.postgres.session.connection import connect
from syncwizard.task.specification import Endpoint
from tests.support.network import ADDRESS, listening

TRANSLATION = Path("/usr/share/locale/de/LC_MESSAGES")
RULES = f"host all sync {ADDRESS}/32 scram-sha-256\nhost all closed {ADDRESS}/32 reject\n"


@pytest.fixture(scope="module")
def german(server_folder: Path) -> Iterator[Cluster]:
    """A server that speaks German, whatever locales the machine has."""
    versions = [version for version in installations.installed() if (TRANSLATION / f"postgres-{version}.mo").exists()]
    if not versions:
        pytest.skip("no PostgreSQL with its translations on this machine")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LANGUAGE", "de")
        with listening(server_folder / "german", max(versions), RULES, lc_messages="C.UTF-8") as cluster:
            with cluster.connect() as session:
                session.execute("CREATE ROLE sync LOGIN PASSWORD 'secret'; CREATE ROLE closed LOGIN")
            yield cluster


def refusal(endpoint: Endpoint, password: str = "secret", *, replication: bool = False) -> EndpointError:
    with pytest.raises(EndpointError) as caught:
        connect(endpoint, end="destination", application_name="test", password=password, replication=replication)
    return caught.value


def test_a_refused_login_in_german_is_final_and_says_what_to_do(german: Cluster) -> None:
    endpoint = Endpoint(host=ADDRESS, port=german.port, database="postgres", user="sync")
    wrong = refusal(endpoint, "wrong")
    assert "Passwort-Authentifizierung" in wrong.detail
    assert (wrong.transient, wrong.sqlstate) == (False, "28P01")
    assert "correct the password" in str(wrong.remedy)
    shut_out = refusal(msgspec.structs.replace(endpoint, user="closed"))
    assert (shut_out.transient, shut_out.sqlstate) == (False, "28000")
    assert "pg_hba.conf" in str(shut_out.remedy)
    missing = refusal(msgspec.structs.replace(endpoint, database="nowhere"))
    assert (missing.transient, missing.sqlstate) == (False, "3D000")
    assert lacks_database(missing)
    without_right = refusal(endpoint, replication=True)
    assert (without_right.transient, without_right.sqlstate) == (False, "42501")


def test_what_passes_by_itself_is_tried_again_in_german_too(german: Cluster) -> None:
    endpoint = Endpoint(host=ADDRESS, port=german.port, database="postgres", user="sync")
    with german.connect() as session:
        session.execute("ALTER ROLE sync CONNECTION LIMIT 0")
        try:
            full = refusal(endpoint)
        finally:
            session.execute("ALTER ROLE sync CONNECTION LIMIT -1")
    assert "zu viele Verbindungen" in full.detail
    assert full.transient


def test_no_trace_of_the_password_stays_open(german: Cluster) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))
    refusal(Endpoint(host=ADDRESS, port=german.port, database="postgres", user="sync"), "wrong")
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
