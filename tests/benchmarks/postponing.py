"""A backlog over a table with an HNSW index: the index kept, against dropped and built again by the task."""

from syncwizard.client import tasks
from syncwizard.task.specification import Advanced, VectorIndexes
from tests.benchmarks.bench import Bench, Task, bench, say, seconds_of
from tests.benchmarks.copying import DIMENSIONS, prepare
from tests.benchmarks.indexing import INDEX
from tests.benchmarks.results import Ratio, print_ratios
from tests.support.waiting import until

BUDGET = 0.5
A_TRANSACTION = 100
UPDATE = "UPDATE wide SET embedding = embedding * array_fill(-1, ARRAY[%s])::vector WHERE id > %s AND id <= %s"


def drain(found: Bench, task: Task, changes: int) -> float:
    """Seconds from `resume` to the backlog applied and the index there."""
    task.command("pause")
    with found.source.connect("bench") as session:
        for first in range(0, changes, A_TRANSACTION):
            session.execute(UPDATE, (DIMENSIONS, first, first + A_TRANSACTION))
    stored = tasks.find_task(task.spec.name)

    def resume() -> None:
        task.command("resume", "--until", "caught-up")
        until(lambda: not stored.read_state().missing_definitions, 3600, "the index")

    return seconds_of(resume)


def run(rows: int, changes: int) -> None:
    """Prepares, drains both ways, prints the ratio."""
    policies: tuple[VectorIndexes, ...] = ("rebuild", "keep")
    with bench() as found:
        say(f"preparing {rows:,} × vector({DIMENSIONS})")
        prepare(found, rows, 0)
        with found.source.connect("bench") as session:
            session.execute("SET maintenance_work_mem = '1GB'")
            session.execute(INDEX.encode())
        seconds = {}
        for policy in policies:
            found.destination.create_database(policy)
            task = found.task("bench", policy, advanced=Advanced(vector_indexes=policy))
            task.start("caught-up")
            task.wait_for_stage("indexes")
            say(f"draining {changes:,} changes with vector_indexes: {policy}")
            seconds[policy] = drain(found, task, changes)
            task.end()
        what = f"{changes:,} updates of {rows:,} × vector({DIMENSIONS}) under HNSW, to the index valid"
        print_ratios([Ratio(what, seconds["rebuild"], "the index kept", seconds["keep"], BUDGET)])
