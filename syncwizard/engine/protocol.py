"""What engines, probes and clients say to each other: frames as data, no transport.

Control socket: one JSON object a line, both ways. The engine begins with `hello`. Pipes to a starting engine and to
a probe carry the same kind of structs in msgpack frames.
"""

import uuid
from typing import ClassVar, Literal

import msgspec

from syncwizard.errors import End
from syncwizard.task.connectivity import STEP_SECONDS
from syncwizard.task.events import AnyEvent, DefinitionDecided, Entry, Failure, ResyncRequested, RowDecided
from syncwizard.task.failures import FailureReport
from syncwizard.task.figures.history import History, Observation
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.limiting import ClassName, Throttle
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.state import TaskState
from syncwizard.task.switchover import SwitchoverOrder
from syncwizard.task.verification import VerificationOrder

PROTOCOL_VERSION = 2

CommandName = Literal[
    "status",
    "pause",
    "caught-up",
    "retry-definitions",
    "rebuild-indexes",
    "verify",
    "stop-verification",
    "throttle",
    "switchover",
    "undo-switchover",
]
TaskProbeKind = Literal[
    "precheck",
    "check",
    "rules",
    "release",
    "sequences",
    "slot",
    "resync",
    "modify",
    "definitions",
    "decide",
    "pause-tables",
    "undo-switchover",
]


class Frame(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag=str.lower):
    """Base of all frames on the control socket."""


class Subscribe(Frame, frozen=True, kw_only=True):
    """Asks for a snapshot and every event from now on, after those with a number greater than `after`, if given.

    `history` asks for the past of the figures too, before the snapshot, and then for every observation. An engine of
    an earlier version does not know the word and sends neither; without it no frame is sent that is new to a client.
    """

    after: int | None = None
    history: bool = False


class Limiting(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that `throttle` sets."""

    throttle: Throttle
    size: ClassName


class Command(Frame, frozen=True, kw_only=True):
    """Asks the engine for something; the answer carries the same `id`. Every command may be repeated.

    `verification`: what `verify` is to compare; `switchover`: how `switchover` is to be done;
    `throttle`: the limits from now on; `tables`: those of the source whose vector indexes `rebuild-indexes` drops.
    """

    id: str
    name: CommandName
    verification: VerificationOrder | None = None
    throttle: Limiting | None = None
    switchover: SwitchoverOrder | None = None
    tables: list[TableName] = []


Request = Subscribe | Command


class Hello(Frame, frozen=True, kw_only=True):
    """The engine's first words."""

    protocol: int
    version: str
    task: uuid.UUID
    pid: int


class Snapshot(Frame, frozen=True, kw_only=True):
    """The state as of `state.sequence`, and the latest figures."""

    state: TaskState
    sample: Sample


class Happened(Frame, frozen=True, kw_only=True):
    """An event."""

    entry: Entry


class Sampled(Frame, frozen=True, kw_only=True):
    """The latest figures."""

    sample: Sample


class Remembered(Frame, frozen=True, kw_only=True):
    """The past of the figures."""

    history: History


class Observed(Frame, frozen=True, kw_only=True):
    """What the engine has just added to the past of the figures."""

    observation: Observation


class Answer(Frame, frozen=True, kw_only=True):
    """A command was obeyed. `lsn`: the position that `caught-up` has to reach; `state`, `sample`: for `status`."""

    id: str
    lsn: str | None = None
    state: TaskState | None = None
    sample: Sample | None = None


class Refused(Frame, frozen=True, kw_only=True):
    """A command failed; `id` is empty where the request could not be read."""

    id: str
    failure: Failure


Response = Hello | Snapshot | Happened | Sampled | Remembered | Observed | Answer | Refused


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's answer to its starter: it has the task and listens at `socket`, or why not."""

    socket: str = ""
    failure: FailureReport | None = None


class TaskRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a probe is to do: for the specification as it stands (`precheck`) or a stored task (the others).

    `slot` tells what the slot of a task without an engine holds. `offset` is for `sequences`, `passed` for `precheck`:
    items that need not run again. `resync` with a wish answers with the order that would fulfil it, and with an order
    writes that into the journal. `definitions` tries missing ones again; `decide` writes
    a decision about a change that waits into the journal; `pause-tables` sets those of the wish aside;
    `undo-switchover` undoes what an engine that died has left of a switchover. Answered with events.
    """

    kind: TaskProbeKind
    spec: TaskSpec
    secrets: Handover
    offset: int = 0
    passed: list[str] = []
    wish: ResyncWish = ResyncWish()
    order: ResyncRequested | None = None
    decision: DefinitionDecided | RowDecided | None = None


class ConnectivityRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Tests the given ends, both at the same time, step by step. Answered with ConnectivityNews; a failed step is no
    failure of the probe. `step_seconds` is the time limit of each step, and of each host in turn."""

    kind: ClassVar[str] = "connectivity"

    source: Endpoint | None = None
    destination: Endpoint | None = None
    secrets: Handover = Handover()
    step_seconds: float = STEP_SECONDS


class CatalogueRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Lists what an end has that a task could select. Answered with CatalogueNews."""

    kind: ClassVar[str] = "catalogue"

    endpoint: Endpoint
    secrets: Handover = Handover()


class RemedyRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Runs the statements of a remedy at one end, each in a transaction of its own, up to the first that is refused.

    Answered with a StatementRun each.
    """

    kind: ClassVar[str] = "remedy"

    spec: TaskSpec
    secrets: Handover
    end: End
    statements: list[str]


class TrialRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Shows what filter and scripts make of rows of a table; `count`: counts those that travel. Answered by a Trial."""

    kind: ClassVar[str] = "trial"

    spec: TaskSpec
    secrets: Handover
    table: str
    count: bool = False


class FiltersRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Asks how many rows of each table are selected; `count`: counts them. Answered by a KeptRows for each."""

    kind: ClassVar[str] = "filters"

    spec: TaskSpec
    secrets: Handover
    count: bool = False


class WaitsRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Asks both ends what the sessions of the task wait for. Answered by Waits."""

    kind: ClassVar[str] = "waits"

    spec: TaskSpec
    secrets: Handover


class RowRequest(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Reads a row of a table by its key at both ends. Answered by RowValues."""

    kind: ClassVar[str] = "row"

    spec: TaskSpec
    secrets: Handover
    table: TableName
    key: tuple[str, ...]


class StatementRun(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A statement of a remedy was run, and the server did not refuse it."""

    statement: str


ProbeRequest = (
    TaskRequest
    | ConnectivityRequest
    | CatalogueRequest
    | RemedyRequest
    | TrialRequest
    | FiltersRequest
    | WaitsRequest
    | RowRequest
)


class ProbeEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something a task's probe found or did. The end of its pipe without a failure frame is success."""

    event: AnyEvent
