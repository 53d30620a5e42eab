"""Full copy: one wide vector table and one narrow table, against `psql COPY … | psql COPY …`."""

import subprocess

from tests.benchmarks.bench import Bench, bench, say, seconds_of
from tests.benchmarks.results import Ratio, print_ratios

BUDGET = 1.1
DIMENSIONS = 768

WIDE = f"""
CREATE TABLE wide (id bigint PRIMARY KEY, body text NOT NULL, embedding vector({DIMENSIONS}) NOT NULL);
ALTER TABLE wide ALTER embedding SET STORAGE EXTERNAL;
INSERT INTO wide SELECT n, md5(n::text),
    ARRAY(SELECT (random() + n * 0)::real FROM generate_series(1, {DIMENSIONS}))::vector
FROM generate_series(1, %s) AS n;
"""
NARROW = """
CREATE TABLE narrow (id bigint PRIMARY KEY, branch integer NOT NULL, balance integer NOT NULL, filler char(84));
INSERT INTO narrow SELECT n, n %% 100, n %% 1000, '' FROM generate_series(1, %s) AS n;
"""


def prepare(found: Bench, wide_rows: int, narrow_rows: int) -> None:
    """Makes the tables at the source, and the databases of the destination."""
    found.source.create_database("bench")
    with found.source.connect("bench") as session:
        session.execute("CREATE EXTENSION vector")
        for statements, rows in ((WIDE, wide_rows), (NARROW, narrow_rows)):
            for statement in statements.split(";")[:-1]:
                session.execute(statement.encode(), (rows,) if "%s" in statement else None)
        session.execute("VACUUM (ANALYZE)")
        session.execute("CHECKPOINT")
    for database in ("ours", "psql"):
        found.destination.create_database(database)
        with found.destination.connect(database) as session:
            session.execute("CREATE EXTENSION vector")


def copy_by_psql(found: Bench, table: str) -> float:
    """Seconds for the copy of a table through two psql and a pipe, into a table without indexes."""
    with found.destination.connect("psql") as session:
        definition = (WIDE if table == "wide" else NARROW).split(";")[0].replace("PRIMARY KEY", "NOT NULL")
        session.execute(definition.encode())
        if table == "wide":
            session.execute("ALTER TABLE wide ALTER embedding SET STORAGE EXTERNAL")

    def copy() -> None:
        reader = subprocess.Popen(
            [found.source.bin / "psql", "-qXc", f"COPY {table} TO STDOUT (FORMAT binary)"],
            env=found.environment(found.source, "bench"),
            stdout=subprocess.PIPE,
        )
        subprocess.run(
            [found.destination.bin / "psql", "-qXc", f"COPY {table} FROM STDIN (FORMAT binary)"],
            env=found.environment(found.destination, "psql"),
            stdin=reader.stdout,
            check=True,
        )
        if reader.wait() != 0:
            raise RuntimeError("psql failed at the source")

    return seconds_of(copy)


def run(wide_rows: int, narrow_rows: int) -> None:
    """Prepares, measures both ways, prints the ratios."""
    with bench() as found:
        say(f"preparing {wide_rows:,} × vector({DIMENSIONS}) and {narrow_rows:,} narrow rows")
        prepare(found, wide_rows, narrow_rows)
        say("copying by psql")
        theirs = {table: copy_by_psql(found, table) for table in ("wide", "narrow")}
        say("copying by syncwizard")
        task = found.task("bench", "ours")
        task.start("full")
        tables = task.status()["tables"]
        ours = {table: float(tables[f"public.{table}"]["seconds"]) for table in theirs}
        stage = task.stage_seconds("full")
        task.command("pause")
        task.command("release")
        peer = "psql COPY binary, one stream"
        ratios = [Ratio(f"copy of the {table} table", ours[table], peer, theirs[table], BUDGET) for table in theirs]
        print_ratios([*ratios, Ratio("whole full stage", stage, peer, sum(theirs.values()))])
