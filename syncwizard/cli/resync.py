"""The command `resync`: says what would be emptied and copied again, asks, and does it."""

import shlex

import click

from syncwizard.cli.arguments import TASK, table_name
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import JSON, print_json, say, say_lines
from syncwizard.client import launch, lifecycle, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.task.copying_beside import is_copied_beside
from syncwizard.task.events import ResyncRequested
from syncwizard.task.resync import ResyncWish, describe_consequences, describe_order


@click.command()
@TASK
@click.option("--table", "names", metavar="SCHEMA.NAME", multiple=True, help="Copy this table again; repeatable.")
@click.option("--all", "everything", is_flag=True, help="Copy all tables again.")
@YES
@JSON
def resync(name: str, names: tuple[str, ...], everything: bool, yes: bool, as_json: bool) -> None:
    """Empty tables at the destination and copy them again, under the changes that go on.

    Without --table and --all: exactly the tables that lost changes. First says what would be done, rows and bytes as
    the source estimates them, and asks.
    """
    if names and everything:
        raise UsageError("--table and --all exclude each other", remedy="leave out one of them")
    task = tasks.find_task(name)
    secrets = launch.collect_secrets(task.spec)
    state = task.read_state()
    wish = ResyncWish(tables=[table_name(text, state) for text in names], everything=everything)
    order = lifecycle.describe_resync(task, wish, secrets)
    _show(order, task)
    if not yes:
        ask_for_name(task)
    state = lifecycle.resync(task, order, secrets, watch_stages)
    if as_json:
        print_json({"id": task.id, "name": task.spec.name, "state": state.state, "resynchronization": order})
    say(f"resynchronizing; watch it: syncwizard status {shlex.quote(task.label)}")


def _show(order: ResyncRequested, task: StoredTask) -> None:
    """On stderr, as all talk: the result of the command is the task's new state."""
    if description := describe_order(order):
        say_lines(description)
    beside = is_copied_beside(task.spec, task.read_state(), order)
    say_lines(describe_consequences(order, task.spec.destination.database or "", beside=beside))
