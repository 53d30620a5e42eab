"""What is drained: tables at the source, and the transactions that make a backlog of changes to them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks.bench import Bench

SCALE = 10
CLIENTS = 4
DIMENSIONS = 384
TPCB_TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")


@dataclass(frozen=True)
class Backlog:
    """`name`: also that of the source database. `define` makes the tables, `change` commits so many changes.

    `index`: a statement for both destinations once the rows are there. `floor`: is drained by pg_recvlogical, too.
    """

    name: str
    what: str
    size: int
    tables: tuple[str, ...]
    define: Callable[[Bench], None]
    change: Callable[[Bench, int], None]
    extensions: tuple[str, ...] = field(default=())
    index: str = ""
    floor: bool = False


def _define_tpcb(found: Bench) -> None:
    found.run(found.source, "pgbench", "-i", "-q", "-s", str(SCALE), database="tpcb")


def _change_tpcb(found: Bench, size: int) -> None:
    each = str(size // CLIENTS)
    found.run(found.source, "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-t", each, database="tpcb")


EVENTS = """
CREATE TABLE events (id bigint PRIMARY KEY, kind integer NOT NULL, body text, at timestamptz NOT NULL);
CREATE PROCEDURE fill(rows integer) LANGUAGE plpgsql AS $$
    BEGIN
        FOR n IN 1..rows LOOP
            INSERT INTO events VALUES (n, n % 7, 'event ' || n, clock_timestamp());
            IF n % 1000 = 0 THEN COMMIT; END IF;
        END LOOP;
    END $$
"""


def _define_inserts(found: Bench) -> None:
    with found.source.connect("inserts") as session:
        session.execute(EVENTS)


def _change_inserts(found: Bench, size: int) -> None:
    with found.source.connect("inserts") as session:
        session.execute("CALL fill(%s)", (size,))


HOT_ROWS = 2000
HOT = f"""
CREATE TABLE counters (id integer PRIMARY KEY, hits bigint NOT NULL, label text NOT NULL);
INSERT INTO counters SELECT n, 0, 'counter ' || n FROM generate_series(1, {HOT_ROWS}) AS n
"""
HIT = f"\\set id random(1, {HOT_ROWS})\nUPDATE counters SET hits = hits + 1 WHERE id = :id;\n"


def _define_hot(found: Bench) -> None:
    with found.source.connect("hot") as session:
        session.execute(HOT)


def _change_hot(found: Bench, size: int) -> None:
    script = Path(found.folder) / "hit.sql"
    script.write_text(HIT)
    # pgbench may run as another user than this process.
    script.chmod(0o644)
    options = ("-n", "-M", "prepared", "-c", str(CLIENTS), "-t", str(size // CLIENTS), "-f", str(script))
    found.run(found.source, "pgbench", *options, database="hot")


DOCUMENTS = f"""
CREATE TABLE documents (id bigint PRIMARY KEY, body text NOT NULL, embedding vector({DIMENSIONS}) NOT NULL);
CREATE FUNCTION embed(seed integer) RETURNS vector LANGUAGE sql VOLATILE AS
    $$ SELECT ARRAY(SELECT (random() + seed * 0)::real FROM generate_series(1, {DIMENSIONS}))::vector $$;
INSERT INTO documents SELECT n, md5(n::text), embed(n) FROM generate_series(1, 10000) AS n
"""
# Every other one is a new document, the rest are embedded again.
UPSERT = """
DO $$ BEGIN
    FOR n IN 1..{size} LOOP
        INSERT INTO documents VALUES (CASE n % 2 WHEN 0 THEN 10000 + n ELSE 1 + n % 10000 END, md5(n::text), embed(n))
            ON CONFLICT (id) DO UPDATE SET body = excluded.body, embedding = excluded.embedding;
        IF n % 10 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$
"""


def _define_vectors(found: Bench) -> None:
    with found.source.connect("vectors") as session:
        session.execute("CREATE EXTENSION vector")
        session.execute(DOCUMENTS.encode())


def _change_vectors(found: Bench, size: int) -> None:
    with found.source.connect("vectors") as session:
        session.execute(UPSERT.format(size=size).encode())


BACKLOGS = {
    backlog.name: backlog
    for backlog in (
        Backlog("tpcb", "TPC-B transactions", 120_000, TPCB_TABLES, _define_tpcb, _change_tpcb, floor=True),
        Backlog(
            "inserts",
            "single-row inserts, 1,000 a transaction",
            500_000,
            ("events",),
            _define_inserts,
            _change_inserts,
        ),
        Backlog("hot", f"updates of {HOT_ROWS:,} rows", 200_000, ("counters",), _define_hot, _change_hot),
        Backlog(
            "vectors",
            f"upserts of vector({DIMENSIONS}) under HNSW",
            30_000,
            ("documents",),
            _define_vectors,
            _change_vectors,
            extensions=("vector",),
            index="CREATE INDEX ON documents USING hnsw (embedding vector_l2_ops)",
        ),
    )
}
