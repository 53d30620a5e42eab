"""The command `modify`: gives a task that was begun another task file, and says first what that changes."""

import shlex
from pathlib import Path

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import JSON, print_json, say
from syncwizard.cli.precheck import print_item
from syncwizard.client import modifying, tasks
from syncwizard.client.modifying import Modification
from syncwizard.client.saved_connections import load_task
from syncwizard.task.event_words import describe_changed_rule
from syncwizard.task.events import Event, PrecheckItemFinished
from syncwizard.task.modification import describe_modification


@click.command()
@TASK
@click.argument("path", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="FILE")
@click.option("--ignore", "ignored", metavar="ITEM", multiple=True, help="Accept the warning of this precheck item.")
@YES
@JSON
def modify(name: str, path: Path, ignored: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Give a task that was begun another task file: tables join and leave, filters and settings change.

    Says first what would change, after both ends were asked whether it fits (exit code 3), and asks. New tables are
    created and copied; those that leave stay at the destination as they are. A task that runs is paused for it and goes
    on; the changes of its other tables are applied again once the new ones are copied.
    """

    def on_event(event: Event) -> None:
        if isinstance(event, PrecheckItemFinished) and event.verdict != "passed":
            print_item(event, say)

    task = tasks.find_task(name)
    change = modifying.describe(task, load_task(path), on_event, ignored)
    for line in _lines(change):
        say(line)
    if change.empty:
        state = task.read_state()
    else:
        if not yes:
            ask_for_name(task)
        state = modifying.carry_out(change, watch_stages)
    if as_json:
        print_json(
            {
                "id": task.id,
                "name": task.spec.name,
                "state": state.state,
                "added": change.order.added,
                "removed": change.order.removed,
                "rules": change.rules,
                "settings": change.settings,
            }
        )
    if change.order.modifies:
        say(f"watch it: syncwizard status {shlex.quote(task.label)}")


def _lines(change: Modification) -> list[str]:
    if change.empty:
        return ["the task is as the file says already"]
    lines = [*describe_modification(change.order), *map(describe_changed_rule, change.rules)]
    if change.rules:
        lines.append("changed rules hold for what follows; rows that are there stay as they are")
    if change.settings:
        lines.append(f"changed: {', '.join(change.settings)}")
    return lines
