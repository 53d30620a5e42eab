"""Applications of a bank that come back wherever the writes go: money moves between accounts, each move is noted."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from tests.support.pair import Session

ACCOUNTS = 20
BALANCE = 1000
TABLES = f"""
CREATE TABLE account (id int PRIMARY KEY, balance int NOT NULL);
CREATE TABLE move (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, writer int NOT NULL, number int NOT NULL,
                   giver int NOT NULL REFERENCES account, taker int NOT NULL REFERENCES account, amount int NOT NULL,
                   UNIQUE (writer, number));
CREATE TABLE audit (id bigint, seen int);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO public.audit VALUES (NEW.id, 1); RETURN NULL; END';
CREATE TRIGGER noted AFTER INSERT ON move FOR EACH ROW EXECUTE FUNCTION note();
ALTER TABLE audit REPLICA IDENTITY FULL;
INSERT INTO account SELECT i, {BALANCE} FROM generate_series(1, {ACCOUNTS}) i;
"""


class Bank:
    """Writers at the database that `address` names at the time; each knows what was committed for it."""

    def __init__(self, address: str, writers: int = 3) -> None:
        self.address = address
        self.committed: dict[int, set[int]] = {number: set() for number in range(writers)}
        # Of these the answer to the commit was lost.
        self.doubtful: dict[int, set[int]] = {number: set() for number in range(writers)}
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in self.committed]

    def _write(self, writer: int) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                with psycopg.connect(self.address, application_name="bank", autocommit=True) as session:
                    while not self._stop.is_set():
                        number += 1
                        self._move(session, writer, number)
            except psycopg.OperationalError:
                # The session was ended: a commit that was not answered may have been done.
                self.doubtful[writer].add(number)
            except psycopg.errors.ReadOnlySqlTransaction:
                # Fenced: as an application would, it tries again until it is let through, or sent elsewhere.
                self._stop.wait(0.02)
            except psycopg.errors.InsufficientPrivilege:
                self._stop.wait(0.02)
            except psycopg.errors.DeadlockDetected:
                pass

    def _move(self, session: Session, writer: int, number: int) -> None:
        giver, taker = 1 + number * 7 % ACCOUNTS, 1 + (number * 11 + writer + 1) % ACCOUNTS
        with session.transaction():
            session.execute("UPDATE public.account SET balance = balance - 1 WHERE id = %s", (giver,))
            session.execute("UPDATE public.account SET balance = balance + 1 WHERE id = %s", (taker,))
            session.execute(
                "INSERT INTO public.move (writer, number, giver, taker, amount) VALUES (%s, %s, %s, %s, 1)",
                (writer, number, giver, taker),
            )
        self.committed[writer].add(number)

    @property
    def moves(self) -> int:
        """How many were committed so far."""
        return sum(map(len, self.committed.values()))

    def go_on(self, more: int = 30, seconds: float = 30.0) -> None:
        """Waits until so many more moves were committed."""
        goal, deadline = self.moves + more, time.monotonic() + seconds
        while self.moves < goal:
            assert time.monotonic() < deadline, f"not within {seconds:g} s: {more} moves at {self.address}"
            time.sleep(0.01)

    @contextmanager
    def open(self) -> Iterator["Bank"]:
        """The writers are at work inside the block."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self.close()

    def close(self) -> None:
        """Ends the writers after their transaction."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def check(self, session: Session) -> None:
        """No committed move is missing, none is there twice or half."""
        rows = session.execute("SELECT writer, number FROM public.move").fetchall()
        found = set(rows)
        assert len(found) == len(rows)
        wanted = {(writer, number) for writer, numbers in self.committed.items() for number in numbers}
        doubtful = {(writer, number) for writer, numbers in self.doubtful.items() for number in numbers}
        assert wanted - found == set()
        assert found - wanted <= doubtful
        total = session.execute("SELECT sum(balance) FROM public.account").fetchone()
        assert total == (ACCOUNTS * BALANCE,)
        balances = session.execute(
            "SELECT a.id FROM public.account a WHERE a.balance <> %s"
            " - (SELECT count(*) FROM public.move m WHERE m.giver = a.id)"
            " + (SELECT count(*) FROM public.move m WHERE m.taker = a.id)",
            (BALANCE,),
        ).fetchall()
        assert balances == []
        seen = session.execute("SELECT count(*), count(DISTINCT id) FROM public.audit").fetchone()
        assert seen == (len(rows), len(rows))
