"""The command `demo`."""

from pathlib import Path

import click

from syncwizard.errors import UsageError


@click.command()
@click.option("--headless", is_flag=True, help="Run the whole way without questions and compare both ends.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the servers' data in this folder.",
)
def demo(headless: bool, keep: Path | None) -> int:
    """Synchronize a sample knowledge base between two servers of our own. Exit code 5: both ends differ."""
    if not headless:
        raise UsageError("the wizard is not here yet", remedy="run it without: syncwizard demo --headless")
    from syncwizard.demo import headless as demonstration

    return demonstration.run(keep)
