"""The command `doctor`: what of this machine matters to the program, a line each."""

import click
import msgspec

from syncwizard.cli.output import JSON, print_json, say, show
from syncwizard.remedies import lines_of
from syncwizard.task.text import counted

NOT_PASSED = 3


@click.command()
@JSON
def doctor(as_json: bool) -> int:
    """Check this machine: versions, pg_dump, folders, terminal, keyring, limits. Changes nothing, asks no server.

    Exit code 3: something would keep a task from starting or going on (`failed`); warnings do not count.
    """
    # Here and not above: it loads the driver, and `--help` needs none.
    from syncwizard.client.doctor import examine

    found = examine()
    failures = [each for each in found if each.level == "failed"]
    if as_json:
        print_json({"passed": not failures, "findings": [msgspec.to_builtins(each) for each in found]})
        return NOT_PASSED if failures else 0
    width = max(len(each.name) for each in found)
    for each in found:
        show(f"{each.level:<7}  {each.name:<{width}}  {each.message}")
        for line in lines_of(each.remedy):
            show(f"{'':<7}  {'':<{width}}  {line}")
    warnings = sum(each.level == "warning" for each in found)
    if failures or warnings:
        say(f"{counted(len(failures), 'failure')}, {counted(warnings, 'warning')}")
    return NOT_PASSED if failures else 0
