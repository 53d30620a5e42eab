"""The main of a child process: `python -m syncwizard.engine.child MODULE KIND`, frames on stdin and stdout.

The end of stdin is the end of the engine, and a child must not work on without one: it could meet its successor.
"""

import importlib
import os
import queue
import sys
import threading
import traceback
from typing import Any

import msgspec

from syncwizard.engine import frames, logs
from syncwizard.errors import SyncwizardError
from syncwizard.task.failures import FailureReport, print_traceback, report_of, unexpected

ENGINE_GONE = 3


class PipeChannel:
    """The child's end of the pipe: frames are read ahead by a thread, which also notices the engine's end."""

    def __init__(self, incoming: int, outgoing: int, decoder: "msgspec.msgpack.Decoder[Any]") -> None:
        self._incoming = incoming
        self._outgoing = outgoing
        self._decoder = decoder
        self._frames: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._sending = threading.Lock()
        threading.Thread(target=self._read, name="engine frames", daemon=True).start()

    def send(self, frame: msgspec.Struct) -> None:
        """Sends a frame to the engine."""
        self._write(frame, frames.MESSAGE)

    def fail(self, report: FailureReport) -> None:
        """Tells the engine why this child ends."""
        self._write(report, frames.FAILURE)

    def receive(self, timeout: float | None) -> Any | None:
        """The next frame from the engine, None after `timeout` seconds."""
        try:
            return self._frames.get(timeout=timeout) if timeout != 0 else self._frames.get_nowait()
        except queue.Empty:
            return None

    def _write(self, frame: msgspec.Struct, kind: int) -> None:
        try:
            with self._sending:
                frames.write_frame(self._outgoing, frame, kind)
        except BrokenPipeError:
            os._exit(ENGINE_GONE)

    def _read(self) -> None:
        try:
            while True:
                _, payload = frames.read_frame(self._incoming)
                self._frames.put(self._decoder.decode(payload))
        except EOFError:
            os._exit(ENGINE_GONE)
        except msgspec.MsgspecError:
            traceback.print_exc()
            os._exit(ENGINE_GONE)


def main(module_name: str, kind: str) -> int:
    """Reads the assignment, runs the module's `run`, and reports its error, if any. Returns the exit code."""
    # A stray print must not end up between frames.
    outgoing = os.dup(1)
    os.dup2(2, 1)
    module = importlib.import_module(module_name)
    try:
        _, payload = frames.read_frame(0)
    except EOFError:
        return ENGINE_GONE
    assignment = msgspec.msgpack.decode(payload, type=module.Assignment)
    secrets = getattr(assignment, "secrets", None)
    logs.configure_stderr(secrets)
    channel = PipeChannel(0, outgoing, msgspec.msgpack.Decoder(module.ToChild))
    try:
        module.run(assignment, channel)
    except SyncwizardError as error:
        channel.fail(report_of(error))
        return 1
    except Exception as error:  # noqa: BLE001 - the last resort of this process
        print_traceback(secrets)
        channel.fail(FailureReport(kind="TaskFailed", failure=unexpected(error, f"a {kind} process")))
        return 1
    return 0


if __name__ == "__main__":
    code = main(*sys.argv[1:3])
    sys.stderr.flush()
    # Threads of ours wait on the pipe for ever; nothing is left to clean up.
    os._exit(code)
