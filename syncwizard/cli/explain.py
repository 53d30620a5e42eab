"""The command `explain`: why a task is late."""

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.output import JSON, print_json, show_lines
from syncwizard.client import bottleneck, tasks


@click.command()
@TASK
@JSON
def explain(name: str, as_json: bool) -> None:
    """Say why a task is late: the bottleneck in one sentence and what to do, then what its sessions wait for."""
    found = bottleneck.explain(tasks.find_task(name))
    if as_json:
        print_json(bottleneck.as_data(found))
    else:
        show_lines(bottleneck.describe(found))
