"""The stages of a task as one table: their order, and what the engine, the reducer and the faces ask of each."""

from typing import Literal

import msgspec

StageName = Literal[
    "precheck", "capture", "schema", "full", "keys", "catch-up", "constraints", "indexes", "incremental"
]
# What tells how far it is: copied bytes, the stream on its way to the sync point, index builds, or its backlog.
Measured = Literal["", "copy", "sync point", "builds", "backlog"]


class StageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a stage.

    `endless`: never done, runs until the task is paused. `beside`: runs beside the stage that follows.
    `needs`: the synchronization type without which it has nothing to do. `measured`: what tells its progress.
    `again`: it runs again when tables are copied again, `joined`: when these were set aside until then, `added`: when
    the task did not have them. `tried`: before it is done nothing is at either end.
    """

    name: StageName
    endless: bool = False
    beside: bool = False
    needs: Literal["", "full"] = ""
    measured: Measured = ""
    again: bool = False
    joined: bool = False
    added: bool = False
    tried: bool = False


TABLE: tuple[StageFacts, ...] = (
    StageFacts(name="precheck", tried=True),
    StageFacts(name="capture", again=True),
    StageFacts(name="schema", added=True),
    StageFacts(name="full", needs="full", measured="copy", again=True),
    # Again for the statistics: without those of the new rows the planner reads all of a table for each changed row.
    StageFacts(name="keys", measured="builds", again=True),
    StageFacts(name="catch-up", measured="sync point", again=True),
    StageFacts(name="constraints", measured="builds", joined=True),
    StageFacts(name="indexes", measured="builds", beside=True, joined=True),
    StageFacts(name="incremental", measured="backlog", endless=True),
)
STAGES: tuple[StageName, ...] = tuple(stage.name for stage in TABLE)
_BY_NAME = {stage.name: stage for stage in TABLE}


def facts_of(name: StageName) -> StageFacts:
    """The stage of that name.

    >>> facts_of("incremental").endless
    True
    """
    return _BY_NAME[name]
