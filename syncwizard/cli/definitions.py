"""The command `definitions`: lists what the destination lacks with what helps, and tries it again."""

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.output import JSON, print_json, say, show_lines
from syncwizard.client import definitions as orders
from syncwizard.client import tasks
from syncwizard.client.showing import describe_definitions
from syncwizard.task.narration import narrate

DIFFERENT = 5


@click.command()
@TASK
@click.option("--retry", is_flag=True, help="Retry the definitions that the destination refused.")
@click.option(
    "--rebuild",
    "tables",
    multiple=True,
    metavar="SCHEMA.NAME",
    help="Drop this table's vector indexes now, and build them again once the backlog is applied; repeatable.",
)
@JSON
def definitions(name: str, retry: bool, tables: tuple[str, ...], as_json: bool) -> int:
    """List the definitions that are missing at the destination, and what helps. Exit code 5: some are missing."""
    task = tasks.find_task(name)
    if tables:
        known = task.read_state()
        state = orders.rebuild_indexes(task, [known.table_name(table) for table in tables])
    elif retry and task.read_state().missing_definitions:
        state = orders.retry_definitions(task, lambda event: say(narrate(event)))
    else:
        state = task.read_state()
    if as_json:
        print_json({"id": task.id, "label": task.label, "missing": state.missing_definitions})
    else:
        show_lines(describe_definitions(state, task.label))
    return DIFFERENT if state.missing_definitions else 0
