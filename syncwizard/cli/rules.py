"""The command `rules`: shows the filters, scripts and operations of a task, or orders others for what follows."""

from pathlib import Path

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import JSON, print_json, say, show
from syncwizard.cli.precheck import IGNORE, print_item
from syncwizard.client import rules as orders
from syncwizard.client import tasks
from syncwizard.client.saved_connections import load_task
from syncwizard.client.tasks import StoredTask
from syncwizard.task.event_words import describe_changed_rule
from syncwizard.task.events import Event, PrecheckItemFinished
from syncwizard.task.row_facts import RowFact, row_facts


@click.command()
@TASK
@click.option(
    "--from",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Take `where`, `etl`, `operations` and `etl_errors` of this task file for what follows.",
)
@IGNORE
@YES
@JSON
def rules(name: str, path: Path | None, ignored: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Show the filters, scripts and operations of a task, or take those of a file.

    They hold for what follows; rows that are there stay as they are, until `resync` copies their table again. Both ends
    are asked first whether the rules fit (exit code 3). A task that runs is paused for it and goes on.
    """
    task = tasks.find_task(name)
    if path is None:
        _show(task, as_json=as_json)
        return

    def on_event(event: Event) -> None:
        if isinstance(event, PrecheckItemFinished) and event.verdict != "passed":
            print_item(event, say)

    order = orders.describe(task, load_task(path), on_event, ignored)
    for change in order.changes:
        say(describe_changed_rule(change))
    if order.changes:
        if not yes:
            ask_for_name(task)
        state = orders.carry_out(order, watch_stages)
    else:
        say("the task has these rules already")
        state = task.read_state()
    if as_json:
        print_json({"id": task.id, "name": task.spec.name, "state": state.state, "changes": order.changes})
    elif order.changes:
        say("they hold for what follows; rows that are there stay as they are")


def _show(task: StoredTask, *, as_json: bool) -> None:
    facts = row_facts(task.spec)
    if as_json:
        print_json({"id": task.id, "name": task.spec.name, "rules": facts})
        return
    for fact in facts:
        show(_line(fact))


def _line(fact: RowFact) -> str:
    if fact.kind == "errors":
        return f"rows for which a script fails: {fact.text}"
    of = f"{fact.schema}.{fact.table}" if fact.table else f"schema {fact.schema}" if fact.schema else "all tables"
    return f"{of}: {fact.kind} {fact.text}"
