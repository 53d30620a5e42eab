"""Many tables: a clone of ours against `pg_dump | pg_restore -j2`, by the wall clock, the processor and commits."""

from psycopg import sql

from syncwizard.stages.context import COPY_WORKERS
from syncwizard.task.stages import STAGES
from tests.benchmarks.bench import Bench, Task, bench, checked, say, seconds_of
from tests.benchmarks.processor import all_seconds, growth
from tests.benchmarks.results import Ratio, print_ratios, print_table

JOBS = str(COPY_WORKERS)
DEFINE = """
DO $$ BEGIN
    FOR n IN {first}..{last} LOOP
        EXECUTE format('CREATE TABLE t%s (id integer PRIMARY KEY, kind integer NOT NULL, body text,'
            ' at timestamptz DEFAULT now())', n);
        EXECUTE format('INSERT INTO t%s SELECT r, r %% 7, md5(r::text) FROM generate_series(1, {rows}) AS r', n);
        EXECUTE format('CREATE INDEX ON t%s (kind)', n);
    END LOOP;
END $$
"""
TABLES_A_TRANSACTION = 500


def define(found: Bench, database: str, tables: int, rows: int) -> None:
    """So many tables of so many rows, each with its key and an index."""
    found.source.create_database(database)
    with found.source.connect(database) as session:
        for first in range(1, tables + 1, TABLES_A_TRANSACTION):
            last = min(tables, first + TABLES_A_TRANSACTION - 1)
            session.execute(DEFINE.format(first=first, last=last, rows=rows).encode())
        session.execute("VACUUM ANALYZE")


def run(tables: int, rows: int, *, ours_first: bool = True) -> None:
    """Clones by each and prints what it took."""
    with bench() as found:
        ratio, spent = measure(found, tables, rows, ours_first=ours_first)
    print_ratios([ratio])
    print()
    print_spent(spent)


def measure(
    found: Bench, tables: int, rows: int, *, ours_first: bool
) -> tuple[Ratio, list[tuple[str, dict[str, float], int, dict[str, float]]]]:
    """Prepares, clones by each, compares. The ratio, and of each: processor seconds, commits at the destination, and
    how long stages took."""
    say(f"making {tables:,} tables of {rows:,} rows")
    database = f"tables_{tables}"
    define(found, database, tables, rows)
    taken: dict[str, float] = {}
    spent = []
    for who in ("ours", "peer") if ours_first else ("peer", "ours"):
        say(f"cloning by {who}")
        name = f"{who}_{tables}"
        found.destination.create_database(name)
        before = all_seconds(found)
        stages: dict[str, float] = {}
        task: Task | None = None
        if who == "ours":
            task = found.task(database, name)
            taken[who] = seconds_of(lambda task=task: _clone(task))  # type: ignore[misc]
        else:
            taken[who] = seconds_of(lambda name=name: _dump_and_restore(found, database, name))  # type: ignore[misc]
        processor = growth(before, all_seconds(found))
        if task is not None:
            stages = {stage: task.stage_seconds(stage) for stage in STAGES if stage != "incremental"}
        spent.append((who, processor, commits(found, name), stages))
        if task is not None:
            task.end()
        assert_alike(found, database, name, tables)
    what = f"clone of {tables:,} tables of {rows:,} rows"
    return Ratio(what, taken["ours"], f"pg_dump, pg_restore -j{JOBS}", taken["peer"], 0.9), spent


def print_spent(spent: list[tuple[str, dict[str, float], int, dict[str, float]]]) -> None:
    """Processor time, commits, and the time of stages."""
    print_table(
        ("who", "processor", "of it", "commits at the destination", "stages"),
        [
            (who, f"{sum(processor.values()):.1f} s", _listed(processor), f"{number:,}", _listed(stages))
            for who, processor, number, stages in spent
        ],
    )


def _listed(seconds: dict[str, float]) -> str:
    return ", ".join(f"{name} {took:.1f}" for name, took in seconds.items())


def _clone(task: Task) -> None:
    task.start("caught-up")
    task.wait_for_stage("indexes")


def _dump_and_restore(found: Bench, source: str, destination: str) -> None:
    folder = found.folder / f"dump-{destination}"
    there, here = found.environment(found.source, source), found.environment(found.destination, destination)
    checked([str(found.destination.bin / "pg_dump"), "-Fd", "-j", JOBS, "-f", str(folder)], there)
    checked([str(found.destination.bin / "pg_restore"), "-j", JOBS, "-d", destination, str(folder)], here)


def commits(found: Bench, database: str) -> int:
    """How many transactions the database has committed."""
    with found.destination.connect() as session:
        text = "SELECT xact_commit FROM pg_stat_database WHERE datname = %s"
        row = session.execute(text, (database,)).fetchone()
    return 0 if row is None else int(row[0])


def assert_alike(found: Bench, source: str, destination: str, tables: int) -> None:
    """Fails where indexes are missing or a table's rows differ."""
    indexes = "SELECT count(*) FROM pg_indexes WHERE schemaname = 'public'"
    with found.source.connect(source) as here, found.destination.connect(destination) as there:
        if here.execute(indexes).fetchone() != there.execute(indexes).fetchone():
            raise RuntimeError(f"{destination} lacks indexes")
        for number in range(1, tables + 1):
            rows = sql.SQL("SELECT count(*), sum(hashtextextended(t::text, 0)::numeric) FROM {} AS t").format(
                sql.Identifier("public", f"t{number}")
            )
            if here.execute(rows).fetchone() != there.execute(rows).fetchone():
                raise RuntimeError(f"t{number} of {destination} differs from the source")
