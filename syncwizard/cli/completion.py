"""The command `completion`: the script with which a shell completes this program's commands and their arguments."""

import click
from click.shell_completion import get_completion_class

from syncwizard.cli.output import show_lines

SHELLS = ("bash", "zsh", "fish")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes commands, options, tasks, files and precheck items in a shell."""
    kind = get_completion_class(shell)
    if kind is None:
        raise ValueError(f"click knows no {shell}")
    found = kind(context.find_root().command, {}, "syncwizard", "_SYNCWIZARD_COMPLETE")
    # Not by its `source`, which starts a bash to look for its version.
    show_lines((found.source_template % found.source_vars()).strip())
