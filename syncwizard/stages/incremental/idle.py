"""Rule 4: the position of a task without changes, durable at the destination before the source may forget."""

from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.source.receiver import Positions
from syncwizard.task.lsn import format_lsn


def acknowledge_idle(ledger: Ledger, epoch: int, positions: Positions, lsn: int) -> None:
    """Writes the position at the destination, and only then hands it to the thread that sends it to the source.

    Raises Fenced when the epoch is not ours; what cannot be written is not handed over.
    """
    if lsn > positions.durable:
        ledger.acknowledge(epoch, format_lsn(lsn))
        positions.durable = lsn
