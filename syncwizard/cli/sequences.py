"""The command `sequences`: moves the destination's sequences, and shows what both ends have."""

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import ONLINE, ask_for_name
from syncwizard.cli.output import print_json, say, show
from syncwizard.client import lifecycle, tasks
from syncwizard.task.text import or_unknown

DIFFERENT = 5


@click.command()
@TASK
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Add this number to the source's values.")
@click.option("--yes", is_flag=True, help="Do not ask, where the task is tagged `online`.")
@click.option("--json", "as_json", is_flag=True, help="Print the values as JSON.")
def sequences(name: str, offset: int, yes: bool, as_json: bool) -> int:
    """Set the destination's sequences to the source's values; none is set back. Exit code 5: some could not be set."""
    task = tasks.find_task(name)
    if task.spec.advanced.tag == ONLINE and not yes:
        ask_for_name(task)
    found = lifecycle.set_sequences(task, offset)
    if as_json:
        print_json({"set": found.count, "sequences": found.values, "problems": found.problems})
    else:
        for value in found.values:
            ends = f"source {or_unknown(value.source)}  destination {or_unknown(value.destination)}"
            show(f"{value.sequence}  {ends}")
    for problem in found.problems:
        say(f"not set: {problem}")
    say(f"{found.count} of {len(found.values)} sequences were set")
    return DIFFERENT if found.problems else 0
