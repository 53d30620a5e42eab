"""Commands on a task file alone: `check` and `preview`. Neither touches a server, unless `check` is to try a script."""

from pathlib import Path

import click
import msgspec

from syncwizard.cli.arguments import FILE
from syncwizard.cli.output import JSON, print_json, say, show, show_lines
from syncwizard.client import lifecycle
from syncwizard.client.saved_connections import load_task
from syncwizard.secrets import keyring_trouble
from syncwizard.task import file
from syncwizard.task.summary import describe_plan
from syncwizard.task.text import shell_word
from syncwizard.task.trial import describe_trial


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
@click.option("--try", "table", metavar="TABLE", help="Show what filter and script make of ten rows of the source.")
@click.option("--count", is_flag=True, help="With --try: count the rows of the table that travel.")
@JSON
def check(path: Path, table: str | None, count: bool, as_json: bool) -> None:
    """Validate a task file. Exit code 2 names the file, the line and the nearest valid name."""
    spec = load_task(path)
    if count and table is None:
        raise click.UsageError("--count needs --try TABLE")
    if table is not None:
        trial = lifecycle.try_rules(spec, table, count=count)
        if as_json:
            print_json(msgspec.to_builtins(trial))
        else:
            show_lines("\n".join(describe_trial(trial)))
        return
    for trouble in dict.fromkeys(filter(None, map(keyring_trouble, (spec.source, spec.destination)))):
        say(trouble)
    if as_json:
        print_json({"valid": True, "file": str(path), "name": spec.name, "id": spec.id})
    else:
        show(f"{path}: valid, task `{spec.name}`")


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
