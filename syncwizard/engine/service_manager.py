"""What a service manager of systemd's kind is given of an engine in the foreground: that it is ready, alive, or ending,
and a line about the task (sd_notify(3))."""

import asyncio
import os
import socket
from collections.abc import Callable, MutableMapping
from typing import Self

# A new line about the task so often, and a sign of life at least twice in the time that is given.
TELL_SECONDS = 1.0


class ServiceManager:
    """Sends to the manager's socket; without one it sends nothing."""

    def __init__(self, address: str = "", watchdog_seconds: float | None = None) -> None:
        """`address` as in NOTIFY_SOCKET: a path, or a name after `@`; with `watchdog_seconds` signs of life, too."""
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._watchdog = watchdog_seconds
        self._told = ""
        self._ending = False

    @classmethod
    def taken_from(cls, environment: MutableMapping[str, str], *, heard: bool) -> Self:
        """By the variables that the manager gives, which children are not to inherit; where it is not `heard`, nothing
        is sent: a background engine is no process of the unit's.

        >>> given = {"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "60000000"}
        >>> ServiceManager.taken_from(given, heard=True).interval_seconds, given
        (1.0, {})
        """
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds, pid = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        if not heard or not address.startswith(("/", "@")):
            return cls()
        ours = microseconds.isdecimal() and pid in ("", str(os.getpid()))
        return cls(address, int(microseconds) / 1e6 if ours else None)

    @property
    def interval_seconds(self) -> float:
        """How often it is sent to."""
        return TELL_SECONDS if self._watchdog is None else min(TELL_SECONDS, self._watchdog / 2)

    def attend(self, describe: Callable[[], tuple[str, bool]]) -> None:
        """From now on, in the running event loop: one that hangs sends no sign of life.

        `describe`: the line about the task, and whether it ends."""
        if self._address:
            self._tell("READY=1")
            self._attend(asyncio.get_running_loop(), describe)

    def end(self) -> None:
        """The loop is over; said already where that took a while."""
        if self._address and not self._ending:
            self._tell("STOPPING=1")

    def _attend(self, loop: asyncio.AbstractEventLoop, describe: Callable[[], tuple[str, bool]]) -> None:
        line, ends = describe()
        parts = []
        if ends and not self._ending:
            self._ending = True
            parts.append("STOPPING=1")
        if line != self._told:
            self._told = line
            parts.append(f"STATUS={line}")
        if self._watchdog is not None:
            parts.append("WATCHDOG=1")
        if parts:
            self._tell("\n".join(parts))
        loop.call_later(self.interval_seconds, self._attend, loop, describe)

    def _tell(self, text: str) -> None:
        """Without waiting: a manager that does not read, or is gone, holds up no engine."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sending:
                sending.sendto(text.encode(), self._address)
        except OSError:
            self._told = ""
