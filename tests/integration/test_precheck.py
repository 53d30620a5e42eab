"""The precheck on real servers: each item fails when its cause is arranged, and a refusal leaves nothing behind."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.client.tasks import acceptance_of, with_ignored
from syncwizard.errors import EndpointError, PrecheckNotPassed
from syncwizard.postgres.destination.layout import FIRST, check_layout, ensure_layout
from syncwizard.postgres.source.transactions import read_transactions
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.task.events import PrecheckFinished, PrecheckItemFinished
from syncwizard.task.specification import (
    Endpoint,
    PrecheckSettings,
    SchemaObjects,
    Synchronization,
    TableObject,
    TaskSpec,
)
from tests.support.catalogue import everything_in
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair

KEYED = "CREATE TABLE t (id int PRIMARY KEY, x text);"


def outcome(spec: TaskSpec, folder: Path) -> dict[str, PrecheckItemFinished]:
    """Runs the precheck and returns its items by name, whatever they say."""
    run = TaskRun(spec, folder)
    try:
        precheck.run(run.context())
    except (PrecheckNotPassed, EndpointError):
        pass
    return items(run)


def items(run: TaskRun) -> dict[str, PrecheckItemFinished]:
    return {event.item: event for event in run.events if isinstance(event, PrecheckItemFinished)}


def blocking(found: dict[str, PrecheckItemFinished]) -> set[str]:
    return {name for name, entry in found.items() if precheck.blocks(entry)}


@pytest.fixture
def plain_role(pair: DatabasePair) -> Iterator[str]:
    """A role at both ends that may log in and nothing else."""
    name = f"plain_{uuid.uuid4().hex[:8]}"
    for end in (pair.source, pair.destination):
        end.execute(f"CREATE ROLE {name} LOGIN".encode())
    yield name
    for end in (pair.source, pair.destination):
        end.execute(f"DROP OWNED BY {name}; DROP ROLE {name}".encode())


def as_role(endpoint: Endpoint, role: str) -> Endpoint:
    return msgspec.structs.replace(endpoint, user=role)


def test_a_sound_task_passes(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    run = TaskRun(pair.spec(), tmp_path)
    precheck.run(run.context())
    assert blocking(items(run)) == set()
    assert list(items(run)) == precheck.item_names()
    assert run.events[-1] == PrecheckFinished(passed=True)


def test_a_draft_without_an_id_can_be_checked(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    assert blocking(outcome(msgspec.structs.replace(pair.spec(), id=None), tmp_path)) == set()


def test_an_end_that_cannot_be_reached_fails_at_once_and_skips_what_needs_it(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(KEYED)
    nowhere = msgspec.structs.replace(pair.destination_endpoint, host=str(tmp_path))
    run = TaskRun(pair.spec(destination=nowhere), tmp_path)
    with pytest.raises(EndpointError) as failure:
        precheck.run(run.context())
    assert failure.value.end == "destination"
    assert not failure.value.transient
    found = items(run)
    assert blocking(found) == {"destination-connectivity"}
    assert "wal-level" in found
    assert "extensions" not in found


def test_a_missing_database_is_named_with_the_statement(pair: DatabasePair, tmp_path: Path) -> None:
    missing = msgspec.structs.replace(pair.destination_endpoint, database="no such")
    found = outcome(pair.spec(destination=missing), tmp_path)
    assert 'database "no such" does not exist' in found["destination-connectivity"].message


def test_the_same_database_at_both_ends_is_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    assert "different-databases" in blocking(outcome(pair.spec(destination=pair.source_endpoint), tmp_path))


def test_an_older_destination_is_refused(pair: DatabasePair, tmp_path: Path) -> None:
    backwards = pair.spec(source=pair.destination_endpoint, destination=pair.source_endpoint)
    assert "destination-version" in blocking(outcome(backwards, tmp_path))


@pytest.mark.parametrize(
    ("setting", "value", "item"),
    [
        ("wal_level", "replica", "wal-level"),
        ("max_replication_slots", "0", "slots-and-senders"),
        ("max_wal_senders", "1", "slots-and-senders"),
    ],
)
def test_a_server_that_cannot_replicate_is_refused(
    pair: DatabasePair, tmp_path: Path, setting: str, value: str, item: str
) -> None:
    pair.source.execute(KEYED)
    former = dict(pair.source_cluster.settings)
    pair.source_cluster.configure(**{setting: value})
    pair.source_cluster.restart()
    try:
        assert item in blocking(outcome(pair.spec(), tmp_path))
    finally:
        pair.source_cluster.configure(**{setting: former.get(setting, "10")})
        pair.source_cluster.restart()
        pair.reconnect()


def test_an_account_without_rights_hears_which(pair: DatabasePair, tmp_path: Path, plain_role: str) -> None:
    pair.source.execute(KEYED)
    spec = pair.spec(
        source=as_role(pair.source_endpoint, plain_role), destination=as_role(pair.destination_endpoint, plain_role)
    )
    found = outcome(spec, tmp_path)
    assert blocking(found) == {"replication-right", "source-rights", "publication-rights", "destination-rights"}
    for name in blocking(found):
        assert plain_role in str(found[name].remedy)


def test_the_statements_of_the_rights_items_are_enough(pair: DatabasePair, tmp_path: Path, plain_role: str) -> None:
    pair.source.execute(KEYED)
    spec = pair.spec(
        source=as_role(pair.source_endpoint, plain_role), destination=as_role(pair.destination_endpoint, plain_role)
    )
    found = outcome(spec, tmp_path)
    for name in blocking(found):
        end = pair.destination if name.startswith("destination") else pair.source
        for statement in found[name].remedy.statements:
            end.execute(statement.encode())
    assert blocking(outcome(spec, tmp_path)) == set()


def test_policies_that_hide_rows_are_refused(pair: DatabasePair, tmp_path: Path, plain_role: str) -> None:
    pair.source.execute(KEYED)
    pair.source.execute(f"GRANT SELECT ON t TO {plain_role}; ALTER TABLE t ENABLE ROW LEVEL SECURITY".encode())
    found = outcome(pair.spec(source=as_role(pair.source_endpoint, plain_role)), tmp_path)
    assert "row-level" in found["source-rights"].message


def test_policies_of_the_destination_are_refused(pair: DatabasePair, tmp_path: Path, plain_role: str) -> None:
    """FORCE makes them apply to the owner, too."""
    pair.source.execute(KEYED)
    pair.destination.execute(
        f"GRANT CREATE ON SCHEMA public TO {plain_role}; GRANT CREATE ON DATABASE {pair.database} TO {plain_role};"
        f"SET ROLE {plain_role}; {KEYED} ALTER TABLE t ENABLE ROW LEVEL SECURITY; RESET ROLE".encode()
    )
    spec = pair.spec(
        destination=as_role(pair.destination_endpoint, plain_role),
        synchronization=Synchronization(types=["full", "incremental"]),
    )
    assert outcome(spec, tmp_path)["destination-rights"].verdict == "passed"
    pair.destination.execute("ALTER TABLE t FORCE ROW LEVEL SECURITY")
    refused = outcome(spec, tmp_path)["destination-rights"]
    assert (refused.verdict, "row-level policies would apply to public.t" in refused.message) == ("failed", True)
    (statement,) = refused.remedy.statements
    pair.destination.execute(statement.encode())
    assert outcome(spec, tmp_path)["destination-rights"].verdict == "passed"


def test_a_keyless_table_needs_acceptance_and_nothing_is_changed_before(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(
        "CREATE TABLE keyless (x text); CREATE TABLE late (id int PRIMARY KEY DEFERRABLE);"
        "CREATE TABLE none (id int PRIMARY KEY); ALTER TABLE none REPLICA IDENTITY NOTHING;"
    )
    run = TaskRun(pair.spec(), tmp_path)
    with pytest.raises(PrecheckNotPassed) as failure:
        precheck.run(run.context())
    assert "replica-identity" in str(failure.value.remedy)
    found = items(run)["replica-identity"]
    assert (found.verdict, found.ignorable, found.ignored) == ("warning", True, False)
    for table in ("keyless has no primary key", "late has only a deferrable", "none has REPLICA IDENTITY NOTHING"):
        assert table in found.message
    accepted = pair.spec(precheck=PrecheckSettings(ignore=["replica-identity"]))
    assert blocking(outcome(accepted, tmp_path)) == set()


def test_a_keyless_table_of_another_owner_blocks(pair: DatabasePair, tmp_path: Path, plain_role: str) -> None:
    pair.source.execute("CREATE TABLE keyless (x text)")
    found = outcome(pair.spec(source=as_role(pair.source_endpoint, plain_role)), tmp_path)
    assert found["replica-identity"].verdict == "failed"
    assert "REPLICA IDENTITY FULL" in str(found["replica-identity"].remedy)


def test_a_table_that_does_not_exist_is_named_with_the_nearest(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE passages (id int PRIMARY KEY)")
    objects = [SchemaObjects(schema="public", tables=[TableObject(table="pasages")]), SchemaObjects(schema="publik")]
    found = outcome(pair.spec(objects), tmp_path)
    assert found["selected-objects"].objects == [
        "there is no table public.pasages (did you mean `passages`?)",
        "there is no schema publik (did you mean `public`?)",
    ]


def test_unlogged_and_foreign_tables_are_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED + "CREATE UNLOGGED TABLE volatile (id int PRIMARY KEY);")
    found = outcome(pair.spec(), tmp_path)
    assert "public.volatile" in found["selected-objects"].message
    assert blocking(found) == set()


def test_tables_of_the_same_name_are_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    pair.destination.execute(KEYED)
    assert blocking(outcome(pair.spec(), tmp_path)) == {"same-named-tables"}
    ignoring = pair.spec(synchronization=Synchronization(conflicts="ignore"))
    assert blocking(outcome(ignoring, tmp_path)) == set()


def test_an_accepted_warning_is_asked_again_once_it_is_about_something_else(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE keyless (x int)")
    asked = outcome(pair.spec(), tmp_path)["replica-identity"]
    accepted = PrecheckSettings(ignore=[acceptance_of(asked.item, asked.detail)])
    assert outcome(pair.spec(precheck=accepted), tmp_path)["replica-identity"].ignored
    pair.source.execute("CREATE TABLE another (x int)")
    again = outcome(pair.spec(precheck=accepted), tmp_path)["replica-identity"]
    assert again.blocks and "accepted by " in str(again.remedy) and "another" in again.message
    renewed = with_ignored(pair.spec(precheck=accepted), ["replica-identity"])
    assert len(renewed.precheck.ignore) == 1
    assert not outcome(renewed, tmp_path)["replica-identity"].blocks


def test_rows_in_a_table_with_a_key_are_accepted_when_conflicts_are_ignored(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    pair.destination.execute(KEYED + "INSERT INTO t VALUES (1)")
    ignoring = pair.spec(synchronization=Synchronization(conflicts="ignore"))
    assert blocking(outcome(ignoring, tmp_path)) == set()
    assert blocking(outcome(pair.spec(), tmp_path)) == {"same-named-tables"}


def test_without_schema_synchronization_the_tables_must_be_there_and_empty(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    spec = pair.spec(synchronization=Synchronization(types=["full", "incremental"]))
    assert blocking(outcome(spec, tmp_path)) == {"same-named-tables"}
    pair.destination.execute(KEYED)
    assert blocking(outcome(spec, tmp_path)) == set()
    pair.destination.execute("INSERT INTO t VALUES (1)")
    assert blocking(outcome(spec, tmp_path)) == {"same-named-tables"}


def test_a_type_that_exists_needs_acceptance(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TYPE mood AS ENUM ('a'); CREATE TABLE t (id int PRIMARY KEY, mood mood);")
    pair.destination.execute("CREATE TYPE mood AS ENUM ('a', 'b')")
    found = outcome(pair.spec(), tmp_path)
    assert blocking(found) == {"same-named-definitions"}
    assert found["same-named-definitions"].ignorable


def test_an_extension_in_another_schema_is_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE EXTENSION vector; CREATE TABLE t (id int PRIMARY KEY, v vector(3));")
    assert blocking(outcome(pair.spec(), tmp_path)) == set()
    pair.destination.execute("CREATE SCHEMA elsewhere; CREATE EXTENSION vector WITH SCHEMA elsewhere")
    found = outcome(pair.spec(), tmp_path)
    assert blocking(found) == {"extensions"}
    (statement,) = found["extensions"].remedy.statements
    pair.destination.execute(statement.encode())
    assert blocking(outcome(pair.spec(), tmp_path)) == set()


def test_an_extension_that_only_a_superuser_may_create_is_refused(
    pair: DatabasePair, tmp_path: Path, plain_role: str
) -> None:
    pair.source.execute("CREATE EXTENSION vector; CREATE TABLE t (id int PRIMARY KEY, v vector(3));")
    trusted = pair.destination.execute(
        "SELECT trusted FROM pg_available_extension_versions WHERE name = 'vector' ORDER BY version DESC LIMIT 1"
    ).fetchone()
    found = outcome(pair.spec(destination=as_role(pair.destination_endpoint, plain_role)), tmp_path)
    assert (found["extensions"].verdict == "failed") == (trusted != (True,))


def test_triggers_that_could_fire_block_and_without_any_it_is_a_warning(
    pair: DatabasePair, tmp_path: Path, plain_role: str
) -> None:
    pair.source.execute(KEYED)
    pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO {plain_role}".encode())
    destination = as_role(pair.destination_endpoint, plain_role)
    found = outcome(pair.spec(destination=destination), tmp_path)
    assert (found["triggers"].verdict, found["triggers"].ignorable) == ("warning", False)
    pair.destination.execute(
        KEYED
        + "CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';"
        + "CREATE TRIGGER alarm BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();"
    )
    found = outcome(pair.spec(destination=destination), tmp_path)
    assert found["triggers"].verdict == "failed"
    assert "alarm on public.t" in found["triggers"].message
    pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO postgres".encode())


def test_names_of_ours_that_belong_to_another_owner_are_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED + "CREATE TABLE dts_postgres_heartbeat (id int PRIMARY KEY);")
    pair.destination.execute("CREATE SCHEMA syncwizard")
    assert blocking(outcome(pair.spec(), tmp_path)) == {"heartbeat-name", "progress-schema"}


def test_a_newer_layout_at_the_destination_is_refused_and_an_older_one_left_as_it_is(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute("CREATE TABLE items (id int PRIMARY KEY)")
    ensure_layout(pair.destination)
    pair.destination.execute("UPDATE syncwizard.layout SET version = version + 1")
    found = outcome(pair.spec(), tmp_path)
    assert blocking(found) == {"progress-schema"}
    assert "use the newer version" in str(found["progress-schema"].remedy)
    pair.destination.execute("DROP TABLE syncwizard.layout")
    assert blocking(outcome(pair.spec(), tmp_path)) == set()
    assert check_layout(pair.destination) == FIRST


def test_a_task_that_runs_from_another_machine_is_refused(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    spec = pair.spec()
    context = TaskRun(spec, tmp_path).context()
    capture.run(context)
    context.held.close()
    assert blocking(outcome(spec, tmp_path)) == {"slot", "progress-schema"}


def test_a_long_transaction_is_named_and_does_not_block(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncwizard.stages.precheck.servers.LONG_TRANSACTION_SECONDS", 0.0)
    pair.source.execute(KEYED)
    with pair.source_cluster.connect(pair.database, autocommit=False) as holder:
        holder.execute("INSERT INTO t VALUES (1)")
        found = outcome(pair.spec(), tmp_path)
        assert f"process {holder.info.backend_pid}" in found["long-transactions"].message
        assert blocking(found) == set()


def test_a_role_that_sees_little_still_names_who_delays_the_slot(pair: DatabasePair, plain_role: str) -> None:
    pair.source.execute(KEYED)
    with (
        pair.source_cluster.connect(pair.database, autocommit=False) as holder,
        pair.source_cluster.connect(pair.database, user=plain_role) as little,
    ):
        holder.execute("INSERT INTO t VALUES (1)")
        found = read_transactions(little, older_than_seconds=0.0)
        assert [entry.pid for entry in found] == [holder.info.backend_pid]
        assert "open for" not in str(found[0])


def test_no_pg_dump_is_refused(pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair.source.execute(KEYED)
    monkeypatch.setattr("syncwizard.stages.precheck.selection.find_programs", list)
    assert blocking(outcome(pair.spec(), tmp_path)) == {"pg-dump"}


def test_a_refusal_leaves_nothing_at_either_end(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE EXTENSION vector; CREATE TABLE keyless (x text, v vector(3));")
    before = everything_in(pair.source), everything_in(pair.destination)
    assert blocking(outcome(pair.spec(), tmp_path)) == {"replica-identity"}
    assert (everything_in(pair.source), everything_in(pair.destination)) == before


def test_the_sessions_of_the_precheck_cannot_write(pair: DatabasePair, tmp_path: Path) -> None:
    from syncwizard.stages.precheck.checkup import Checkup

    with Checkup(TaskRun(pair.spec(), tmp_path).context()) as checkup:
        for session in (checkup.source, checkup.destination):
            with pytest.raises(Exception, match="read-only transaction"):
                session.execute("CREATE TABLE public.never (id int)")
