"""Asks for a task's name before something that cannot be taken back."""

import sys

import click

from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.task.text import one_line

ONLINE = "online"
YES = click.option("--yes", is_flag=True, help="Do not ask.")


def ask_for_name(task: StoredTask) -> None:
    """Returns when the task's name was typed; raises UsageError otherwise, and where there is no terminal to ask at."""
    if not sys.stdin.isatty():
        raise UsageError("nothing was done", where=task.label, remedy="standard input is not a terminal: add --yes")
    question = one_line(f"Type the task's name ({task.label}) to continue")
    typed = click.prompt(question, default="", show_default=False, err=True)
    if typed != task.label:
        raise UsageError("nothing was done: that is not the task's name", where=task.label)
    if task.spec.advanced.tag == ONLINE:
        question = f"The task is tagged {ONLINE}: type `{ONLINE}` to do it all the same"
        if click.prompt(question, default="", show_default=False, err=True) != ONLINE:
            raise UsageError(f"nothing was done: the answer was not `{ONLINE}`", where=task.label)
