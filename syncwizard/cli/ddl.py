"""The command `ddl`: what was followed of changes of definitions at the source, and what stands in the way."""

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.output import JSON, print_json, show_lines
from syncwizard.client import tasks
from syncwizard.client.followed import describe_followed, followed_as_data, followed_of


@click.command()
@TASK
@JSON
def ddl(name: str, as_json: bool) -> None:
    """List the changes of definitions that were followed, and what stops the task."""
    task = tasks.find_task(name)
    state, setting = task.read_state(), task.spec.advanced.ddl
    followed = followed_of(list(task.entries()))
    if as_json:
        print_json({"id": task.id, "label": task.label, "ddl": setting, **followed_as_data(followed, state)})
    else:
        show_lines(describe_followed(followed, state, task.label, setting))
