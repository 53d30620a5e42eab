"""A task that is being edited: every field as typed, valid or not; pure.

The screens show and edit a draft; a `Problem` names its field by the path (`source.host`).
"""

import uuid
from typing import Any, Literal, Self

import msgspec

from syncwizard.errors import End
from syncwizard.task.drafting.endpoint_draft import EndpointDraft
from syncwizard.task.settings import built, text_of, texts_of, value_at
from syncwizard.task.specification import (
    SETTINGS,
    Advanced,
    Capitalization,
    ConflictMode,
    IgnoredItem,
    PrecheckSettings,
    SchemaObjects,
    Synchronization,
    SynchronizationType,
    TaskSpec,
)
from syncwizard.task.validation import Problem, find_problems

StepName = Literal["endpoints", "objects", "advanced", "precheck", "start"]

ENDS: tuple[End, End] = ("source", "destination")
# Which rules of the task file are the business of which step; the first two ask both ends themselves.
_PREFIXES: dict[StepName, tuple[str, ...]] = {
    "endpoints": ("name",),
    "objects": ("synchronization", "objects"),
    "advanced": ("advanced",),
    "precheck": (),
    "start": (),
}
# What has a connection of its own is called after it; everything else of a host's name is the network's.
_UNNAMED = "new-task"
_DEFAULTS = {each.path: text_of(each.default) for each in SETTINGS}


class TaskDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A task as far as it is described. `id` is the draft's; `task_id` that of a task which was stored already.

    `named`: the name was typed and no longer follows the ends. `advanced`: the settings that were
    typed, by their whole paths; the others have their defaults.
    """

    id: uuid.UUID = msgspec.field(default_factory=uuid.uuid4)
    task_id: uuid.UUID | None = None
    name: str = _UNNAMED
    named: bool = False
    source: EndpointDraft = EndpointDraft()
    destination: EndpointDraft = EndpointDraft()
    types: list[SynchronizationType] = msgspec.field(default_factory=lambda: ["schema", "full", "incremental"])
    conflicts: ConflictMode = "report"
    capitalization: Capitalization = "source"
    objects: list[SchemaObjects] = []
    advanced: dict[str, str] = {}
    ignore: list[IgnoredItem | str] = []

    def to_spec(self) -> TaskSpec:
        """The specification that the fields lead to, valid when `problems` has nothing for any step.

        >>> draft = TaskDraft(name="kb", source=EndpointDraft(host="db1", database="kb"))
        >>> draft.to_spec().source.describe()
        'db1:5432/kb'
        """
        return TaskSpec(
            id=self.task_id,
            name=self.name,
            source=self.source.to_endpoint(),
            destination=self.destination.to_endpoint(),
            synchronization=Synchronization(
                types=self.types, conflicts=self.conflicts, capitalization=self.capitalization
            ),
            objects=self.objects,
            advanced=built(Advanced, "advanced", SETTINGS, self.advanced),
            precheck=PrecheckSettings(ignore=self.ignore),
        )

    @classmethod
    def from_spec(cls, spec: TaskSpec) -> Self:
        """A draft of the same task.

        >>> draft = TaskDraft(name="kb", named=True, source=EndpointDraft(host="a, b", database="kb", port="1, 2"))
        >>> TaskDraft.from_spec(draft.to_spec()).to_spec() == draft.to_spec()
        True
        """
        return cls(
            task_id=spec.id,
            name=spec.name,
            named=True,
            source=EndpointDraft.from_endpoint(spec.source),
            destination=EndpointDraft.from_endpoint(spec.destination),
            types=spec.synchronization.types,
            conflicts=spec.synchronization.conflicts,
            capitalization=spec.synchronization.capitalization,
            objects=spec.objects,
            advanced=texts_of(spec, SETTINGS),
            ignore=spec.precheck.ignore,
        )

    def copied(self) -> Self:
        """The same settings for another task: with ids of its own, and a name that says so."""
        return msgspec.structs.replace(self, id=uuid.uuid4(), task_id=None, name=f"{self.name}-copy", named=True)

    def problems(self, step: StepName) -> list[Problem]:
        """What keeps a step from being done, at most one thing a field, in the order of the fields.

        >>> draft = TaskDraft().with_value("advanced.retry.connection_minutes", "5")
        >>> [problem.path for problem in draft.with_value("advanced.retry.other_minutes", "x").problems("advanced")]
        ['advanced.retry.connection_minutes', 'advanced.retry.other_minutes']
        """
        prefixes = _PREFIXES[step]
        found = [problem for problem in find_problems(self.to_spec()) if problem.path.startswith(prefixes)]
        if step == "endpoints":
            found += [*self.source.problems("source"), *self.destination.problems("destination")]
        return found if prefixes else []

    def value(self, path: str) -> Any:
        """What stands in the field at `path`.

        >>> TaskDraft().value("source.port")
        '5432'
        >>> TaskDraft().value("advanced.retry.other_minutes")
        '10'
        """
        if path in _DEFAULTS:
            return self.advanced.get(path, _DEFAULTS[path])
        return value_at(self, path)

    def with_value(self, path: str, value: Any) -> Self:
        """The draft with another value in one field; a name that was not chosen follows.

        >>> draft = TaskDraft().with_value("source.database", "kb").with_value("destination.host", "frankfurt.example")
        >>> draft.name
        'kb-to-frankfurt'
        >>> draft.with_value("name", "mine").with_value("source.database", "other").name
        'mine'
        >>> draft.with_value("name", "").with_value("source.database", "other").name
        'other-to-frankfurt'
        """
        if path in _DEFAULTS:
            return msgspec.structs.replace(self, advanced={**self.advanced, path: value})
        end, _, field = path.rpartition(".")
        if end in ENDS:
            return self.with_end(end, msgspec.structs.replace(self.end(end), **{field: value}))
        if path == "name":
            return msgspec.structs.replace(self, name=value, named=bool(value.strip()))
        return msgspec.structs.replace(self, **{path: value})

    def with_end(self, end: str, described: EndpointDraft) -> Self:
        """The draft with another source or destination; a name that was not chosen follows."""
        changed = msgspec.structs.replace(self, **{end: described})
        return changed if changed.named else msgspec.structs.replace(changed, name=suggest_name(changed))

    def end(self, end: str) -> EndpointDraft:
        """The source, or the destination."""
        return self.source if end == "source" else self.destination


def suggest_name(draft: TaskDraft) -> str:
    """A name from what the draft says of its ends: the database, and where it goes to.

    >>> suggest_name(TaskDraft(source=EndpointDraft(database="kb"), destination=EndpointDraft(host="db2.example.com")))
    'kb-to-db2'

    An address is no name, and a host of the same machine says nothing.

    >>> there = EndpointDraft(host="10.0.0.7", database="docs")
    >>> suggest_name(TaskDraft(source=EndpointDraft(database="kb"), destination=there))
    'kb-to-docs'
    >>> suggest_name(TaskDraft())
    'new-task'
    """
    database = draft.source.database or draft.source.service
    if not database:
        return _UNNAMED
    there = draft.destination
    host = there.host.split(",")[0].strip() if there.way in ("host", "ssh") else ""
    label = there.connection or (host.split(".")[0] if _is_name(host) else there.database)
    return database if label in ("", database) else f"{database}-to-{label}"


def _is_name(host: str) -> bool:
    """Whether a host is called something: no address, and not this machine."""
    return bool(host) and ":" not in host and not host.replace(".", "").isdigit() and host != "localhost"
