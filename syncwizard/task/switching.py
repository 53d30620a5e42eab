"""How the facts of a switchover make its state, and how each is called in one line. Pure."""

import msgspec

from syncwizard.task.switchover import (
    DestinationChanging,
    FenceRaising,
    ReverseCreating,
    SlotDropped,
    Switchover,
    SwitchoverEvent,
    SwitchoverFinished,
    SwitchoverOrder,
    SwitchoverRehearsed,
    SwitchoverStarted,
    SwitchoverStep,
    SwitchoverStepFinished,
    SwitchoverStepStarted,
    SwitchoverUndone,
    UndoFailed,
)
from syncwizard.task.text import counted, format_seconds, listed, local_time

replace = msgspec.structs.replace


def after(event: SwitchoverEvent, known: Switchover | None, at: float) -> Switchover | None:
    """The switchover after one more of its facts, which happened at `at` (seconds since the epoch)."""
    if isinstance(event, SwitchoverStarted):
        return Switchover(order=event.order, started_at=at)
    if known is None or known.order.id != event.id:
        return known
    match event:
        case SwitchoverStepStarted():
            begun = SwitchoverStep(name=event.step, started_at=at)
            others = tuple(each for each in known.steps if each.name != event.step)
            # It is at work again, where it had ended without being undone.
            return replace(known, steps=(*others, begun), ended_at=None, failure=None)
        case SwitchoverStepFinished():
            return replace(known, steps=tuple(_finished(each, event) for each in known.steps))
        case FenceRaising():
            # The first record has what was there before; writes are kept out since then.
            if known.fence is not None:
                return known
            return replace(known, fence=event.fence, fenced_at=at)
        case DestinationChanging():
            return replace(known, undo=(*event.undo, *(each for each in known.undo if each not in event.undo)))
        case ReverseCreating():
            return replace(known, reverse=event.task, reverse_name=event.name)
        case SwitchoverUndone():
            return replace(
                known,
                ended_at=at,
                reverse=None,
                undone=True,
                fence=None,
                undo=(),
                failure=event.failure,
                seconds=event.seconds,
                left_over=event.left_over,
            )
        case UndoFailed():
            return replace(known, ended_at=at, failure=event.failure)
        case SwitchoverRehearsed():
            return replace(known, ended_at=at, seconds=event.seconds, waits=event.waits)
        case SwitchoverFinished():
            return replace(known, ended_at=at, finished=True, lsn=event.lsn, seconds=event.seconds)
    return known


def _finished(step: SwitchoverStep, event: SwitchoverStepFinished) -> SwitchoverStep:
    return replace(step, seconds=event.seconds, summary=event.summary) if step.name == event.step else step


def sentence_of(event: SwitchoverEvent) -> str:
    """The fact in one line, without what went wrong, which its caller describes."""
    match event:
        case SwitchoverStarted(order=SwitchoverOrder(rehearsal=True)):
            return "rehearsal of a switchover begins: no write is kept out"
        case SwitchoverStarted():
            return f"switchover begins: {describe_fence(event.order.fence, event.order.roles)}"
        case SwitchoverStepStarted():
            return f"switchover, step {event.step}"
        case SwitchoverStepFinished():
            return f"switchover, step {event.step} done in {format_seconds(event.seconds)}: {event.summary}"
        case FenceRaising():
            statements = "; ".join(event.fence.statements[:1])
            more = f" and {counted(len(event.fence.statements) - 1, 'statement')} more"
            return f"fencing database {event.fence.database} of the source" + (
                f": {statements}{more if len(event.fence.statements) > 1 else ''}" if statements else ""
            )
        case DestinationChanging():
            return f"changing definitions of the destination, each with its undo: {listed(event.undo)}"
        case ReverseCreating():
            return f"making the task of the other direction, {event.name}"
        case SwitchoverUndone():
            without = f"; writes were kept out for {format_seconds(event.seconds)}" if event.seconds is not None else ""
            return f"the switchover is undone{without}"
        case UndoFailed():
            return "the switchover could not be undone, and the source is fenced still"
        case SwitchoverFinished():
            return f"switched over at {event.lsn}: writes were kept out for {format_seconds(event.seconds)}"
        case SwitchoverRehearsed():
            return f"rehearsed: writes would be kept out for about {format_seconds(event.seconds)}" + (
                f"; it would wait for {listed(event.waits)}" if event.waits else ""
            )
        case SlotDropped():
            return f"slot {event.name} is dropped: the task reads the source no more"
    return type(event).__name__


def describe_fence(mode: str, roles: tuple[str, ...]) -> str:
    """What keeps writes out of the source, in a few words.

    >>> describe_fence("revoke", ("app", "jobs"))
    'app, jobs lose the right to write to its tables'
    """
    match mode:
        case "read-only":
            return "the source's database becomes read-only by default"
        case "revoke":
            return f"{listed(roles)} lose the right to write to its tables"
    return "writes to the source were stopped by other means"


def describe_switchover(known: Switchover) -> str:
    """How a switchover stands, in one line."""
    if known.finished and known.ended_at is not None:
        took = f"; writes were kept out for {format_seconds(known.seconds)}" if known.seconds is not None else ""
        return f"switched over at {local_time(known.ended_at)}, at {known.lsn}{took}"
    if known.order.rehearsal and known.ended_at is not None and known.seconds is not None:
        at = local_time(known.ended_at)
        return f"rehearsed at {at}: writes would be kept out for about {format_seconds(known.seconds)}"
    if known.undone and known.ended_at is not None and known.order.rehearsal:
        return f"a rehearsal ended early at {local_time(known.ended_at)}"
    if known.undone and known.ended_at is not None:
        return f"a switchover was undone at {local_time(known.ended_at)}"
    step = f", step {known.steps[-1].name}" if known.steps else ""
    fenced = ""
    if known.fence is not None and known.fenced_at is not None:
        fenced = f"; writes are kept out of the source since {local_time(known.fenced_at)}"
    return f"switchover since {local_time(known.started_at)}{step}{fenced}"
