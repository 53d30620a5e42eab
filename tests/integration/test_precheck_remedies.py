"""What the precheck says to do, done to the letter: afterwards the item passes."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from psycopg import sql

from syncwizard.demo.servers import Cluster
from syncwizard.errors import EndpointError, PrecheckNotPassed
from syncwizard.postgres.catalog.locale import create_statement, read_locale
from syncwizard.postgres.session.connection import connect
from syncwizard.postgres.session.server import read_replication_room
from syncwizard.stages import precheck
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.specification import Endpoint, TaskSpec
from tests.support.inprocess import TaskRun
from tests.support.network import ADDRESS, listening
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

KEYED = "CREATE TABLE t (id int PRIMARY KEY, x text);"


def found(spec: TaskSpec, folder: Path) -> dict[str, PrecheckItemFinished]:
    """The precheck's items by name, whatever they say."""
    run = TaskRun(spec, folder)
    try:
        precheck.run(run.context())
    except (PrecheckNotPassed, EndpointError):
        pass
    return {event.item: event for event in run.events if isinstance(event, PrecheckItemFinished)}


def execute(session: Session, *statements: str) -> None:
    """One by one, as psql does: ALTER SYSTEM and CREATE DATABASE are not for a transaction of several."""
    for statement in statements:
        session.execute(statement.encode())


def in_no_transaction(cluster: Cluster, *statements: str) -> None:
    with cluster.connect() as session:
        execute(session, *statements)


@pytest.fixture
def alter_system(pair: DatabasePair) -> Iterator[None]:
    """What ALTER SYSTEM sets at the source is gone afterwards."""
    yield
    in_no_transaction(pair.source_cluster, "ALTER SYSTEM RESET ALL")
    pair.source_cluster.restart()


@pytest.mark.usefixtures("alter_system")
def test_the_settings_of_the_source_are_computed_from_what_is_in_use(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    former = dict(pair.source_cluster.settings)
    pair.source.execute("SELECT pg_create_physical_replication_slot('in_use')")
    paused = f"dts_sync_{uuid.uuid4().hex[:12]}"
    pair.source.execute("SELECT pg_create_physical_replication_slot(%s)", (paused,))
    pair.source_cluster.configure(wal_level="replica", max_replication_slots="2", max_wal_senders="1")
    pair.source_cluster.restart()
    try:
        items = found(pair.spec(), tmp_path)
        assert items["wal-level"].verdict == items["slots-and-senders"].verdict == "failed"
        # Two slots in use and two for the task; a walsender for the task that is paused.
        assert items["slots-and-senders"].remedy.statements == (
            "ALTER SYSTEM SET max_replication_slots = 4",
            "ALTER SYSTEM SET max_wal_senders = 3",
        )
        assert "1 sender is kept for tasks that are paused" in items["slots-and-senders"].message
        for name in ("wal-level", "slots-and-senders"):
            in_no_transaction(pair.source_cluster, *items[name].remedy.statements)
        pair.source_cluster.restart()
        items = found(pair.spec(), tmp_path)
        assert items["wal-level"].verdict == items["slots-and-senders"].verdict == "passed"
    finally:
        names = ("wal_level", "max_replication_slots", "max_wal_senders")
        pair.source_cluster.configure(**{name: former.get(name, "10") for name in names})
        for slot in ("in_use", paused):
            in_no_transaction(pair.source_cluster, f"SELECT pg_drop_replication_slot('{slot}')")
        pair.source_cluster.restart()
        pair.reconnect()


def test_a_missing_database_is_created_as_the_source_has_it(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    name = f"{pair.database} of mine"
    spec = pair.spec(destination=msgspec.structs.replace(pair.destination_endpoint, database=name))
    item = found(spec, tmp_path)["destination-connectivity"]
    assert item.verdict == "failed"
    in_no_transaction(pair.destination_cluster, *item.remedy.statements)
    try:
        items = found(spec, tmp_path)
        assert items["destination-connectivity"].verdict == "passed"
        assert items["encoding"].verdict == items["collation"].verdict == "passed"
    finally:
        pair.destination_cluster.drop_database(name)


def test_another_collation_is_named_with_the_database_that_has_the_right_one(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(KEYED)
    name = f"{pair.database}_c"
    in_no_transaction(
        pair.destination_cluster,
        f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER libc LOCALE 'C.utf8'",
    )
    spec = pair.spec(destination=msgspec.structs.replace(pair.destination_endpoint, database=name))
    try:
        item = found(spec, tmp_path)["collation"]
        assert item.verdict == "warning"
        assert "C.utf8 at the destination" in item.message
        pair.destination_cluster.drop_database(name)
        in_no_transaction(pair.destination_cluster, *item.remedy.statements)
        assert found(spec, tmp_path)["collation"].verdict == "passed"
    finally:
        pair.destination_cluster.drop_database(name)


def test_a_collation_of_icu_and_its_rules_are_kept(postgres15: Cluster) -> None:
    first, second = "icu_first", "icu_second"
    statement = "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'de-u-co-phonebk'"
    in_no_transaction(postgres15, statement.format(first))
    try:
        with postgres15.connect(first) as session:
            like = read_locale(session)
        in_no_transaction(postgres15, create_statement(second, "postgres", like))
        with postgres15.connect(second) as session:
            assert read_locale(session) == like
            assert like.describe() == "icu de-u-co-phonebk"
    finally:
        for name in (first, second):
            in_no_transaction(postgres15, f"DROP DATABASE IF EXISTS {name}")


def test_the_builtin_provider_is_kept(destination_cluster: Cluster) -> None:
    first, second = "builtin_first", "builtin_second"
    statement = "CREATE DATABASE {} TEMPLATE template0 LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' ENCODING 'UTF8'"
    in_no_transaction(destination_cluster, statement.format(first))
    try:
        with destination_cluster.connect(first) as session:
            like = read_locale(session)
        in_no_transaction(destination_cluster, create_statement(second, None, like))
        with destination_cluster.connect(second) as session:
            assert read_locale(session) == like
    finally:
        for name in (first, second):
            in_no_transaction(destination_cluster, f"DROP DATABASE IF EXISTS {name}")


def reload(cluster: Cluster) -> None:
    """Returns when new sessions follow the files as they are now."""

    def loaded() -> Any:
        with cluster.connect() as session:
            row = session.execute("SELECT pg_conf_load_time()").fetchone()
            return row[0] if row else None

    before = loaded()
    with cluster.connect() as session:
        session.execute("SELECT pg_reload_conf()")
    until(lambda: loaded() > before, 10, "the files to be read again")


def test_the_line_for_pg_hba_opens_the_way_for_this_host_user_and_database(server_folder: Path) -> None:
    """Also where a rule rejects, and where the names are keywords of the file: nothing more is opened."""
    with listening(server_folder / "hba", 16, "") as cluster:
        rules = cluster.data / "pg_hba.conf"
        former = rules.read_text()
        with cluster.connect() as session:
            for name in ("all", 'a "b"', "/x+"):
                quoted = sql.Identifier(name)
                session.execute(sql.SQL("CREATE ROLE {} LOGIN REPLICATION PASSWORD 'secret'").format(quoted))
            session.execute('CREATE DATABASE "all"')

        def log_in(user: str, database: str = "all", *, replication: bool = False) -> None:
            endpoint = Endpoint(host=ADDRESS, port=cluster.port, database=database, user=user)
            connect(endpoint, end="source", application_name="t", password="secret", replication=replication).close()

        def refused(user: str, database: str = "all", *, replication: bool = False) -> str:
            with pytest.raises(EndpointError) as caught:
                log_in(user, database, replication=replication)
            assert "SELECT pg_reload_conf()" in str(caught.value.remedy)
            return str(caught.value.remedy)

        for number, user in enumerate(("all", 'a "b"', "/x+")):
            rejecting = f"host all all {ADDRESS}/32 reject\n" if number else ""
            rules.write_text(former + rejecting)
            reload(cluster)
            remedy = refused(user, replication=True)
            assert ("above the one" in remedy) == bool(rejecting)
            remedy = refused(user)
            line = remedy.rpartition(": ")[2]
            rules.write_text(f"{former}{line}\n{rejecting}")
            reload(cluster)
            for replication in (False, True):
                log_in(user, replication=replication)
            refused(user, "postgres")
            refused("postgres")
        assert line == f'host "all" "/^/x\\+$" {ADDRESS}/32 scram-sha-256'


def test_an_extension_that_only_a_superuser_may_create_is_created_by_its_statement(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute("CREATE EXTENSION vector; CREATE TABLE t (id int PRIMARY KEY, v vector(3))")
    role = "no_superuser"
    pair.destination.execute(f"CREATE ROLE {role} LOGIN; ALTER DATABASE {pair.database} OWNER TO {role}".encode())
    spec = pair.spec(destination=msgspec.structs.replace(pair.destination_endpoint, user=role))
    try:
        item = found(spec, tmp_path)["extensions"]
        if item.verdict == "passed":
            pytest.skip("this server lets everybody create vector")
        assert (item.verdict, "superuser" in item.message) == ("failed", True)
        execute(pair.destination, *item.remedy.statements)
        assert found(spec, tmp_path)["extensions"].verdict == "passed"
    finally:
        pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO postgres".encode())
        pair.destination.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_the_login_of_a_precheck_is_no_walsender_that_is_missing(pair: DatabasePair) -> None:
    before = read_replication_room(pair.source)
    for name, more in (("syncwizard precheck", 0), ("syncwizard 0a1b2c3d4e5f precheck", 0), ("replica", 1)):
        with pair.source_cluster.connect(pair.database, application_name=name, replication="database"):
            assert read_replication_room(pair.source).senders == before.senders + more
