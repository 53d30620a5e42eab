"""Faults that make the source lose changes, or an end what it had: the task stops, or sets tables aside, and its own
remedy puts it right."""

from collections.abc import Callable

from psycopg import sql

from syncwizard.errors import End
from syncwizard.postgres.source.slot import current_lsn
from tests.faults.faults import Fault
from tests.faults.harness import Trial
from tests.faults.running import confirmed_up_to
from tests.support import setting_back
from tests.support.slots import drop_slots
from tests.support.waiting import until


def _take_out(trial: Trial) -> str:
    """Tables that depend on each other, one without a key, and the largest."""
    name = sql.Identifier(trial.task.spec.slot)
    trial.pair.source.execute(sql.SQL("ALTER PUBLICATION {} DROP TABLE accounts, lines, files, parcels").format(name))
    return "ALTER PUBLICATION … DROP TABLE"


def _recreate_publication(trial: Trial) -> str:
    name = sql.Identifier(trial.task.spec.slot)
    trial.pair.source.execute(sql.SQL("DROP PUBLICATION {}").format(name))
    trial.pair.source.execute(sql.SQL("CREATE PUBLICATION {} FOR TABLE accounts, files").format(name))
    return "DROP and CREATE PUBLICATION"


def _drop_slot(trial: Trial) -> str:
    drop_slots(trial.pair.source, trial.task.spec.slot)
    return "pg_drop_replication_slot"


def _take_out_partition(trial: Trial) -> str:
    """For the length of a transaction it is a table of its own: its changes meanwhile are not in the stream."""
    with trial.pair.source.transaction():
        for statement in (
            "ALTER TABLE parcels DETACH PARTITION parcels_south",
            "UPDATE parcels_south SET weight = weight + 1 WHERE id IN (SELECT min(id) FROM parcels_south)",
            "UPDATE parcels_south SET weight = weight - 1 WHERE id IN (SELECT max(id) FROM parcels_south)",
            "ALTER TABLE parcels ATTACH PARTITION parcels_south FOR VALUES IN ('south')",
        ):
            trial.pair.source.execute(statement)
    return "DETACH, UPDATE, ATTACH PARTITION"


def _rewrite(trial: Trial) -> str:
    trial.pair.source.execute("ALTER TABLE readings ALTER label TYPE text USING reverse(label)")
    return "ALTER TYPE … USING"


def _swap(trial: Trial) -> str:
    """As an online change of a schema ends, but that both tables are captured."""
    with trial.pair.source.transaction():
        for statement in (
            "LOCK TABLE day, night",
            "ALTER TABLE day RENAME TO dusk",
            "ALTER TABLE night RENAME TO day",
            "ALTER TABLE dusk RENAME TO night",
            "UPDATE day SET value = value + 1 WHERE id <= 10",
            "UPDATE night SET value = value - 1 WHERE id <= 10",
        ):
            trial.pair.source.execute(statement.encode())
    return "RENAME to each other's names"


def _set_back(end: End) -> Callable[[Trial], str]:
    """The server is what it was some transactions ago: a snapshot of its machine, a restored backup."""

    def set_back(trial: Trial) -> str:
        pair = trial.pair
        cluster = pair.source_cluster if end == "source" else pair.destination_cluster
        setting_back.keep(cluster)
        pair.reconnect()
        position = current_lsn(pair.source)
        trial.advance()
        # Then both ends have what is lost by one, and the source need not send it again.
        until(lambda: confirmed_up_to(pair.source, trial.task.spec.slot, position), 60, "the source to forget")
        setting_back.set_back(cluster)
        pair.reconnect()
        return f"the {end} set back"

    return set_back


LOST_TABLES = Fault("tables taken out", _take_out)
LOST_PUBLICATION = Fault("publication recreated", _recreate_publication)
LOST_SLOT = Fault("slot dropped", _drop_slot)
LOST_PARTITION = Fault("partition detached and attached", _take_out_partition)
LOST_VALUES = Fault("table rewritten", _rewrite)
LOST_NAMES = Fault("tables swapped by rename", _swap)
LOST_SOURCE = Fault("source set back", _set_back("source"))
LOST_DESTINATION = Fault("destination set back", _set_back("destination"))
LOSSES = [LOST_TABLES, LOST_PUBLICATION, LOST_SLOT, LOST_PARTITION, LOST_VALUES, LOST_NAMES]
RESTORES = [LOST_SOURCE, LOST_DESTINATION]
