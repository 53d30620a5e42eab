"""Memory of the engine and its children while one large transaction goes through them."""

import threading

from tests.benchmarks.bench import Bench, bench, say
from tests.benchmarks.processor import memory_bytes
from tests.benchmarks.results import print_table

BUDGET_MIB = 300
SAMPLE_SECONDS = 0.2
MIB = 1024 * 1024

CHANGES = {
    "insert": "INSERT INTO rows SELECT n, 'row ' || n, n FROM generate_series(1, %s) AS n",
    "update": "UPDATE rows SET n = n + 1 WHERE id <= %s",
    "delete": "DELETE FROM rows WHERE id <= %s",
}


class Watch(threading.Thread):
    """Keeps the highest sum until it is ended."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = memory_bytes()
        self._ended = threading.Event()

    def run(self) -> None:
        while not self._ended.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, memory_bytes())

    def end(self) -> int:
        """The highest sum in bytes."""
        self._ended.set()
        self.join()
        return self.peak


def run(rows: int) -> None:
    """One transaction of so many rows of each kind; prints the peaks."""
    lines = []
    with bench() as found:
        found.source.create_database("bench")
        found.destination.create_database("ours")
        with found.source.connect("bench") as session:
            session.execute("CREATE TABLE rows (id integer PRIMARY KEY, label text NOT NULL, n integer NOT NULL)")
            task = found.task("bench", "ours")
            task.start("caught-up")
            idle = memory_bytes()
            for kind, statement in CHANGES.items():
                say(f"{kind} of {rows:,} rows in one transaction")
                watch = Watch()
                watch.start()
                session.execute(statement.encode(), (rows,))
                task.command("wait", "--until", "caught-up")
                peak = watch.end()
                check(found)
                what = f"{kind} of {rows:,} rows in one transaction"
                lines.append((what, f"{idle / MIB:.0f} MiB", f"{peak / MIB:.0f} MiB", f"≤ {BUDGET_MIB} MiB"))
        task.end()
    print_table(("what", "idle", "peak", "budget"), lines)


def check(found: Bench) -> None:
    """Fails when the destination has not got it all."""
    query = "SELECT count(*), sum(n) FROM rows"
    with found.source.connect("bench") as source, found.destination.connect("ours") as destination:
        if source.execute(query).fetchone() != destination.execute(query).fetchone():
            raise RuntimeError("the destination differs from the source")
