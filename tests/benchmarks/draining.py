"""Incremental drain of one TPC-B backlog: by pg_recvlogical, by a native subscription and by us, in turn."""

import subprocess

from psycopg import sql

from tests.benchmarks.bench import Bench, Task, bench, say, seconds_of
from tests.benchmarks.processor import growth, seconds_by_part
from tests.benchmarks.results import Ratio, print_ratios, print_table
from tests.support.waiting import until

NATIVE_BUDGET = 0.85
FLOOR_BUDGET = 1.25
SCALE = 10
CLIENTS = 4
LONGEST_SECONDS = 1800
LEAST_SHOWN_SECONDS = 0.05
TABLES = ("pgbench_accounts", "pgbench_branches", "pgbench_tellers", "pgbench_history")


def prepare(found: Bench) -> Task:
    """TPC-B tables at the source, the same rows at both destinations, and three slots that hold the backlog."""
    found.source.create_database("bench")
    found.run(found.source, "pgbench", "-i", "-q", "-s", str(SCALE), database="bench")
    found.destination.create_database("ours")
    found.destination.create_database("native")
    task = found.task("bench", "ours")
    task.start("caught-up")
    task.command("pause")
    subscribe(found, TABLES)
    with found.source.connect("bench") as session:
        session.execute("SELECT pg_create_logical_replication_slot('floor', 'pgoutput')")
    return task


def subscribe(found: Bench, tables: tuple[str, ...]) -> None:
    """A native subscription to the tables that has copied everything and is switched off."""
    with found.source.connect("bench") as session:
        names = sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
        session.execute(sql.SQL("CREATE PUBLICATION native FOR TABLE {}").format(names))
    source = found.source.endpoint("bench")
    dump = found.run(
        found.destination,
        "pg_dump",
        *("--schema-only", "--no-publications", "-h", str(source.host)),
        *(f"--table={table}" for table in tables),
        database="bench",
    )
    subprocess.run(
        [found.destination.bin / "psql", "-qX", "-v", "ON_ERROR_STOP=1"],
        env=found.environment(found.destination, "native"),
        input=dump,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    connection = f"host={found.source.endpoint('bench').host} user=postgres dbname=bench"
    with found.destination.connect("native") as session:
        session.execute(
            sql.SQL("CREATE SUBSCRIPTION native CONNECTION {} PUBLICATION native WITH (binary = true)").format(
                sql.Literal(connection)
            )
        )
        until(
            lambda: session.execute("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel").fetchone() == (True,),
            LONGEST_SECONDS,
            "the subscription to copy its tables",
        )
        session.execute("ALTER SUBSCRIPTION native DISABLE")


def make_backlog(found: Bench, transactions: int) -> str:
    """Runs TPC-B and returns the position after it."""
    each = str(transactions // CLIENTS)
    found.run(found.source, "pgbench", "-n", "-M", "prepared", "-c", str(CLIENTS), "-t", each, database="bench")
    with found.source.connect("bench") as session:
        position = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert position
        # One more commit, for a reader to see that it is past the position.
        session.execute("UPDATE pgbench_branches SET filler = 'end' WHERE bid = 1")
    return str(position[0])


def drain_to_nothing(found: Bench, position: str) -> float:
    """The floor: one walsender decodes, and nobody applies."""
    options = ("-o", "proto_version=1", "-o", "publication_names=native", "-o", "binary=true", "-f", "/dev/null")
    reader = ("-S", "floor", "--start", "--no-loop", "--endpos", position, *options)
    return seconds_of(lambda: found.run(found.source, "pg_recvlogical", "-d", "bench", *reader, database="bench"))


def drain_by_subscription(found: Bench, position: str) -> tuple[float, dict[str, float]]:
    """A native subscription, from switching it on until it has applied what is past the position.

    Seconds of the wall clock, and processor seconds of each part.
    """
    before = seconds_by_part(found)
    with found.destination.connect("native") as destination:

        def drain() -> None:
            destination.execute("ALTER SUBSCRIPTION native ENABLE")
            until(
                lambda: (
                    destination.execute(
                        "SELECT bool_or(remote_lsn >= %s::pg_lsn) FROM pg_replication_origin_status", (position,)
                    ).fetchone()
                    == (True,)
                ),
                LONGEST_SECONDS,
                "the subscription to drain",
            )

        taken = seconds_of(drain)
        parts = growth(before, seconds_by_part(found))
        destination.execute("ALTER SUBSCRIPTION native DISABLE")
    return taken, parts


def drain_by_us(task: Task) -> float:
    """From the command `resume` until `wait --until caught-up` returns: the start of the engine counts."""

    def drain() -> None:
        task.command("resume")
        task.command("wait", "--until", "caught-up")

    return seconds_of(drain)


def assert_drained(found: Bench, database: str) -> None:
    """Fails when a destination lacks a transaction: a fast reader that lost something proves nothing."""
    query = "SELECT count(*), sum(delta), (SELECT sum(abalance) FROM pgbench_accounts) FROM pgbench_history"
    with found.source.connect("bench") as source, found.destination.connect(database) as destination:
        here, there = source.execute(query).fetchone(), destination.execute(query).fetchone()
    if here != there:
        raise RuntimeError(f"{database} differs from the source: {there} instead of {here}")


def run(transactions: int) -> None:
    """Prepares, drains the same backlog three times, prints the ratios."""
    with bench() as found:
        say(f"preparing TPC-B at scale {SCALE}")
        task = prepare(found)
        say("starting and pausing syncwizard once with nothing to do")
        start = drain_by_us(task)
        task.command("pause")
        say(f"running {transactions:,} transactions")
        position = make_backlog(found, transactions)
        say("draining by pg_recvlogical")
        floor = drain_to_nothing(found, position)
        say("draining by a native subscription")
        native, native_parts = drain_by_subscription(found, position)
        assert_drained(found, "native")
        say("draining by syncwizard")
        before = seconds_by_part(found)
        ours = drain_by_us(task)
        parts = growth(before, seconds_by_part(found))
        assert_drained(found, "ours")
        print_ratios(
            [
                Ratio(f"drain of {transactions:,} TPC-B", ours, "native subscription", native, NATIVE_BUDGET),
                Ratio("the same", ours, "pg_recvlogical to nothing", floor, FLOOR_BUDGET),
                Ratio("without our start", ours - start, "native subscription", native),
                Ratio("without our start", ours - start, "pg_recvlogical to nothing", floor),
            ]
        )
        print()
        print_processor_seconds({"syncwizard": parts, "native subscription": native_parts})
        task.end()


def print_processor_seconds(parts: dict[str, dict[str, float]]) -> None:
    """Where the time went, the largest parts first."""
    rows = [
        (who, part, f"{seconds:.2f} s")
        for who, counted in parts.items()
        for part, seconds in counted.items()
        if seconds >= LEAST_SHOWN_SECONDS
    ]
    print_table(("who", "part", "processor"), rows)
