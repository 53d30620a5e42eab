"""A process that was forked while its engine had no thread yet, and forks the children of the engine from itself.

A child is ready at once and shares what the engine has loaded: an interpreter of its own takes 0.2 s of a processor
and 30 MB. Linux only: elsewhere frameworks of the system do not bear a fork, and a child starts as a program.

Requests and reports are messages on a socket:

- `S`, the engine's: start a child of this module and kind; its pipes come with the message
- `K`, the engine's: end the child of this process id
- `B`, the fork server's: a child was born, its process id
- `D`, the fork server's: the child of this process id is dead, its exit code, negative for a signal as in `subprocess`
"""

import contextlib
import ctypes
import gc
import importlib
import os
import queue
import select
import signal
import socket
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import IO, NoReturn

import msgspec
import setproctitle

from syncwizard.engine import child

# From linux/prctl.h: the signal that this process gets when its parent dies.
_PR_SET_PDEATHSIG = 1
_MESSAGE_BYTES = 4096
_NEVER_BORN = -1
REPORT_SECONDS = 5.0


class ForkServerGone(Exception):
    """The fork server's process has ended."""


class _Start(msgspec.Struct, frozen=True, tag="S"):
    module: str
    kind: str


class _Kill(msgspec.Struct, frozen=True, tag="K"):
    pid: int


class _Born(msgspec.Struct, frozen=True, tag="B"):
    pid: int


class _Dead(msgspec.Struct, frozen=True, tag="D"):
    pid: int
    code: int


_encode = msgspec.msgpack.Encoder().encode
_request = msgspec.msgpack.Decoder(_Start | _Kill)
_report = msgspec.msgpack.Decoder(_Born | _Dead)


class Forked:
    """A child of the fork server, with what the engine uses of a `subprocess.Popen`."""

    def __init__(self, fork_server: "ForkServer", pid: int, stdin: IO[bytes], stdout: IO[bytes]) -> None:
        self._fork_server = fork_server
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self._code = 0
        self._ended = threading.Event()

    def poll(self) -> int | None:
        """The exit code, None while it lives."""
        if not self._ended.is_set() and self._has_hung_up():
            # The report of its end is on the way.
            self._ended.wait(REPORT_SECONDS)
        return self._code if self._ended.is_set() else None

    def wait(self, timeout: float | None = None) -> int:
        """The exit code once it has ended; raises subprocess.TimeoutExpired."""
        if not self._ended.wait(timeout):
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0)
        return self._code

    def kill(self) -> None:
        """Ends it at once, if it lives."""
        if not self._ended.is_set():
            self._fork_server.kill(self.pid)

    def _has_hung_up(self) -> bool:
        if self.stdout.closed:
            return False
        poll = select.poll()
        poll.register(self.stdout, 0)
        return any(events & select.POLLHUP for _, events in poll.poll(0))

    def end(self, code: int) -> None:
        """It has ended with this code."""
        self._code = code
        self._ended.set()


class ForkServer:
    """The engine's end. To be made before the process has threads or secrets; any thread may start and kill."""

    def __init__(self, name: str, modules: Iterable[str]) -> None:
        """Children are called `name` and their kind in the system's list of processes; they run one of `modules`."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for module in modules:
            importlib.import_module(module)
        # What is there now is shared as long as nothing is written to its pages, which a collection would do.
        gc.collect()
        gc.freeze()
        self.pid = os.fork()
        if self.pid == 0:
            _leave(lambda: _Serving(theirs, ours, name).run())
        theirs.close()
        self._socket = ours
        self._starting = threading.Lock()
        self._born: queue.SimpleQueue[int] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._children: dict[int, Forked] = {}
        self._early: dict[int, int] = {}
        self._gone = False
        threading.Thread(target=self._listen, name="forkserver", daemon=True).start()

    def start(self, module: str, kind: str) -> Forked:
        """A new child with pipes for frames. Raises ForkServerGone."""
        incoming, stdin = os.pipe()
        stdout, outgoing = os.pipe()
        try:
            with self._starting:
                pid = self._ask(_Start(module, kind), [incoming, outgoing])
        except ForkServerGone:
            os.close(stdin)
            os.close(stdout)
            raise
        finally:
            os.close(incoming)
            os.close(outgoing)
        forked = Forked(self, pid, os.fdopen(stdin, "wb", 0), os.fdopen(stdout, "rb", 0))
        with self._lock:
            code = self._early.pop(pid, None)
            if code is None and self._gone:
                code = -signal.SIGKILL
            if code is None:
                self._children[pid] = forked
        if code is not None:
            forked.end(code)
        return forked

    def kill(self, pid: int) -> None:
        """Ends that child. The fork server does it: only a parent knows that the number is still that of its child."""
        with contextlib.suppress(OSError):
            self._socket.send(_encode(_Kill(pid)))

    def close(self) -> None:
        """Ends the fork server and every child that is left."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)

    def _ask(self, request: _Start, descriptors: list[int]) -> int:
        try:
            socket.send_fds(self._socket, [_encode(request)], descriptors)
        except OSError as error:
            raise ForkServerGone from error
        pid = self._born.get()
        if pid == _NEVER_BORN:
            # For the next one who asks.
            self._born.put(_NEVER_BORN)
            raise ForkServerGone
        return pid

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while message := self._socket.recv(_MESSAGE_BYTES):
                report = _report.decode(message)
                if isinstance(report, _Born):
                    self._born.put(report.pid)
                else:
                    self._died(report)
        with self._lock:
            self._gone = True
            left, self._children = self._children, {}
        # They die with it.
        for forked in left.values():
            forked.end(-signal.SIGKILL)
        self._born.put(_NEVER_BORN)

    def _died(self, report: _Dead) -> None:
        with self._lock:
            forked = self._children.pop(report.pid, None)
            if forked is None:
                self._early[report.pid] = report.code
        if forked is not None:
            forked.end(report.code)


def open_fork_server(name: str, modules: Iterable[str]) -> ForkServer | None:
    """A fork server where the system is one that a process may be forked on."""
    return ForkServer(name, modules) if sys.platform == "linux" else None


class _Serving:
    """The fork server's own life, in one thread."""

    def __init__(self, ours: socket.socket, engines: socket.socket, name: str) -> None:
        engines.close()
        self._socket = ours
        self._name = name
        self._living: set[int] = set()

    def run(self) -> int:
        # Ctrl-C in a terminal is for the engine. Its pipes to its starter are its own.
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 0)
        os.dup2(nothing, 1)
        os.close(nothing)
        setproctitle.setproctitle(f"{self._name} forkserver")
        wake, woken = os.pipe()
        os.set_blocking(woken, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
        while True:
            readable, _, _ = select.select([self._socket.fileno(), wake], [], [])
            if wake in readable:
                os.read(wake, _MESSAGE_BYTES)
                self._reap()
            if self._socket.fileno() in readable and not self._obey():
                return 0

    def _obey(self) -> bool:
        message, descriptors, _, _ = socket.recv_fds(self._socket, _MESSAGE_BYTES, 2)
        if not message:
            return False
        request = _request.decode(message)
        if isinstance(request, _Kill):
            # One that was reaped may have given its number to another process.
            if request.pid in self._living:
                os.kill(request.pid, signal.SIGKILL)
            return True
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            _leave(lambda: self._become_child(request, descriptors, parent))
        self._living.add(pid)
        for descriptor in descriptors:
            os.close(descriptor)
        self._socket.send(_encode(_Born(pid)))
        return True

    def _become_child(self, request: _Start, descriptors: list[int], parent: int) -> int:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        # Nothing but the fork server could end a child that does not listen: it must not outlive it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            return child.ENGINE_GONE
        self._socket.close()
        incoming, outgoing = descriptors
        os.dup2(incoming, 0)
        os.dup2(outgoing, 1)
        os.close(incoming)
        os.close(outgoing)
        setproctitle.setproctitle(f"{self._name} {request.kind}")
        return child.main(request.module, request.kind)

    def _reap(self) -> None:
        for pid in list(self._living):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._living.discard(pid)
                self._socket.send(_encode(_Dead(pid, os.waitstatus_to_exitcode(status))))


def _leave(body: Callable[[], int]) -> NoReturn:
    """Ends this process with what the body returns, whatever happens: the code above is another process's."""
    code = 1
    try:
        code = body()
    except Exception:  # noqa: BLE001 - the last resort of this process
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)
