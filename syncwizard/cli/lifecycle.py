"""Commands that begin, hold and continue a task: `start`, `pause`, `resume`."""

import shlex
from pathlib import Path
from typing import Any, NoReturn

import click

from syncwizard.cli.arguments import FILE, TASK, TASK_OR_ALL, table_name
from syncwizard.cli.output import JSON, fail, failure_as_data, print_error, print_json, say, say_trouble, show
from syncwizard.cli.precheck import IGNORE, print_item
from syncwizard.client import launch, lifecycle, pausing, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import Goal, current, wait_for
from syncwizard.errors import EndpointError, PrecheckNotPassed, SyncwizardError, UsageError
from syncwizard.task.events import (
    Entry,
    Noticed,
    RetryEnded,
    RetryStarted,
    StageFinished,
    StageStarted,
)
from syncwizard.task.narration import narrate
from syncwizard.task.state import TaskState

UNTIL = click.option(
    "--until",
    type=click.Choice(["full", "caught-up"]),
    help="Return when the task has reached this; the task continues.",
)
FOREGROUND = click.option(
    "--foreground", is_flag=True, help="Run the engine in the foreground, for a service manager; log to stderr."
)


@click.command()
@FILE
@FOREGROUND
@UNTIL
@IGNORE
@JSON
def start(path: Path, foreground: bool, until: Goal | None, ignored: tuple[str, ...], as_json: bool) -> None:
    """Start the task of a file: returns when the precheck has passed, and the task runs on by itself."""
    _refuse_foreground_with(foreground, until, as_json)
    prepared = lifecycle.prepare_start(path, ignored)
    task = prepared.task
    if prepared.renewed:
        say(f"{path}: its task was released; this is a new one, with a new id")
    if foreground:
        _become_engine(prepared)
    try:
        lifecycle.start(prepared, watch_stages)
    except (PrecheckNotPassed, EndpointError) as error:
        state = task.read_state()
        for item in state.precheck:
            if item.blocks:
                print_item(item, say)
        if as_json:
            fail(error, _result_of(task, state))
        raise
    _go_on(task, until, as_json, "started")


@click.command()
@TASK
@click.option("--table", "names", metavar="SCHEMA.NAME", multiple=True, help="Pause this table alone; repeatable.")
@JSON
def pause(name: str, names: tuple[str, ...], as_json: bool) -> None:
    """Pause a task: every connection is closed; the slot stays, and keeps WAL at the source.

    With --table the task goes on with its other tables. The changes of a paused table are counted and not kept:
    resync --table brings it back, by a copy.
    """
    task = tasks.find_task(name)
    if names:
        state = task.read_state()
        pausing.pause_tables(task, [table_name(text, state) for text in names], watch_stages)
        for text in names:
            say(f"{text} is set aside: its changes are not applied, and not kept")
        again = " ".join(f"--table {shlex.quote(text)}" for text in names)
        say(f"to copy it again, and go on with it: syncwizard resync {shlex.quote(task.label)} {again}")
    else:
        lifecycle.pause(task)
    _print_result(task, as_json=as_json)


@click.command()
@TASK_OR_ALL
@click.option("--all", "everything", is_flag=True, help="Continue every task whose engine died, as after a reboot.")
@FOREGROUND
@UNTIL
@JSON
def resume(name: str | None, everything: bool, foreground: bool, until: Goal | None, as_json: bool) -> int:
    """Continue a task that was paused, failed, or whose engine died, from its journal.

    With --all every task of this machine whose engine ended without being asked to; tasks that were paused, or have
    failed, stay as they are.
    """
    if everything == (name is not None):
        raise UsageError("name one task, or give --all", remedy="syncwizard status lists the tasks")
    if name is None:
        if foreground or until:
            raise UsageError("--all returns once the engines work", remedy="leave out --foreground and --until")
        return _resume_all(as_json)
    _refuse_foreground_with(foreground, until, as_json)
    prepared = lifecycle.prepare_resume(tasks.find_task(name))
    if foreground:
        _become_engine(prepared)
    lifecycle.resume(prepared, watch_stages)
    _go_on(prepared.task, until, as_json, "resumed")
    return 0


def _resume_all(as_json: bool) -> int:
    """One that cannot go on keeps no other from it; the exit code is that of the first of those."""
    results, code = [], 0
    for task in [each for each in tasks.list_tasks() if current(each)[1].died]:
        try:
            lifecycle.resume(lifecycle.prepare_resume(task), watch_stages)
        except SyncwizardError as error:
            print_error(error)
            code = code or error.exit_code
            results.append({**_result_of(task, task.read_state()), **failure_as_data(error)})
        else:
            results.append(_result_of(task, task.read_state()))
            if not as_json:
                _print_result(task, as_json=False)
    if as_json:
        print_json({"tasks": results})
    elif not results:
        say("the engine of no task died")
    return code


def _go_on(task: StoredTask, until: Goal | None, as_json: bool, what: str) -> None:
    """After a start: waits where that is wanted, then prints how to watch the task."""
    if until is not None:
        say_trouble(task.read_state())
        wait_for(task, until, None, watch_stages)
    _print_result(task, as_json=as_json)
    say(f"{what}; watch it: syncwizard status {shlex.quote(task.label)}")


def _print_result(task: StoredTask, *, as_json: bool) -> TaskState:
    state = task.read_state()
    if as_json:
        print_json(_result_of(task, state))
    else:
        show(f"{task.label}  {state.state}  {task.id}")
    return state


def _result_of(task: StoredTask, state: TaskState) -> dict[str, Any]:
    return {
        "id": task.id,
        "name": task.spec.name,
        "label": task.label,
        "state": state.state,
        "precheck": state.precheck,
    }


def watch_stages(entry: Entry) -> None:
    """Says when a stage begins and when it is done."""
    match entry.event:
        case StageFinished() | StageStarted() | RetryStarted() | RetryEnded():
            say(narrate(entry.event))
        case Noticed(level="warning" | "error"):
            say(narrate(entry.event))


def _become_engine(prepared: lifecycle.Prepared) -> NoReturn:
    launch.become_engine(prepared.task.spec, prepared.secrets)


def _refuse_foreground_with(foreground: bool, until: str | None, as_json: bool) -> None:
    if foreground and (until or as_json):
        raise UsageError(
            "--foreground does not return before the task ends",
            remedy="leave out --until and --json, and use `syncwizard wait` in another terminal",
        )
