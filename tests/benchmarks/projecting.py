"""What a projection costs: copy and drain of one table plain, renamed, filtered by half, with a mask, and with one row
in a hundred kept. Beside the drain of that stands what pg_recvlogical takes to read the same changes."""

from collections.abc import Iterable
from typing import NamedTuple

from syncwizard.task.specification import SchemaObjects, TableObject
from tests.benchmarks.bench import Bench, bench, say, seconds_of
from tests.benchmarks.draining import Parts, print_processor_seconds
from tests.benchmarks.processor import growth, seconds_by_part
from tests.benchmarks.results import Ratio, print_ratios

TABLE = """
CREATE TABLE calls (id bigint PRIMARY KEY, tenant integer NOT NULL, phone text NOT NULL, seconds integer NOT NULL,
                    note text);
"""
FILL = (
    "INSERT INTO calls SELECT i, i % 100, '187' || lpad(i::text, 8, '0'), i % 600, md5(i::text)"
    " FROM generate_series({}) AS i"
)
CHANGE = "UPDATE calls SET seconds = seconds + 1 WHERE id BETWEEN {}"
PLAIN, EARLY, LATE = "plain", "1 % kept", "1 % kept, no early drop"
VARIANTS = {
    PLAIN: TableObject(table="calls"),
    "renamed, a column left out": TableObject(
        table="calls", name="contacts", columns={"seconds": "length"}, exclude_columns=["note"]
    ),
    "half kept": TableObject(table="calls", where="tenant < 50"),
    "one column masked": TableObject(table="calls", etl='e_set(`phone`, str_mask(`phone`, 3, 6, "*"))'),
    EARLY: TableObject(table="calls", where="tenant = 7"),
    LATE: TableObject(table="calls", where="tenant + 0 = 7"),
}
COPY_BUDGET, DRAIN_BUDGET, NAMES_BUDGET = 1.3, 1.5, 1.05


class Measured(NamedTuple):
    """Seconds of the full stage, of draining what was changed while the task was paused, and of reading that by
    pg_recvlogical; `start`: of resuming with nothing to drain. `parts`, `start_parts`: processor seconds of both."""

    copy: float
    start: float
    drain: float
    floor: float
    parts: Parts
    start_parts: Parts


def run(rows: int, changes: int, names: Iterable[str] = ()) -> None:
    """Measures variants, or all of them, and prints ratios to plain."""
    found: dict[str, Measured] = {}
    with bench() as servers:
        for name in names or VARIANTS:
            found[name] = measure(servers, name, rows, changes)
            say(f"{name}: copy {found[name].copy:.2f} s, drain {found[name].drain:.2f} s")
    print_ratios(list(ratios(found)))
    print()
    print_processor_seconds((name, "ours", one.parts) for name, one in found.items())


def ratios(found: dict[str, Measured]) -> Iterable[Ratio]:
    """By plain, and what dropping early gains."""
    for name, one in found.items():
        copy, drain = (NAMES_BUDGET, NAMES_BUDGET) if name.startswith("renamed") else (COPY_BUDGET, DRAIN_BUDGET)
        if PLAIN in found and name != PLAIN:
            yield Ratio(f"copy: {name}", one.copy, PLAIN, found[PLAIN].copy, copy)
            yield Ratio(f"drain: {name}", one.drain, PLAIN, found[PLAIN].drain, drain)
        yield Ratio(f"drain: {name}", one.drain, "pg_recvlogical to nothing", one.floor)
    if EARLY in found and LATE in found:
        early, late = found[EARLY], found[LATE]
        yield Ratio("drain: early drop by its absence", early.drain, LATE, late.drain, 1 / 3)
        yield Ratio("the same without our starts", early.drain - early.start, LATE, late.drain - late.start, 1 / 3)
        own, other = (behind_the_source(one) for one in (early, late))
        yield Ratio("the same, processor behind the walsender without starts", own, LATE, other, 1 / 3)


def behind_the_source(one: Measured) -> float:
    """Processor seconds of what the drain takes beside the source's decoding, which no reader can spare it."""
    both = ((one.parts, 1), (one.start_parts, -1))
    return sum(
        sign * seconds
        for parts, sign in both
        for part, seconds in parts.items()
        if part.startswith("child") or "destination" in part
    )


def measure(found: Bench, name: str, rows: int, changes: int) -> Measured:
    """One variant, on databases of its own."""
    number = list(VARIANTS).index(name)
    source, destination = f"projection_{number}", f"projected_{number}"
    found.source.create_database(source)
    found.destination.create_database(destination)
    with found.source.connect(source) as session:
        session.execute(TABLE.encode())
        session.execute(FILL.format(f"1, {rows}").encode())
        for statement in (
            "ALTER TABLE calls REPLICA IDENTITY FULL",
            "VACUUM ANALYZE calls",
            "CHECKPOINT",
            "CREATE PUBLICATION floor FOR TABLE calls",
        ):
            session.execute(statement.encode())
    objects = [SchemaObjects(schema="public", tables=[VARIANTS[name]])]
    task = found.task(source, destination, objects=objects)
    task.start("caught-up")
    copy = task.stage_seconds("full")
    task.command("pause")
    before = seconds_by_part(found)
    start = seconds_of(lambda: task.command("resume", "--until", "caught-up"))
    start_parts = growth(before, seconds_by_part(found))
    task.command("pause")
    with found.source.connect(source) as session:
        session.execute("SELECT pg_create_logical_replication_slot('floor', 'pgoutput')")
        session.execute(FILL.format(f"{rows + 1}, {rows + changes}").encode())
        for low in range(1, changes, 1000):
            session.execute(CHANGE.format(f"{low} AND {low + 999}").encode())
        [[position]] = session.execute("SELECT pg_current_wal_insert_lsn()::text").fetchall()
        session.execute("SELECT pg_logical_emit_message(true, 'floor', '')")
    floor = seconds_of(lambda: read_to_nothing(found, source, position))
    before = seconds_by_part(found)
    drain = seconds_of(lambda: task.command("resume", "--until", "caught-up"))
    parts = growth(before, seconds_by_part(found))
    task.end()
    return Measured(copy, start, drain, floor, parts, start_parts)


def read_to_nothing(found: Bench, database: str, position: str) -> None:
    """Reads the slot `floor` up to a position, and drops it."""
    options = ("-o", "proto_version=1", "-o", "publication_names=floor", "-o", "binary=true", "-f", "/dev/null")
    reader = ("-d", database, "-S", "floor", "--start", "--no-loop", "--endpos", position, *options)
    found.run(found.source, "pg_recvlogical", *reader, database=database)
    found.run(found.source, "pg_recvlogical", "-d", database, "-S", "floor", "--drop-slot", database=database)
