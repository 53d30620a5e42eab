"""Rule 4: the position of a task without changes, durable at the destination before the source may forget."""

import uuid

from syncwizard.postgres.destination import progress as ledger
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.receiver import Positions
from syncwizard.task.lsn import format_lsn


def acknowledge_idle(destination: Connection, task_id: uuid.UUID, epoch: int, positions: Positions, lsn: int) -> None:
    """Writes the position at the destination, and only then hands it to the thread that sends it to the source.

    Raises Fenced when the epoch is not ours; what cannot be written is not handed over.
    """
    if lsn > positions.durable:
        ledger.acknowledge(destination, task_id, epoch, format_lsn(lsn))
        positions.durable = lsn
