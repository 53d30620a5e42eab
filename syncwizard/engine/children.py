"""Child processes that do the row work: started here, spoken to in frames, and gone when their engine is."""

import contextlib
import importlib
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import IO, Any

import msgspec

from syncwizard.engine import frames
from syncwizard.engine.fork_server import Forked, ForkServer, ForkServerGone
from syncwizard.task.failures import FailureReport, error_from_report

# What a child of a kind runs. The module has `Assignment`, `ToChild`, `FromChild` and `run(assignment, channel)`.
CHILD_MODULES: Mapping[str, str] = {
    "copy": "syncwizard.stages.full.child",
    "apply": "syncwizard.stages.incremental.child",
}

Process = subprocess.Popen[bytes] | Forked

_report_decoder = msgspec.msgpack.Decoder(FailureReport)


class ChildProcess:
    """One child. `send` and `receive` belong to one thread; `kill` may come from any."""

    def __init__(self, process: Process, kind: str, decoder: "msgspec.msgpack.Decoder[Any]") -> None:
        self._process = process
        self._kind = kind
        self._decoder = decoder
        self._stdin, self._stdout = _pipes(process)
        self._sending = threading.Lock()
        self._receiving = threading.Lock()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def fileno(self) -> int:
        """For select: readable when a frame may be waiting, or the child's end."""
        return self._stdout.fileno()

    def send(self, frame: msgspec.Struct) -> None:
        """Sends a frame; raises BrokenPipeError when the child is dead."""
        with self._sending:
            if self._stdin.closed:
                raise BrokenPipeError(self._ending())
            frames.write_frame(self._stdin.fileno(), frame)

    def receive(self, timeout: float | None) -> Any | None:
        """The next frame, None after `timeout` seconds.

        Raises the error that the child reported before it ended, and EOFError when it ended without a word.
        """
        with self._receiving:
            if self._stdout.closed:
                raise EOFError(self._ending())
            readable, _, _ = select.select([self._stdout], [], [], timeout)
            if not readable:
                return None
            try:
                kind, payload = frames.read_frame(self._stdout.fileno())
            except EOFError as error:
                raise EOFError(self._ending()) from error
        if kind == frames.FAILURE:
            raise error_from_report(_report_decoder.decode(payload))
        return self._decoder.decode(payload)

    def kill(self) -> None:
        """Ends the process at once and reaps it. A thread that waits in `receive` gets EOFError."""
        self._process.kill()
        self._process.wait()
        # The death wakes the thread that holds a lock; only then may the descriptors be closed, whose numbers are
        # reused.
        with self._sending:
            self._stdin.close()
        with self._receiving:
            self._stdout.close()

    def _ending(self) -> str:
        try:
            code = self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return f"{self._kind} process {self.pid} closed its pipe"
        if code < 0:
            return f"{self._kind} process {self.pid} was killed by {signal.Signals(-code).name}"
        return f"{self._kind} process {self.pid} ended with code {code}"


class ChildPool:
    """Starts children and knows those that live, so that none outlives the work it was started for."""

    def __init__(self, modules: Mapping[str, str] = CHILD_MODULES, fork_server: ForkServer | None = None) -> None:
        """Without a fork server, and once it is gone, each child is a program of its own."""
        self._modules = modules
        self._fork_server = fork_server
        self._children: list[ChildProcess] = []
        # Started before there is work for them: importing what they need takes longer than many a copy.
        self._spares: dict[str, list[Process]] = {}
        self._lock = threading.Lock()

    def keep_ready(self, numbers: Mapping[str, int]) -> None:
        """Has so many children of each kind wait for an assignment, and ends those that wait for nothing."""
        unwanted = []
        with self._lock:
            before, self._spares = self._spares, {kind: [] for kind in numbers}
            for kind, waiting in before.items():
                alive = [spare for spare in waiting if spare.poll() is None]
                number = numbers.get(kind, 0)
                self._spares.setdefault(kind, []).extend(alive[:number])
                unwanted += alive[number:]
            for kind, number in numbers.items():
                self._spares[kind] += [self._start(kind) for _ in range(number - len(self._spares[kind]))]
        _end(unwanted)

    def spawn(self, kind: str, assignment: msgspec.Struct) -> ChildProcess:
        """A child of the kind with its assignment handed over. Secrets travel in that frame and nowhere else."""
        decoder = msgspec.msgpack.Decoder(importlib.import_module(self._modules[kind]).FromChild)
        child = ChildProcess(self._take_spare(kind) or self._start(kind), kind, decoder)
        with self._lock:
            self._children = [known for known in self._children if known.alive]
            self._children.append(child)
        # One that died already says so when it is listened to.
        with contextlib.suppress(BrokenPipeError):
            child.send(assignment)
        return child

    def _take_spare(self, kind: str) -> Process | None:
        with self._lock:
            waiting = self._spares.get(kind, [])
            while waiting:
                spare = waiting.pop()
                if spare.poll() is None:
                    return spare
        return None

    def _start(self, kind: str) -> Process:
        if self._fork_server is not None:
            with contextlib.suppress(ForkServerGone):
                return self._fork_server.start(self._modules[kind], kind)
        return subprocess.Popen(
            # -P: the folder that the engine happens to work in is no place to import from.
            [sys.executable, "-P", "-m", "syncwizard.engine.child", self._modules[kind], kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            # Ctrl-C in a terminal is for the engine, which ends its children in order.
            process_group=0,
        )

    def kill_all(self) -> None:
        """Ends every child that still lives."""
        with self._lock:
            children, self._children = self._children, []
            spares, self._spares = self._spares, {}
        for child in children:
            child.kill()
        _end(chain.from_iterable(spares.values()))


def _end(spares: Iterable[Process]) -> None:
    for spare in spares:
        spare.kill()
        spare.wait()
        for pipe in _pipes(spare):
            pipe.close()


def _pipes(process: Process) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise ValueError("a child needs both pipes")
    return process.stdin, process.stdout
