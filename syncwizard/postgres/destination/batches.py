"""Writes batches of whole source transactions: folded, and with more care where the destination objects (rule 12)."""

from collections.abc import Callable

import psycopg

from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.sender import CountMismatch
from syncwizard.postgres.destination.serial import SerialApplier
from syncwizard.postgres.session.trouble import is_connection_loss
from syncwizard.rows.batches import Batch, folded, transactions
from syncwizard.rows.changes import Beat, Piece
from syncwizard.rows.fold import Step
from syncwizard.task.lsn import format_lsn


class BatchFailed(Exception):
    """A part of a large transaction failed and all of it was rolled back, with parts that are no longer at hand: the
    stream has to bring it again, to be applied change by change up to the commit at `final_lsn`."""

    def __init__(self, final_lsn: int, reason: str) -> None:
        super().__init__(reason)
        self.final_lsn = final_lsn


class BatchWriter:
    """Applies batches over one session. `serial_until`: commits up to this position are applied change by change.

    `committed` is called after each commit with the pieces it made durable, `careful` with the reason when a batch
    failed and is applied again in smaller parts.
    """

    def __init__(
        self,
        applier: Applier,
        serial: SerialApplier,
        serial_until: int,
        committed: Callable[[list[Piece]], None],
        careful: Callable[[str], None],
    ) -> None:
        self._applier = applier
        self._serial = serial
        self._serial_until = serial_until
        self._committed = committed
        self._careful = careful
        self.in_transaction = False
        # The last heartbeat of the open transaction.
        self._beat: Beat | None = None

    @property
    def one_by_one(self) -> bool:
        """Whether transactions must come singly for now."""
        return self._serial_until > 0

    def write(self, batch: Batch) -> None:
        """Applies whole transactions, or the next part of a large one; commits when the last piece is an end.

        Raises BatchFailed, ChangeFailed, Fenced, or the psycopg error of a lost session.
        """
        if self.one_by_one:
            for transaction in transactions(batch.pieces):
                self._write(transaction, None)
        else:
            self._write(batch.pieces, batch.steps)

    def _write(self, pieces: list[Piece], steps: list[Step] | None) -> None:
        last = pieces[-1]
        if last.final_lsn <= self._serial_until:
            self._apply(pieces, serial=True)
            return
        try:
            self._apply(pieces, steps)
        except (CountMismatch, psycopg.Error) as error:
            reason = _reason(error)
            if not (pieces[0].first and last.last):
                raise BatchFailed(last.final_lsn, reason) from error
        else:
            return
        self._careful(reason)
        self._start_over()
        for transaction in transactions(pieces):
            self._write_alone(transaction)

    def _write_alone(self, transaction: list[Piece]) -> None:
        """One transaction by itself; most of a batch have nothing to do with its failure."""
        try:
            self._apply(transaction)
        except (CountMismatch, psycopg.Error) as error:
            _reason(error)
            self._start_over()
            self._apply(transaction, serial=True)

    def _apply(self, pieces: list[Piece], steps: list[Step] | None = None, *, serial: bool = False) -> None:
        if not self.in_transaction:
            self._applier.begin()
            self.in_transaction = True
        if serial:
            for piece in pieces:
                self._serial.apply(piece.changes, piece.final_lsn)
        else:
            self._applier.apply(folded(pieces) if steps is None else steps)
        last = pieces[-1]
        for piece in pieces:
            self._beat = piece.heartbeats[-1][1] if piece.heartbeats else self._beat
        if last.last:
            self._applier.commit(format_lsn(last.end_lsn), last.commit, self._beat)
            self.in_transaction, self._beat = False, None
            if last.final_lsn >= self._serial_until:
                self._serial_until = 0
        self._committed(pieces)

    def _start_over(self) -> None:
        self._applier.roll_back()
        self.in_transaction, self._beat = False, None


def _reason(error: CountMismatch | psycopg.Error) -> str:
    """What the destination objects to; raises the error again when it is the loss of the session."""
    if isinstance(error, psycopg.Error) and is_connection_loss(error):
        raise error
    return " ".join(str(error).split())
