"""Applies steps of folded changes to the destination, and moves the progress in the same transaction (rules 3, 7).

A small batch is one pipeline of prepared statements, COMMIT included: one round trip. Where rows must be counted
or a table has many, they go by binary COPY through staging tables, and COMMIT follows once the counts are right.
"""

import uuid
from collections.abc import Sequence

import psycopg
from psycopg import pq

from syncwizard.errors import Fenced, TaskFailed
from syncwizard.postgres.destination.binding import SMALL_ROWS, TEXT, bound, goes_by_copy, picked
from syncwizard.postgres.destination.statements import (
    Positions,
    RouteStatements,
    copy_into_stage,
    create_stage,
    empty_stage,
)
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.encoding import codec_of
from syncwizard.postgres.wire import Wire, binary_blocks, is_large
from syncwizard.remedies import to_do
from syncwizard.rows.changes import INSERT, KIND_NAMES, Beat, Decoded, Route, Row, Truncation, Value, filled
from syncwizard.rows.fold import Move, Net, Ordered, Step


class CountMismatch(Exception):
    """A statement changed another number of rows than its changes stand for: the batch needs a closer look."""

    def __init__(self, route: Route, expected: int, changed: int) -> None:
        super().__init__(f"{route.target}: {changed} rows changed where {expected} were meant")
        self.route = route


class Applier:
    """Writes batches over one session of one epoch. After an error, `roll_back` before anything else.

    `applied_lsn` is the position the destination holds; every commit compares and moves it.
    """

    def __init__(self, connection: Connection, task_id: uuid.UUID, epoch: int, applied_lsn: str) -> None:
        self._wire = Wire(connection)
        self._pgconn = connection.pgconn
        self._codec = codec_of(connection)
        self._task = str(task_id).encode()
        self._epoch = str(epoch).encode()
        self.applied_lsn = applied_lsn
        self._prepared: dict[bytes, bytes] = {}
        # Statements of which the server may not know yet, and staging tables that a rollback would remove.
        self._unsure: list[bytes] = []
        self._unsure_stages: list[tuple[Route, Positions]] = []
        self._names = 0
        self._statements: dict[Route, RouteStatements] = {}
        self._stages: dict[tuple[Route, Positions], int] = {}
        self._used_stages: set[int] = set()
        self._expected: list[tuple[Route | None, int | None]] = []
        self._pipelined = False
        self._failed_at = -1

    def begin(self) -> None:
        """Opens the transaction (sent with the first statements)."""
        self._queue(b"BEGIN")
        # Deferrable constraints were deferred at the source too, whenever that mattered to the order of changes.
        self._queue(b"SET CONSTRAINTS ALL DEFERRED")
        self._used_stages.clear()
        self._unsure_stages.clear()

    def roll_back(self) -> None:
        """After an error: takes the answers still on their way, rolls back, and forgets what that undid.

        Raises the psycopg error of a session that was lost.
        """
        if self._pipelined:
            self._drain()
        self._expected.clear()
        self._wire.execute(b"ROLLBACK")
        for statement in self._unsure:
            self._prepared.pop(statement, None)
        for stage in self._unsure_stages:
            self._stages.pop(stage, None)
        self._unsure.clear()
        self._unsure_stages.clear()

    def _drain(self) -> None:
        """Takes the answers up to the sync point that `run` had sent, most of them of aborted commands."""
        while self._pgconn.status == pq.ConnStatus.OK:
            result = self._wire.result()
            if result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._pgconn.exit_pipeline_mode()
                self._pipelined = False
                return
        raise psycopg.OperationalError("the session was lost")

    def apply(self, steps: Sequence[Step]) -> None:
        """Applies the steps inside the open transaction; they may still be on their way when this returns."""
        for step in steps:
            if isinstance(step, Truncation):
                self._truncate(step)
            elif isinstance(step, Move):
                self._move(step)
            else:
                self._apply_step(step)

    def commit(self, applied_lsn: str, beat: Beat | None = None) -> None:
        """Moves the progress, to the last heartbeat in the transaction if there is one, and commits. Raises Fenced when
        another session has taken over."""
        if any(expected is not None for _, expected in self._expected):
            self.run()
        values: list[Value] = [applied_lsn.encode(), self._task, self._epoch, self.applied_lsn.encode()]
        values += [None, None] if beat is None else [str(beat.number).encode(), str(beat.at).encode()]
        self._execute(query("progress_advance").encode(), values, [TEXT] * 6)
        advance = len(self._expected) - 1
        self._queue(b"COMMIT")
        try:
            self.run()
        except psycopg.errors.DivisionByZero as error:
            if self._failed_at == advance:
                raise Fenced("another engine took over this task", where="destination") from error
            raise
        self.applied_lsn = applied_lsn

    def run(self) -> None:
        """Sends what is queued and takes the answers.

        Raises the first error of the server, or CountMismatch, after which the transaction is still in order.
        """
        if not self._pipelined:
            return
        self._pgconn.pipeline_sync()
        self._wire.flush()
        expected, self._expected = self._expected, []
        mismatch: CountMismatch | None = None
        for at, (route, count) in enumerate(expected):
            result = self._wire.result()
            if result is None or result.status == pq.ExecStatus.FATAL_ERROR:
                self._failed_at = at
                self._wire.raise_for(result)
            assert result is not None
            self._wire.result()
            if route is not None and count is not None and result.command_tuples != count and mismatch is None:
                mismatch = CountMismatch(route, count, result.command_tuples or 0)
        self._wire.result()  # the sync point
        self._pgconn.exit_pipeline_mode()
        self._pipelined = False
        self._unsure.clear()
        if mismatch is not None:
            raise mismatch

    # Steps -----------------------------------------------------------------------------------------------------

    def _apply_step(self, step: list[Net | Ordered]) -> None:
        nets = [part for part in step if isinstance(part, Net)]
        for net in nets:
            self._deletes(net)
        for net in nets:
            self._updates(net)
        for net in nets:
            self._inserts(net)
        for part in step:
            if isinstance(part, Ordered):
                self._ordered(part)

    def _deletes(self, net: Net) -> None:
        rows = net.deletes
        if not rows:
            return
        statements = self._of(net.route)
        key = net.route.key
        if len(rows) > SMALL_ROWS:
            stage = self._stage(net.route, key, rows)
            self._queue(statements.staged_delete(stage))
            return
        text = statements.delete()
        for row in rows:
            self._row(net.route, text, key, row)

    def _updates(self, net: Net) -> None:
        statements = self._of(net.route)
        for known, rows in net.updates.items():
            complete = len(known) == len(net.route.written)
            if goes_by_copy(rows):
                self._staged_update(net.route, known, rows, complete=complete)
                continue
            if complete:
                for row in rows:
                    self._row(net.route, statements.upsert(), known, row)
                continue
            text = statements.update(known)
            for row in rows if text is not None else []:
                assert text is not None
                self._row(net.route, text, statements.addressed(known), row)
                self._expected[-1] = (net.route, 1)

    def _staged_update(self, route: Route, known: Positions, rows: list[Row], *, complete: bool) -> None:
        statements = self._of(route)
        staged = statements.addressed(known)
        if statements.staged_update(0, known) is None:
            return
        stage = self._stage(route, staged, rows)
        text = statements.staged_update(stage, known)
        assert text is not None
        self._queue(text)
        self._expected[-1] = (route, len(rows))
        try:
            self.run()
        except CountMismatch:
            if not complete:
                raise
            # A row that is missing is inserted: the update is known completely (rule 9).
            self._queue(statements.staged_insert_missing(stage))

    def _inserts(self, net: Net) -> None:
        route = net.route
        statements = self._of(route)
        upserts = net.upserts
        if len(net.inserts) > SMALL_ROWS:
            self._copy_rows(route, statements, net.inserts)
        else:
            upserts = net.inserts + upserts
        if goes_by_copy(upserts):
            stage = self._stage(route, statements.everything, upserts)
            self._queue(statements.staged_insert(stage, upsert=True))
        else:
            for row in upserts:
                self._row(route, statements.upsert(), statements.everything, row)

    def _copy_rows(self, route: Route, statements: RouteStatements, rows: list[Row]) -> None:
        """Inserts rows that are not there yet, in order."""
        if route.text:
            stage = self._stage(route, statements.everything, rows)
            self._queue(statements.staged_insert(stage, upsert=False))
            return
        self.run()
        self._wire.copy_in(
            statements.copy_in(), binary_blocks(picked(rows, statements.everything), len(statements.everything))
        )

    def _ordered(self, part: Ordered) -> None:
        """A keyless table's changes one after the other; a run of inserts goes at once."""
        statements = self._of(part.route)
        run: list[Row] = []
        for change in part.changes:
            if change[0] == INSERT:
                assert change[3] is not None
                run.append(change[3])
                continue
            self._insert_run(part.route, statements, run)
            run = []
            self._by_image(statements, change)
        self._insert_run(part.route, statements, run)

    def _insert_run(self, route: Route, statements: RouteStatements, rows: list[Row]) -> None:
        if goes_by_copy(rows):
            self._copy_rows(route, statements, rows)
        else:
            for row in rows:
                self._row(route, statements.insert(), statements.everything, row)

    def _by_image(self, statements: RouteStatements, change: Decoded) -> None:
        kind, route, old, new = change
        if old is None or not route.full:
            raise _no_key(kind, route)
        large = is_large(old) or (new is not None and is_large(new))
        if new is None or route.replaces or large:
            self._delete_image(route, statements, old)
            if new is not None:
                # An identity ALWAYS column refuses SET, and the old row is known whole.
                self._insert_run(route, statements, [filled(new, old)])
            return
        values, formats = bound(route, old, statements.everything)
        known = tuple([at for at in statements.everything if new[at] is not None])
        if not known:
            return
        more, more_formats = bound(route, new, known)
        self._execute(statements.update_image(known), values + more, formats + more_formats)
        self._expected[-1] = (route, 1)

    def _delete_image(self, route: Route, statements: RouteStatements, old: Row) -> None:
        if is_large(old):
            text = statements.staged_delete_image(self._stage(route, statements.everything, [old]))
            self._queue(text)
        else:
            self._execute(statements.delete_image(), *bound(route, old, statements.everything))
        self._expected[-1] = (route, 1)

    def _move(self, move: Move) -> None:
        route = move.route
        known = tuple([at for at in route.written if move.new[at] is not None])
        values, formats = bound(route, move.old, route.key)
        if is_large(move.new):
            text = self._of(route).staged_move(self._stage(route, known, [move.new]), known)
        else:
            text = self._of(route).move(known)
            more, more_formats = bound(route, move.new, known)
            values, formats = values + more, formats + more_formats
        self._execute(text, values, formats)
        self._expected[-1] = (route, 1)

    def _truncate(self, truncation: Truncation) -> None:
        truncated = {route.source for route in truncation.routes}
        targets = (self._of(route).truncated(truncated) for route in truncation.routes)
        names = b", ".join(dict.fromkeys(targets))
        restart = b" RESTART IDENTITY" if truncation.restart_identity else b""
        self._queue(b"TRUNCATE " + names + restart)

    # Sending ---------------------------------------------------------------------------------------------------

    def _of(self, route: Route) -> RouteStatements:
        found = self._statements.get(route)
        if found is None:
            found = self._statements[route] = RouteStatements(route, self._codec)
        return found

    def _row(self, route: Route, text: bytes, positions: Positions, row: Row) -> None:
        values, formats = bound(route, row, positions)
        self._execute(text, values, formats)

    def _stage(self, route: Route, positions: Positions, rows: list[Row]) -> int:
        """Fills the staging table for these columns; its number."""
        self.run()
        key = (route, positions)
        number = self._stages.get(key)
        if number is None:
            number = self._stages[key] = len(self._stages)
            self._unsure_stages.append(key)
            self._wire.execute(create_stage(number, route, positions, self._codec))
        elif number in self._used_stages:
            self._wire.execute(empty_stage(number))
        self._used_stages.add(number)
        self._wire.copy_in(copy_into_stage(number), binary_blocks(picked(rows, positions), len(positions)))
        return number

    def _queue(self, statement: bytes) -> None:
        """Queues a statement without parameters."""
        self._enter()
        self._pgconn.send_query_params(statement, None)
        self._expected.append((None, None))

    def _execute(self, statement: bytes, values: list[Value], formats: list[int]) -> None:
        """Queues a prepared statement, preparing it the first time."""
        self._enter()
        name = self._prepared.get(statement)
        if name is None:
            # Never a name twice: of two that failed together only the server knows which it has.
            self._names += 1
            name = self._prepared[statement] = b"syncwizard_%d" % self._names
            self._unsure.append(statement)
            self._pgconn.send_prepare(name, statement)
            self._expected.append((None, None))
        self._pgconn.send_query_prepared(name, values, formats)
        self._expected.append((None, None))

    def _enter(self) -> None:
        if not self._pipelined:
            self._pgconn.enter_pipeline_mode()
            self._pipelined = True


def _no_key(kind: int, route: Route) -> TaskFailed:
    return TaskFailed(
        f"{KIND_NAMES[kind]} on {route.target} cannot be applied: it has no key to find the row by",
        detail=f"of old rows {route.source} sends its replica identity alone: the destination needs an immediate "
        "unique index over NOT NULL columns of it that the source keeps unique, too",
        where=f"destination {route.target}",
        remedy=to_do("create the primary key or unique index there as it is at the source", then="resume"),
    )
