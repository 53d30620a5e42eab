"""What the source is allowed to forget: only what is durable at the destination, and known to have come in full."""

from collections.abc import Callable
from contextlib import closing
from datetime import datetime
from pathlib import Path

import msgspec
import psycopg
import pytest

from syncwizard.errors import ChangesMissing, Fenced
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.source.lineage import Lineage
from syncwizard.postgres.source.members import Members
from syncwizard.postgres.source.receiver import Positions
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.postgres.source.watcher import SourceWatcher
from syncwizard.stages.incremental.idle import acknowledge_idle
from syncwizard.task.events import TableSetAside
from syncwizard.task.lsn import format_lsn, parse_lsn
from syncwizard.task.names import TableName
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

TABLE = "CREATE TABLE items (id int PRIMARY KEY)"


def followed(pair: DatabasePair, folder: Path) -> RowPath:
    path = row_path(pair, folder, TABLE)
    path.copy()
    with path.following():
        path.caught_up()
    return path


def test_an_idle_position_that_could_not_be_written_is_not_acknowledged(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path)
    task_id = path.task.spec.id
    assert task_id is not None
    progress = Destination(pair.destination, task_id).ledger.take_epoch()
    positions = Positions(progress.position)
    idle = progress.position + 0x1000
    destination = pair.destination_cluster.connect(pair.destination_database)
    blocker = pair.destination_cluster.connect(pair.destination_database, autocommit=False)
    with closing(destination), closing(blocker):
        ledger = Destination(destination, task_id).ledger
        destination.execute("SET lock_timeout = '100ms'")
        blocker.execute("LOCK TABLE syncwizard.progress IN EXCLUSIVE MODE")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            acknowledge_idle(ledger, progress.epoch, positions, idle)
        assert positions.durable == progress.position
        blocker.rollback()
        for lsn in (idle, idle - 8):
            acknowledge_idle(ledger, progress.epoch, positions, lsn)
    assert positions.durable == idle
    stored = pair.destination.execute("SELECT acknowledged_lsn::text FROM syncwizard.progress").fetchall()
    assert stored == [(format_lsn(idle),)]


def test_an_engine_that_was_replaced_acknowledges_and_notes_nothing(pair: DatabasePair, tmp_path: Path) -> None:
    path = followed(pair, tmp_path)
    task_id = path.task.spec.id
    assert task_id is not None
    destination = Destination(pair.destination, task_id)
    ledger, aside = destination.ledger, destination.aside
    replaced = ledger.take_epoch()
    # What its successor knows.
    present, kept = ledger.take_epoch(), TableSetAside(table=TableName("public", "other"), reason="kept")
    aside.note([kept], present.epoch)
    members = ledger.read_members()
    positions = Positions(replaced.position)
    event = TableSetAside(table=TableName("public", "items"), reason="of a session that is over")
    attempts: list[Callable[[], object]] = [
        lambda: acknowledge_idle(ledger, replaced.epoch, positions, replaced.position + 0x1000),
        lambda: ledger.note_timeline(replaced, replaced.timeline + 1),
        lambda: ledger.note_owner(replaced, 1, 1),
        lambda: aside.note([event], replaced.epoch),
        lambda: aside.forget([kept.table], replaced.epoch),
    ]
    for attempt in attempts:
        with pytest.raises(Fenced):
            attempt()
    ledger.note_members([msgspec.structs.replace(member, traits=None) for member in members], replaced.epoch)
    assert ledger.read() == present
    assert ledger.read_members() == members
    assert aside.read() == [kept]
    assert positions.durable == replaced.position
    stored = pair.destination.execute("SELECT acknowledged_lsn::text FROM syncwizard.progress").fetchone()
    assert stored is not None and parse_lsn(stored[0]) <= replaced.position


def test_what_was_applied_is_acknowledged_up_to_where_the_publication_was_verified() -> None:
    positions = Positions(10)
    positions.durable = 30
    assert positions.acknowledged == 10
    positions.verified = 20
    assert positions.acknowledged == 20
    positions.verified = 40
    assert positions.acknowledged == 30


@pytest.mark.slow
def test_what_was_applied_is_not_forgotten_by_the_source_before_the_publication_was_verified(
    pair: DatabasePair, tmp_path: Path
) -> None:
    """The watcher is held where it looks at the publication; the stream goes on, whose publication is in its cache."""
    path = row_path(pair, tmp_path, TABLE)
    path.copy()
    with path.following(), pair.source_cluster.connect(pair.database, autocommit=False) as holder:
        until(path.consistent.is_set, 30, "the session that follows")
        pair.source.execute("INSERT INTO items VALUES (1)")
        path.caught_up()
        holder.execute("LOCK TABLE pg_publication IN ACCESS EXCLUSIVE MODE")
        pair.source.execute("INSERT INTO items VALUES (2)")
        target = parse_lsn(current_lsn(pair.source))
        until(lambda: pair.destination.execute("SELECT 1 FROM items WHERE id = 2").fetchone(), 30, "the row")
        # What is confirmed goes with a status, which tells what was received, too: the one after the next was sent
        # when the row had been applied.
        for _ in range(2):
            before, _ = reported(pair, path)
            until(lambda before=before: reported(pair, path)[0] > before, 30, "a status")  # type: ignore[misc]
        assert reported(pair, path)[1] < target
        holder.rollback()
        until(lambda: reported(pair, path)[1] >= target, 30, "the position to be confirmed")


def reported(pair: DatabasePair, path: RowPath) -> tuple[datetime, int]:
    """When the walsender had its last status, and the position that this confirmed."""
    row = pair.source.execute(
        "SELECT r.reply_time, r.flush_lsn::text FROM pg_stat_replication r"
        " JOIN pg_replication_slots s ON s.active_pid = r.pid WHERE s.slot_name = %s",
        (path.task.spec.slot,),
    ).fetchone()
    assert row is not None
    return row[0], parse_lsn(row[1])


@pytest.mark.slow
def test_a_position_is_verified_where_the_publication_was_found_unchanged_after_it(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = followed(pair, tmp_path)
    task_id = path.task.spec.id
    assert task_id is not None
    ledger = Destination(pair.destination, task_id).ledger
    progress, members = ledger.take_epoch(), Members(ledger.read_members())
    positions = Positions(progress.position)
    looks: list[int] = []

    def look(found: Lineage) -> None:
        # What is committed between the look at the publication and the end of the comparison was not compared.
        pair.source.execute("INSERT INTO items SELECT coalesce(max(id), 0) + 1 FROM items")
        looks.append(parse_lsn(current_lsn(pair.source)))
        if len(looks) == 2:
            watcher.stop()

    def ignore(tables: object) -> None:
        return

    with pair.source_cluster.connect(pair.database) as session:
        before = parse_lsn(current_lsn(session))
        watcher = SourceWatcher(session, progress, members, positions, lambda watcher: None, ignore, look, ignore)
        watcher.run()
        assert before <= looks[0] <= positions.verified < looks[1]
        verified = positions.verified
        pair.source.execute(f"ALTER PUBLICATION {path.task.spec.slot} DROP TABLE items".encode())
        pair.source.execute("INSERT INTO items SELECT max(id) + 1 FROM items")
        watcher = SourceWatcher(session, progress, members, positions, lambda watcher: None, ignore, look, ignore)
        with pytest.raises(ChangesMissing, match=r"lost public\.items"):
            watcher.run()
    assert positions.verified == verified


def test_what_a_command_waits_for_is_verified_when_it_asks_and_not_at_the_next_heartbeat(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The heartbeat is an hour away; what asks while the source is looked at is looked after once more."""
    path = followed(pair, tmp_path)
    task_id = path.task.spec.id
    assert task_id is not None
    ledger = Destination(pair.destination, task_id).ledger
    progress, members = ledger.take_epoch(), Members(ledger.read_members())
    positions = Positions(progress.position)
    committed: list[int] = []

    def beaten(watcher: SourceWatcher) -> None:
        if committed:
            watcher.stop()
            return
        pair.source.execute("INSERT INTO items VALUES (1)")
        committed.append(parse_lsn(current_lsn(pair.source)))
        assert positions.verified < committed[0]
        watcher.look()

    def ignore(found: object) -> None:
        return

    monkeypatch.setattr("syncwizard.postgres.source.watcher.BEAT_SECONDS", 3600.0)
    with pair.source_cluster.connect(pair.database) as session:
        SourceWatcher(session, progress, members, positions, beaten, ignore, ignore, ignore).run()
    assert positions.verified >= committed[0]
