"""What a task is asked to do: immutable, and exactly the keys of the task file."""

import uuid
from typing import Annotated, Literal

import msgspec

from syncwizard.task.alerting import ALERTS, Alerts
from syncwizard.task.limiting import THROTTLE, ClassName, Throttle
from syncwizard.task.monitoring import METRICS, Metrics
from syncwizard.task.objects import Operation as Operation
from syncwizard.task.objects import RenameRule as RenameRule
from syncwizard.task.objects import SchemaObjects as SchemaObjects
from syncwizard.task.objects import TableObject as TableObject
from syncwizard.task.scheduling import VERIFICATION, Scheduled
from syncwizard.task.settings import Group, Setting, declared

DatabaseType = Literal["postgresql", "polardb-postgresql"]
EncryptionMode = Literal["disable", "require", "verify-ca", "verify-full"]
SynchronizationType = Literal["schema", "full", "incremental"]
ConflictMode = Literal["report", "ignore"]
Capitalization = Literal["source", "lower", "upper"]
EtlErrors = Literal["stop", "dead-letter"]
Ddl = Literal["off", "follow"]
FailoverSlot = Literal["auto", "off"]
CopyAgain = Literal["auto", "beside", "held"]
Decoding = Literal["pgoutput", "test_decoding"]
VectorIndexes = Literal["keep", "ask", "rebuild"]
DroppedTables = Literal["keep", "drop"]
Tag = Literal["none", "normal", "online"]

DEFAULT_HOST = "localhost"
DEFAULT_PORT = 5432


class Encryption(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """TLS of one connection; `key_password` names where a secret is kept, like `Endpoint.password`."""

    mode: EncryptionMode = "disable"
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: str | None = None


class Access(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The way to a server that cannot be reached directly: through `ssh` (`user@bastion`, or a host of the user's
    configuration). `local` (`ADDRESS:PORT`) is this machine's end of the tunnel, a free one when left out."""

    ssh: str
    local: str | None = None


class Endpoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One end. `host`: a name, an address, a directory (Unix socket), or several to try in turn.

    `connection` names a saved one that gives what is left out here; it is put in when the file is loaded, and None
    from then on. `service` names a section of libpq's pg_service.conf, which then gives what is left out here.
    `password` is where the secret is kept: `pgpass`, `keyring`, `env:NAME` or `prompt`; never the secret.
    """

    connection: str | None = None
    type: DatabaseType = "postgresql"
    service: str | None = None
    host: str | list[str] | None = None
    port: int | list[int] | None = None
    database: str | None = None
    user: str | None = None
    password: str = "pgpass"
    encryption: Encryption = Encryption()
    access: Access | None = None

    @property
    def hosts(self) -> list[str]:
        """The hosts to try in turn; empty where the service names them."""
        if self.host is None:
            return [] if self.service else [DEFAULT_HOST]
        return [self.host] if isinstance(self.host, str) else self.host

    @property
    def ports(self) -> list[int]:
        """One port for all hosts, or one for each; empty where the service names it."""
        if self.port is None:
            return [] if self.service else [DEFAULT_PORT]
        return [self.port] if isinstance(self.port, int) else self.port

    def describe(self) -> str:
        """`host:port/database`, for people.

        >>> Endpoint(host=["a", "b"], database="kb").describe()
        'a,b:5432/kb'
        >>> Endpoint(service="production", database="kb").describe()
        'service production/kb'
        """
        parts = [",".join(self.hosts) or f"service {self.service}"]
        if self.ports:
            parts.append(":" + ",".join(map(str, self.ports)))
        if self.database:
            parts.append(f"/{self.database}")
        return "".join(parts)


class Synchronization(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Which of the three synchronizations run, and what happens to tables that exist already.

    `capitalization`: of the names at the destination that are given nowhere else.
    """

    types: list[SynchronizationType] = msgspec.field(default_factory=lambda: ["schema", "full", "incremental"])
    conflicts: ConflictMode = "report"
    capitalization: Capitalization = "source"


class Retry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How long a lost connection, and how long any other trouble, is retried. Minutes.

    The ranges are those of the service this replaces, so that its users' values carry over.
    """

    connection_minutes: Annotated[
        int,
        Setting(
            label="Connection",
            help="How long a connection that was lost, or is refused, is tried again before the task stops as failed."
            " The slot keeps WAL at the source meanwhile; a success goes on where it was. More than 30 rides out most"
            " restarts and failovers.",
            sentence="a lost connection {} min",
            unit="minutes",
            low=10,
            high=1440,
        ),
    ] = 720
    other_minutes: Annotated[
        int,
        Setting(
            label="Other trouble",
            help="How long any other error, such as a change that the destination refuses, is tried again before the"
            " task stops as failed: nothing is ever skipped. Must be less than the time for lost connections; 10 or"
            " more gives a person the time to look.",
            sentence="other trouble {} min",
            unit="minutes",
            low=1,
            high=1440,
        ),
    ] = 10


_DEFINITIONS = Group(heading="Changes of definitions", title="Definitions")
_WORKERS = Group(heading="How much at once", title="Workers")
# Each takes a session at either end.
MOST_WORKERS = 32
_TRANSFORMATION = Group(heading="Transformation", title="Transformation")


class Advanced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings with a sensible default each: every field is a `Setting`, or a group of them."""

    retry: Annotated[Retry, Group(heading="How long trouble is retried", title="Retries")] = Retry()
    etl: Annotated[
        str | None,
        _TRANSFORMATION,
        Setting(
            label="Script",
            help="A script of the transformation language that every row of every table goes through; a table's own"
            " `etl` comes before it.",
            own_form=True,
        ),
    ] = None
    etl_errors: Annotated[
        EtlErrors,
        _TRANSFORMATION,
        Setting(
            label="A row with an error",
            help="What happens when a script fails for a row: the task stops, or the row is put into"
            " syncwizard.dead_letters at the destination, with its key and the reason.",
            own_form=True,
        ),
    ] = "stop"
    throttle: Annotated[Throttle, THROTTLE] = Throttle()
    class_: Annotated[
        ClassName,
        THROTTLE,
        Setting(
            label="Class",
            help="At most so many rows a second, of the copy and of changes each: micro 200, small 2,000, medium 5,000,"
            " large 11,000, xlarge 17,000, 2xlarge 34,000, 4xlarge 68,000.",
            own_form=True,
        ),
    ] = msgspec.field(default="unlimited", name="class")
    copy_workers: Annotated[
        int | Literal["auto"],
        _WORKERS,
        Setting(
            label="Copy",
            help="How many processes copy tables, each with a session at either end; `auto`: by this machine's"
            " processors, from 2 to 4.",
            low=1,
            high=MOST_WORKERS,
            own_form=True,
        ),
    ] = "auto"
    index_workers: Annotated[
        int | Literal["auto"],
        _WORKERS,
        Setting(
            label="Keys and indexes",
            help="How many sessions of the destination build keys and indexes before changes are applied; they share"
            " the memory that sorts may take there. `auto`: as many as copy. A build may have parallel workers, too.",
            low=1,
            high=MOST_WORKERS,
            own_form=True,
        ),
    ] = "auto"
    tag: Annotated[
        Tag,
        Group(heading="Environment", title="Environment"),
        Setting(
            label="Tag",
            help="A word that stands with the task in lists and on its screens. What cannot be taken back is asked"
            " twice of a task that is `online`.",
            own_form=True,
        ),
    ] = "none"
    verification: Annotated[Scheduled, VERIFICATION] = Scheduled()
    metrics: Annotated[Metrics, METRICS] = Metrics()
    alerts: Annotated[Alerts, ALERTS] = Alerts()
    ddl: Annotated[
        Ddl,
        _DEFINITIONS,
        Setting(
            label="Changes of definitions",
            help="`follow`: changes of tables at the source arrive at the destination, at their place between the rows."
            " By event triggers at the source; where the account may not make them, less is followed. `off`:"
            " definitions are brought in step by hand. Counts from the start of the task, or a resync of everything.",
            own_form=True,
        ),
    ] = "off"
    dropped_tables: Annotated[
        DroppedTables,
        _DEFINITIONS,
        Setting(
            label="A table that is dropped",
            help="With changes of definitions followed, what becomes of the destination's table when the source's is"
            " dropped: it stays as it is (`keep`), or it is dropped, too, with its rows (`drop`).",
            own_form=True,
        ),
    ] = "keep"
    failover_slot: Annotated[
        FailoverSlot,
        Group(heading="Failover of the source", title="Failover"),
        Setting(
            label="Slot on standbys",
            help="`auto`: the slot is made so that standbys keep a copy of it, where the source has version 17 or"
            " later; after a failover the task goes on there. `off`: on the primary alone. Counts from the start.",
        ),
    ] = "auto"
    copy_again: Annotated[
        CopyAgain,
        Group(heading="Tables that are copied again", title="Copied again"),
        Setting(
            label="While the others",
            help="`beside`: another task copies them, with a slot of its own, while the changes of the other tables go"
            " on. `held`: these wait for the copy. `auto`: beside from 256 MiB on.",
        ),
    ] = "auto"
    decoding: Annotated[
        Decoding,
        Group(heading="Reading of changes", title="Reading of changes"),
        Setting(
            label="Output plugin",
            help="Who writes the stream of changes at the source: `pgoutput` needs a publication; `test_decoding` is"
            " for accounts that may not make one. Cannot be changed once the task has begun.",
        ),
    ] = "pgoutput"
    vector_indexes: Annotated[
        VectorIndexes,
        Group(heading="Indexes of pgvector", title="Vector indexes"),
        Setting(
            label="Under a backlog",
            help="Where changes of so many rows of a table wait that its vector indexes are built more quickly than"
            " they take them: `ask` says so; `rebuild` drops them, and builds them once the changes are applied, also"
            " for tables that are copied again; `keep` does neither.",
        ),
    ] = "ask"


SETTINGS = declared(Advanced, "advanced")


class IgnoredItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A precheck warning that was accepted, when (ISO 8601) and by whom. `detail` stands for what it was about then,
    as `PrecheckItemFinished.detail`; without it the acceptance holds whatever the warning is about."""

    item: Annotated[str, msgspec.Meta(description="The name of the precheck's item.")]
    accepted_at: Annotated[str, msgspec.Meta(description="When its warning was accepted, as in 2026-01-31T12:00:00Z.")]
    accepted_by: Annotated[str, msgspec.Meta(description="By whom, as user@host.")] = ""
    detail: Annotated[str, msgspec.Meta(description="Asked again once the warning is about something else.")] = ""


class PrecheckSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Warnings that were accepted."""

    ignore: list[IgnoredItem | str] = []

    def accepts(self, item: str, detail: str = "") -> bool:
        """Whether the item's warning was accepted; with `detail`, for what it is about now."""
        accepted = self.acceptance(item)
        return accepted is not None and (isinstance(accepted, str) or not detail or accepted.detail in ("", detail))

    def acceptance(self, item: str) -> IgnoredItem | str | None:
        """How the item was accepted; None where it was not."""
        found = [entry for entry in self.ignore if (entry if isinstance(entry, str) else entry.item) == item]
        return found[-1] if found else None


# Slots and publications of ours begin with it.
SLOT_PREFIX = "dts_sync_"


class TaskSpec(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A whole task file."""

    version: Literal[1] = 1
    id: uuid.UUID | None = None
    name: str
    source: Endpoint
    destination: Endpoint
    synchronization: Synchronization = Synchronization()
    objects: list[SchemaObjects]
    advanced: Advanced = Advanced()
    precheck: PrecheckSettings = PrecheckSettings()

    def selects_table(self, schema: str, name: str) -> bool:
        """Whether the table belongs to the task."""
        return any(entry.schema == schema and entry.selects_table(name) for entry in self.objects)

    @property
    def short_id(self) -> str:
        """The first twelve hexadecimal digits of the id: part of every name we create."""
        if self.id is None:
            raise ValueError("the task has no id yet")
        return self.id.hex[:12]

    @property
    def slot(self) -> str:
        """Name of the replication slot and of the publication."""
        return f"{SLOT_PREFIX}{self.short_id}"


# msgspec describes a type to itself when it is first used, and a second thread that comes meanwhile finds half of the
# description and crashes: it is made here, while modules are imported by one thread.
msgspec.json.Decoder(TaskSpec)
