"""Chooses the benchmark: `python -m tests.benchmarks copy --rows 60000`."""

import click

from tests.benchmarks import (
    cloning,
    copying,
    defining,
    draining,
    indexing,
    latency,
    memory,
    picking,
    postponing,
    projecting,
    quick,
    screens,
    tables,
)
from tests.benchmarks.backlogs import BACKLOGS

RATES = (100, 1000, 2000)


@click.group()
def main() -> None:
    """Ratios of one run; run on a quiet machine."""


@main.command()
@click.option("--rows", default=60_000, help="Rows of the wide vector table.")
@click.option("--narrow-rows", default=2_000_000, help="Rows of the narrow table.")
def copy(rows: int, narrow_rows: int) -> None:
    """Full copy against psql | psql, and pgcopydb where it is installed."""
    copying.run(rows, narrow_rows)


@main.command()
@click.argument("backlogs", nargs=-1, type=click.Choice(list(BACKLOGS)))
@click.option("--size", type=int, help="Length of the backlog, if not its own.")
def drain(backlogs: tuple[str, ...], size: int | None) -> None:
    """Backlogs, or all of them, against a native subscription and pg_recvlogical."""
    draining.run(backlogs or BACKLOGS, size)


@main.command("memory")
@click.option("--rows", default=2_000_000, help="Of one transaction.")
def memory_of_transaction(rows: int) -> None:
    """Memory of the engine and its children while one large transaction is applied."""
    memory.run(rows)


@main.command()
@click.option("--rows", default=60_000, help="Of the vector table.")
def index(rows: int) -> None:
    """HNSW build against CREATE INDEX with the server's settings."""
    indexing.run(rows)


@main.command("backlog")
@click.option("--rows", default=30_000, help="Of the vector table.")
@click.option("--changes", default=14_000, help="Of its vectors.")
def vector_backlog(rows: int, changes: int) -> None:
    """A backlog under an HNSW index that is kept, and one that is built again."""
    postponing.run(rows, changes)


@main.command()
@click.option("--rows", default=60_000, help="Of the vector table.")
@click.option("--narrow-rows", default=2_000_000, help="Of the narrow table.")
@click.option("--without-hnsw", is_flag=True, help="Keys and B-trees only.")
@click.option("--peers-first", is_flag=True, help="Who comes first pays for what was just made.")
def clone(rows: int, narrow_rows: int, without_hnsw: bool, peers_first: bool) -> None:
    """A whole clone with its indexes against pg_dump | pg_restore, and pgcopydb where it is installed."""
    cloning.run_all(rows, narrow_rows, hnsw=not without_hnsw, ours_first=not peers_first)


@main.command("quick")
def everything_quickly() -> None:
    """Drains, many tables and a clone at a quarter of their sizes: five minutes on a quiet machine."""
    quick.run()


@main.command("tables")
@click.option("--tables", "number", default=2000, help="Of one key and one index each.")
@click.option("--rows", default=100, help="Of each table.")
@click.option("--peer-first", is_flag=True, help="Who comes first pays for what was just made.")
def many_tables(number: int, rows: int, peer_first: bool) -> None:
    """Many small tables against pg_dump | pg_restore."""
    tables.run(number, rows, ours_first=not peer_first)


@main.command("latency")
@click.option("--rate", "rates", multiple=True, type=int, default=RATES, help="TPC-B transactions per second.")
@click.option("--seconds", default=20.0, help="How long each rate is measured.")
def measure_latency(rates: tuple[int, ...], seconds: float) -> None:
    """Commit to visible, against a native subscription."""
    latency.run(list(rates), seconds)


@main.command()
@click.option("--objects", default=20_000, help="In the catalogue.")
@click.option("--listing", is_flag=True, help="Also list so many tables of a real server.")
def picker(objects: int, listing: bool) -> None:
    """The object picker: open, filter, tick."""
    picking.run(objects, listing=listing)


@main.command()
@click.option("--rows", default=1_000_000, help="Of the table that is copied.")
@click.option("--changes", default=200_000, help="Rows that are inserted, and that are updated.")
@click.argument("variants", nargs=-1, type=click.Choice(list(projecting.VARIANTS)))
def projection(rows: int, changes: int, variants: tuple[str, ...]) -> None:
    """Copy and drain of a table plain, renamed, filtered and masked."""
    projecting.run(rows, changes, variants)


@main.command()
@click.option("--commands", default=300, help="Of each kind.")
def definitions(commands: int) -> None:
    """Commands on definitions at a source that captures them, against one that does not."""
    defining.run(commands)


@main.command("screens")
@click.option("--repeats", default=10, help="Of each start and each key.")
@click.option("--seconds", default=30.0, help="How long processor use is measured.")
@click.option("--objects", default=20_000, help="In the catalogue of the picker.")
def measure_screens(repeats: int, seconds: float, objects: int) -> None:
    """The screens: start, first paint, key to paint, processor use, picker."""
    screens.run(repeats, seconds, objects)


if __name__ == "__main__":
    main()
