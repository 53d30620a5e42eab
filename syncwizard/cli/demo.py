"""The command `demo`."""

from pathlib import Path

import click

# As `demo/knowledge_base` has it, which takes long to import.
PASSAGES = 20_000


@click.command()
@click.option("--headless", is_flag=True, help="Run without the screens, and compare both ends.")
@click.option(
    "--keep",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    help="Keep the servers' data in this folder.",
)
@click.option("--tour", is_flag=True, help="Let the screens walk through themselves; Esc takes over.")
@click.option(
    "--pace",
    metavar="FACTOR",
    type=click.FloatRange(min=0.0),
    default=1.0,
    help="Of --tour: 2 is twice as slow, 0 does not wait for a reader.",
)
@click.option(
    "--passages",
    metavar="COUNT",
    type=click.IntRange(min=100, max=PASSAGES),
    default=PASSAGES,
    help=f"How large the knowledge base is; {PASSAGES:,} without it.",
)
def demo(*, headless: bool, keep: Path | None, tour: bool, pace: float, passages: int) -> int:
    """Synchronize a sample knowledge base between two servers of its own, with the wizard filled in.

    Exit code 5, of --headless: both ends differ.
    """
    if headless and tour:
        raise click.UsageError("--tour needs the screens, which --headless is without")
    if headless:
        from syncwizard.demo import headless as without_screens

        return without_screens.run(keep, passages=passages)
    from syncwizard.demo import interactive

    return interactive.run(keep, passages=passages, pace=pace if tour else None)
