"""The command `release`: says what goes and what stays, asks for the task's name, and removes everything of it."""

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.output import JSON, fail, print_json, say, show
from syncwizard.client import launch, lifecycle, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import LeftOver
from syncwizard.remedies import to_do
from syncwizard.task.event_words import describe_aside
from syncwizard.task.left_over import left_over_lines
from syncwizard.task.narration import narrate
from syncwizard.task.state import TaskState
from syncwizard.task.summary import RELEASE_CONSEQUENCES
from syncwizard.task.text import counted


@click.command()
@TASK
@YES
@JSON
def release(name: str, yes: bool, as_json: bool) -> None:
    """Remove everything of a task at both ends: slot, publication, heartbeat, replica identities, progress.

    TASK is its whole name, its whole id, or its file. A task that runs is paused first. Exit code 7: it is released,
    but something could not be removed, whose statements are printed.
    """
    task = tasks.find_task(name, exactly=True)
    if not yes:
        _show(task)
        ask_for_name(task)
    secrets = None
    if task.find_engine() is not None:
        # A secret that cannot be had is the end of it, before the task stands still for that.
        secrets = launch.collect_secrets(task.spec)
        lifecycle.pause(task)
        say("paused")
    state = lifecycle.release(task, lambda event: say(narrate(event)), secrets)
    result = {"id": task.id, "name": task.spec.name, "state": state.state, "left_over": state.left_over}
    result["set_aside"] = state.aside
    if as_json and state.left_over:
        fail(_left_over(task, state), result)
    if as_json:
        print_json(result)
        return
    for each in state.aside:
        say(f"not in step at the destination: {describe_aside(each)}")
    for line in left_over_lines(state.left_over):
        show(line)
    if state.left_over:
        raise _left_over(task, state)


def _show(task: StoredTask) -> None:
    running = "It runs, and is paused first. " if task.find_engine() is not None else ""
    say(f"{task.label}: from {task.spec.source.describe()} to {task.spec.destination.describe()}")
    say(running + RELEASE_CONSEQUENCES)


def _left_over(task: StoredTask, state: TaskState) -> LeftOver:
    return LeftOver(
        f"the task is released, but {counted(len(state.left_over), 'thing')} of it could not be removed",
        where=task.label,
        remedy=to_do(
            "run the statements that were printed at the end that each one names",
            otherwise=to_do("release it again once that end can be reached"),
        ),
    )
