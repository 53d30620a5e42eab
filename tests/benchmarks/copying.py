"""Full copy: one wide vector table and one narrow table, against `psql COPY … | psql COPY …`, and pgcopydb where it is
installed."""

import subprocess
import uuid

from psycopg import sql

from syncwizard.postgres.source.slot import drop_slot
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import COPY_WORKERS
from syncwizard.stages.full import stage as full
from syncwizard.task.specification import Advanced, SchemaObjects, TableObject, TaskSpec
from tests.benchmarks import pgcopydb
from tests.benchmarks.bench import Bench, bench, say, seconds_of
from tests.benchmarks.results import Ratio, print_ratios
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath

BUDGET = 1.1
DIMENSIONS = 768

WIDE = f"""
CREATE TABLE wide (
    id bigint PRIMARY KEY, body text NOT NULL, about jsonb NOT NULL, embedding vector({DIMENSIONS}) NOT NULL
);
ALTER TABLE wide ALTER embedding SET STORAGE EXTERNAL;
INSERT INTO wide SELECT n, md5(n::text),
    jsonb_build_object('chapter', n %% 100, 'language', 'en', 'words', ARRAY[md5(n::text), md5((n + 1)::text)]),
    ARRAY(SELECT (random() + n * 0)::real FROM generate_series(1, {DIMENSIONS}))::vector
FROM generate_series(1, %s) AS n;
"""
NARROW = """
CREATE TABLE narrow (id bigint PRIMARY KEY, branch integer NOT NULL, balance integer NOT NULL, filler char(84));
INSERT INTO narrow SELECT n, n %% 100, n %% 1000, '' FROM generate_series(1, %s) AS n;
"""


def prepare(found: Bench, wide_rows: int, narrow_rows: int) -> None:
    """Makes the tables at the source."""
    found.source.create_database("bench")
    with found.source.connect("bench") as session:
        session.execute("CREATE EXTENSION vector")
        for statements, rows in ((WIDE, wide_rows), (NARROW, narrow_rows)):
            for statement in statements.split(";")[:-1]:
                session.execute(statement.encode(), (rows,) if "%s" in statement else None)
        session.execute("VACUUM (ANALYZE)")
        session.execute("CHECKPOINT")


def copy_by_us(found: Bench, table: str) -> tuple[float, int]:
    """Seconds of the whole stage for one table, and the number of its streams."""
    database = f"ours_{table}"
    found.destination.create_database(database)
    objects = [SchemaObjects(schema="public", tables=[TableObject(table=table)])]
    task = found.task("bench", database, objects=objects)
    task.start("full")
    chunks = int(task.status()["tables"][f"public.{table}"]["chunks"])
    seconds = task.stage_seconds("full")
    task.end()
    return seconds, min(chunks, COPY_WORKERS)


def copy_in_one_stream(found: Bench, table: str) -> float:
    """Seconds of the same stage with a single worker, run in this process."""
    database = f"ours_{table}_1"
    create_empty(found, database, table)
    objects = [SchemaObjects(schema="public", tables=[TableObject(table=table)])]
    spec = TaskSpec(
        id=uuid.uuid4(),
        name="bench",
        source=found.source.endpoint("bench"),
        destination=found.destination.endpoint(database),
        objects=objects,
        advanced=Advanced(copy_workers=1),
    )
    with found.source.connect("bench") as source, found.destination.connect(database) as destination:
        pair = DatabasePair(found.source, found.destination, "bench", source, destination)
        path = RowPath(pair, TaskRun(spec, found.folder))
        path.pool.keep_ready({"copy": 1})
        context = path.context()
        capture.run(context)
        seconds = seconds_of(lambda: full.run(context))
        path.pool.kill_all()
        drop_slot(source, spec.slot)
        source.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(spec.slot)))
    return seconds


def create_empty(found: Bench, database: str, table: str) -> None:
    """A database of the destination with the table, without rows and indexes."""
    found.destination.create_database(database)
    with found.destination.connect(database) as session:
        session.execute("CREATE EXTENSION vector")
        for statement in (WIDE if table == "wide" else NARROW).split(";")[:-2]:
            session.execute(statement.replace("PRIMARY KEY", "NOT NULL").encode())


def copy_by_psql(found: Bench, table: str, rows: int, streams: int) -> float:
    """Seconds for as many pairs of psql, each with its share of the keys, into a table without indexes."""
    database = f"psql_{table}_{streams}"
    create_empty(found, database, table)
    share = -(-rows // streams)

    def copy() -> None:
        pairs = [start_pair(found, database, table, low, low + share) for low in range(1, rows + 1, share)]
        for reader, writer in pairs:
            if reader.wait() or writer.wait():
                raise RuntimeError("psql failed")

    return seconds_of(copy)


def start_pair(
    found: Bench, database: str, table: str, low: int, high: int
) -> "tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]":
    """One psql that reads a range of keys, and one that writes what it reads."""
    query = f"COPY (SELECT * FROM {table} WHERE id >= {low} AND id < {high}) TO STDOUT (FORMAT binary)"
    reader = subprocess.Popen(
        [found.source.bin / "psql", "-qXc", query],
        env=found.environment(found.source, "bench"),
        stdout=subprocess.PIPE,
    )
    writer = subprocess.Popen(
        [found.destination.bin / "psql", "-qXc", f"COPY {table} FROM STDIN (FORMAT binary)"],
        env=found.environment(found.destination, database),
        stdin=reader.stdout,
    )
    if reader.stdout:
        # Only the writer holds the pipe now: the reader notices when it is gone.
        reader.stdout.close()
    return reader, writer


def run(wide_rows: int, narrow_rows: int) -> None:
    """Prepares, measures both ways, prints the ratios."""
    with bench() as found:
        say(f"preparing {wide_rows:,} × vector({DIMENSIONS}) and {narrow_rows:,} narrow rows")
        prepare(found, wide_rows, narrow_rows)
        ratios = []
        for table, rows in (("wide", wide_rows), ("narrow", narrow_rows)):
            say(f"copying the {table} table")
            ours, streams = copy_by_us(found, table)
            what = f"copy, {rows:,} {table} rows, {streams} streams"
            peer = "psql COPY binary, as many"
            ratios.append(Ratio(what, ours, peer, copy_by_psql(found, table, rows, streams), BUDGET))
            if streams > 1:
                single = f"copy, {rows:,} {table} rows, 1 stream"
                alone, theirs = copy_in_one_stream(found, table), copy_by_psql(found, table, rows, 1)
                ratios.append(Ratio(single, alone, peer, theirs, BUDGET))
            for number, (name, options) in enumerate(pgcopydb.ways().items()):
                database = f"pgcopydb_{table}_{number}"
                create_empty(found, database, table)
                ratios.append(Ratio(what, ours, name, pgcopydb.copy(found, database, table, options)))
        print_ratios(ratios)
