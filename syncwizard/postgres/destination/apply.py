"""Applies steps of folded changes to the destination, and moves the progress in the same transaction (rules 3, 7).

A small batch is one pipeline of prepared statements, COMMIT included: one round trip. Where rows must be counted
or a table has many, they go by binary COPY through staging tables, and COMMIT follows once the counts are right.
"""

import uuid
from collections.abc import Callable, Sequence

import psycopg

from syncwizard.errors import Fenced
from syncwizard.postgres.destination.binding import SMALL_ROWS, TEXT, bound, goes_by_copy
from syncwizard.postgres.destination.keyless import KeylessApplier
from syncwizard.postgres.destination.projected import ProjectedApplier, is_merged
from syncwizard.postgres.destination.row_writer import RowWriter
from syncwizard.postgres.destination.sender import CountMismatch, Sender
from syncwizard.postgres.destination.statements import Positions, RouteStatements
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.postgres.wire import is_large
from syncwizard.rows.changes import Beat, Commit, Decoded, Redefinition, Route, Row, Truncation, Value
from syncwizard.rows.fold import Move, Net, Ordered, Step
from syncwizard.task.lsn import format_lsn


class Applier:
    """Writes batches over one session of one epoch. After an error, `roll_back` before anything else.

    `applied_lsn` is the position the destination holds; every commit compares and moves it. `redefine` is called for a
    Redefinition, with nothing on its way, inside the transaction.
    """

    def __init__(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        epoch: int,
        applied_lsn: str,
        redefine: Callable[[Redefinition], None] | None = None,
    ) -> None:
        self._redefine = redefine
        self._sender = Sender(connection)
        self._codec = codec_of(connection)
        self._rows = RowWriter(self._sender, self._codec)
        self._keyless = KeylessApplier(self._sender, self._rows, self._codec, connection.info.server_version)
        self._projected = ProjectedApplier(self._sender, self._rows, self._codec)
        self._task = str(task_id).encode()
        self._epoch = str(epoch).encode()
        self.applied_lsn = applied_lsn
        self._statements: dict[Route, RouteStatements] = {}

    def begin(self) -> None:
        """Opens the transaction (sent with the first statements)."""
        self._sender.begin()

    def roll_back(self) -> None:
        """After an error; see Sender."""
        self._sender.roll_back()

    def savepoint(self) -> None:
        """Marks where `roll_back_to_savepoint` goes back to."""
        self._sender.savepoint()

    def roll_back_to_savepoint(self) -> None:
        """After an error: undoes what came behind the last savepoint."""
        self._sender.roll_back_to_savepoint()

    def release_savepoint(self) -> None:
        """What came behind the last savepoint stays; see Sender."""
        self._sender.release_savepoint()

    def failing(self, change: Decoded) -> str:
        """Which part of its table's script fails for a change of a projection; after `roll_back`."""
        return self._projected.failing(change)

    def set_aside(self, change: Decoded, final_lsn: str, error: psycopg.Error) -> bool:
        """Notes a change of a projection that failed for its row; whether there was something to note."""
        return self._projected.set_aside(change, self._task, final_lsn.encode(), error)

    def run(self) -> None:
        """Sends what is queued and takes the answers; see Sender."""
        self._sender.run()

    def apply(self, steps: Sequence[Step]) -> None:
        """Applies the steps inside the open transaction; they may still be on their way when this returns."""
        for step in steps:
            if isinstance(step, Truncation):
                self._truncate(step)
            elif isinstance(step, Redefinition):
                assert self._redefine is not None
                # Rows of the destination's own order come first, deferred checks included.
                self._sender.queue(b"SET CONSTRAINTS ALL IMMEDIATE")
                self.run()
                self._redefine(step)
                self._sender.queue(b"SET CONSTRAINTS ALL DEFERRED")
            elif isinstance(step, Move):
                self._move(step)
            else:
                self._apply_step(step)

    def commit(self, applied_lsn: str, last: Commit, beat: Beat | None = None) -> None:
        """Moves the progress, with the last source transaction in this one and the last heartbeat if there is one, and
        commits. Raises Fenced when another session has taken over."""
        if self._sender.counts:
            self.run()
        values: list[Value] = [applied_lsn.encode(), self._task, self._epoch, self.applied_lsn.encode()]
        values += [None, None] if beat is None else [str(beat.number).encode(), str(beat.at).encode()]
        values += [format_lsn(last.lsn).encode(), str(last.at).encode()]
        advance = self._sender.execute(query("progress_advance").encode(), values, [TEXT] * 8)
        self._sender.queue(b"COMMIT")
        try:
            self.run()
        except psycopg.errors.DivisionByZero as error:
            if self._sender.failed_at == advance:
                raise Fenced("another engine took over this task", where="destination") from error
            raise
        self.applied_lsn = applied_lsn

    # Steps -----------------------------------------------------------------------------------------------------

    def _apply_step(self, step: list[Net | Ordered]) -> None:
        nets = [part for part in step if isinstance(part, Net)]
        for net in nets:
            self._projected.deletes(net) if net.route.projection else self._deletes(net)
        for net in nets:
            self._projected.updates(net) if net.route.projection else self._updates(net)
        for net in nets:
            self._projected.inserts(net) if net.route.projection else self._inserts(net)
        for part in step:
            if not isinstance(part, Ordered):
                continue
            if part.route.projection:
                self._projected.ordered(part)
            else:
                self._keyless.apply(part, self._of(part.route))

    def _deletes(self, net: Net) -> None:
        rows = net.deletes
        if not rows:
            return
        statements = self._of(net.route)
        key = net.route.key
        if len(rows) > SMALL_ROWS:
            stage = self._rows.stage(net.route, key, rows)
            self._sender.queue(statements.staged_delete(stage))
            return
        text = statements.delete()
        for row in rows:
            self._rows.execute(net.route, text, key, row)

    def _updates(self, net: Net) -> None:
        statements = self._of(net.route)
        for known, rows in net.updates.items():
            complete = len(known) == len(net.route.written)
            if goes_by_copy(rows):
                self._staged_update(net.route, known, rows, complete=complete)
                continue
            if complete:
                for row in rows:
                    self._rows.execute(net.route, statements.upsert(), known, row)
                continue
            text = statements.update(known)
            for row in rows if text is not None else []:
                assert text is not None
                self._rows.execute(net.route, text, statements.addressed(known), row)
                self._sender.expect(net.route, 1)

    def _staged_update(self, route: Route, known: Positions, rows: Sequence[Row], *, complete: bool) -> None:
        statements = self._of(route)
        staged = statements.addressed(known)
        if statements.staged_update(0, known) is None:
            return
        stage = self._rows.stage(route, staged, rows)
        text = statements.staged_update(stage, known)
        assert text is not None
        self._sender.queue(text)
        self._sender.expect(route, len(rows))
        try:
            self.run()
        except CountMismatch:
            if not complete:
                raise
            # A row that is missing is inserted: the update is known completely (rule 9).
            self._sender.queue(statements.staged_insert_missing(stage))

    def _inserts(self, net: Net) -> None:
        route = net.route
        statements = self._of(route)
        upserts = net.upserts
        if len(net.inserts) > SMALL_ROWS:
            self._rows.copy(statements, net.inserts)
        else:
            upserts = [*net.inserts, *upserts]
        if goes_by_copy(upserts):
            stage = self._rows.stage(route, statements.everything, upserts)
            self._sender.queue(statements.staged_insert(stage, upsert=True))
        else:
            for row in upserts:
                self._rows.execute(route, statements.upsert(), statements.everything, row)

    def _move(self, move: Move) -> None:
        if move.route.projection:
            self._projected.move(move)
            return
        route = move.route
        known = tuple([at for at in route.written if move.new[at] is not None])
        values, formats = bound(route, move.old, route.key)
        if is_large(move.new):
            text = self._of(route).staged_move(self._rows.stage(route, known, [move.new]), known)
        else:
            text = self._of(route).move(known)
            more, more_formats = bound(route, move.new, known)
            values, formats = values + more, formats + more_formats
        self._sender.execute(text, values, formats)
        self._sender.expect(route, 1)

    def _truncate(self, truncation: Truncation) -> None:
        # All of them are looked at before the first is emptied.
        targets = {route: self._of(route).truncated(truncation.spared) for route in truncation.routes}
        # Other tables' rows are there as well (rule 22); the partitions of a tree have one origin.
        merged = {(route.target, route.root): route for route in targets if is_merged(route)}
        for route in merged.values():
            self._projected.delete_all(route)
        names = b", ".join(dict.fromkeys(name for route, name in targets.items() if not is_merged(route)))
        restart = b" RESTART IDENTITY" if truncation.restart_identity else b""
        if names:
            self._sender.queue(b"TRUNCATE " + names + restart)

    def _of(self, route: Route) -> RouteStatements:
        found = self._statements.get(route)
        if found is None:
            found = self._statements[route] = RouteStatements(route, self._codec)
        return found
