"""A command at a terminal of its own, with a person who reads and types."""

import codecs
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

ROWS, COLUMNS = 24, 80


def _sit_at(descriptor: int, *, controlling: bool) -> None:
    """Takes it for input and output, in a session of its own."""
    # Ignored under nohup, and that is inherited.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if controlling:
        os.login_tty(descriptor)
        return
    os.setsid()
    for stream in range(3):
        os.dup2(descriptor, stream)


class Terminal:
    """`syncwizard` with the arguments, at a pseudo terminal that is its controlling one: passwords are asked there."""

    def __init__(self, *arguments: str | Path, env: Mapping[str, str] | None = None, controlling: bool = True) -> None:
        """Without `controlling` the terminal sends no signals: nothing tells of its end but reading from it."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self.text = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "syncwizard", *map(str, arguments)],
            env={**os.environ, **(env or {})},
            preexec_fn=lambda: _sit_at(slave, controlling=controlling),
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._master)

    def answer(self, question: str, line: str, timeout: float = 60.0) -> None:
        """Waits for the question, then types the line; questions are found once each."""
        self._read_until(lambda: question in self.text, timeout, question)
        self.text = self.text.partition(question)[2]
        os.write(self._master, line.encode() + b"\n")

    def finish(self, expect: int = 0, timeout: float = 120.0) -> str:
        """Reads to the end of the command; what it said after the last answer."""
        self._read_until(lambda: self.process.poll() is not None, timeout, "the end")
        assert self.process.returncode == expect, f"exit code {self.process.returncode}: {self.text}"
        return self.text

    def _read_until(self, reached: Callable[[], bool], timeout: float, what: str) -> None:
        deadline = time.monotonic() + timeout
        while not reached():
            assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}; so far: {self.text}"
            if select.select([self._master], [], [], 0.05)[0]:
                try:
                    self._take(self._decoder.decode(os.read(self._master, 65536)))
                except OSError:
                    # The other side is closed: the command is at its end.
                    self.process.wait(timeout)

    def _take(self, text: str) -> None:
        self.text += text
