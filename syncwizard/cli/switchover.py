"""The command `switchover`: moves writes from the source to the destination, step by step, or undoes that."""

import uuid

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.confirming import YES, ask_for_name
from syncwizard.cli.output import JSON, fail, print_json, say, show
from syncwizard.client import lifecycle, switching, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import SyncwizardError, UsageError
from syncwizard.task.events import Event
from syncwizard.task.narration import narrate
from syncwizard.task.switching import describe_fence
from syncwizard.task.switchover import AcceptedCheck, SwitchoverOrder, SwitchoverVerification
from syncwizard.task.text import format_seconds, shell_word


@click.command()
@TASK
@click.option(
    "--fence",
    type=click.Choice(["read-only", "revoke"]),
    default="read-only",
    show_default=True,
    help="How writes are kept out of the source.",
)
@click.option("--role", "roles", metavar="NAME", multiple=True, help="With --fence revoke: it may write no more.")
@click.option("--writes-stopped", is_flag=True, help="Fence nothing: the applications were stopped already.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0, max=3600),
    default=30.0,
    show_default=True,
    metavar="SECONDS",
    help="How long open transactions may go on.",
)
@click.option(
    "--longest",
    type=click.FloatRange(min=1, max=86400),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Undo it when writes are kept out for longer.",
)
@click.option(
    "--verify",
    type=click.Choice(["none", "counts", "rows"]),
    default="counts",
    show_default=True,
    help="How both ends are compared behind the fence.",
)
@click.option("--offset", type=click.IntRange(min=0), default=0, help="Add this number to the values of sequences.")
@click.option(
    "--ignore",
    "accepted",
    type=click.Choice(["missing-definitions", "latency", "sequences", "quarantine"]),
    multiple=True,
    help="Accept what stands in the way; repeatable.",
)
@click.option(
    "--reverse/--no-reverse",
    default=True,
    show_default=True,
    help="Make the task of the other direction, which is the way back.",
)
@click.option("--undo", "undoing", is_flag=True, help="Let writes go to the source again.")
@YES
@JSON
def switchover(
    name: str,
    fence: str,
    roles: tuple[str, ...],
    writes_stopped: bool,
    grace: float,
    longest: float,
    verify: SwitchoverVerification,
    offset: int,
    accepted: tuple[AcceptedCheck, ...],
    reverse: bool,
    undoing: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Move writes from the source to the destination, step by step; each step is undone when a later one fails.

    Keeps writes out of the source, waits until everything before is at the destination, compares both ends, sets
    sequences, and enables triggers. Until the last step, Ctrl-C undoes it. Where it was interrupted, the same command
    goes on. Exit code 5: both ends differ; 6: it took too long; 7: the source takes no writes still.
    """
    task = tasks.find_task(name, exactly=True)
    if undoing:
        return _undo(task, as_json)
    wanted = SwitchoverOrder(
        id=uuid.uuid4(),
        fence="stopped" if writes_stopped else ("revoke" if fence == "revoke" else "read-only"),
        roles=roles,
        grace_seconds=grace,
        longest_seconds=longest,
        verify=verify,
        offset=offset,
        reverse=reverse,
        accepted=accepted,
    )
    state = task.read_state()
    lifecycle.check_not_switched(task, state)
    order, going_on = switching.order_of(state, wanted)
    if going_on:
        say("going on with the switchover that was interrupted, as it was ordered then")
    if not yes:
        _show(task, order)
        ask_for_name(task)
    try:
        found = switching.switch(task, order, show_event)
    except SyncwizardError as error:
        if as_json:
            fail(error, data_of(task))
        raise
    if as_json:
        print_json({**data_of(task), "connection": switching.new_connection(task.spec.destination)})
    else:
        show(f"{task.label}  switched  {switching.new_connection(task.spec.destination)}")
    if found.seconds is not None:
        say(f"writes were kept out for {format_seconds(found.seconds)}; applications connect to the destination now")
    if found.reverse is not None:
        say(f"the way back: syncwizard switchover {shell_word(found.reverse_name)}")
    say(f"what is left of the task: syncwizard release {shell_word(task.label)}")
    return 0


def _undo(task: StoredTask, as_json: bool) -> int:
    if task.read_state().switchover is None:
        raise UsageError("there is no switchover to undo", where=task.label)
    switching.undo(task, show_event)
    if as_json:
        print_json(data_of(task))
    return 0


def show_event(event: Event) -> None:
    """A step, as it is taken."""
    say(narrate(event))


def data_of(task: StoredTask) -> dict[str, object]:
    """How far a switchover or its rehearsal is, for `--json`."""
    state = task.read_state()
    return {"id": task.id, "label": task.label, "state": state.state, "switchover": state.switchover}


def _show(task: StoredTask, order: SwitchoverOrder) -> None:
    say(f"{task.label}: writes move from {task.spec.source.describe()} to {task.spec.destination.describe()}")
    say(f"{describe_fence(order.fence, order.roles)}; until the last step everything is undone when one fails")
