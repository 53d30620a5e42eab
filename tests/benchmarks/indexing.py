"""HNSW index over a vector table: as our task builds it, against CREATE INDEX with the server's default settings."""

from tests.benchmarks.bench import Bench, bench, say, seconds_of
from tests.benchmarks.copying import DIMENSIONS, prepare
from tests.benchmarks.results import Ratio, print_ratios

BUDGET = 0.35
INDEX = "CREATE INDEX wide_embedding ON wide USING hnsw (embedding vector_l2_ops)"


def build_by_us(found: Bench) -> float:
    """Seconds of the stage that builds it, while the task follows changes."""
    found.destination.create_database("ours")
    task = found.task("bench", "ours")
    task.start("caught-up")
    task.wait_for_stage("indexes")
    seconds = task.stage_seconds("indexes")
    task.end()
    return seconds


def build_by_default(found: Bench) -> float:
    """Seconds of the plain statement over the same rows, in a session with the server's settings."""
    with found.destination.connect("ours") as session:
        session.execute("DROP INDEX wide_embedding")
        return seconds_of(lambda: session.execute(INDEX.encode()))


def run(rows: int) -> None:
    """Prepares, builds both ways, prints the ratio."""
    with bench() as found:
        say(f"preparing {rows:,} × vector({DIMENSIONS})")
        prepare(found, rows, 0)
        with found.source.connect("bench") as session:
            # The definition has to be somewhere; this build is not measured.
            session.execute("SET maintenance_work_mem = '1GB'")
            session.execute(INDEX.encode())
        say("building by syncwizard")
        ours = build_by_us(found)
        say("building by CREATE INDEX with the server's settings")
        theirs = build_by_default(found)
        print_ratios([Ratio(f"HNSW over {rows:,} × vector({DIMENSIONS})", ours, "CREATE INDEX", theirs, BUDGET)])
