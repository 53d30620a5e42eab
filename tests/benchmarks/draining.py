"""Incremental drain of one backlog: by pg_recvlogical, by a native subscription and by us, in turn."""

import subprocess
from collections.abc import Iterable

from psycopg import sql

from tests.benchmarks.backlogs import BACKLOGS, Backlog
from tests.benchmarks.bench import Bench, Task, bench, say, seconds_of
from tests.benchmarks.processor import growth, seconds_by_part
from tests.benchmarks.results import Ratio, print_ratios, print_table
from tests.support.waiting import until

# Ours by a native subscription's.
NATIVE_BUDGETS = {
    "tpcb": 0.75,
    "inserts": 0.85,
    "single": 1.0,
    "deletes": 1.0,
    "wide": 1.0,
    "transaction": 0.95,
    "keyless": 0.3,
    "hot": 0.7,
    "vectors": 1.0,
}
FLOOR_BUDGET = 1.25
LONGEST_SECONDS = 1800
LEAST_SHOWN_SECONDS = 0.05
# A table of the run's own: a commit to it tells a reader that everything before has come.
FINISH = "finish"
Parts = dict[str, float]


def prepare(found: Bench, backlog: Backlog) -> Task:
    """The tables at the source, the same rows at both destinations, and the slots that hold the backlog."""
    found.source.create_database(backlog.name)
    backlog.define(found)
    with found.source.connect(backlog.name) as session:
        session.execute(f"CREATE TABLE {FINISH} (id integer PRIMARY KEY)".encode())
    ours, native = f"ours_{backlog.name}", f"native_{backlog.name}"
    for database in (ours, native):
        found.destination.create_database(database)
    with found.destination.connect(native) as session:
        for extension in backlog.extensions:
            session.execute(sql.SQL("CREATE EXTENSION {}").format(sql.Identifier(extension)))
    task = found.task(backlog.name, ours)
    task.start("caught-up")
    task.command("pause")
    subscribe(found, (*backlog.tables, FINISH), backlog.name, native)
    if backlog.index:
        for database in (ours, native):
            with found.destination.connect(database) as session:
                session.execute(backlog.index.encode())
    if backlog.floor:
        with found.source.connect(backlog.name) as session:
            session.execute(f"SELECT pg_create_logical_replication_slot('floor_{backlog.name}', 'pgoutput')".encode())
    return task


def subscribe(found: Bench, tables: tuple[str, ...], source: str, destination: str) -> None:
    """A native subscription between two databases that has copied everything and is switched off.

    Subscription, publication and slot have the name of the destination's database.
    """
    name = sql.Identifier(destination)
    with found.source.connect(source) as session:
        names = sql.SQL(", ").join(sql.Identifier("public", table) for table in tables)
        session.execute(sql.SQL("CREATE PUBLICATION {} FOR TABLE {}").format(name, names))
    end = found.source.endpoint(source)
    dump = found.run(
        found.destination,
        "pg_dump",
        *("--schema-only", "--no-publications", "-h", str(end.host)),
        *(f"--table={table}" for table in tables),
        database=source,
    )
    subprocess.run(
        [found.destination.bin / "psql", "-qX", "-v", "ON_ERROR_STOP=1"],
        env=found.environment(found.destination, destination),
        input=dump,
        text=True,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    connection = sql.Literal(f"host={end.host} user=postgres dbname={source}")
    with found.destination.connect(destination) as session:
        session.execute(
            sql.SQL(
                "CREATE SUBSCRIPTION {} CONNECTION {} PUBLICATION {} WITH (binary = true, streaming = parallel)"
            ).format(name, connection, name)
        )
        until(
            lambda: session.execute("SELECT bool_and(srsubstate = 'r') FROM pg_subscription_rel").fetchone() == (True,),
            LONGEST_SECONDS,
            "the subscription to copy its tables",
        )
        session.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))


def make_backlog(found: Bench, backlog: Backlog, size: int) -> str:
    """Commits the changes and returns the position after them."""
    backlog.change(found, size)
    with found.source.connect(backlog.name) as session:
        position = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchone()
        assert position
        session.execute(f"INSERT INTO {FINISH} VALUES (1)".encode())
    return str(position[0])


def drain_to_nothing(found: Bench, backlog: Backlog, position: str) -> float:
    """The floor: one walsender decodes, and nothing is applied."""
    publication = f"publication_names=native_{backlog.name}"
    options = ("-o", "proto_version=1", "-o", publication, "-o", "binary=true", "-f", "/dev/null")
    reader = ("-d", backlog.name, "-S", f"floor_{backlog.name}", "--start", "--no-loop", "--endpos", position, *options)
    return seconds_of(lambda: found.run(found.source, "pg_recvlogical", *reader, database=backlog.name))


def drain_by_subscription(found: Bench, database: str, position: str) -> tuple[float, Parts]:
    """A native subscription, from switching it on until it has applied what is past the position; then dropped.

    Seconds of the wall clock, and processor seconds of each part.
    """
    before = seconds_by_part(found)
    name = sql.Identifier(database)
    applied = "SELECT bool_or(remote_lsn >= %s::pg_lsn) FROM pg_replication_origin_status"
    with found.destination.connect(database) as destination:

        def drain() -> None:
            destination.execute(sql.SQL("ALTER SUBSCRIPTION {} ENABLE").format(name))
            until(
                lambda: destination.execute(applied, (position,)).fetchone() == (True,),
                LONGEST_SECONDS,
                "the subscription to drain",
            )

        taken = seconds_of(drain)
        parts = growth(before, seconds_by_part(found))
        destination.execute(sql.SQL("ALTER SUBSCRIPTION {} DISABLE").format(name))
        destination.execute(sql.SQL("DROP SUBSCRIPTION {}").format(name))
    return taken, parts


def drain_by_us(found: Bench, task: Task) -> tuple[float, Parts]:
    """From the command `resume` until `wait --until caught-up` returns: the start of the engine counts."""
    before = seconds_by_part(found)

    def drain() -> None:
        task.command("resume")
        task.command("wait", "--until", "caught-up")

    taken = seconds_of(drain)
    return taken, growth(before, seconds_by_part(found))


def assert_drained(found: Bench, backlog: Backlog, database: str) -> None:
    """Fails when a destination differs from the source: a fast reader that lost something proves nothing."""
    with found.source.connect(backlog.name) as source, found.destination.connect(database) as destination:
        for table in backlog.tables:
            rows = sql.SQL(
                "SELECT count(*), sum(('x' || substr(md5(t::text), 1, 8))::bit(32)::bigint) FROM {} AS t"
            ).format(sql.Identifier("public", table))
            here, there = source.execute(rows).fetchone(), destination.execute(rows).fetchone()
            if here != there:
                raise RuntimeError(f"{table} of {database} differs from the source: {there} instead of {here}")


def run(names: Iterable[str], size: int | None) -> None:
    """Drains each backlog by everybody, prints the ratios and where the processor's time went."""
    ratios: list[Ratio] = []
    parts: list[tuple[str, str, Parts]] = []
    with bench() as found:
        for number, name in enumerate(names):
            backlog = BACKLOGS[name]
            before = len(ratios)
            measure(found, backlog, size or backlog.size, ratios, parts, ours_first=number % 2 == 0)
            for ratio in ratios[before:]:
                say(str(ratio))
    print_ratios(ratios)
    print()
    print_processor_seconds(parts)


def measure(
    found: Bench,
    backlog: Backlog,
    size: int,
    ratios: list[Ratio],
    parts: list[tuple[str, str, Parts]],
    *,
    ours_first: bool,
) -> None:
    """Prepares, drains the same backlog by each, adds what was found. Who comes first pays for what the disk has to
    write of the backlog: it is another one from backlog to backlog."""
    say(f"{backlog.name}: preparing")
    task = prepare(found, backlog)
    say("starting and pausing syncwizard once with nothing to do")
    start, _ = drain_by_us(found, task)
    task.command("pause")
    say(f"making {size:,} {backlog.what}")
    position = make_backlog(found, backlog, size)
    floor = None
    if backlog.floor:
        say("draining by pg_recvlogical")
        floor = drain_to_nothing(found, backlog, position)
    ours, native = 0.0, 0.0
    for who in ("ours", "native") if ours_first else ("native", "ours"):
        database = f"{who}_{backlog.name}"
        if who == "ours":
            say("draining by syncwizard")
            ours, drained = drain_by_us(found, task)
        else:
            say("draining by a native subscription")
            native, drained = drain_by_subscription(found, database, position)
        assert_drained(found, backlog, database)
        parts.append((backlog.name, who, drained))
    with found.source.connect(backlog.name) as session:
        if backlog.floor:
            session.execute(f"SELECT pg_drop_replication_slot('floor_{backlog.name}')".encode())
        # A release leaves the replica identities that another publication needs.
        session.execute(sql.SQL("DROP PUBLICATION {}").format(sql.Identifier(f"native_{backlog.name}")))
    task.end()
    what = f"drain of {size:,} {backlog.what}"
    ratios.append(Ratio(what, ours, "native subscription", native, NATIVE_BUDGETS[backlog.name]))
    ratios.append(Ratio("without our start", ours - start, "native subscription", native))
    if floor is not None:
        ratios.append(Ratio("the same", ours, "pg_recvlogical to nothing", floor, FLOOR_BUDGET))
        ratios.append(Ratio("without our start", ours - start, "pg_recvlogical to nothing", floor))


def print_processor_seconds(parts: Iterable[tuple[str, str, Parts]]) -> None:
    """Where the time went: all of it, then the largest parts first."""
    rows = [
        (backlog, who, part, f"{seconds:.2f} s")
        for backlog, who, counted in parts
        for part, seconds in {"together": sum(counted.values()), **counted}.items()
        if seconds >= LEAST_SHOWN_SECONDS
    ]
    print_table(("backlog", "who", "part", "processor"), rows)
