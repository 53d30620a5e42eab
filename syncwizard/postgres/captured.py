"""What was captured at the source, as data that both ends share: slot, publication, members, progress."""

import uuid

import msgspec

from syncwizard.postgres.source.publication import Traits
from syncwizard.task.names import TableName


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """A row of syncwizard.progress; positions in PostgreSQL's text form."""

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


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A relation whose changes a publication carries. `oid` is that of its pg_publication_rel row, None for a partition
    that a published partitioned table stands for. `table` is its name, and `traits` are what it was like, when it was
    captured; None where an earlier version did not look."""

    relation: int
    oid: int | None
    table: TableName
    traits: Traits | None = None


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """A publication as the catalogue has it. `xmin`: the transaction that wrote its row last; `owner`: a role's OID."""

    name: str
    oid: int
    xmin: int
    owner: int
    members: list[Member]

    @property
    def tables(self) -> list[TableName]:
        """The listed tables without the heartbeat, by name."""
        return [member.table for member in self.members if member.oid is not None and not is_heartbeat(member.table)]


def is_heartbeat(table: TableName) -> bool:
    """Whether it is our own table, which every publication of ours carries."""
    return (table.schema, table.name) == HEARTBEAT_TABLE


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
