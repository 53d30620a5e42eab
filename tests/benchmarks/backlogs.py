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


HOT_ROWS = 2000
HOT = f"""
CREATE TABLE counters (id integer PRIMARY KEY, hits bigint NOT NULL, label text NOT NULL);
INSERT INTO counters SELECT n, 0, 'counter ' || n FROM generate_series(1, {HOT_ROWS}) AS n
"""
HIT = f"\\set id random(1, {HOT_ROWS})\nUPDATE counters SET hits = hits + 1 WHERE id = :id;\n"
SINGLE = """
CREATE TABLE single (id bigint PRIMARY KEY, kind integer NOT NULL, body text, at timestamptz NOT NULL);
CREATE SEQUENCE numbers
"""
INSERT_ONE = "INSERT INTO single VALUES (nextval('numbers'), 3, 'event of one', now());\n"


def _defined(database: str, definition: str) -> Callable[[Bench], None]:
    def define(found: Bench) -> None:
        with found.source.connect(database) as session:
            session.execute(definition.encode())

    return define


def _by_pgbench(database: str, transaction: str) -> Callable[[Bench, int], None]:
    """One transaction of a script for each change."""

    def change(found: Bench, size: int) -> None:
        script = Path(found.folder) / f"{database}.sql"
        script.write_text(transaction)
        # pgbench may run as another user than this process.
        script.chmod(0o644)
        options = ("-n", "-M", "prepared", "-c", str(CLIENTS), "-t", str(size // CLIENTS), "-f", str(script))
        found.run(found.source, "pgbench", *options, database=database)

    return change


def _by_statements(database: str, *statements: str) -> Callable[[Bench, int], None]:
    """Statements that commit by themselves; `{size}` in them is the number of changes."""

    def change(found: Bench, size: int) -> None:
        with found.source.connect(database) as session:
            for statement in statements:
                session.execute(statement.replace("{size}", str(size)).encode())

    return change


# Without a key: each change is found by all of its old row.
KEYLESS = """
CREATE TABLE keyless (a integer, b text, c timestamptz);
INSERT INTO keyless SELECT n, 'row ' || n, now() FROM generate_series(1, 100000) AS n;
ALTER TABLE keyless REPLICA IDENTITY FULL
"""
CHANGE_KEYLESS = """
DO $$ BEGIN
    FOR n IN 1..{size} LOOP
        UPDATE keyless SET b = 'x' || n WHERE a = 1 + (n * 7919) % 100000;
        IF n % 10 = 0 THEN COMMIT; END IF;
    END LOOP;
END $$
"""
DELETES = """
CREATE TABLE gone (id bigint PRIMARY KEY, kind integer NOT NULL, body text);
INSERT INTO gone SELECT n, n % 7, 'row ' || n FROM generate_series(1, 400000) AS n
"""
DELETE = """
DO $$ BEGIN
    FOR n IN 1..{size} / 100 LOOP
        DELETE FROM gone WHERE id BETWEEN n * 200 - 199 AND n * 200 - 100;
        COMMIT;
    END LOOP;
END $$
"""
# Integer, bigint, text of 192 bytes, timestamptz and numeric in turn: about 1 KB a row.
WIDE_TYPES = ("integer", "bigint", "text", "timestamptz", "numeric")
WIDE_VALUES = ("n", "n", "repeat(md5(n::text), 6)", "now()", "n + 0.5")
WIDE = "CREATE TABLE wide (id bigint PRIMARY KEY, {})".format(
    ", ".join(f"c{at} {WIDE_TYPES[at % 5]}" for at in range(19))
)
WIDEN = """
DO $$ BEGIN
    FOR t IN 1..{{size}} / 200 LOOP
        INSERT INTO wide SELECT n, {} FROM generate_series(t * 100 - 99, t * 100) AS n;
        COMMIT;
    END LOOP;
    FOR t IN 1..{{size}} / 200 LOOP
        UPDATE wide SET c0 = c0 + 1, c2 = md5(c0::text) WHERE id BETWEEN t * 100 - 99 AND t * 100;
        COMMIT;
    END LOOP;
END $$
""".format(", ".join(WIDE_VALUES[at % 5] for at in range(19)))
FILL_AT_ONCE = "INSERT INTO events SELECT n, n % 7, 'event ' || n, now() FROM generate_series(1, {size}) AS n"


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


BACKLOGS = {
    backlog.name: backlog
    for backlog in (
        Backlog("tpcb", "TPC-B transactions", 120_000, TPCB_TABLES, _define_tpcb, _change_tpcb, floor=True),
        Backlog(
            "inserts",
            "single-row inserts, 1,000 a transaction",
            500_000,
            ("events",),
            _defined("inserts", EVENTS),
            _by_statements("inserts", "CALL fill({size})"),
        ),
        Backlog(
            "single",
            "inserts, one a transaction",
            200_000,
            ("single",),
            _defined("single", SINGLE),
            _by_pgbench("single", INSERT_ONE),
            floor=True,
        ),
        Backlog(
            "deletes",
            "deletes, 100 a transaction",
            200_000,
            ("gone",),
            _defined("deletes", DELETES),
            _by_statements("deletes", DELETE),
        ),
        Backlog(
            "wide",
            "changes of 20 columns, 1 KB",
            100_000,
            ("wide",),
            _defined("wide", WIDE),
            _by_statements("wide", WIDEN),
        ),
        Backlog(
            "transaction",
            "inserts in one transaction",
            2_000_000,
            ("events",),
            _defined("transaction", EVENTS),
            _by_statements("transaction", FILL_AT_ONCE),
        ),
        Backlog(
            "keyless",
            "updates of a keyless table of 100,000 rows",
            2_000,
            ("keyless",),
            _defined("keyless", KEYLESS),
            _by_statements("keyless", "CREATE INDEX here ON keyless (a)", CHANGE_KEYLESS, "DROP INDEX here"),
        ),
        Backlog(
            "hot",
            f"updates of {HOT_ROWS:,} rows",
            200_000,
            ("counters",),
            _defined("hot", HOT),
            _by_pgbench("hot", HIT),
        ),
        Backlog(
            "vectors",
            f"upserts of vector({DIMENSIONS}) under HNSW",
            30_000,
            ("documents",),
            _defined("vectors", f"CREATE EXTENSION vector; {DOCUMENTS}"),
            _by_statements("vectors", UPSERT),
            extensions=("vector",),
            index="CREATE INDEX ON documents USING hnsw (embedding vector_l2_ops)",
        ),
    )
}
