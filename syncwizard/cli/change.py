"""The command `change`: the change of a row that cannot be applied, what is decided about it, and the quarantine."""

import shlex
import sys
from pathlib import Path

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.lifecycle import watch_stages
from syncwizard.cli.output import JSON, print_json, say, say_lines, show_lines
from syncwizard.client import refused, tasks
from syncwizard.client.looking import look
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.task.facts import RefusedChange
from syncwizard.task.quarantine import RowAction, describe_quarantined
from syncwizard.task.refused import describe_refused
from syncwizard.task.text import one_line

EXCLUSIVE = "--dry-run, --retry, --edit, --values and --quarantine exclude each other"


@click.command()
@TASK
@click.option("--dry-run", is_flag=True, help="Show the values of the change that waits, to be edited.")
@click.option("--retry", is_flag=True, help="Try the change that waits again, now.")
@click.option("--edit", is_flag=True, help="Edit its values, and apply it with those.")
@click.option("--values", "file", metavar="FILE", help="Apply it with the values of this file; - is stdin.")
@click.option("--quarantine", is_flag=True, help="Keep it in syncwizard.quarantine, and go on without it.")
@YES
@JSON
def change(
    name: str, *, dry_run: bool, retry: bool, edit: bool, file: str | None, quarantine: bool, yes: bool, as_json: bool
) -> None:
    """Show the change of a row that cannot be applied, and what is in quarantine; decide about it."""
    if sum((dry_run, retry, edit, file is not None, quarantine)) > 1:
        raise UsageError(EXCLUSIVE, remedy="use one of them")
    task = tasks.find_task(name)
    if dry_run:
        _show(refused.check_waiting(task), as_json=as_json)
    elif retry:
        _decide(task, refused.check_waiting(task), "retry", {}, as_json=as_json)
    elif edit or file is not None:
        _edit(task, refused.check_waiting(task), file, yes=yes, as_json=as_json)
    elif quarantine:
        _quarantine(task, refused.check_waiting(task), yes=yes, as_json=as_json)
    else:
        _list(task, as_json=as_json)


def _list(task: StoredTask, *, as_json: bool) -> None:
    state = look(task).state
    if as_json:
        print_json({"id": task.id, "label": task.label, **refused.as_data(state)})
    else:
        show_lines(refused.describe(state, task.label))


def _show(waiting: RefusedChange, *, as_json: bool) -> None:
    if as_json:
        print_json({"waiting": waiting})
    else:
        show_lines(refused.values_text(waiting).rstrip("\n"))


def _edit(task: StoredTask, waiting: RefusedChange, file: str | None, *, yes: bool, as_json: bool) -> None:
    refused.check_decidable(task, "edit")
    values = refused.edited_values(_text(task, waiting, file), waiting)
    say(one_line(f"{waiting.kind} on {waiting.table}, committed at {waiting.lsn}, is applied with other values:"))
    for column, value in values.items():
        say(one_line(f"  {column} = {'NULL' if value is None else value}"))
    say("the row differs from the source's from then on; both are kept in syncwizard.quarantine at the destination")
    if not yes:
        ask_for_name(task)
    _decide(task, waiting, "edit", values, as_json=as_json)


def _text(task: StoredTask, waiting: RefusedChange, file: str | None) -> str:
    if file == "-":
        return sys.stdin.read()
    if file is None:
        saved: str | None = click.edit(refused.values_text(waiting), extension=".json")
        if saved is None:
            raise UsageError("nothing was done: the values were not saved", where=task.label)
        return saved
    try:
        return Path(file).read_text()
    except OSError as error:
        raise UsageError(f"{file} cannot be read", detail=error.strerror or "") from error


def _quarantine(task: StoredTask, waiting: RefusedChange, *, yes: bool, as_json: bool) -> None:
    refused.check_decidable(task, "quarantine")
    say_lines(describe_refused(waiting))
    say("the task goes on without it: the row differs from the source's until a later change of it, or a repair")
    if not yes:
        ask_for_name(task)
    _decide(task, waiting, "quarantine", {}, as_json=as_json)


def _decide(
    task: StoredTask, waiting: RefusedChange, action: RowAction, values: dict[str, str | None], *, as_json: bool
) -> None:
    before = task.read_state().quarantined
    state = refused.decide(task, waiting, action, values, watch_stages)
    record = refused.record_of(state, before)
    if as_json:
        print_json({"id": task.id, "label": task.label, "state": state.state, "action": action, "record": record})
    say(one_line(describe_quarantined(record.change) if record is not None else "the change could be applied as it is"))
    say(f"the changes go on; watch them: syncwizard status {shlex.quote(task.label)}")
