"""COMMIT sent to the source → visible at the destination, under TPC-B at fixed rates, for us and for native.

A probe row is committed every few milliseconds; a trigger at the destination notifies, and a notification is delivered
when its transaction commits: no polling that would take the processor from those who are measured.
"""

import contextlib
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.benchmarks.backlogs import CLIENTS, SCALE, TPCB_TABLES
from tests.benchmarks.bench import Bench, bench, say
from tests.benchmarks.draining import subscribe
from tests.benchmarks.results import percentile, print_table

P50_BUDGET_MS = 8.0
P99_BUDGET_MS = 40.0
PROBE_SECONDS = 0.02
# What is committed in the first moments meets cold caches and new plans.
SETTLE_SECONDS = 3.0

TRIGGER = """
CREATE FUNCTION public.seen() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN PERFORM pg_catalog.pg_notify('probe', NEW.id::text); RETURN NULL; END $$;
CREATE TRIGGER seen AFTER INSERT ON public.probe FOR EACH ROW EXECUTE FUNCTION public.seen();
ALTER TABLE public.probe ENABLE ALWAYS TRIGGER seen;
"""


@contextmanager
def tpcb(found: Bench, rate: int, seconds: float) -> Iterator[None]:
    """Transactions at a fixed rate in the background."""
    options = ("-n", "-M", "prepared", "-c", str(CLIENTS), "-R", str(rate), "-T", str(int(seconds)))
    process = subprocess.Popen(
        [found.source.bin / "pgbench", *options],
        env=found.environment(found.source, "bench"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


class Listener(threading.Thread):
    """Notes when each probe row became visible at a destination."""

    def __init__(self, found: Bench, database: str) -> None:
        super().__init__(daemon=True)
        self.session = found.destination.connect(database)
        self.session.execute("LISTEN probe")
        self.seen: dict[int, float] = {}
        self.ended = threading.Event()

    def run(self) -> None:
        while not self.ended.is_set():
            for notice in self.session.notifies(timeout=0.2):
                self.seen[int(notice.payload)] = time.perf_counter()


def measure(found: Bench, database: str, rate: int, seconds: float) -> list[float]:
    """Milliseconds from COMMIT to visible of each probe row; the source's own flush is a part of it."""
    listener = Listener(found, database)
    listener.start()
    committed: dict[int, float] = {}
    with found.source.connect("bench") as session, tpcb(found, rate, seconds + SETTLE_SECONDS):
        begun = time.perf_counter()
        pace = threading.Event()
        while (now := time.perf_counter() - begun) < seconds + SETTLE_SECONDS:
            session.execute("BEGIN")
            number = session.execute("INSERT INTO public.probe DEFAULT VALUES RETURNING id").fetchone()
            assert number
            if now > SETTLE_SECONDS:
                committed[int(number[0])] = time.perf_counter()
            session.execute("COMMIT")
            pace.wait(PROBE_SECONDS)
    deadline = time.monotonic() + 60
    while not committed.keys() <= listener.seen.keys() and time.monotonic() < deadline:
        pace.wait(0.1)
    listener.ended.set()
    listener.join()
    listener.session.close()
    missing = committed.keys() - listener.seen.keys()
    if missing:
        raise RuntimeError(f"{len(missing)} of {len(committed)} probe rows never came to {database}")
    return [(listener.seen[number] - at) * 1000 for number, at in committed.items()]


def run(rates: list[int], seconds: float) -> None:
    """Measures us and the subscription at each rate, prints the percentiles."""
    rows: list[tuple[str, ...]] = []
    with bench() as found:
        say(f"preparing TPC-B at scale {SCALE}")
        found.source.create_database("bench")
        found.run(found.source, "pgbench", "-i", "-q", "-s", str(SCALE), database="bench")
        with found.source.connect("bench") as session:
            session.execute("CREATE TABLE public.probe (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
        found.destination.create_database("ours")
        found.destination.create_database("native")
        with syncwizard_running(found):
            rows += measured(found, "syncwizard", "ours", rates, seconds)
        with subscription_running(found):
            rows += measured(found, "native subscription", "native", rates, seconds)
    print_table(("who", "TPC-B/s", "p50", "p99", "longest", "budget"), rows)


def measured(found: Bench, who: str, database: str, rates: list[int], seconds: float) -> list[tuple[str, ...]]:
    """One row of the table a rate."""
    with found.destination.connect(database) as session:
        session.execute(TRIGGER)
    rows = []
    for rate in rates:
        say(f"{who}: {rate:,} transactions a second")
        values = measure(found, database, rate, seconds)
        budget = f"≤ {P50_BUDGET_MS:g} / {P99_BUDGET_MS:g} ms" if database == "ours" else ""
        figures = (percentile(values, 0.5), percentile(values, 0.99), max(values))
        rows.append((who, f"{rate:,}", *(f"{value:.1f} ms" for value in figures), budget))
    return rows


@contextmanager
def syncwizard_running(found: Bench) -> Iterator[None]:
    """Our task, caught up; gone afterwards."""
    task = found.task("bench", "ours")
    task.start("caught-up")
    try:
        yield
    finally:
        task.end()


@contextmanager
def subscription_running(found: Bench) -> Iterator[None]:
    """A native subscription, caught up; gone afterwards."""
    subscribe(found, (*TPCB_TABLES, "probe"), "bench", "native")
    with found.destination.connect("native") as session:
        session.execute("ALTER SUBSCRIPTION native ENABLE")
        with contextlib.ExitStack() as stack:
            stack.callback(session.execute, "DROP SUBSCRIPTION native")
            stack.callback(session.execute, "ALTER SUBSCRIPTION native DISABLE")
            yield
