"""The demo without screens: two servers, a knowledge base that is written to, a task, a comparison."""

from contextlib import ExitStack
from pathlib import Path

import msgspec
import yaml

from syncwizard.client import lifecycle
from syncwizard.client.connection import EngineConnection
from syncwizard.client.waiting import is_synchronizing, wait_for, wait_until
from syncwizard.demo import knowledge_base
from syncwizard.demo.comparison import Comparison, compare
from syncwizard.demo.preparation import TASK_NAME, end_engine, load, specification, where_to_look
from syncwizard.demo.report import Outcome, Progress, render
from syncwizard.demo.workload import Workload
from syncwizard.demo.workspace import DATABASE, Workspace, workspace
from syncwizard.errors import DifferencesFound
from syncwizard.task.events import Entry, Event, PrecheckItemFinished, RetryStarted, StageFinished, SyncPointPassed
from syncwizard.task.left_over import left_over_lines
from syncwizard.task.narration import narrate

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
        load(place, progress, passages)
        outcome = _synchronize(place, progress, steady_seconds)
        print(render(outcome), flush=True)
    if keep is not None:
        print(where_to_look(place))
    return 0 if outcome.comparison.equal else DifferencesFound.exit_code


def write_task_file(place: Workspace) -> Path:
    """The demo's task, as a user would write it."""
    path = place.folder / f"{TASK_NAME}.yaml"
    path.write_text(yaml.safe_dump(msgspec.to_builtins(specification(place)), sort_keys=False), encoding="utf-8")
    return path


def _synchronize(place: Workspace, progress: Progress, steady_seconds: float) -> Outcome:
    """Runs the task under the workload, and compares after the workload has ended."""
    with ExitStack() as stack:
        workload = stack.enter_context(Workload(place.source.endpoint(DATABASE)))
        progress.say("the workload writes to the source from here on")
        prepared = lifecycle.prepare_start(write_task_file(place))
        task = prepared.task
        stack.callback(end_engine, task)
        watch = _Watch(progress, steady_seconds)
        state = lifecycle.start(prepared, watch.on_event)
        wait_until(task, watch.is_steady, "steady state", LONGEST_SECONDS, watch.on_event, state.sequence)
        done = workload.stop()
        progress.say(f"the workload ended after {done.transactions:,} transactions")
        wait_for(task, "caught-up", LONGEST_SECONDS)
        progress.say("caught up")
        # As before a switchover: their values are not in the stream.
        set_count = lifecycle.set_sequences(task, 0).count
        progress.say(f"{set_count} sequences set to the source's values")
        comparison = _compare(place)
        progress.say("both ends compared")
        state = lifecycle.pause(task)
        left_over = lifecycle.release(task, _say_nothing).left_over
        progress.say(f"task released; left over at the ends: {' '.join(left_over_lines(left_over)) or 'nothing'}\n")
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
        """Prints the progress."""
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


def _compare(place: Workspace) -> Comparison:
    with place.source.connect(DATABASE) as source, place.destination.connect(DATABASE) as destination:
        return compare(source, destination)


def _say_nothing(event: Event) -> None:
    """What a release removes is not the demo's subject."""
