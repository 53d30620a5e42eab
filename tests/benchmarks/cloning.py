"""A whole clone with its indexes: ours against `pg_dump | pg_restore -j2`, and pgcopydb where it is installed."""

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from syncwizard.stages.context import COPY_WORKERS
from tests.benchmarks import pgcopydb
from tests.benchmarks.bench import Bench, Task, bench, checked, say, seconds_of
from tests.benchmarks.copying import DIMENSIONS, prepare
from tests.benchmarks.indexing import INDEX
from tests.benchmarks.processor import all_seconds, growth
from tests.benchmarks.results import Ratio, print_ratios, print_table

JOBS = str(COPY_WORKERS)
# What our task gives the build of an index by itself; the peers get it as a setting of their session.
PEER_OPTIONS = "-c maintenance_work_mem=1GB -c max_parallel_maintenance_workers=2"


@dataclass(frozen=True)
class Peer:
    """Another way to the same clone: `clone` fills an empty database of the destination."""

    name: str
    clone: Callable[[Bench, str], None]
    options: str = ""
    budget: float | None = None


def clone_by_us(found: Bench) -> tuple[Task, float]:
    """Seconds from the command `start` until the last index is built, while changes would stream; and the task."""
    found.destination.create_database("ours")
    task = found.task("bench", "ours")

    def clone() -> None:
        task.start("caught-up")
        task.wait_for_stage("indexes")

    return task, seconds_of(clone)


def _dump_and_restore(found: Bench, database: str) -> None:
    folder = Path(found.folder) / f"dump-{database}"
    # pg_restore of the destination's version reads what any older pg_dump wrote.
    run(found, "pg_dump", "-Fd", "-j", JOBS, "-f", str(folder), database="bench", source=True)
    run(found, "pg_restore", "-j", JOBS, "-d", database, str(folder), database=database)
    shutil.rmtree(folder)


def peers() -> list[Peer]:
    """Those that this machine has."""
    found = [
        Peer(f"pg_dump, pg_restore -j{JOBS}", _dump_and_restore),
        Peer(f"the same with {PEER_OPTIONS.replace('-c ', '')}", _dump_and_restore, PEER_OPTIONS),
    ]
    for name, options in pgcopydb.ways().items():
        budget = 1.0 if options else None
        found.append(Peer(name, functools.partial(pgcopydb.clone, options=options), budget=budget))
    return found


def run(found: Bench, program: str, *arguments: str, database: str, source: bool = False) -> None:
    """Runs a program of the destination's version at one end."""
    cluster = found.source if source else found.destination
    checked([str(found.destination.bin / program), *arguments], found.environment(cluster, database))


def run_all(rows: int, narrow_rows: int, *, hnsw: bool, ours_first: bool) -> None:
    """Clones by everybody and prints the ratios."""
    with bench() as found:
        ratios, spent = measure(found, rows, narrow_rows, hnsw=hnsw, ours_first=ours_first)
    print_ratios(ratios)
    print()
    print_table(("who", "processor"), [(who, f"{seconds:.1f} s") for who, seconds in spent])


def measure(
    found: Bench, rows: int, narrow_rows: int, *, hnsw: bool, ours_first: bool
) -> tuple[list[Ratio], list[tuple[str, float]]]:
    """Prepares and clones by everybody, ours first or last: who comes first pays for what was just made. The ratios,
    and the processor seconds of each."""
    say(f"preparing {rows:,} × vector({DIMENSIONS}) and {narrow_rows:,} narrow rows, with keys and indexes")
    prepare(found, rows, narrow_rows)
    with found.source.connect("bench") as session:
        session.execute("CREATE INDEX ON narrow (branch, balance)")
        if hnsw:
            session.execute("SET maintenance_work_mem = '1GB'")
            session.execute(INDEX.encode())
    spent: list[tuple[str, float]] = []
    taken: dict[str, float] = {}

    def ours() -> None:
        say("cloning by syncwizard")
        before = all_seconds(found)
        task, taken["ours"] = clone_by_us(found)
        spent.append(("ours", sum(growth(before, all_seconds(found)).values())))
        task.end()
        assert_cloned(found, "ours")

    if ours_first:
        ours()
    for number, peer in enumerate(peers()):
        say(f"cloning by {peer.name}")
        before = all_seconds(found)
        taken[peer.name] = _clone_by(found, peer, f"peer_{number}")
        spent.append((peer.name, sum(growth(before, all_seconds(found)).values())))
    if not ours_first:
        ours()
    what = "clone with HNSW" if hnsw else "clone with keys and B-trees"
    return [Ratio(what, taken["ours"], peer.name, taken[peer.name], peer.budget) for peer in peers()], spent


def _clone_by(found: Bench, peer: Peer, database: str) -> float:
    found.destination.create_database(database)
    os.environ["PGOPTIONS"] = peer.options
    taken = seconds_of(lambda: peer.clone(found, database))
    del os.environ["PGOPTIONS"]
    assert_cloned(found, database)
    with found.destination.connect() as session:
        session.execute(f"DROP DATABASE {database}".encode())
    return taken


def assert_cloned(found: Bench, database: str) -> None:
    """Fails when tables or indexes are missing."""
    query = (
        "SELECT (SELECT count(*) FROM wide), (SELECT count(*) FROM narrow),"
        " (SELECT count(*) FROM pg_indexes WHERE schemaname = 'public')"
    )
    with found.source.connect("bench") as source, found.destination.connect(database) as destination:
        here, there = source.execute(query).fetchone(), destination.execute(query).fetchone()
    if here != there:
        raise RuntimeError(f"{database} is not a clone: rows and indexes {there} instead of {here}")
