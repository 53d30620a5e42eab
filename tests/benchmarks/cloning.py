"""A whole clone with its indexes: ours against `pg_dump | pg_restore -j2`, and pgcopydb where it is installed."""

import functools
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from syncwizard.stages.context import COPY_WORKERS
from tests.benchmarks import pgcopydb
from tests.benchmarks.bench import Bench, bench, checked, say, seconds_of
from tests.benchmarks.copying import DIMENSIONS, prepare
from tests.benchmarks.indexing import INDEX
from tests.benchmarks.results import Ratio, print_ratios

JOBS = str(COPY_WORKERS)
# What our task gives the build of an index by itself; the peers get it as a setting of their session.
PEER_OPTIONS = "-c maintenance_work_mem=1GB -c max_parallel_maintenance_workers=2"


@dataclass(frozen=True)
class Peer:
    """Another way to the same clone: `clone` fills an empty database of the destination."""

    name: str
    clone: Callable[[Bench, str], None]
    options: str = ""


def clone_by_us(found: Bench) -> float:
    """Seconds from the command `start` until the last index is built, while changes would stream."""
    found.destination.create_database("ours")
    task = found.task("bench", "ours")

    def clone() -> None:
        task.start("caught-up")
        task.wait_for_stage("indexes")

    taken = seconds_of(clone)
    task.end()
    return taken


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
        found.append(Peer(name, functools.partial(pgcopydb.clone, options=options)))
    return found


def run(found: Bench, program: str, *arguments: str, database: str, source: bool = False) -> None:
    """Runs a program of the destination's version at one end."""
    cluster = found.source if source else found.destination
    checked([str(found.destination.bin / program), *arguments], found.environment(cluster, database))


def measure(rows: int, narrow_rows: int) -> None:
    """Prepares, clones by everybody, prints the ratios."""
    with bench() as found:
        say(f"preparing {rows:,} × vector({DIMENSIONS}) with HNSW and {narrow_rows:,} narrow rows with their key")
        prepare(found, rows, narrow_rows)
        with found.source.connect("bench") as session:
            session.execute("SET maintenance_work_mem = '1GB'")
            session.execute(INDEX.encode())
        say("cloning by syncwizard")
        ours = clone_by_us(found)
        ratios = []
        for number, peer in enumerate(peers()):
            say(f"cloning by {peer.name}")
            database = f"peer_{number}"
            found.destination.create_database(database)
            os.environ["PGOPTIONS"] = peer.options
            theirs = seconds_of(lambda peer=peer, database=database: peer.clone(found, database))  # type: ignore[misc]
            del os.environ["PGOPTIONS"]
            assert_cloned(found, database)
            ratios.append(Ratio("clone with indexes", ours, peer.name, theirs))
            with found.destination.connect() as session:
                session.execute(f"DROP DATABASE {database}".encode())
        assert_cloned(found, "ours")
        print_ratios(ratios)


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
