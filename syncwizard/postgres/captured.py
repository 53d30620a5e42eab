"""What was captured at the source, as data that both ends share: slot, publication, members, progress."""

import uuid

import msgspec

from syncwizard.rows.changes import Beat, Commit
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.names import TableName


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A row of syncwizard.progress; positions in PostgreSQL's text form. `heartbeat` and `heartbeat_at` are the last
    one that was applied, in the form of `Beat`; `last_commit_lsn` and `last_commit_at` those of the last transaction,
    in the form of `Commit`. `awaited`: heartbeats in their order that were written after snapshots under which tables
    were copied, and that have to come in the stream."""

    slot: str
    system_identifier: str
    timeline: int
    source_database: str
    applied_lsn: str
    acknowledged_lsn: str
    epoch: int
    publication_oid: int
    publication_xmin: int
    publication_owner: int
    task_name: str
    resynchronization: uuid.UUID | None = None
    heartbeat: int | None = None
    heartbeat_at: int | None = None
    last_commit_lsn: str | None = None
    last_commit_at: int | None = None
    awaited: tuple[Beat, ...] = ()

    @property
    def position(self) -> int:
        """Where the stream goes on: everything before is applied here, or was nothing to apply."""
        return max(parse_lsn(self.applied_lsn), parse_lsn(self.acknowledged_lsn))

    @property
    def last_beat(self) -> Beat | None:
        """The last heartbeat that was applied; None before the first one."""
        if self.heartbeat is None or self.heartbeat_at is None:
            return None
        return Beat(self.heartbeat, self.heartbeat_at)

    @property
    def last_commit(self) -> Commit | None:
        """The commit of the last transaction that was applied; None where that is not known."""
        if self.last_commit_lsn is None or self.last_commit_at is None:
            return None
        return Commit(parse_lsn(self.last_commit_lsn), self.last_commit_at)

    @property
    def latest_beat(self) -> Beat | None:
        """The latest heartbeat that the source has to have; None before the first one."""
        return self.awaited[-1] if self.awaited else self.last_beat


class ColumnTraits(msgspec.Struct, frozen=True, array_like=True):
    """A column of a captured relation. `made`: the transaction that wrote its definition last; `origin`: where rows
    have its value from that were there before it (see relation_traits.sql)."""

    number: int
    name: str
    type: int
    made: str
    origin: str


class Traits(msgspec.Struct, frozen=True, kw_only=True):
    """What tells whether a relation lost changes that its stream does not show. `storage`: its relfilenode;
    `attachment`: the way up its partition tree, parent and transaction of each step; columns without those of
    partitioned tables, which hold no rows."""

    storage: int
    attachment: str
    columns: tuple[ColumnTraits, ...]


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A relation whose changes a publication carries. `oid` is that of its pg_publication_rel row, None for a partition
    that a published partitioned table stands for. `table` is its name, and `traits` are what it was like, when it was
    captured; None where an earlier version did not look."""

    relation: int
    oid: int | None
    table: TableName
    traits: Traits | None = None

    @property
    def top(self) -> int:
        """The OID of the topmost partitioned table that it belonged to, its own where it was no partition."""
        above = parents(self.traits.attachment) if self.traits is not None else []
        return above[-1] if above else self.relation

    @property
    def holds_rows(self) -> bool:
        """Whether it is no partitioned table."""
        return self.traits is None or self.traits.storage != 0


def parents(attachment: str) -> list[int]:
    """The OIDs of the partitioned tables above, the nearest first.

    >>> parents("16400:745/16390:746")
    [16400, 16390]
    """
    return [int(step.split(":")[0]) for step in attachment.split("/") if step]


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A publication as the catalogue has it. `xmin`: the transaction that wrote its row last; `owner`: a role's OID."""

    name: str
    oid: int
    xmin: int
    owner: int
    members: list[Member]

    @property
    def tables(self) -> list[TableName]:
        """The listed tables without ours, by name."""
        return [member.table for member in self.members if member.oid is not None and not is_ours(member.table)]


def is_heartbeat(table: TableName) -> bool:
    """Whether it is the heartbeat, which every publication of ours carries."""
    return (table.schema, table.name) == HEARTBEAT_TABLE


def is_ours(table: TableName) -> bool:
    """Whether it is a table of ours: the heartbeat, or that of captured commands."""
    return (table.schema, table.name) in (HEARTBEAT_TABLE, DDL_TABLE)


class CreatedSlot(msgspec.Struct, frozen=True, kw_only=True):
    """A new slot: commits from `lsn` on are streamed, all before are in `snapshot` (rule 10's pair)."""

    name: str
    lsn: str
    snapshot: str


class SystemIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Which server, and which of its histories."""

    system_identifier: str
    timeline: int
    flushed_lsn: str
    database: str


HEARTBEAT_TABLE = ("public", "dts_postgres_heartbeat")
DDL_TABLE = ("public", "dts_ddl_command")
