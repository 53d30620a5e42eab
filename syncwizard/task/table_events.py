"""Events of tables: their copy, their definitions, what becomes of them at the source."""

import uuid
from typing import Literal

from syncwizard.remedies import NOTHING, Remedy
from syncwizard.task.facts import Event
from syncwizard.task.names import TableName
from syncwizard.task.parts import TableToCopy


class TablePlanned(Event, frozen=True, kw_only=True, tag=True):
    """A table's copy was planned under the pair (`pair_lsn`, snapshot). `more`: others are planned after it."""

    table: TableName
    pair_lsn: str
    chunks: int
    estimated_rows: int
    estimated_bytes: int
    binary: bool
    more: bool = False


class TableCopied(Event, frozen=True, kw_only=True, tag=True):
    """All chunks of the table are committed at the destination. `dead_letters`: rows of it that are set aside there,
    because a script failed for them; they are not among the rows."""

    table: TableName
    rows: int
    bytes: int
    seconds: float
    dead_letters: int = 0


class TableRestarted(Event, frozen=True, kw_only=True, tag=True):
    """The copy of a table begins again, under a new pair."""

    table: TableName
    reason: str


class ResyncRequested(Event, frozen=True, kw_only=True, tag=True):
    """An order to empty tables at the destination and to copy them again; `id` tells the order from others.

    `whole`: all of the stream is doubtful, so that slot and publication are made anew. `reasons` say what was found.
    `added`: those of the tables that the task did not have, `removed`: those that leave it, where the objects of the
    task were modified; `schemas` are new as a whole; `mapping` has the names at the destination from then on.
    `heals`: tables are not emptied; what differs is written. `automatic`: given by the engine. `gap_bytes`: the WAL
    that the source wrote since the destination's position, None where that is not known; `index_bytes`: of the tables'
    indexes at the destination. `taken_from`: the task that has copied the tables already, and kept them in step.
    `intact`: the changes of the other tables can go on as they are.
    """

    id: uuid.UUID
    tables: list[TableToCopy]
    whole: bool
    reasons: list[str] = []
    added: list[TableName] = []
    removed: list[TableName] = []
    schemas: list[str] = []
    mapping: list[tuple[str, ...]] | None = None
    heals: bool = False
    automatic: bool = False
    gap_bytes: int | None = None
    index_bytes: int = 0
    taken_from: uuid.UUID | None = None
    intact: bool = False

    @property
    def names(self) -> frozenset[TableName]:
        """The tables to copy."""
        return frozenset(each.table for each in self.tables)

    @property
    def modifies(self) -> bool:
        """Whether other tables belong to the task from here on."""
        return bool(self.added or self.removed)


class CopyBesideEvent(Event, frozen=True, kw_only=True):
    """What becomes of tables that another task copies for this one."""


class CopyBesideOrdered(CopyBesideEvent, frozen=True, kw_only=True, tag=True):
    """The tables of the order, which are set aside, are copied by a task of their own, while the changes of the others
    go on; once they are in step the order is carried out with what that task has copied."""

    order: ResyncRequested


class CopyBesideBegun(CopyBesideEvent, frozen=True, kw_only=True, tag=True):
    """The task that copies the tables is about to be made."""

    task: uuid.UUID
    name: str


class CopyBesideEnded(CopyBesideEvent, frozen=True, kw_only=True, tag=True):
    """That task is gone; `reason`: why it came to nothing. `again`: another one is to be made; else, where there is a
    reason, the order is to be carried out while the changes of all tables wait. `held`: so it was."""

    reason: str = ""
    again: bool = False
    held: bool = False


class TableDropped(Event, frozen=True, kw_only=True, tag=True):
    """The table is gone at the source. What was committed before was applied; its copy stays at the destination.

    `copied` is False where the table went before its copy was complete: the destination has a part of it at most.
    `again`: so is the one that was made anew under its name, which was set aside.
    """

    table: TableName
    copied: bool = True
    again: bool = False


class DefinitionFollowed(Event, frozen=True, kw_only=True, tag=True):
    """A change of a definition at the source was made at the destination, at its place among the rows.

    - `number`: from the destination, growing; `lsn`: of the commit at the source
    - `kind`: what became of the table; `table`: its name at the source before, `renamed` its name from then on
    - `tag`, `role`, `statement`: the command as it ran there; the statement is None where a function hid it
    - `statements`: what ran at the destination; none where there was nothing to do, or a dropped table stays there
    - `object_kind`: of what is no table, where `kind` is object, and `object_name` where the table alone does not say
      which; `refused`: why the destination did not take it
    - `ordinal`: its number at the source; `decided`, `by`: where the statements are not those that follow it
    """

    number: int = 0
    lsn: str
    kind: Literal["created", "dropped", "renamed", "changed", "object"]
    table: TableName
    renamed: TableName | None = None
    tag: str
    role: str = ""
    statement: str | None = None
    statements: list[str] = []
    object_kind: str = ""
    object_name: str = ""
    refused: str = ""
    sqlstate: str = ""
    ordinal: int = 0
    decided: Literal["", "run", "skip"] = ""
    by: str = ""


class PartitionDetached(Event, frozen=True, kw_only=True, tag=True):
    """A captured partition is in its tree no more. Its rows stay in the tree of the destination as they were.

    `root` is the tree's name, None where that is gone. `captured`: its changes still come.
    """

    table: TableName
    root: TableName | None = None
    captured: bool = False
    remedy: Remedy = NOTHING


class TableSetAside(Event, frozen=True, kw_only=True, tag=True):
    """Changes of the table are not applied any more, while the task goes on with the others, until it is copied again.

    `tables`: its partitions, where it is a partitioned one. `reason` is ours; `detail` the server's message with its
    `sqlstate`, `statement` what it refused, where it did; `query` shows the rows at the source that are in the way.
    `anew`: the table was dropped, and the source has another one under its name. `redefined`: its definition goes on
    being followed, and a copy of its rows is all that is missing, which the engine orders; `by_hand`: why it does not,
    or not any more.
    """

    table: TableName
    tables: list[TableName] = []
    reason: str
    detail: str = ""
    sqlstate: str = ""
    statement: str = ""
    query: str = ""
    remedy: Remedy = NOTHING
    anew: bool = False
    redefined: bool = False
    by_hand: str = ""

    @property
    def is_coming(self) -> bool:
        """Whether the engine orders its copy."""
        return self.redefined and not self.by_hand

    @property
    def names(self) -> frozenset[TableName]:
        """Every name under which changes of it come."""
        return frozenset([self.table, *self.tables])
