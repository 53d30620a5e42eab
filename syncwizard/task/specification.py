"""What a task is asked to do: immutable, and exactly the keys of the task file."""

import uuid
from functools import cached_property
from typing import Annotated, Literal

import msgspec

from syncwizard.task.settings import Group, Setting, declared

DatabaseType = Literal["postgresql", "polardb-postgresql"]
EncryptionMode = Literal["disable", "require", "verify-ca", "verify-full"]
SynchronizationType = Literal["schema", "full", "incremental"]
ConflictMode = Literal["report", "ignore"]

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
    """Which of the three synchronizations run, and what happens to tables that exist already."""

    types: list[SynchronizationType] = msgspec.field(default_factory=lambda: ["schema", "full", "incremental"])
    conflicts: ConflictMode = "report"


class TableObject(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A selected table."""

    table: str


class SchemaObjects(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """A selected schema: whole (less `exclude`) when it names no objects, else the objects it names."""

    schema: str
    exclude: list[str] = []
    tables: list[TableObject] = []
    sequences: list[str] = []
    views: list[str] = []
    materialized_views: list[str] = []
    functions: list[str] = []
    types: list[str] = []

    @property
    def whole(self) -> bool:
        """True when everything in the schema is selected."""
        return not self.tables and not self.named

    @property
    def named(self) -> list[tuple[str, str]]:
        """Kind and name of each object that is selected by name, tables left out."""
        kinds = {
            "sequence": self.sequences,
            "view": self.views,
            "materialized view": self.materialized_views,
            # Procedures and aggregates too, all of the name.
            "function": self.functions,
            "type": self.types,
        }
        return [(kind, name) for kind, names in kinds.items() for name in names]

    def selects_table(self, name: str) -> bool:
        """Whether the table of this schema belongs to the task."""
        if self.whole:
            return name not in self.exclude
        return name in self._table_names

    @cached_property
    def _table_names(self) -> frozenset[str]:
        """Thousands of tables are asked for thousands of names."""
        return frozenset(chosen.table for chosen in self.tables)


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


class Advanced(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Settings with a sensible default each: every field is a `Setting`, or a group of them."""

    retry: Annotated[Retry, Group(heading="How long trouble is retried", title="Retries")] = Retry()


SETTINGS = declared(Advanced, "advanced")


class IgnoredItem(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A precheck warning that was accepted, and when (ISO 8601)."""

    item: str
    accepted_at: str


class PrecheckSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Warnings that were accepted."""

    ignore: list[IgnoredItem | str] = []

    def accepts(self, item: str) -> bool:
        """Whether the item's warning was accepted."""
        return any((entry if isinstance(entry, str) else entry.item) == item for entry in self.ignore)


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
        return f"dts_sync_{self.short_id}"


# msgspec describes a type to itself when it is first used, and a second thread that comes meanwhile finds half of the
# description and crashes: it is made here, while modules are imported by one thread.
msgspec.json.Decoder(TaskSpec)
