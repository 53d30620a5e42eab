"""The life of one engine: pipeline in a worker thread, control socket and clock in the event loop."""

import asyncio
import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from syncwizard import __version__
from syncwizard.engine.alerting.watch import AlertWatch
from syncwizard.engine.awaited import Awaited
from syncwizard.engine.beside import Beside
from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.control import ControlServer
from syncwizard.engine.door import Door
from syncwizard.engine.exposing import Exposing
from syncwizard.engine.history import Recorder
from syncwizard.engine.journal import FILE_NAME, Journal
from syncwizard.engine.metrics import Metrics
from syncwizard.engine.pipeline import Outcome, Pipeline, Stage
from syncwizard.engine.protocol import Answer, Command
from syncwizard.engine.silence import SilenceWatch
from syncwizard.engine.slot_watch import SlotAsker, SlotWatch
from syncwizard.errors import Cancelled, EndpointError, JournalFailed, UsageError
from syncwizard.stages.context import Cancellation
from syncwizard.stages.incremental.position import position_to_reach
from syncwizard.task.events import (
    EngineStarted,
    EngineStopped,
    Entry,
    Level,
    Noticed,
    PauseRequested,
    TaskFailedEvent,
    TaskPaused,
)
from syncwizard.task.failures import failure_of
from syncwizard.task.figures.openmetrics import Figures, render
from syncwizard.task.figures.sample import Sample
from syncwizard.task.figures.totals import describe_latency
from syncwizard.task.handover import Handover
from syncwizard.task.limiting import InForce
from syncwizard.task.narration import narrate
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState

log = logging.getLogger(__name__)

# Viewers see new figures so often; more could not be read.
TICK_SECONDS = 0.25
TOTALS_SECONDS = 60.0
# The past of the figures: a heartbeat comes each second, and a kill costs a chart no more than a minute.
OBSERVE_SECONDS = 1.0
KEEP_SECONDS = 60.0
# A stage that does not come back from a pause is left behind: the end of the process closes its connections.
PAUSE_SECONDS = 30.0


class Supervisor:
    """Owns journal, metrics, pipeline and control socket of one engine process."""

    def __init__(
        self, spec: TaskSpec, secrets: Handover, folder: Path, stages: Sequence[Stage], pool: ChildPool
    ) -> None:
        """Opens the journal in `folder`; the caller holds the task's lock."""
        if spec.id is None:
            raise ValueError("a task without an id has no engine")
        self._task_id = spec.id
        self._spec = spec
        self._folder = folder
        self._journal = Journal(folder / FILE_NAME, spec.id, spec.name, secrets=secrets.texts)
        self._metrics = Metrics(self._journal.state)
        self._recorder = Recorder(folder)
        self._observe_at = self._keep_at = 0.0
        self._cancellation = Cancellation()
        self._pool = pool
        self._fresh_sample = threading.Event()
        self._context = make_context(
            spec,
            secrets,
            folder,
            self._journal.append,
            lambda: self._journal.state,
            self._cancellation,
            pool,
            self._note_sample,
        )
        self._slot_watch = SlotWatch()
        self._slot_asker = SlotAsker(self._context, self._take_slot)
        self._pipeline = Pipeline(self._context, stages, pool, self._metrics, SilenceWatch(self._context))
        self._outcome: Outcome | None = None
        self._pause_by: float | None = None
        self._beside = Beside(
            self._context,
            self._metrics,
            secrets,
            folder,
            copy_again=self._pipeline.copy_again,
            take_limits=self._take_limits,
            switched=self._on_switched,
            notice=self._notice,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awaited = Awaited()
        self._send_sample: Callable[[], None] = lambda: None
        self._exposing = Exposing(spec.advanced.metrics, self._exposed, self._warn)
        self._alerts = AlertWatch(
            spec,
            secrets,
            folder,
            self._looked_at,
            self._notice,
            after_death=self._journal.state.engine_pid is not None,
        )
        self._ended = False
        self._pausing: asyncio.Task[None] | None = None
        self.interrupted = False

    async def run(self, door: Door, ready: Callable[[], None]) -> Outcome:
        """Runs the task until it is paused or fails; calls `ready` once clients can connect. Raises TaskFailed where
        no control socket can be made."""
        self._loop = loop = asyncio.get_running_loop()
        control = ControlServer(
            self._task_id,
            door,
            self._folder / FILE_NAME,
            self._journal,
            self._metrics,
            {
                "status": self._status,
                "pause": self._pause,
                "caught-up": self._caught_up,
                **self._beside.commands,
            },
            lambda: self._recorder.history,
        )
        self._send_sample = control.send_sample
        await control.open()
        try:
            return await self._run(loop, control, ready)
        finally:
            # Before viewers are disconnected: they read on in the folder.
            await asyncio.to_thread(self._recorder.keep)
            self._ended = True
            await asyncio.to_thread(self._exposing.stop)
            await asyncio.to_thread(self._alerts.stop)
            await control.close()
            self._journal.close()

    async def _run(self, loop: asyncio.AbstractEventLoop, control: ControlServer, ready: Callable[[], None]) -> Outcome:
        def publish(entry: Entry, state: TaskState) -> None:
            log.info("%s", narrate(entry.event))
            loop.call_soon_threadsafe(control.send_event, entry)

        self._journal.listen(publish)
        self._journal.append(EngineStarted(pid=os.getpid(), version=__version__))
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            # SIGHUP is ignored in the background and under nohup, and stays so.
            if signal.getsignal(number) != signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal, number)
        done = asyncio.Event()
        threading.Thread(target=self._work, args=(loop, done), name="pipeline", daemon=True).start()
        self._beside.begin()
        self._exposing.start()
        self._alerts.start()
        ready()
        try:
            outcome = await self._watch(control, done)
            await asyncio.to_thread(self._beside.end)
        except JournalFailed as error:
            self._pool.kill_all()
            outcome = self._lost_journal(error)
        try:
            self._record_end(outcome)
        except JournalFailed as error:
            outcome = self._lost_journal(error)
            self._send_unwritten(control, TaskFailedEvent(failure=failure_of(error)))
        # The events just written are on their way to the loop; viewers get them before the socket goes.
        await asyncio.sleep(0)
        return outcome

    def _work(self, loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
        try:
            self._outcome = self._pipeline.run()
        except JournalFailed as error:
            self._outcome = self._lost_journal(error)
        except Cancelled:
            # Left behind: the journal was closed before this thread came to its end.
            log.info("the pipeline ended after its engine")
        finally:
            # Also when the journal could not take the last event: an engine without a pipeline is no use.
            with contextlib.suppress(RuntimeError):  # the loop of an engine that has ended is closed
                loop.call_soon_threadsafe(done.set)

    async def _watch(self, control: ControlServer, done: asyncio.Event) -> Outcome:
        """Waits for the pipeline's end and does what the clock asks for meanwhile."""
        totals_due = time.monotonic() + TOTALS_SECONDS
        while not done.is_set():
            try:
                await asyncio.wait_for(done.wait(), TICK_SECONDS)
            except TimeoutError:
                await control.ensure_reachable()
            if self._fresh_sample.is_set():
                self._fresh_sample.clear()
                control.send_sample()
                await asyncio.to_thread(self._watch_slot)
            now = time.monotonic()
            await self._observe(control, now)
            if self._journal.state.slot is not None:
                self._slot_asker.ask_when_stale(self._metrics.slot_age(time.time()), now)
            if now >= totals_due:
                totals_due = now + TOTALS_SECONDS
                await asyncio.to_thread(self._record_totals)
            if self._pause_by is not None and now >= self._pause_by and not done.is_set():
                return await asyncio.to_thread(self._leave_behind)
        if self._outcome is None:
            return Outcome(reason="the pipeline ended by a defect", exit_code=1)
        return self._outcome

    async def _observe(self, control: ControlServer, now: float) -> None:
        """Adds to the past of the figures each second, and keeps it now and then."""
        if now >= self._observe_at:
            self._observe_at = now + OBSERVE_SECONDS
            self._beside.look(pausing=self._pause_by is not None)
            control.send_observation(self._recorder.observe(self._metrics.measured()))
        if now >= self._keep_at:
            # Not at once: an engine that ends in its first second has nothing to keep.
            if self._keep_at:
                await asyncio.to_thread(self._recorder.keep)
            self._keep_at = now + KEEP_SECONDS

    def describe(self) -> tuple[str, bool]:
        """The task in a line, for a service manager; and whether the engine ends."""
        state, sample = self._journal.state.state, self._metrics.latest()
        late = sample.latency_at is not None and state == "synchronizing"
        line = f"{state}, latency {describe_latency(sample, time.time())}" if late else state
        return line, self._pause_by is not None

    def _exposed(self, openmetrics: bool) -> str:
        figures = Figures(
            state=self._journal.state,
            sample=self._metrics.merged(),
            at=time.time(),
            version=__version__,
            running=not self._ended,
        )
        return render(figures, self._spec.name, self._spec.short_id, openmetrics=openmetrics)

    def _looked_at(self) -> tuple[TaskState, Sample]:
        """For alerts: totals by table cost time, and only dead letters are counted from them."""
        counted = self._spec.advanced.etl_errors == "dead-letter"
        return self._journal.state, self._metrics.merged() if counted else self._metrics.latest()

    def _warn(self, message: str) -> None:
        self._notice("warning", message)

    def _notice(self, level: Level, message: str) -> None:
        with contextlib.suppress(JournalFailed):
            self._journal.append(Noticed(level=level, message=message))

    def _lost_journal(self, error: JournalFailed) -> Outcome:
        log.error("%s; %s", error, error.remedy)
        return Outcome(reason="failed", exit_code=error.exit_code, failure=failure_of(error))

    def _record_end(self, outcome: Outcome) -> None:
        """The last events; a failure of the journal itself is among them when it can be written again by now."""
        if outcome.reason == "failed" and self._journal.state.failure is None and outcome.failure is not None:
            self._journal.append(TaskFailedEvent(failure=outcome.failure))
        self._record_totals()
        for event in self._slot_watch.last(self._metrics.latest()):
            self._journal.append(event)
        self._journal.append(EngineStopped(reason=outcome.reason))

    def _send_unwritten(self, control: ControlServer, event: TaskFailedEvent) -> None:
        """Viewers hear of what the journal cannot keep."""
        control.send_unwritten(Entry(sequence=self._journal.state.sequence + 1, at=time.time(), event=event))

    def _leave_behind(self) -> Outcome:
        log.warning("a stage did not stop within %.0f s: pausing without it", PAUSE_SECONDS)
        self._pool.kill_all()
        self._journal.append(TaskPaused())
        return Outcome(reason="paused", exit_code=0)

    def _record_totals(self) -> None:
        totals = self._metrics.totals()
        if totals is not None:
            self._journal.append(totals)

    def _take_slot(self, sample: Sample) -> None:
        self._metrics.take(sample)
        self._note_sample(sample)

    def _take_limits(self, limits: InForce) -> None:
        self._metrics.take(Sample(throttle=limits))
        self._fresh_sample.set()

    def _watch_slot(self) -> None:
        for event in self._slot_watch.events(self._metrics.latest(), time.monotonic()):
            self._journal.append(event)

    def _note_sample(self, sample: Sample) -> None:
        self._recorder.note(sample)
        self._fresh_sample.set()
        if self._loop is not None and self._awaited.reached(sample):
            with contextlib.suppress(RuntimeError):  # the loop of an engine that has ended is closed
                self._loop.call_soon_threadsafe(self._send_sample)

    def _on_signal(self, number: signal.Signals) -> None:
        self.interrupted = self.interrupted or number == signal.SIGINT
        self._pausing = asyncio.get_running_loop().create_task(self._begin_pause())

    async def _begin_pause(self) -> None:
        if self._pause_by is not None:
            return
        self._pause_by = time.monotonic() + PAUSE_SECONDS
        try:
            await asyncio.to_thread(self._journal.append, PauseRequested())
        except JournalFailed as error:
            self._lost_journal(error)
        finally:
            # In a thread: what a stage does on cancel is not known to be quick.
            await asyncio.to_thread(self._cancellation.cancel)

    def _on_switched(self) -> None:
        """The task has come to its end, in the thread that switched it over."""
        if self._loop is not None:
            asyncio.run_coroutine_threadsafe(self._begin_pause(), self._loop)

    async def _pause(self, command: Command) -> Answer:
        self._beside.check_pausable()
        await self._begin_pause()
        return Answer(id=command.id)

    async def _status(self, command: Command) -> Answer:
        return Answer(id=command.id, state=self._journal.state, sample=self._metrics.merged())

    async def _caught_up(self, command: Command) -> Answer:
        if self._journal.state.slot is None:
            raise UsageError(
                "there is nothing to catch up with yet", remedy="wait until the task is synchronizing, then ask again"
            )
        known = self._metrics.merged()
        if known.acknowledged_lsn is None:
            # What the journal tells of an earlier engine is no longer so where an end was set back.
            raise EndpointError("both ends are still being compared with the progress", end="source", transient=True)
        lsn = await asyncio.to_thread(position_to_reach, self._context, known.applied_lsn)
        self._awaited.add(lsn)
        return Answer(id=command.id, lsn=lsn)
