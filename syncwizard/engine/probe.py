"""The main of a probe: `python -m syncwizard.engine.probe`, a short-lived process that its client may kill.

One request frame on stdin, event frames on stdout, and a failure frame where it went wrong.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.engine import frames, logs, tunnels
from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.cores import refuse_core_dumps
from syncwizard.engine.journal import FILE_NAME, Journal, read_state
from syncwizard.engine.locking import Held, TaskLock
from syncwizard.engine.protocol import (
    CatalogueRequest,
    ConnectivityRequest,
    FiltersRequest,
    ProbeEvent,
    ProbeRequest,
    RemedyRequest,
    RowRequest,
    StatementRun,
    TaskRequest,
    TrialRequest,
    WaitsRequest,
)
from syncwizard.engine.reversing import Reverse
from syncwizard.errors import SyncwizardError, UsageError
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import Remedy, to_do
from syncwizard.stages.context import Cancellation, Context, open_session
from syncwizard.task.connectivity import ConnectivityNews
from syncwizard.task.copying_beside import is_copied_beside
from syncwizard.task.drafting.catalogue import CatalogueNews, CatalogueProgress
from syncwizard.task.events import AnyEvent, ResyncRequested, TaskReleased
from syncwizard.task.failures import FailureReport, print_traceback, report_of, unexpected
from syncwizard.task.reducer import reduce
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.state import TaskState

# What only looks has nothing to keep, and a probe that is killed could not clean up.
NO_FOLDER = Path(os.devnull)
CLIENT_GONE = 3


class _Record:
    """Events of a probe: sent to the client, and reduced to a state in memory or kept in the task's journal."""

    def __init__(self, outgoing: int, journal: Journal | None = None, state: TaskState | None = None) -> None:
        self._outgoing = outgoing
        self._journal = journal
        self._state = state or TaskState()
        self._lock = threading.Lock()

    def state(self) -> TaskState:
        return self._journal.state if self._journal else self._state

    def append(self, event: AnyEvent) -> None:
        with self._lock:
            if self._journal:
                self._journal.append(event)
            else:
                self._state = reduce(self._state, time.time(), self._state.sequence + 1, event)
            frames.write_frame(self._outgoing, ProbeEvent(event=event))


def main() -> int:
    """Does what the request asks for; returns the exit code."""
    refuse_core_dumps()
    outgoing = os.dup(1)
    os.dup2(2, 1)
    _, payload = frames.read_frame(0)
    request = msgspec.msgpack.decode(payload, type=ProbeRequest)
    # For the terminal of a command: as plain as its other words.
    logs.configure_stderr(request.secrets, "%(message)s")
    threading.Thread(target=_end_with_stdin, name="client", daemon=True).start()
    try:
        _answer(request, outgoing)
    except SyncwizardError as error:
        frames.write_frame(outgoing, report_of(error), frames.FAILURE)
        return error.exit_code
    except Exception as error:  # noqa: BLE001 - the last resort of this process
        print_traceback(request.secrets)
        failure = unexpected(
            error, f"the {request.kind}", to_do("include the lines above in a report of this defect", then="run again")
        )
        report = FailureReport(kind="TaskFailed", failure=failure)
        frames.write_frame(outgoing, report, frames.FAILURE)
        return 1
    return 0


def _end_with_stdin() -> None:
    """A client that was killed cannot end its probe, which might wait for a server as long as that likes."""
    while os.read(0, 4096):
        pass
    os._exit(CLIENT_GONE)


def _answer(request: ProbeRequest, outgoing: int) -> None:
    match request:
        case ConnectivityRequest():
            _connectivity(request, outgoing)
        case CatalogueRequest():
            _catalogue(request, outgoing)
        case RemedyRequest():
            _remedy(request, outgoing)
        case TrialRequest():
            _trial(request, outgoing)
        case FiltersRequest():
            _filters(request, outgoing)
        case WaitsRequest():
            _waits(request, outgoing)
        case RowRequest():
            _row(request, outgoing)
        case TaskRequest(kind="precheck" | "check" | "rules"):
            _precheck(request, outgoing)
        case TaskRequest(kind="sequences"):
            _sequences(request, outgoing)
        case TaskRequest(kind="slot"):
            _slot(request, outgoing)
        case TaskRequest(kind="release"):
            _release(request, outgoing)
        case TaskRequest(kind="resync"):
            _resync(request, outgoing)
        case TaskRequest(kind="modify"):
            _modify(request, outgoing)
        case TaskRequest(kind="definitions"):
            _definitions(request, outgoing)
        case TaskRequest(kind="decide"):
            _decide(request, outgoing)
        case TaskRequest(kind="pause-tables"):
            _pause_tables(request, outgoing)
        case TaskRequest(kind="undo-switchover"):
            _undo_switchover(request, outgoing)


def _connectivity(request: ConnectivityRequest, outgoing: int) -> None:
    from syncwizard.engine import connectivity

    one_at_a_time = threading.Lock()

    def send(news: ConnectivityNews) -> None:
        with one_at_a_time:
            frames.write_frame(outgoing, news)

    connectivity.run(request, NO_FOLDER, send)


def _catalogue(request: CatalogueRequest, outgoing: int) -> None:
    from syncwizard.postgres.catalog.listing import prepare_listing, read_catalogue

    def send(news: CatalogueNews) -> None:
        frames.write_frame(outgoing, news)

    if request.endpoint.access is not None:
        send(CatalogueProgress(step="tunnel"))
    # Only the source is listed: the other end is none.
    task = TaskSpec(name="catalogue", source=request.endpoint, destination=Endpoint(), objects=[])
    with tunnels.opened(task) as spec:
        send(CatalogueProgress(step="login"))
        with (
            open_session(spec, request.secrets, "source", "catalogue") as session,
            translated("source", "listing its objects"),
        ):
            prepare_listing(session)
            for news in read_catalogue(session):
                send(news)


def _precheck(request: TaskRequest, outgoing: int) -> None:
    from syncwizard.stages import precheck

    record = _Record(outgoing, state=_known(request))
    only = {"check": precheck.ABOUT_OBJECTS, "rules": precheck.ABOUT_RULES}.get(request.kind, ())
    _run(request, NO_FOLDER, record, lambda context: precheck.run(context, passed=request.passed, only=only))


def _trial(request: TrialRequest, outgoing: int) -> None:
    from syncwizard.stages.commands import trial

    task = TaskRequest(kind="precheck", spec=request.spec, secrets=request.secrets)
    record = _Record(outgoing)

    def run(context: Context) -> None:
        frames.write_frame(outgoing, trial.run(context, request.table, count=request.count))

    _run(task, NO_FOLDER, record, run)


def _filters(request: FiltersRequest, outgoing: int) -> None:
    from syncwizard.stages.commands import filters

    task = TaskRequest(kind="check", spec=request.spec, secrets=request.secrets)

    def run(context: Context) -> None:
        for kept in filters.run(context, count=request.count):
            frames.write_frame(outgoing, kept)

    _run(task, NO_FOLDER, _Record(outgoing), run)


def _waits(request: WaitsRequest, outgoing: int) -> None:
    from syncwizard.stages.commands import waits

    task = TaskRequest(kind="check", spec=request.spec, secrets=request.secrets)
    _run(task, NO_FOLDER, _Record(outgoing), lambda context: frames.write_frame(outgoing, waits.run(context)))


def _row(request: RowRequest, outgoing: int) -> None:
    from syncwizard.stages.verification import row

    task = TaskRequest(kind="check", spec=request.spec, secrets=request.secrets)

    def run(context: Context) -> None:
        frames.write_frame(outgoing, row.run(context, request.table, request.key))

    _run(task, NO_FOLDER, _Record(outgoing), run)


def _remedy(request: RemedyRequest, outgoing: int) -> None:
    """Runs the statements one by one: where one is refused, those before it stay done."""
    with (
        tunnels.opened(request.spec) as spec,
        open_session(spec, request.secrets, request.end, "remedy") as session,
        translated(request.end, "running the statements of a remedy"),
    ):
        for statement in request.statements:
            session.execute(statement.encode())
            frames.write_frame(outgoing, StatementRun(statement=statement))


def _known(request: TaskRequest) -> TaskState | None:
    """What the journal here knows of the task: what it made at both ends does not stand in the way then."""
    if request.spec.id is None:
        return None
    file = paths.task_folder(request.spec.id) / FILE_NAME
    return read_state(file) if file.exists() else None


def _sequences(request: TaskRequest, outgoing: int) -> None:
    """Beside the task's engine, if that runs: nothing of the task's own is touched."""
    from syncwizard.stages.definitions import sequences

    _run(request, NO_FOLDER, _Record(outgoing), lambda context: sequences.run(context, request.offset))


def _slot(request: TaskRequest, outgoing: int) -> None:
    """Asks the source alone: a paused task is nothing to the destination."""
    from syncwizard.postgres.source.slot import measure_slot

    with (
        tunnels.opened(request.spec) as spec,
        open_session(spec, request.secrets, "source", "look") as source,
        translated("source", "looking at the slot"),
    ):
        measured = measure_slot(source, spec.slot)
    frames.write_frame(outgoing, ProbeEvent(event=measured))


def _release(request: TaskRequest, outgoing: int) -> None:
    from syncwizard.stages.commands import release

    with _journal_held(request) as (journal, folder):
        record = _Record(outgoing, journal)
        # Before capture nothing was made at either end, and an end may be out of reach.
        if "capture" in record.state().stages:
            _run(request, folder, record, release.run)
        if record.state().state != "released":
            record.append(TaskReleased())


def _resync(request: TaskRequest, outgoing: int) -> None:
    """Looks at the ends beside the task's engine, or gives the order to the next one."""
    from syncwizard.stages.commands import resync

    if request.order is not None:
        _give_order(request, outgoing, request.order)
        return
    record = _Record(outgoing, state=_known(request))
    _run(request, NO_FOLDER, record, lambda context: context.record(resync.describe(context, request.wish)))


def _give_order(request: TaskRequest, outgoing: int, order: ResyncRequested) -> None:
    """For the next engine of the task."""
    from syncwizard.stages.full import beside

    with _journal_held(request) as (journal, folder):
        record = _Record(outgoing, journal)
        if is_copied_beside(request.spec, record.state(), order):
            _run(request, folder, record, lambda context: beside.order_beside(context, order))
        else:
            record.append(order)


def _modify(request: TaskRequest, outgoing: int) -> None:
    """Looks at both ends with the objects as they shall be, beside the task's engine."""
    from syncwizard.stages.commands import modify

    record = _Record(outgoing, state=_known(request))
    _run(request, NO_FOLDER, record, lambda context: context.record(modify.describe(context)))


def _definitions(request: TaskRequest, outgoing: int) -> None:
    """For a task without an engine: one that runs tries by itself."""
    from syncwizard.stages.definitions import retrying

    with _journal_held(request) as (journal, folder):
        _run(request, folder, _Record(outgoing, journal), retrying.run)


def _decide(request: TaskRequest, outgoing: int) -> None:
    """For the next engine of the task."""
    if request.decision is not None:
        with _journal_held(request) as (journal, _):
            _Record(outgoing, journal).append(request.decision)


def _pause_tables(request: TaskRequest, outgoing: int) -> None:
    """For a task without an engine: the next one leaves their changes out."""
    from syncwizard.stages.commands.pausing import pause_tables

    with _journal_held(request) as (journal, folder):
        tables = request.wish.tables
        _run(request, folder, _Record(outgoing, journal), lambda context: pause_tables(context, tables))


def _undo_switchover(request: TaskRequest, outgoing: int) -> None:
    """For a task whose engine died in the middle of it."""
    from syncwizard.stages.commands.switchover.undo import undo

    with _journal_held(request) as (journal, folder):
        way_back = Reverse(folder, request.secrets)
        _run(request, folder, _Record(outgoing, journal), lambda context: undo(context, way_back))


@contextmanager
def _journal_held(request: TaskRequest) -> Iterator[tuple[Journal, Path]]:
    """The journal and the folder of a stored task that no other process has. Raises UsageError when one has."""
    spec = request.spec
    if spec.id is None:
        raise ValueError("only a stored task has a journal")
    folder = paths.task_folder(spec.id)
    try:
        lock = TaskLock(spec.id, purpose=request.kind)
    except Held as held:
        raise UsageError(
            f"the task is in use by process {held.holder.pid if held.holder else 'unknown'}",
            remedy=Remedy(then="pause", task=spec.name),
        ) from held
    with lock:
        journal = Journal(folder / FILE_NAME, spec.id, spec.name, secrets=request.secrets.texts)
        try:
            yield journal, folder
        finally:
            journal.close()


def _run(request: TaskRequest, folder: Path, record: _Record, stage: Callable[[Context], object]) -> None:
    """Runs one stage outside of an engine."""
    pool = ChildPool()
    with tunnels.opened(request.spec) as spec:
        context = make_context(spec, request.secrets, folder, record.append, record.state, Cancellation(), pool)
        try:
            stage(context)
        finally:
            pool.kill_all()


if __name__ == "__main__":
    sys.exit(main())
