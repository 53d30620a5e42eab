"""Sends statements over the apply session: in pipelines, prepared where they repeat, rows through staging tables.

What is sent is queued until `run` or a COPY needs the answers; the number of rows that a statement has to change is
compared with what the server answers.
"""

from collections.abc import Callable, Hashable, Iterable

import psycopg
from psycopg import pq

from syncwizard.postgres.destination.statements import copy_into_stage, empty_stage
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.wire import Wire
from syncwizard.rows.changes import Route, Value

SAVEPOINT = b"SAVEPOINT syncwizard_change"


class CountMismatch(Exception):
    """A statement changed another number of rows than its changes stand for: the batch needs a closer look."""

    def __init__(self, route: Route, expected: int, changed: int) -> None:
        super().__init__(f"{route.target}: {changed} rows changed where {expected} were meant")
        self.route = route


class Sender:
    """One apply session. After an error, `roll_back` before anything else; `failed_at`: the place of the statement
    that the last one came of."""

    def __init__(self, connection: Connection) -> None:
        self._wire = Wire(connection)
        self._pgconn = connection.pgconn
        # The driver would deallocate every statement of the session, ours too, behind each ALTER and DROP that is sent
        # over it, once it has prepared one of its own.
        connection.prepare_threshold = None
        self._prepared: dict[bytes, bytes] = {}
        # Statements of which the server may not know yet, and staging tables that a rollback would remove.
        self._unsure: list[bytes] = []
        self._unsure_stages: list[Hashable] = []
        self._names = 0
        self._stages: dict[Hashable, int] = {}
        self._used_stages: set[int] = set()
        self._expected: list[tuple[Route | None, int | None]] = []
        self._pipelined = False
        self._kept_stages = 0
        self.failed_at = -1

    def begin(self) -> None:
        """Opens the transaction (sent with the first statements)."""
        self.queue(b"BEGIN")
        # Deferrable constraints were deferred at the source too, whenever that mattered to the order of changes.
        self.queue(b"SET CONSTRAINTS ALL DEFERRED")
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

    def savepoint(self) -> None:
        """Marks where `roll_back_to_savepoint` goes back to, behind what is queued."""
        self.run()
        self._kept_stages = len(self._unsure_stages)
        self.queue(SAVEPOINT)

    def roll_back_to_savepoint(self) -> None:
        """After an error: takes the answers still on their way, and undoes what came behind the last savepoint."""
        if self._pipelined:
            self._drain()
        self._expected.clear()
        self._wire.execute(b"ROLLBACK TO " + SAVEPOINT)
        for statement in self._unsure:
            self._prepared.pop(statement, None)
        self._unsure.clear()
        for stage in self._unsure_stages[self._kept_stages :]:
            self._stages.pop(stage, None)
        del self._unsure_stages[self._kept_stages :]

    def release_savepoint(self) -> None:
        """Forgets the last savepoint, once what came behind it succeeded: a transaction may have a million changes."""
        self.queue(b"RELEASE " + SAVEPOINT)

    def _drain(self) -> None:
        """Takes the answers up to the sync point that `run` had sent, most of them of aborted commands."""
        while self._pgconn.status == pq.ConnStatus.OK:
            result = self._wire.result()
            if result is not None and result.status == pq.ExecStatus.PIPELINE_SYNC:
                self._pgconn.exit_pipeline_mode()
                self._pipelined = False
                return
        raise psycopg.OperationalError("the session was lost")

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
                self.failed_at = at
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

    @property
    def counts(self) -> bool:
        """Whether a queued statement has to change a certain number of rows."""
        return any(expected is not None for _, expected in self._expected)

    def queue(self, statement: bytes) -> None:
        """Queues a statement without parameters."""
        self._enter()
        self._pgconn.send_query_params(statement, None)
        self._expected.append((None, None))

    def execute(self, statement: bytes, values: list[Value], formats: list[int]) -> int:
        """Queues a prepared statement, preparing it the first time; its place among those that `run` sends."""
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
        return len(self._expected) - 1

    def expect(self, route: Route, count: int) -> None:
        """How many rows of the route the statement that was queued last has to change."""
        self._expected[-1] = (route, count)

    def copy_in(self, statement: bytes, blocks: Iterable[bytes | memoryview]) -> None:
        """Runs what is queued, and then a COPY with these blocks."""
        self.run()
        self._wire.copy_in(statement, blocks)

    def stage(self, key: Hashable, create: Callable[[int], bytes], blocks: Iterable[bytes | memoryview]) -> int:
        """Runs what is queued and fills the staging table of a key, which `create` makes for a number, by binary COPY;
        the number."""
        self.run()
        number = self._stages.get(key)
        if number is None:
            number = self._stages[key] = len(self._stages)
            self._unsure_stages.append(key)
            self._wire.execute(create(number))
        elif number in self._used_stages:
            self._wire.execute(empty_stage(number))
        self._used_stages.add(number)
        self._wire.copy_in(copy_into_stage(number), blocks)
        return number

    def ask(self, statement: bytes, values: list[bytes | None]) -> "pq.abc.PGresult":
        """Runs what is queued, and then a query whose rows are wanted. Raises the server's error."""
        self.run()
        self._pgconn.send_query_params(statement, values)
        self._wire.flush()
        result = self._wire.result()
        while self._wire.result() is not None:
            pass
        self._wire.raise_for(result)
        assert result is not None
        return result

    def _enter(self) -> None:
        if not self._pipelined:
            self._pgconn.enter_pipeline_mode()
            self._pipelined = True
