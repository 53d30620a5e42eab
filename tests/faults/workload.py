"""Client sessions at the source whose every transaction keeps the rules of sql/invariants.sql."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from syncwizard.demo.servers import Cluster
from tests.support.pair import Session
from tests.support.waiting import until

SQL = Path(__file__).parent / "sql"
WRITERS = 3
# A breath between two transactions of a writer, so that the machine is left to those under test.
PACE_SECONDS = 0.015
ACCOUNTS, VAULTS, PLACES, SEATS, PARCELS, WALLS, VECTORS = 100, 10, 200, 100, 200, 200, 200
SHIFTS = 100
COLOURS = ("red", "green", "blue", "black")
REGIONS = ("north", "south", "east", "west")
# What a writer relies on, whatever a fault sets at the server.
OPTIONS = " ".join(
    f"-c {setting}"
    for setting in (
        "search_path=public",
        "statement_timeout=0",
        "lock_timeout=0",
        "idle_in_transaction_session_timeout=0",
        "idle_session_timeout=0",
        r"default_transaction_isolation=read\ committed",
    )
)
# How much more or less often than usual a writer does something: each has its own mix.
MOODS = (0.3, 1, 1, 3)
# What a server says when it goes down or ends our session. A transaction that was committed or was not: both are fine.
# A Rollback comes out of its block when there is nothing left to roll back.
LOST = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.Rollback)
# What sessions do to each other on a healthy server.
CONFLICTS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def load(session: Session, *, readings: int, files: int) -> None:
    """Creates the tables and their first rows."""
    session.execute("CREATE EXTENSION IF NOT EXISTS vector")
    session.execute((SQL / "tables.sql").read_bytes())
    text = (SQL / "rows.sql").read_text() % {"readings": readings, "files": files}
    session.execute(text.encode())
    session.execute("ANALYZE")


class Writer:
    """One session and what it does next, chosen by the seed."""

    def __init__(self, cluster: Cluster, database: str, seed: int) -> None:
        self._cluster = cluster
        self._database = database
        self._random = random.Random(seed)
        self.done: Counter[str] = Counter()
        self._acts: list[tuple[Callable[[Session], None], int]] = [
            (self.transfer, 30),
            (self.transfer_with_savepoints, 8),
            (self.give_up, 3),
            (self.rekey, 8),
            (self.revise, 6),
            (self.annotate, 8),
            (self.write_lines, 8),
            (self.strike_a_line, 6),
            (self.reword_lines, 3),
            (self.refill, 1),
            (self.swap_positions, 4),
            (self.swap_ranks, 3),
            (self.move_parcels, 6),
            (self.paint, 6),
            (self.embed, 8),
            (self.measure, 6),
            (self.replace_readings, 3),
            (self.store_files, 3),
            (self.shift, 6),
        ]
        self._weights = [weight * self._random.choice(MOODS) for _, weight in self._acts]

    def run(self, stop: threading.Event) -> None:
        """Runs transactions until stopped; a server that is away is waited for."""
        session = self._cluster.connect(self._database, options=OPTIONS)
        acts = [act for act, _ in self._acts]
        while not stop.wait(PACE_SECONDS):
            act = self._random.choices(acts, self._weights)[0]
            try:
                with session.transaction():
                    act(session)
                self.done[act.__name__] += 1
            except CONFLICTS:
                self.done["conflict"] += 1
            except LOST:
                session.close()
                session = until(self._connected, 120, "the source to come back")
                self.done["reconnect"] += 1
        session.close()

    def _connected(self) -> Session | None:
        try:
            return self._cluster.connect(self._database, options=OPTIONS)
        except psycopg.OperationalError:
            return None

    # Money ------------------------------------------------------------------------------------------------------

    def transfer(self, session: Session) -> None:
        """From an account to a vault: two tables and an entry, whole or not at all."""
        account, amount = self._random.randint(1, ACCOUNTS), self._random.randint(-100, 100)
        (position,) = _one(
            session,
            "UPDATE accounts SET balance = balance + %s, entries = entries + 1 WHERE id = %s RETURNING entries",
            (amount, account),
        )
        session.execute("INSERT INTO entries VALUES (%s, %s, %s)", (account, position, amount))
        session.execute(
            "UPDATE vaults SET balance = balance - %s WHERE id = %s", (amount, self._random.randint(1, VAULTS))
        )

    def transfer_with_savepoints(self, session: Session) -> None:
        """A transfer beside others that were rolled back to their savepoints."""
        for _ in range(2):
            with session.transaction():
                self.transfer(session)
                session.execute("DELETE FROM lines")
                session.execute("UPDATE places SET body = 'never', revision = -1 WHERE slot <= 5")
                raise psycopg.Rollback
        with session.transaction():
            self.transfer(session)

    def give_up(self, session: Session) -> None:
        """A transaction that is rolled back whole."""
        self.transfer(session)
        session.execute("UPDATE readings SET value = -1 WHERE id <= 100")
        raise psycopg.Rollback

    # Places -----------------------------------------------------------------------------------------------------

    def rekey(self, session: Session) -> None:
        """Another key for a place; the body, not sent, goes with it. Now and then with another revision."""
        slot = self._random.randint(1, PLACES)
        session.execute(
            "UPDATE places SET id = slot + 1000 * %s, note = 'moved' WHERE slot = %s",
            (self._random.randint(0, 5), slot),
        )
        if self._random.random() < 0.3:
            self._revise(session, slot)

    def revise(self, session: Session) -> None:
        """Another body, and another identity ALWAYS value beside the key."""
        self._revise(session, self._random.randint(1, PLACES))
        session.execute("UPDATE places SET ticket = DEFAULT WHERE slot = %s", (self._random.randint(1, PLACES),))

    def annotate(self, session: Session) -> None:
        """Some columns of some places, without their bodies."""
        first = self._random.randint(1, PLACES)
        session.execute(
            "UPDATE places SET note = %s WHERE slot BETWEEN %s AND %s",
            (f"note {self._random.random()}", first, first + self._random.choice((0, 5, 80))),
        )

    def _revise(self, session: Session, slot: int) -> None:
        session.execute(
            "UPDATE places SET revision = revision + 1, body = repeat(md5(slot || ':' || revision + 1), 150)"
            " WHERE slot = %s",
            (slot,),
        )

    # Keyless and truncated --------------------------------------------------------------------------------------

    def write_lines(self, session: Session) -> None:
        """Some more lines, many of them equal."""
        lines = [(f"line {self._random.randint(0, 20)}", self._random.choice((None, "1.0", "1.00", "2")))] * 3
        with session.cursor() as cursor:
            cursor.executemany("INSERT INTO lines VALUES (%s, %s)", lines)
        self._count(session, "lines", len(lines))

    def strike_a_line(self, session: Session) -> None:
        """One of several equal lines."""
        gone = session.execute(
            "DELETE FROM lines WHERE ctid = (SELECT min(ctid) FROM lines WHERE line = %s)",
            (f"line {self._random.randint(0, 20)}",),
        ).rowcount
        self._count(session, "lines", -gone)

    def reword_lines(self, session: Session) -> None:
        """All equal lines at once, and a few into equal ones of others."""
        old, new = self._random.randint(0, 20), self._random.randint(0, 20)
        session.execute("UPDATE lines SET line = %s WHERE line = %s", (f"line {new}", f"line {old}"))

    def refill(self, session: Session) -> None:
        """TRUNCATE, and other rows."""
        session.execute("TRUNCATE batch")
        rows = self._random.randint(0, 120)
        session.execute("INSERT INTO batch SELECT i, %s FROM generate_series(1, %s) i", (f"of {rows}", rows))
        session.execute("UPDATE counters SET value = %s WHERE name = 'batch'", (rows,))

    def _count(self, session: Session, name: str, more: int) -> None:
        session.execute("UPDATE counters SET value = value + %s WHERE name = %s", (more, name))

    # Unique, partitioned, vectors -------------------------------------------------------------------------------

    def swap_positions(self, session: Session) -> None:
        """Two seats exchange their unique positions, over a third value."""
        one, other = sorted(self._random.sample(range(1, SEATS + 1), 2))
        positions: dict[int, int] = dict(
            session.execute(
                "SELECT id, position FROM seats WHERE id IN (%s, %s) ORDER BY id FOR UPDATE", (one, other)
            ).fetchall()
        )
        for seat, position in ((one, -one), (other, positions[one]), (one, positions[other])):
            session.execute("UPDATE seats SET position = %s WHERE id = %s", (position, seat))

    def swap_ranks(self, session: Session) -> None:
        """Two seats exchange their ranks in one statement."""
        one, other = sorted(self._random.sample(range(1, SEATS + 1), 2))
        session.execute("SELECT FROM seats WHERE id IN (%s, %s) ORDER BY id FOR UPDATE", (one, other))
        session.execute(
            "UPDATE seats AS s SET rank = o.rank FROM seats AS o"
            " WHERE (s.id, o.id) IN ((%(one)s, %(other)s), (%(other)s, %(one)s))",
            {"one": one, "other": other},
        )

    def move_parcels(self, session: Session) -> None:
        """From partition to partition; some gain what another one loses."""
        one, other = sorted(self._random.sample(range(1, PARCELS + 1), 2))
        session.execute(
            "UPDATE parcels SET region = %s, weight = weight + 1 WHERE id = %s", (self._random.choice(REGIONS), one)
        )
        session.execute("UPDATE parcels SET weight = weight - 1 WHERE id = %s", (other,))

    def paint(self, session: Session) -> None:
        """A wall goes to the partition of another colour, which is another one at the destination."""
        one, other = sorted(self._random.sample(range(1, WALLS + 1), 2))
        session.execute(
            "UPDATE walls SET colour = %s::colour, weight = weight + 1 WHERE id = %s",
            (self._random.choice(COLOURS), one),
        )
        session.execute("UPDATE walls SET weight = weight - 1 WHERE id = %s", (other,))

    def shift(self, session: Session) -> None:
        """From the day to the night; the two tables are alike, and may be renamed to each other."""
        amount = self._random.randint(-9, 9)
        for table, more in (("day", amount), ("night", -amount)):
            session.execute(
                f"UPDATE {table} SET value = value + %s WHERE id = %s".encode(),
                (more, self._random.randint(1, SHIFTS)),
            )

    def embed(self, session: Session) -> None:
        """Other vectors for some rows."""
        first = self._random.randint(1, VECTORS)
        session.execute(
            "UPDATE vectors SET version = version + 1, embedding = ARRAY[id, version + 1, id]::vector(3)"
            " WHERE id BETWEEN %s AND %s",
            (first, first + self._random.choice((0, 3, 70))),
        )

    # Many rows --------------------------------------------------------------------------------------------------

    def measure(self, session: Session) -> None:
        """Other values for a range of readings, now and then for thousands."""
        first = self._random.randint(1, 100_000)
        rows = self._random.choice((1, 1, 1, 10, 10, 100, 100, 1000, 4000))
        session.execute(
            "UPDATE readings SET value = value + 1 WHERE id BETWEEN %s AND %s RETURNING id", (first, first + rows)
        )

    def replace_readings(self, session: Session) -> None:
        """Some readings go and come back in the same transaction, others with another key."""
        first = self._random.randint(1, 100_000)
        session.execute(
            "WITH gone AS (DELETE FROM readings WHERE id BETWEEN %s AND %s RETURNING *)"
            " INSERT INTO readings SELECT id + 10000000 * (id %% 3), value + 1, label FROM gone WHERE id %% 5 > 0"
            " ON CONFLICT DO NOTHING",
            (first, first + self._random.choice((1, 20, 200))),
        )

    def store_files(self, session: Session) -> None:
        """Files get another version, some another content."""
        first = self._random.randint(1, 1000)
        session.execute(
            "UPDATE files SET version = version + 1,"
            " content = CASE WHEN id %% 3 = 0 THEN repeat(md5(random()::text), 200) ELSE content END"
            " WHERE id BETWEEN %s AND %s",
            (first, first + self._random.choice((0, 3, 60))),
        )


def _one(session: Session, query: str, values: tuple[Any, ...]) -> tuple[Any, ...]:
    row = session.execute(query.encode(), values).fetchone()
    assert row is not None
    return row


class Workload:
    """Writers in threads of their own, from `with` to its end. `stop` raises what a writer could not cope with."""

    def __init__(self, cluster: Cluster, database: str, seed: int) -> None:
        self._stop = threading.Event()
        self._writers = [Writer(cluster, database, seed * 100 + number) for number in range(WRITERS)]
        self._threads = [threading.Thread(target=self._guarded, args=(writer,)) for writer in self._writers]
        self._errors: list[BaseException] = []

    @property
    def done(self) -> Counter[str]:
        """Transactions of each kind so far."""
        return sum((writer.done for writer in self._writers), Counter())

    def stop(self) -> None:
        """Ends the writers after their transaction."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors[0]

    def _guarded(self, writer: Writer) -> None:
        try:
            writer.run(self._stop)
        except (psycopg.Error, AssertionError) as error:
            self._errors.append(error)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
