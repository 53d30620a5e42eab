"""Chooses the benchmark: `python -m tests.benchmarks copy --rows 60000`."""

import click

from tests.benchmarks import copying, draining, latency

RATES = (100, 1000, 2000)


@click.group()
def main() -> None:
    """Ratios of one run; run on a quiet machine."""


@main.command()
@click.option("--rows", default=60_000, help="Rows of the wide vector table.")
@click.option("--narrow-rows", default=2_000_000, help="Rows of the narrow table.")
def copy(rows: int, narrow_rows: int) -> None:
    """Full copy against psql | psql."""
    copying.run(rows, narrow_rows)


@main.command()
@click.option("--transactions", default=100_000, help="Length of the backlog.")
def drain(transactions: int) -> None:
    """A backlog against a native subscription and pg_recvlogical."""
    draining.run(transactions)


@main.command("latency")
@click.option("--rate", "rates", multiple=True, type=int, default=RATES, help="TPC-B transactions per second.")
@click.option("--seconds", default=20.0, help="How long each rate is measured.")
def measure_latency(rates: tuple[int, ...], seconds: float) -> None:
    """Commit to visible, against a native subscription."""
    latency.run(list(rates), seconds)


if __name__ == "__main__":
    main()
