"""The command `heal`: brings tables in step that lost changes, by what differs, after it says which way is cheaper."""

import shlex

import click

from syncwizard.cli.arguments import TASK, table_name
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import JSON, print_json, say, say_lines
from syncwizard.client import launch, lifecycle, tasks
from syncwizard.task.resync import ResyncWish, describe_healing, describe_order


@click.command()
@TASK
@click.option("--table", "names", metavar="SCHEMA.NAME", multiple=True, help="Heal this table; repeatable.")
@YES
@JSON
def heal(name: str, names: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Bring tables in step that lost changes, by the rows that differ instead of by a new copy.

    The slot is made anew where the stream has a gap; then each table is compared with the source's snapshot of it, and
    what differs is written. First says whether that or a new copy (`resync`) is cheaper, and asks.
    """
    task = tasks.find_task(name)
    secrets = launch.collect_secrets(task.spec)
    state = task.read_state()
    wish = ResyncWish(tables=[table_name(text, state) for text in names], heals=True)
    order = lifecycle.describe_resync(task, wish, secrets)
    if description := describe_order(order):
        say_lines(description)
    say_lines(describe_healing(order))
    if not yes:
        ask_for_name(task)
    state = lifecycle.resync(task, order, secrets, watch_stages)
    if as_json:
        print_json({"id": task.id, "name": task.spec.name, "state": state.state, "healing": order})
    say(f"healing; watch it: syncwizard status {shlex.quote(task.label)}")
