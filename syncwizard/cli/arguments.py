"""The arguments that many commands have, with what a shell completes them by."""

from pathlib import Path

import click

from syncwizard.cli.completing import complete_file, complete_file_or_task, complete_task


def _named(ctx: click.Context, parameter: click.Parameter, value: str) -> Path:
    # An unset variable in a script: as a path it would be the current folder.
    if not value:
        raise click.BadParameter("the name of the file is empty")
    return Path(value)


TASK = click.argument("name", metavar="TASK", shell_complete=complete_task)
TASK_OR_ALL = click.argument("name", metavar="[TASK]", required=False, shell_complete=complete_task)
FILE = click.argument("path", metavar="FILE", callback=_named, shell_complete=complete_file)
FILE_OR_TASK = click.argument("name", metavar="FILE|TASK", shell_complete=complete_file_or_task)
