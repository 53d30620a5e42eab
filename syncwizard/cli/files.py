"""Commands on a task file: `check` and `preview`. Neither touches a server, unless `check` is asked to."""

from pathlib import Path
from typing import Any

import click
import msgspec

from syncwizard.cli.arguments import FILE
from syncwizard.cli.output import JSON, fail, print_json, say, show, show_lines
from syncwizard.cli.precheck import print_item
from syncwizard.client import lifecycle
from syncwizard.client.checking import check_objects, file_troubles, receiver_troubles
from syncwizard.client.saved_connections import load_task
from syncwizard.errors import EndpointError, PrecheckNotPassed
from syncwizard.secrets import keyring_trouble
from syncwizard.task import file
from syncwizard.task.events import Event, PrecheckItemFinished
from syncwizard.task.specification import TaskSpec
from syncwizard.task.summary import describe_plan
from syncwizard.task.text import shell_word
from syncwizard.task.trial import describe_kept, describe_trial


def _print_schema(ctx: click.Context, parameter: click.Parameter, given: bool) -> None:
    if given:
        # Imported here: it loads the precheck, whose items it names.
        from syncwizard.client.task_schema import task_schema

        print_json(task_schema())
        ctx.exit()


SCHEMA = click.option(
    "--schema",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_schema,
    help="Print the JSON Schema of task files, for editors, and exit.",
)


@click.command()
@FILE
@SCHEMA
@click.option(
    "--connect", is_flag=True, help="Ask both ends about objects, names and filters, and how many rows travel."
)
@click.option("--try", "table", metavar="TABLE", help="Show what filter and script make of ten rows of the source.")
@click.option("--count", is_flag=True, help="With --connect or --try: count the rows that travel.")
@JSON
def check(path: Path, connect: bool, table: str | None, count: bool, as_json: bool) -> None:
    """Validate a task file. Exit code 2 names the file, the line and the nearest valid name.

    With --connect exit code 3 says that objects, names, columns or filters do not fit the ends; the precheck looks at
    everything else, too.
    """
    spec = load_task(path)
    if count and table is None and not connect:
        raise click.UsageError("--count needs --connect or --try TABLE")
    if connect and table is not None:
        raise click.UsageError("--connect is about all tables, --try TABLE about one: leave one of them out")
    if table is not None:
        trial = lifecycle.try_rules(spec, table, count=count)
        if as_json:
            print_json(msgspec.to_builtins(trial))
        else:
            show_lines("\n".join(describe_trial(trial)))
        return
    for trouble in dict.fromkeys(filter(None, map(keyring_trouble, (spec.source, spec.destination)))):
        say(trouble)
    troubles = [
        *file_troubles(file.with_absolute_paths(spec, path.parent)),
        *(receiver_troubles(spec) if connect else ()),
    ]
    for trouble in troubles:
        say(f"warning: {trouble}")
    valid = {"valid": True, "file": str(path), "name": spec.name, "id": spec.id, "warnings": troubles}
    if connect:
        _connect(spec, valid, count=count, as_json=as_json)
    elif as_json:
        print_json(valid)
    else:
        show(f"{path}: valid, task `{spec.name}`")


def _connect(spec: TaskSpec, valid: dict[str, Any], *, count: bool, as_json: bool) -> None:
    """What both ends say of the objects of a file that is valid by itself."""
    items: list[PrecheckItemFinished] = []

    def on_event(event: Event) -> None:
        if isinstance(event, PrecheckItemFinished):
            items.append(event)
            if not as_json:
                print_item(event)

    try:
        kept = check_objects(spec, on_event, count=count)
    except (PrecheckNotPassed, EndpointError) as error:
        if as_json:
            fail(error, {**valid, "fits": False, "items": items})
        raise
    if as_json:
        print_json({**valid, "fits": True, "items": items, "filters": msgspec.to_builtins(kept)})
        return
    for rows in kept:
        show(describe_kept(rows))
    show(f"{valid['file']}: valid, and both ends fit, task `{spec.name}`")


@click.command()
@FILE
@click.option("--json", "as_json", is_flag=True, help="Print specification and plan as JSON.")
def preview(path: Path, as_json: bool) -> None:
    """Show the task file with all defaults (stdout) and what the task would do (stderr)."""
    spec = load_task(path)
    if as_json:
        print_json({"specification": msgspec.to_builtins(spec), "plan": describe_plan(spec), "command": _command(path)})
        return
    show_lines(file.dump(spec).rstrip("\n"))
    say("")
    for line in describe_plan(spec):
        say(line)
    say(f"Equivalent command: {_command(path)}")


def _command(path: Path) -> str:
    return f"syncwizard start {shell_word(path)}"
