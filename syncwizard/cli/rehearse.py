"""The command `rehearse`: every step of a switchover but the fence, with the time that writes would be kept out."""

import uuid

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.output import JSON, fail, print_json, say, show
from syncwizard.cli.switchover import data_of, show_event
from syncwizard.client import lifecycle, switching, tasks
from syncwizard.errors import SyncwizardError
from syncwizard.task.switching import describe_switchover
from syncwizard.task.switchover import AcceptedCheck, SwitchoverOrder, SwitchoverVerification


@click.command()
@TASK
@click.option(
    "--verify",
    type=click.Choice(["none", "counts", "rows"]),
    default="counts",
    show_default=True,
    help="How both ends are compared.",
)
@click.option("--writes-stopped", is_flag=True, help="As for a switchover without a fence.")
@click.option(
    "--ignore",
    "accepted",
    type=click.Choice(["missing-definitions", "latency", "sequences", "quarantine"]),
    multiple=True,
    help="Accept what stands in the way; repeatable.",
)
@click.option("--reverse/--no-reverse", default=True, show_default=True, help="Check the reverse task, too.")
@JSON
def rehearse(
    name: str,
    verify: SwitchoverVerification,
    writes_stopped: bool,
    accepted: tuple[AcceptedCheck, ...],
    reverse: bool,
    as_json: bool,
) -> int:
    """Take every step of a switchover but the fence, and tell for how long writes would be kept out.

    Applications go on writing; nothing is opened or made. Sequences are set to the source's values. Exit codes as those
    of a switchover.
    """
    task = tasks.find_task(name)
    state = task.read_state()
    lifecycle.check_not_switched(task, state)
    wanted = SwitchoverOrder(
        id=uuid.uuid4(),
        fence="stopped" if writes_stopped else "read-only",
        verify=verify,
        reverse=reverse,
        rehearsal=True,
        accepted=accepted,
    )
    order, _ = switching.order_of(state, wanted)
    try:
        found = switching.switch(task, order, show_event)
    except SyncwizardError as error:
        if as_json:
            fail(error, data_of(task))
        raise
    if as_json:
        print_json(data_of(task))
    else:
        show(f"{task.label}  {describe_switchover(found)}")
    for each in found.waits:
        say(f"it would wait for {each}")
    return 0
