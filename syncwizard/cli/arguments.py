"""The arguments that many commands have, with what a shell completes them by."""

from pathlib import Path

import click

from syncwizard.cli.completing import complete_file, complete_file_or_task, complete_task
from syncwizard.errors import UsageError
from syncwizard.task.names import TableName
from syncwizard.task.state import TaskState


def _named(ctx: click.Context, parameter: click.Parameter, value: str) -> Path:
    # An unset variable in a script: as a path it would be the current folder.
    if not value:
        raise click.BadParameter("the name of the file is empty")
    return Path(value)


TASK = click.argument("name", metavar="TASK", shell_complete=complete_task)
TASK_OR_ALL = click.argument("name", metavar="[TASK]", required=False, shell_complete=complete_task)
FILE = click.argument("path", metavar="FILE", callback=_named, shell_complete=complete_file)
FILE_OR_TASK = click.argument("name", metavar="FILE|TASK", shell_complete=complete_file_or_task)


def table_name(text: str, state: TaskState) -> TableName:
    """The table that an argument means. Raises UsageError where it is no name of a table."""
    schema, _, name = text.partition(".")
    if not schema or not name:
        raise UsageError(f"`{text}` is not the name of a table", remedy="name it as schema.table")
    return state.table_name(text)
