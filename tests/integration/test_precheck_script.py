"""All that an end lacks in one script: run once by a superuser, and a task of accounts without rights passes."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client.rights_script import script
from syncwizard.errors import EndpointError, PrecheckNotPassed
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.commands import release
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.specification import SchemaObjects, TaskSpec
from tests.support.commands import syncwizard, write_task_file
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair

OBJECTS = """
    CREATE SCHEMA docs AUTHORIZATION {owner};
    CREATE SCHEMA sales;
    GRANT USAGE, CREATE ON SCHEMA sales TO {owner};
    SET ROLE {owner};
    CREATE TABLE docs.passages (id int PRIMARY KEY, text text);
    CREATE TABLE docs.secrets (id int PRIMARY KEY);
    ALTER TABLE docs.secrets ENABLE ROW LEVEL SECURITY;
    CREATE TABLE docs.parts (id int, region text, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
    CREATE TABLE docs.parts_eu PARTITION OF docs.parts FOR VALUES IN ('eu');
    CREATE TABLE sales.orders (id serial PRIMARY KEY);
    ALTER TABLE sales.orders ENABLE ROW LEVEL SECURITY;
    ALTER TABLE sales.orders FORCE ROW LEVEL SECURITY;
    RESET ROLE;
    REVOKE ALL ON SCHEMA public FROM public;
"""


@pytest.fixture(params=["pair", "pair15"])
def ends(request: pytest.FixtureRequest) -> DatabasePair:
    """Sources whose memberships say by themselves what they inherit, and where the account's own attribute does."""
    pair: DatabasePair = request.getfixturevalue(request.param)
    return pair


@pytest.fixture
def roles(ends: DatabasePair) -> Iterator[tuple[str, str]]:
    """The owner of the tables at the source, and an account at both ends that may log in and nothing else."""
    pair = ends
    owner, account = f"own er_{uuid.uuid4().hex[:8]}", f'acc"ount_{uuid.uuid4().hex[:8]}'
    quoted = [f'"{name}"'.replace('acc"', 'acc""') for name in (owner, account)]
    pair.source.execute(f"CREATE ROLE {quoted[0]}; CREATE ROLE {quoted[1]} LOGIN NOINHERIT".encode())
    pair.source.execute(OBJECTS.format(owner=quoted[0]).encode())
    pair.destination.execute(f"CREATE ROLE {quoted[1]} LOGIN; CREATE SCHEMA docs; CREATE SCHEMA sales".encode())
    yield owner, account
    for end, names in ((pair.source, quoted), (pair.destination, quoted[1:])):
        for name in reversed(names):
            end.execute(f"DROP OWNED BY {name} CASCADE".encode())
            end.execute(f"DROP ROLE {name}".encode())


def spec_of(pair: DatabasePair, account: str) -> TaskSpec:
    return pair.spec(
        [SchemaObjects(schema="docs"), SchemaObjects(schema="sales")],
        source=msgspec.structs.replace(pair.source_endpoint, user=account),
        destination=msgspec.structs.replace(pair.destination_endpoint, user=account),
    )


def items(spec: TaskSpec, folder: Path) -> list[PrecheckItemFinished]:
    run = TaskRun(spec, folder)
    try:
        precheck.run(run.context())
    except (PrecheckNotPassed, EndpointError):
        pass
    return [event for event in run.events if isinstance(event, PrecheckItemFinished)]


def test_one_script_an_end_is_enough_and_nothing_changes_its_owner(
    ends: DatabasePair, tmp_path: Path, roles: tuple[str, str]
) -> None:
    pair = ends
    owner, account = roles
    spec = spec_of(pair, account)
    found = items(spec, tmp_path)
    assert {"replication-right", "source-rights", "publication-rights", "destination-rights"} <= {
        item.item for item in found if item.blocks
    }
    source, destination = script(found, "source", spec.source), script(found, "destination", spec.destination)
    membership = 'GRANT "{}" TO "{}"'.format(owner, account.replace('"', '""'))
    assert source.count(membership) == 1
    assert "OWNER" not in source + destination
    assert "GRANT SET ON PARAMETER session_replication_role" in destination
    pair.source.execute(source.encode())
    pair.destination.execute(destination.encode())
    found = items(spec, tmp_path)
    assert [(item.item, item.message) for item in found if item.blocks] == []
    assert script(found, "source", spec.source).splitlines()[-1] == "-- Nothing is missing."
    assert script(found, "destination", spec.destination).splitlines()[-1] == "-- Nothing is missing."
    owners = "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relname IN ('passages', 'orders', 'parts')"
    assert pair.source.execute(owners).fetchall() == [(owner,)]
    # And it is enough to publish them.
    run = TaskRun(spec, tmp_path)
    context = run.context()
    capture.run(context)
    context.held.close()
    release.run(run.context())


@pytest.mark.slow
@pytest.mark.usefixtures("state_home")
@pytest.mark.parametrize("ends", ["pair"], indirect=True)
def test_the_command_prints_the_script_and_nothing_else(
    ends: DatabasePair, tmp_path: Path, roles: tuple[str, str]
) -> None:
    pair = ends
    spec = msgspec.structs.replace(spec_of(pair, roles[1]), id=None)
    path = write_task_file(spec, tmp_path)
    for end, session in (("source", pair.source), ("destination", pair.destination)):
        printed = syncwizard("precheck", path, "--script", end).stdout
        assert printed.startswith(f"-- What the {end} lacks for this task: ")
        session.execute(printed.encode())
    assert syncwizard("precheck", path, "--script").stdout.count("-- Nothing is missing.") == 2
    syncwizard("precheck", path)


def test_an_account_that_cannot_log_in_is_let_in_by_the_script(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    pair.source.execute(f"REVOKE CONNECT ON DATABASE {pair.database} FROM public".encode())
    role = f"new_{pair.database}"
    spec = pair.spec(source=msgspec.structs.replace(pair.source_endpoint, user=role))
    try:
        for beginning in (f'CREATE ROLE "{role}"', f'GRANT CONNECT ON DATABASE "{pair.database}"', "GRANT CREATE ON"):
            text = script(items(spec, tmp_path), "source", spec.source)
            assert [line for line in text.splitlines() if line.startswith(beginning)], text
            pair.source.execute(text.encode())
        assert [item.item for item in items(spec, tmp_path) if item.blocks] == []
    finally:
        pair.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())
