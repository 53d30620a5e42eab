"""The whole way without a person: two servers, a knowledge base that is written to, a task, a comparison."""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec
import yaml

from syncwizard.client import lifecycle
from syncwizard.client.connection import EngineConnection
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import is_synchronizing, wait_for, wait_until
from syncwizard.demo import knowledge_base
from syncwizard.demo.comparison import Comparison, compare
from syncwizard.demo.report import Outcome, Progress, render
from syncwizard.demo.workload import Workload
from syncwizard.demo.workspace import DATABASE, Workspace, workspace
from syncwizard.errors import DifferencesFound, SyncwizardError
from syncwizard.task.events import Entry, Event, PrecheckItemFinished, RetryStarted, StageFinished, SyncPointPassed
from syncwizard.task.narration import narrate
from syncwizard.task.specification import Advanced, PrecheckSettings, Retry, SchemaObjects, TaskSpec

TASK_NAME = "demo"
# The log table has no key; the demo knows and accepts that its replica identity becomes FULL.
ACCEPTED = "replica-identity"
# Enough heartbeats, one a second, for a median.
STEADY_SECONDS = 10.0
LONGEST_SECONDS = 600.0


def run(keep: Path | None, *, passages: int = knowledge_base.PASSAGES, steady_seconds: float = STEADY_SECONDS) -> int:
    """Runs the demo; returns the exit code: 0, or 5 where the ends differ.

    `keep` names a folder for the servers' data, which stay there; `steady_seconds` is how long the workload goes on
    after everything is in place. Raises SyncwizardError for everything else.
    """
    progress = Progress()
    with workspace(keep) as place:
        progress.say(
            f"PostgreSQL {place.source.version} (source) and {place.destination.version} (destination) started"
        )
        _load(place, progress, passages)
        outcome = _synchronize(place, progress, steady_seconds)
        print(render(outcome), flush=True)
    if keep is not None:
        _tell_where(place)
    return 0 if outcome.comparison.equal else DifferencesFound.exit_code


def write_task_file(place: Workspace) -> Path:
    """The demo's task, as a user would write it."""
    spec = TaskSpec(
        name=TASK_NAME,
        source=place.source.endpoint(DATABASE),
        destination=place.destination.endpoint(DATABASE),
        objects=[SchemaObjects(schema="kb")],
        # Should this process be killed, its servers go away, and the engine gives up soon after.
        advanced=Advanced(retry=Retry(connection_minutes=10, other_minutes=1)),
        precheck=PrecheckSettings(ignore=[ACCEPTED]),
    )
    path = place.folder / f"{TASK_NAME}.yaml"
    path.write_text(yaml.safe_dump(msgspec.to_builtins(spec), sort_keys=False), encoding="utf-8")
    return path


def _load(place: Workspace, progress: Progress, passages: int) -> None:
    with place.source.connect(DATABASE) as session:
        counts = knowledge_base.load(session, passages)
        progress.say(f"{counts['passages']:,} passages of {counts['documents']:,} documents loaded at the source")
        knowledge_base.build_indexes(session)
        progress.say("HNSW and other indexes built at the source")


def _synchronize(place: Workspace, progress: Progress, steady_seconds: float) -> Outcome:
    """Runs the task under the workload, and compares after the workload has ended."""
    with ExitStack() as stack:
        workload = stack.enter_context(Workload(place.source.endpoint(DATABASE)))
        progress.say("the workload writes to the source from here on")
        prepared = lifecycle.prepare_start(write_task_file(place))
        task = prepared.task
        stack.enter_context(_engine_ended(task))
        watch = _Watch(progress, steady_seconds)
        state = lifecycle.start(prepared, watch.on_event)
        wait_until(task, watch.is_steady, "steady state", LONGEST_SECONDS, watch.on_event, state.sequence)
        done = workload.stop()
        progress.say(f"the workload ended after {done.transactions:,} transactions")
        wait_for(task, "caught-up", LONGEST_SECONDS)
        progress.say("caught up")
        comparison = _compare(place)
        progress.say("both ends compared")
        state = lifecycle.pause(task)
        left_over = lifecycle.release(task, _say_nothing).left_over
        progress.say(f"task released; left over at the ends: {'; '.join(left_over) or 'nothing'}\n")
    return Outcome(
        state=state,
        workload=done,
        comparison=comparison,
        latencies=tuple(watch.latencies.values()),
        seconds=progress.seconds,
    )


class _Watch:
    """Follows the engine: a line a stage, and every latency that was measured in the steady state."""

    def __init__(self, progress: Progress, steady_seconds: float) -> None:
        self._progress = progress
        self._steady_seconds = steady_seconds
        self._steady_since: float | None = None
        self.latencies: dict[float, float] = {}

    def on_event(self, entry: Entry) -> None:
        """Prints what a person wants to know."""
        match entry.event:
            case StageFinished() | SyncPointPassed() | RetryStarted() | PrecheckItemFinished(verdict="failed"):
                self._progress.say(narrate(entry.event))

    def is_steady(self, connection: EngineConnection) -> bool:
        """Whether all is in place and changes have streamed for a while since."""
        state, sample = connection.state, connection.sample
        if not is_synchronizing(connection) or not state.finished("indexes"):
            return False
        if self._steady_since is None:
            self._steady_since = self._progress.seconds
            self._progress.say(f"all in place; changes stream for {self._steady_seconds:g} s more")
        elif sample.latency_at is not None and sample.latency_seconds is not None:
            self.latencies[sample.latency_at] = sample.latency_seconds
        return self._progress.seconds - self._steady_since > self._steady_seconds


@contextmanager
def _engine_ended(task: StoredTask) -> Iterator[None]:
    """No engine outlives the demo, however it ends."""
    try:
        yield
    finally:
        holder = task.find_engine()
        if holder is not None:
            try:
                lifecycle.pause(task, timeout=10)
            except SyncwizardError:
                os.kill(holder.pid, signal.SIGKILL)


def _compare(place: Workspace) -> Comparison:
    with place.source.connect(DATABASE) as source, place.destination.connect(DATABASE) as destination:
        return compare(source, destination)


def _say_nothing(event: Event) -> None:
    """What a release removes is not the demo's subject."""


def _tell_where(place: Workspace) -> None:
    print(f"\nThe servers' data are kept in {place.folder}. To look at them again:")
    for cluster in (place.source, place.destination):
        print(f"  {cluster.start_command}")
        print(f"  {cluster.bin / 'psql'} -h {cluster.sockets} -U postgres {DATABASE}")
