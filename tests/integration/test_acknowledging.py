"""What the source is allowed to forget: only what is durable at the destination, and known to have come in full."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.source.receiver import Positions
from syncwizard.stages.incremental.idle import acknowledge_idle
from syncwizard.task.lsn import format_lsn
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path

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
        acknowledge_idle(ledger, progress.epoch, positions, idle)
    assert positions.durable == idle
    stored = pair.destination.execute("SELECT acknowledged_lsn::text FROM syncwizard.progress").fetchall()
    assert stored == [(format_lsn(idle),)]


def test_what_was_applied_is_acknowledged_up_to_where_the_publication_was_verified() -> None:
    positions = Positions(10)
    positions.durable = 30
    assert positions.acknowledged == 10
    positions.verified = 20
    assert positions.acknowledged == 20
    positions.verified = 40
    assert positions.acknowledged == 30
