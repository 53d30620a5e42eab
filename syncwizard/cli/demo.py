"""The command `demo`."""

from pathlib import Path

import click


@click.command()
@click.option("--headless", is_flag=True, help="Run without the screens, and compare both ends.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the servers' data in this folder.",
)
def demo(headless: bool, keep: Path | None) -> int:
    """Synchronize a sample knowledge base between two servers of its own, with the wizard filled in.

    Exit code 5, of --headless: both ends differ.
    """
    if headless:
        from syncwizard.demo import headless as without_screens

        return without_screens.run(keep)
    from syncwizard.demo import interactive

    return interactive.run(keep)
