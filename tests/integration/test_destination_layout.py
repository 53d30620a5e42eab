"""The layout of the destination's schema `syncwizard`: made anew, migrated, shared by tasks, refused when newer."""

import threading
from pathlib import Path

import psycopg
import pytest

from syncwizard.errors import LayoutNewer, SyncwizardError
from syncwizard.postgres.destination import layout
from syncwizard.postgres.destination.layout import FIRST, MIGRATIONS, NEWEST, check_layout, ensure_layout, migration
from syncwizard.postgres.destination.progress import Ledger
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

# What 0.1 creates, word for word: it never changes.
LEFT_BY_0_1 = (Path(__file__).parents[1] / "fixtures" / "left_by_0_1" / "destination_schema_0_1.sql").read_text()

COLUMNS = """
SELECT table_name, column_name, data_type, is_nullable, column_default
  FROM information_schema.columns WHERE table_schema = 'syncwizard' ORDER BY 1, 2
"""
OTHERS = """
SELECT c.relname, c.relkind::text, coalesce(c.reloptions::text, ''), coalesce(pg_get_indexdef(i.indexrelid), '')
  FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
 WHERE c.relnamespace = 'syncwizard'::regnamespace ORDER BY 1
"""


def shape(session: Session) -> list[list[tuple[str, ...]]]:
    return [session.execute(COLUMNS).fetchall(), session.execute(OTHERS).fetchall()]


def test_every_version_has_one_migration() -> None:
    found = sorted(int(path.name[:4]) for path in MIGRATIONS.glob("*.sql"))
    assert found == list(range(FIRST + 1, NEWEST + 1))
    assert [migration(version).suffix for version in found] == [".sql"] * len(found)


def test_a_migrated_schema_is_like_a_fresh_one(pair: DatabasePair) -> None:
    ensure_layout(pair.source)
    pair.destination.execute(LEFT_BY_0_1)
    assert check_layout(pair.destination) == FIRST
    ensure_layout(pair.destination)
    assert check_layout(pair.destination) == check_layout(pair.source) == NEWEST
    assert shape(pair.destination) == shape(pair.source)
    before = shape(pair.destination)
    ensure_layout(pair.destination)
    assert shape(pair.destination) == before


def test_engines_of_0_1_that_are_at_work_go_on(pair: DatabasePair) -> None:
    """By the rule of `layout`: what was there is as it was, and what was added to it may be left out."""
    pair.destination.execute(LEFT_BY_0_1)
    old = pair.destination.execute(COLUMNS).fetchall()
    ensure_layout(pair.destination)
    new = pair.destination.execute(COLUMNS).fetchall()
    assert set(old) <= set(new)
    tables = {table for table, *_ in old}
    for table, column, _, nullable, default in set(new) - set(old):
        assert table not in tables or nullable == "YES" or default is not None, f"{table}.{column}"


def test_tasks_that_begin_at_once_migrate_once(pair: DatabasePair) -> None:
    pair.destination.execute(LEFT_BY_0_1)
    sessions = [pair.destination_cluster.connect(pair.database) for _ in range(4)]
    failures: list[BaseException] = []

    def run(session: Session) -> None:
        try:
            ensure_layout(session)
        except (psycopg.Error, SyncwizardError) as error:
            failures.append(error)

    with pair.destination_cluster.connect(pair.database, autocommit=False) as blocker:
        # They all have seen the old layout by the time they wait.
        blocker.execute(layout.SCHEMA_LOCK)
        threads = [threading.Thread(target=run, args=(session,)) for session in sessions]
        for thread in threads:
            thread.start()
        waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        until(lambda: pair.destination.execute(waiting).fetchone() == (4,), 20, "all of them to wait")
        blocker.rollback()
    for thread in threads:
        thread.join()
    for session in sessions:
        session.close()
    assert failures == []
    assert pair.destination.execute("SELECT version FROM syncwizard.layout").fetchall() == [(NEWEST,)]


def test_a_newer_layout_is_refused_and_left_alone(pair: DatabasePair) -> None:
    ensure_layout(pair.destination)
    pair.destination.execute("UPDATE syncwizard.layout SET version = %s", (NEWEST + 1,))
    for use in (ensure_layout, lambda session: Ledger(session, pair.spec().id).read()):  # type: ignore[arg-type]
        with pytest.raises(LayoutNewer, match=f"has layout {NEWEST + 1}") as caught:
            use(pair.destination)
        assert "use the newer version" in str(caught.value.remedy)
    assert pair.destination.execute("SELECT version FROM syncwizard.layout").fetchall() == [(NEWEST + 1,)]


def test_a_migration_that_fails_changes_nothing(pair: DatabasePair) -> None:
    pair.destination.execute(LEFT_BY_0_1)
    before = shape(pair.destination)
    pair.destination.execute("CREATE ROLE poor; GRANT USAGE ON SCHEMA syncwizard TO poor; SET ROLE poor")
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ensure_layout(pair.destination)
    finally:
        pair.destination.execute("RESET ROLE; DROP OWNED BY poor; DROP ROLE poor")
    assert shape(pair.destination) == before
    assert check_layout(pair.destination) == FIRST
