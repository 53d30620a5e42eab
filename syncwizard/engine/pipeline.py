"""Walks a task through its stages: skips what is done, tries again what may pass, and says how it ended."""

import importlib
import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

import msgspec

from syncwizard.engine.children import ChildPool
from syncwizard.engine.memory import give_back
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.neighbours import tasks_at_work
from syncwizard.engine.retry import Window, delay_seconds, is_lost, minutes_allowed, next_window, steady_time
from syncwizard.engine.silence import SilenceWatch
from syncwizard.errors import Cancelled, PrecheckNotPassed, SyncwizardError, TaskFailed
from syncwizard.remedies import Remedy, followed_by, to_do
from syncwizard.stages.capture import row_changes
from syncwizard.stages.context import COPY_WORKERS, Cancellation, Context, copy_workers
from syncwizard.task.events import (
    Event,
    Failure,
    Noticed,
    ResyncRequested,
    RetryEnded,
    RetryStarted,
    StageFinished,
    StageName,
    StageStarted,
    TablePlanned,
    TableRestarted,
    TaskFailedEvent,
    TaskPaused,
)
from syncwizard.task.failures import failure_of, unexpected
from syncwizard.task.figures.sample import Sample
from syncwizard.task.stages import facts_of
from syncwizard.task.windows import ConnectionWindow, connection_window

log = logging.getLogger(__name__)

# An end that is away for longer may be so for hours, in which the source could vacuum nothing: what is copied then is
# copied under another pair.
PAIR_PATIENCE_SECONDS = 4.0
NO_CHILDREN: Mapping[str, int] = {}
# Their work is a child's, which looks after its sessions itself as soon as it reports anything.
APPLYING: frozenset[StageName] = frozenset({"catch-up", "incremental"})
# What these leave is little, or goes with what the next one leaves: to look for it takes longer than some of them.
MODEST: frozenset[StageName] = frozenset({"precheck", "capture", "keys", "catch-up", "constraints"})


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the pipeline; `run` may return a summary in words.

    `beside`: runs in a thread of its own beside the next stage. `endless`: never done, runs in every run of the
    engine until it is cancelled. `patient`: lost connections are tried again. `children`: how many of which kind it
    begins with.
    """

    name: StageName
    run: Callable[[Context], object]
    beside: bool = False
    endless: bool = False
    patient: bool = True
    children: Mapping[str, int] = {}


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a run ended: `reason` for the journal, `exit_code` of the engine."""

    reason: str
    exit_code: int
    failure: Failure | None = None


def default_stages() -> list[Stage]:
    """The stages of every task. Their modules are imported when they run."""
    return [
        # An end that cannot be reached is an answer at this point, not something to wait for.
        msgspec.structs.replace(_stage("precheck", "precheck"), patient=False),
        _stage("capture", "capture.stage"),
        _stage("schema", "capture.schema"),
        _stage("full", "full.stage", {"copy": COPY_WORKERS}),
        _stage("keys", "definitions.keys"),
        _stage("catch-up", "incremental.catch_up", {"apply": 1}),
        _stage("constraints", "definitions.constraints"),
        _stage("indexes", "definitions.indexes"),
        _stage("incremental", "incremental.stage", {"apply": 1}),
    ]


def _stage(name: StageName, module: str, children: Mapping[str, int] = NO_CHILDREN) -> Stage:
    facts = facts_of(name)
    return Stage(name=name, run=_module_run(module), beside=facts.beside, endless=facts.endless, children=children)


def _module_run(module: str) -> Callable[[Context], object]:
    def run(context: Context) -> object:
        stage = importlib.import_module(f"syncwizard.stages.{module}")
        return stage.run(context)

    return run


class Pipeline:
    """One run over the stages, in the thread that calls `run`."""

    def __init__(
        self, context: Context, stages: Sequence[Stage], pool: ChildPool, metrics: Metrics, silence: SilenceWatch
    ) -> None:
        self._outer = context
        self._stages = stages
        self._pool = pool
        self._metrics = metrics
        self._silence = silence
        self._window: Window | None = None
        self._window_lock = threading.Lock()
        self._trouble = ("", "", "")
        self._shared = ConnectionWindow(minutes=context.spec.advanced.retry.connection_minutes)
        self._begun: set[StageName] = set()
        self._running: set[StageName] = set()
        self._order: ResyncRequested | None = None
        self._attempted: Cancellation | None = None
        self._context = msgspec.structs.replace(context, record=self._record, sample=self._sample)

    def run(self) -> Outcome:
        """Runs until the end: paused, failed, or refused by the precheck. Records how it ended."""
        self._silence.start()
        try:
            row_changes.note(self._context)
            while True:
                try:
                    self._walk()
                except Cancelled:
                    if not self._take_order():
                        raise
        except Cancelled:
            self._finish()
            self._outer.record(TaskPaused())
            return Outcome(reason="paused", exit_code=0)
        except PrecheckNotPassed as error:
            return Outcome(reason="the precheck did not pass", exit_code=error.exit_code, failure=failure_of(error))
        except SyncwizardError as error:
            return self._failed(failure_of(error))
        except Exception as error:  # the last resort of the engine's working thread
            log.exception("unexpected error")
            return self._failed(unexpected(error, "the engine"))
        finally:
            self._finish()

    def copy_again(self, order: ResyncRequested) -> None:
        """Carries out an order to copy tables again: what runs is stopped as by a pause, and the stages are walked
        anew. An order that a pause overtakes is dropped. From any thread."""
        self._order = order
        if (running := self._attempted) is not None:
            running.cancel()

    def _walk(self) -> None:
        groups = grouped(self._stages)
        for at, group in enumerate(groups):
            self._run_group(group, groups[at + 1 : at + 2])
        raise TaskFailed("the last stage ended unexpectedly")

    def _take_order(self) -> bool:
        order, self._order = self._order, None
        if order is None or self._outer.cancellation.cancelled:
            return False
        self._outer.record(order)
        self._begun.clear()
        return True

    def _failed(self, failure: Failure) -> Outcome:
        self._finish()
        # Whatever ended it, a task that failed goes on by a resume, unless the error knows better.
        failure = msgspec.structs.replace(failure, remedy=followed_by(failure.remedy, "resume"))
        self._outer.record(TaskFailedEvent(failure=failure))
        return Outcome(reason="failed", exit_code=failure.exit_code, failure=failure)

    def _finish(self) -> None:
        self._silence.stop()
        self._pool.kill_all()
        self._context.held.close()

    def _run_group(self, group: Sequence[Stage], following: Sequence[Sequence[Stage]]) -> None:
        """Runs stages that belong side by side, again and again while their trouble may pass. The children of the
        stages that follow get ready meanwhile.
        """
        while True:
            self._context.cancellation.check()
            pending = [stage for stage in group if stage.endless or not self._outer.state().finished(stage.name)]
            if not pending:
                return
            self._keep_children_ready([*pending, *chain.from_iterable(following)])
            self._metrics.begin_run()
            try:
                self._attempt(pending)
            except SyncwizardError as error:
                self._pool.kill_all()
                if isinstance(error, Cancelled) or not all(stage.patient for stage in pending):
                    raise
                self._wait_before_retry(error)
            else:
                return

    def _keep_children_ready(self, stages: Iterable[Stage]) -> None:
        state = self._outer.state()
        types = self._context.spec.synchronization.types
        needed = [
            stage
            for stage in stages
            if (stage.endless or not state.finished(stage.name)) and facts_of(stage.name).needs in ("", *types)
        ]
        numbers = {kind: number for stage in needed for kind, number in stage.children.items()}
        if "copy" in numbers:
            numbers["copy"] = copy_workers(self._context.spec)
        self._pool.keep_ready(numbers)

    def _attempt(self, stages: Sequence[Stage]) -> None:
        """Runs the last stage here and those before it in threads beside it; the end of one by error ends all, and so
        does an end that does not answer any more."""
        inner = Cancellation(self._context.cancellation)
        self._attempted = inner
        if self._order is not None:
            # It came between two attempts.
            inner.cancel()
        self._context.cancellation.on_cancel(inner.cancel)
        context = msgspec.structs.replace(self._context, cancellation=inner)
        with self._silence.over(inner.cancel):
            self._run_side_by_side(stages, context, inner)

    def _run_side_by_side(self, stages: Sequence[Stage], context: Context, inner: Cancellation) -> None:
        *beside, main = stages
        companions = [_Companion(self._run_stage, stage, context) for stage in beside]
        for companion in companions:
            companion.start()
        try:
            self._run_stage(main, context)
        except Cancelled:
            # Cancelled by a companion's error, unless a pause was asked for.
            for companion in companions:
                companion.join()
            self._context.cancellation.check()
            for companion in companions:
                if companion.error is not None and not isinstance(companion.error, Cancelled):
                    raise companion.error from None
            raise
        finally:
            inner.cancel()
            for companion in companions:
                companion.join()

    def _run_stage(self, stage: Stage, context: Context) -> None:
        if stage.name not in self._begun:
            self._begun.add(stage.name)
            self._outer.record(StageStarted(stage=stage.name))
        else:
            log.info("stage %s begins again", stage.name)
        self._running.add(stage.name)
        self._silence.take_over()
        try:
            summary = stage.run(context)
        finally:
            self._running.discard(stage.name)
            if stage.name not in MODEST:
                give_back()
        context.cancellation.check()
        if stage.endless:
            raise TaskFailed(f"the stage {stage.name} ended by itself", remedy=Remedy(then="resume"))
        self._end_retry(durably=True)
        self._outer.record(StageFinished(stage=stage.name, summary=summary if isinstance(summary, str) else ""))

    def _wait_before_retry(self, error: SyncwizardError) -> None:
        """Waits as long as the back-off says; raises the error when it is not worth it, or no longer."""
        minutes = self._minutes_allowed(error)
        if minutes is None:
            raise error
        now = steady_time()
        with self._window_lock:
            was_open = self._window is not None and self._window.ended is None
            self._window = window = next_window(self._window, now, minutes)
        seconds = delay_seconds(window, now)
        if seconds is None:
            error.remedy = error.remedy or to_do("correct the cause")
            raise error
        log.warning("trying again in %.1f s: %s", seconds, error)
        kind = (type(error).__name__, error.where, error.sqlstate)
        # What is in the way now counts, not what was when it began; the patience is that of its kind.
        if not was_open or kind != self._trouble:
            self._trouble = kind
            self._outer.record(
                RetryStarted(
                    failure=failure_of(error), since=window.since, until=window.until, window_of=self._shared.task
                )
            )
        self._sample(Sample(tries=window.attempts, next_try_at=now + seconds))
        if seconds > PAIR_PATIENCE_SECONDS:
            self._context.held.close()
        self._context.cancellation.wait(seconds)

    def _minutes_allowed(self, error: SyncwizardError) -> int | None:
        """By the settings; of a lost connection by those of all tasks at work here that share an end, as they are when
        the trouble begins."""
        retry = self._context.spec.advanced.retry
        if not is_lost(error):
            self._shared = ConnectionWindow(minutes=retry.connection_minutes)
            return minutes_allowed(error, retry)
        if self._window is None or self._window.ended is not None:
            spec = self._context.spec
            self._shared = connection_window(spec, tasks_at_work(spec.id))
        return self._shared.minutes

    def _end_retry(self, *, durably: bool) -> None:
        """The trouble has passed, as far as can be seen; `durably` when the next will be another one."""
        with self._window_lock:
            window = self._window
            if window is None:
                return
            self._window = None if durably else msgspec.structs.replace(window, ended=window.ended or steady_time())
        if window.ended is None:
            self._outer.record(RetryEnded())

    def _record(self, *events: Event) -> None:
        self._outer.record(*events)
        # A remark or another beginning does not prove that the trouble is over.
        if not all(isinstance(event, Noticed | TablePlanned | TableRestarted) for event in events):
            self._end_retry(durably=True)

    def _sample(self, sample: Sample) -> None:
        if self._running <= APPLYING:
            self._silence.leave_to_child()
        progress = self._metrics.take(sample)
        # What viewers are sent is in the metrics by then.
        self._outer.sample(sample)
        if progress != "none":
            self._end_retry(durably=progress == "durable")


class _Companion(threading.Thread):
    """A stage in its own thread; its error ends the group."""

    def __init__(self, run: Callable[[Stage, Context], None], stage: Stage, context: Context) -> None:
        super().__init__(name=f"stage {stage.name}", daemon=True)
        self._run_stage = run
        self._stage = stage
        self._context = context
        self.error: SyncwizardError | None = None

    def run(self) -> None:
        try:
            self._run_stage(self._stage, self._context)
        except SyncwizardError as error:
            self._end_group(error)
        except Exception as error:  # the last resort of this thread
            log.exception("unexpected error in the stage %s", self._stage.name)
            failure = unexpected(error, f"the stage {self._stage.name}")
            self._end_group(TaskFailed(failure.title, detail=failure.detail, remedy=failure.remedy))

    def _end_group(self, error: SyncwizardError) -> None:
        self.error = error
        self._context.cancellation.cancel()


def grouped(stages: Sequence[Stage]) -> list[list[Stage]]:
    """The stages in groups that run side by side: each group ends with the one that runs in the main thread."""
    groups: list[list[Stage]] = [[]]
    for stage in stages:
        groups[-1].append(stage)
        if not stage.beside:
            groups.append([])
    return [group for group in groups if group]
