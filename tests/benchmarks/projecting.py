"""What a projection costs: copy and drain of one table plain, renamed, filtered by half, with a mask, and with one row
in a hundred kept."""

from syncwizard.task.specification import SchemaObjects, TableObject
from tests.benchmarks.bench import Bench, bench, say, seconds_of
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
VARIANTS = {
    "plain": TableObject(table="calls"),
    "renamed, a column left out": TableObject(
        table="calls", name="contacts", columns={"seconds": "length"}, exclude_columns=["note"]
    ),
    "half kept": TableObject(table="calls", where="tenant < 50"),
    "one column masked": TableObject(table="calls", etl='e_set(`phone`, str_mask(`phone`, 3, 6, "*"))'),
    "1 % kept": TableObject(table="calls", where="tenant = 7"),
    "1 % kept, no early drop": TableObject(table="calls", where="tenant + 0 = 7"),
}
COPY_BUDGET, DRAIN_BUDGET, NAMES_BUDGET = 1.3, 1.5, 1.05
PLAIN = "plain"


def run(rows: int, changes: int) -> None:
    """Prints ratios to plain."""
    with bench() as found:
        copies, drains = {}, {}
        for name, table in VARIANTS.items():
            copies[name], drains[name] = measure(found, name, table, rows, changes)
            say(f"{name}: copy {copies[name]:.2f} s, drain {drains[name]:.2f} s")
    ratios = []
    for name in VARIANTS:
        budgets = (NAMES_BUDGET, NAMES_BUDGET) if name.startswith("renamed") else (COPY_BUDGET, DRAIN_BUDGET)
        for what, seconds, budget in (("copy", copies, budgets[0]), ("drain", drains, budgets[1])):
            if name != PLAIN:
                ratios.append(Ratio(f"{what}: {name}", seconds[name], PLAIN, seconds[PLAIN], budget))
    late, early = "1 % kept, no early drop", "1 % kept"
    ratios.append(Ratio("drain: early drop by its absence", drains[early], late, drains[late], 1 / 3))
    print_ratios(ratios)


def measure(found: Bench, name: str, table: TableObject, rows: int, changes: int) -> tuple[float, float]:
    """Seconds of the full stage, and of draining what was changed while the task was paused."""
    number = list(VARIANTS).index(name)
    source, destination = f"projection_{number}", f"projected_{number}"
    found.source.create_database(source)
    found.destination.create_database(destination)
    with found.source.connect(source) as session:
        session.execute(TABLE.encode())
        session.execute(FILL.format(f"1, {rows}").encode())
        for statement in ("ALTER TABLE calls REPLICA IDENTITY FULL", "VACUUM ANALYZE calls", "CHECKPOINT"):
            session.execute(statement.encode())
    objects = [SchemaObjects(schema="public", tables=[table])]
    task = found.task(source, destination, objects=objects)
    task.start("caught-up")
    copy = task.stage_seconds("full")
    task.command("pause")
    with found.source.connect(source) as session:
        session.execute(FILL.format(f"{rows + 1}, {rows + changes}").encode())
        for low in range(1, changes, 1000):
            session.execute(CHANGE.format(f"{low} AND {low + 999}").encode())
    drain = seconds_of(lambda: task.command("resume", "--until", "caught-up"))
    task.end()
    return copy, drain
