"""The command `verify`: compares both ends at one commit while changes go on, and says what differs."""

import shlex
import uuid

import click

from syncwizard.cli.lifecycle import TASK
from syncwizard.cli.output import JSON, print_json, say, show_lines
from syncwizard.cli.resync import table_name
from syncwizard.client import tasks, verifying
from syncwizard.errors import UsageError
from syncwizard.task.narration import narrate
from syncwizard.task.state import Verification
from syncwizard.task.verification import VerificationMode, VerificationOrder

DIFFERENT = 5
UNVERIFIED = 8


@click.command()
@TASK
@click.option("--table", "names", metavar="SCHEMA.NAME", multiple=True, help="Compare this table only; repeatable.")
@click.option(
    "--mode",
    type=click.Choice(["rows", "counts"]),
    default="rows",
    show_default=True,
    help="Compare every row, or the numbers of rows.",
)
@click.option("--ignore-extra", is_flag=True, help="Rows that only the destination has are no difference.")
@click.option("--last", is_flag=True, help="Compare nothing: show what the last verification found.")
@click.option("--stop", is_flag=True, help="End the verification that is at work.")
@JSON
def verify(
    name: str,
    names: tuple[str, ...],
    mode: VerificationMode,
    ignore_extra: bool,
    last: bool,
    stop: bool,
    as_json: bool,
) -> int:
    """Compare both ends exactly, while changes are applied.

    Both ends are read at the same commit, so that a difference is one. Exit code 5: rows differ; 8: a table could not
    be compared. Ctrl-C ends the command, not the verification.
    """
    task = tasks.find_task(name)
    if stop:
        verifying.stop(task)
        return 0
    state = task.read_state()
    if last:
        found = state.verification
        if found is None:
            raise UsageError("this task was never verified", remedy=f"syncwizard verify {shlex.quote(task.label)}")
    else:
        order = VerificationOrder(
            id=uuid.uuid4(),
            tables=tuple(table_name(text, state) for text in names),
            mode=mode,
            ignore_extra=ignore_extra,
        )
        found = verifying.verify(task, order, lambda event: say(narrate(event)))
    if as_json:
        print_json({"id": task.id, "label": task.label, "verification": found})
    else:
        show_lines(verifying.describe(found))
    return _exit_code(found)


def _exit_code(found: Verification) -> int:
    if found.of("different"):
        return DIFFERENT
    whole = found.failure is None and not found.stopped and found.ended_at is not None
    return 0 if whole and not found.of("unverified") else UNVERIFIED
