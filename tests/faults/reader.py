"""A client of the destination that checks, again and again, that it sees whole transactions of the source."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

import psycopg

from syncwizard.demo.servers import Cluster
from tests.faults.workload import LOST, OPTIONS, SQL
from tests.support.pair import Session

PACE_SECONDS = 0.05
INVARIANTS = (SQL / "invariants.sql").read_bytes()


class Torn(NamedTuple):
    """A rule that a snapshot broke."""

    rule: str
    found: str
    at: float


def check(session: Session) -> list[Torn]:
    """The rules that a snapshot of this moment breaks."""
    with session.transaction():
        session.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        rows = session.execute(INVARIANTS).fetchall()
    return [Torn(rule, found or "", time.time()) for rule, holds, found in rows if not holds]


class Reader:
    """Looks while `consistent` names a stretch in which the destination is of one moment (None: there is none), and
    never stops before `stop`: neither pause nor failure of the task is an excuse for half a transaction, only changes
    that a fault made the source lose. `looks` counts the snapshots, `torn` has what was wrong."""

    def __init__(self, cluster: Cluster, database: str, consistent: Callable[[], object]) -> None:
        self._cluster = cluster
        self._database = database
        self._consistent = consistent
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.looks = 0
        self.torn: list[Torn] = []
        self.error: psycopg.Error | None = None

    def _run(self) -> None:
        session: Session | None = None
        while not self._stop.wait(PACE_SECONDS):
            since = self._consistent()
            if since is None:
                continue
            try:
                session = session or self._cluster.connect(self._database, options=OPTIONS)
                torn = check(session)
                if self._consistent() == since:
                    self.torn += torn
                    self.looks += 1
            except LOST:
                # The server was restarted; it is asked again.
                if session is not None:
                    session.close()
                session = None
            except psycopg.Error as error:
                self.error = error
                return
        if session is not None:
            session.close()

    def stop(self) -> None:
        """Ends the looking; raises what the reader could not cope with."""
        self._stop.set()
        self._thread.join()
        if self.error is not None:
            raise self.error
        assert self.looks > 0, "the reader saw nothing at all"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
