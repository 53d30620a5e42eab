"""The main of an engine: `python -m syncwizard.engine.process TASK-ID [--foreground]`.

Secrets come as one frame on stdin. A background engine answers its starter with one frame on stdout once it has the
task, then works on without a terminal until it is paused, fails, or dies.
"""

import asyncio
import logging
import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import msgspec

from syncwizard import paths
from syncwizard.engine import frames, logs, tunnels
from syncwizard.engine.children import CHILD_MODULES, ChildPool
from syncwizard.engine.cores import refuse_core_dumps
from syncwizard.engine.door import Door, remove_left
from syncwizard.engine.fork_server import open_fork_server
from syncwizard.engine.journal import FILE_NAME, read_state
from syncwizard.engine.locking import Held, TaskLock
from syncwizard.engine.pipeline import Outcome, Stage, default_stages
from syncwizard.engine.protocol import Started
from syncwizard.engine.service_manager import ServiceManager
from syncwizard.engine.supervisor import Supervisor
from syncwizard.errors import End, EndpointError, SyncwizardError, UsageError
from syncwizard.remedies import Remedy
from syncwizard.stages.context import open_session
from syncwizard.task import file
from syncwizard.task.failures import FailureReport, format_failure, report_of, unexpected
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec

log = logging.getLogger(__name__)

INTERRUPTED = 130


def main(
    arguments: list[str],
    stages: Callable[[], Sequence[Stage]] = default_stages,
    children: Mapping[str, str] = CHILD_MODULES,
) -> int:
    """Runs the engine of the task over the stages, with the kinds of children they need; returns its exit code."""
    task_id = uuid.UUID(arguments[0])
    foreground = "--foreground" in arguments[1:]
    os.umask(0o077)
    refuse_core_dumps()
    # Before there is a thread, or a secret.
    fork_server = open_fork_server(f"syncwizard {task_id.hex[:12]}", children.values())
    answer = _terminal_answer if foreground else _pipe_answer()
    manager = ServiceManager.taken_from(os.environ, heard=foreground)
    secrets = _read_secrets()
    folder = paths.task_folder(task_id)
    logs.configure(folder, secrets.texts, foreground=foreground)
    try:
        with ExitStack() as stack:
            door = stack.enter_context(_locked(task_id))
            spec = file.load(folder / paths.TASK_FILE)
            begun = read_state(folder / FILE_NAME, task_id, spec.name).finished("precheck")
            spec = stack.enter_context(tunnels.opened(spec, patient=begun))
            if fork_server is not None:
                stack.callback(fork_server.close)
            pool = ChildPool(children, fork_server)
            stack.callback(pool.kill_all)
            if begun:
                # Most tasks go on with applying; it gets ready while we log in.
                pool.keep_ready({kind: 1 for kind in children if kind == "apply"})
                _try_logins(spec, secrets)
            supervisor = Supervisor(spec, secrets, folder, stages(), pool)

            def ready() -> None:
                answer(Started(socket=str(door.path)))
                manager.attend(supervisor.describe)

            outcome = asyncio.run(supervisor.run(door, ready))
            manager.end()
        return _print_failure(outcome, interrupted=supervisor.interrupted) if foreground else outcome.exit_code
    except SyncwizardError as error:
        log.error("%s", error)  # noqa: TRY400 - the error says all there is
        answer(Started(failure=report_of(error)))
        return error.exit_code
    except Exception as error:  # the last resort of this process
        log.exception("unexpected error")
        answer(Started(failure=FailureReport(kind="TaskFailed", failure=unexpected(error, "the engine"))))
        return 1


@contextmanager
def _locked(task_id: uuid.UUID) -> Iterator[Door]:
    """Holds the task's lock; yields what makes the control socket. Raises UsageError when another process has it."""
    try:
        lock = TaskLock(task_id)
    except Held as held:
        pid = held.holder.pid if held.holder else "unknown"
        raise UsageError(
            f"another process ({pid}) already works on this task",
            remedy=Remedy(then="status", otherwise=Remedy(then="pause")),
        ) from held
    with lock:
        if lock.before is not None and lock.before.socket:
            remove_left(Path(lock.before.socket))
        yield Door(paths.socket_places(task_id), lambda place: lock.announce(str(place)))


def _try_logins(spec: TaskSpec, secrets: Handover) -> None:
    """Raises EndpointError for a login that is refused for good: better an answer to the starter than a task that fails
    a moment later. An end that is just out of reach is tried again by the pipeline.
    """
    ends: tuple[End, ...] = ("source", "destination")
    for end in ends:
        try:
            open_session(spec, secrets, end, "login").close()
        except EndpointError as error:
            if not error.transient:
                raise


def _print_failure(outcome: Outcome, *, interrupted: bool) -> int:
    if outcome.failure is not None:
        sys.stderr.write(format_failure(outcome.failure))
    return INTERRUPTED if interrupted and outcome.exit_code == 0 else outcome.exit_code


def _read_secrets() -> Handover:
    """The secrets frame; stdin is closed after it."""
    _, payload = frames.read_frame(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    return msgspec.msgpack.decode(payload, type=Handover)


def _pipe_answer() -> Callable[[Started], None]:
    """Detaches stdout from the starter; what this returns sends it the one answer."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    pipe = os.dup(1)
    os.dup2(2, 1)
    answered = False

    def answer(started: Started) -> None:
        nonlocal answered
        if answered:
            return
        answered = True
        try:
            frames.write_frame(pipe, started)
        except BrokenPipeError:
            log.warning("the starter of this engine is gone")
        os.close(pipe)

    return answer


def _terminal_answer(started: Started) -> None:
    if started.failure is not None:
        sys.stderr.write(format_failure(started.failure.failure))


if __name__ == "__main__":
    code = main(sys.argv[1:])
    logging.shutdown()
    sys.stderr.flush()
    # A stage that was left behind must not keep the process alive.
    os._exit(code)
