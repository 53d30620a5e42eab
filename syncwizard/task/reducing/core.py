"""What all handlers share: the dispatcher that they register with, remarks, and stages that are interrupted."""

import functools

import msgspec

from syncwizard.task.events import Event, Noticed
from syncwizard.task.state import Notice, TaskState

replace = msgspec.structs.replace

# Enough for a screen; the journal keeps them all.
NOTICES_KEPT = 50


def interrupted(state: TaskState) -> TaskState:
    """Stages that ran wait again; `started_at` stays and tells that they were begun."""
    stages = {
        name: replace(stage, status="waiting") if stage.status == "running" else stage
        for name, stage in state.stages.items()
    }
    return replace(state, stages=stages, retrying=None)


@functools.singledispatch
def after(event: Event, state: TaskState, at: float) -> TaskState:
    """Facts without a handler (an order to pause) change nothing but the journal's position."""
    return state


@after.register
def _(event: Noticed, state: TaskState, at: float) -> TaskState:
    return noticed(state, at, event)


def noticed(state: TaskState, at: float, event: Noticed) -> TaskState:
    """The state with one more remark; of many the latest stay."""
    notice = Notice(at=at, level=event.level, message=event.message, remedy=event.remedy)
    return replace(state, notices=(*state.notices, notice)[-NOTICES_KEPT:])
