"""The command `ddl`: what was followed of changes of definitions at the source, what stands in the way, and what is
decided about it."""

import shlex
import sys
from pathlib import Path

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import JSON, print_json, say, say_lines, show, show_lines
from syncwizard.client import deciding, tasks
from syncwizard.client.followed import (
    describe_followed,
    describe_ignored,
    describe_skip,
    followed_as_data,
    followed_of,
    statements_text,
)
from syncwizard.client.looking import look
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.structure.edited import edited_statements
from syncwizard.task.ddl import Action
from syncwizard.task.events import BlockedDefinition


@click.command()
@TASK
@click.option("--dry-run", is_flag=True, help="Show the statements that the change that waits would run.")
@click.option("--retry", is_flag=True, help="Try the change that waits again, now.")
@click.option("--edit", is_flag=True, help="Edit its statements, and run them in its place.")
@click.option("--run", "file", metavar="FILE", help="Run the statements of this file in its place; - is stdin.")
@click.option("--skip", is_flag=True, help="Go on without it.")
@YES
@JSON
def ddl(
    name: str, *, dry_run: bool, retry: bool, edit: bool, file: str | None, skip: bool, yes: bool, as_json: bool
) -> None:
    """List the changes of definitions that were followed, and what stops the task; decide about that."""
    if sum((dry_run, retry, edit, file is not None, skip)) > 1:
        raise UsageError("--dry-run, --retry, --edit, --run and --skip exclude each other", remedy="use one of them")
    task = tasks.find_task(name)
    if dry_run:
        _show(deciding.check_waiting(task), as_json=as_json)
    elif retry:
        _decide(task, deciding.check_waiting(task), "retry", [], as_json=as_json)
    elif edit or file is not None:
        _run(task, deciding.check_waiting(task), file, yes=yes, as_json=as_json)
    elif skip:
        _skip(task, deciding.check_waiting(task), yes=yes, as_json=as_json)
    else:
        _list(task, as_json=as_json)


def _list(task: StoredTask, *, as_json: bool) -> None:
    seen, setting = look(task), task.spec.advanced.ddl
    state = seen.state
    followed = followed_of(list(task.entries()))
    if as_json:
        print_json(
            {"id": task.id, "label": task.label, "ddl": setting, **followed_as_data(followed, state, seen.sample)}
        )
    else:
        show_lines(describe_followed(followed, state, task.label, setting))
        if ignored := describe_ignored(seen.sample):
            show(f"  ignored: {ignored}")


def _show(change: BlockedDefinition, *, as_json: bool) -> None:
    if as_json:
        print_json({"waiting": change})
    else:
        show_lines(statements_text(change).rstrip("\n"))


def _run(task: StoredTask, change: BlockedDefinition, file: str | None, *, yes: bool, as_json: bool) -> None:
    if file is None:
        text = _edited(task, change)
    elif file == "-":
        text = sys.stdin.read()
    else:
        text = _read(file)
    statements = edited_statements(text)
    say(f"in place of {change.tag} on {change.table or 'an unknown object'}, in one transaction with the rows around:")
    for statement in statements:
        say_lines(f"  {statement};")
    if not yes:
        ask_for_name(task)
    _decide(task, change, "run", statements, as_json=as_json)


def _edited(task: StoredTask, change: BlockedDefinition) -> str:
    saved: str | None = click.edit(statements_text(change), extension=".sql")
    if saved is None:
        raise UsageError("nothing was done: the statements were not saved", where=task.label)
    return saved


def _read(file: str) -> str:
    try:
        return Path(file).read_text()
    except OSError as error:
        raise UsageError(f"{file} cannot be read", detail=error.strerror or "") from error


def _skip(task: StoredTask, change: BlockedDefinition, *, yes: bool, as_json: bool) -> None:
    deciding.check_skippable(task, change)
    say_lines(describe_skip(change))
    if not yes:
        ask_for_name(task)
    _decide(task, change, "skip", [], as_json=as_json)


def _decide(
    task: StoredTask, change: BlockedDefinition, action: Action, statements: list[str], *, as_json: bool
) -> None:
    state = deciding.decide(task, change, action, statements, watch_stages)
    if as_json:
        print_json({"id": task.id, "label": task.label, "state": state.state, "action": action, "change": change})
    say(f"the changes go on; watch them: syncwizard status {shlex.quote(task.label)}")
