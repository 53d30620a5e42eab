"""SSH tunnels of one engine or probe: opened before its work, kept by a process of their own, gone with it."""

import logging
import secrets
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import msgspec

from syncwizard.errors import End, EndpointError
from syncwizard.task.specification import DEFAULT_PORT, Access, Endpoint, TaskSpec

log = logging.getLogger(__name__)

KEEPER_MODULE = "syncwizard.engine.tunnel_keeper"
# Longer than ssh's own patience with a bastion that does not answer.
OPEN_SECONDS = 25.0
# What waiting does not change.
FINAL_MARKS = ("Permission denied", "Host key verification failed", "Bad configuration", "Bad owner")


@contextmanager
def opened(spec: TaskSpec, *, patient: bool = False) -> Iterator[TaskSpec]:
    """The specification with its tunnels open: `access.local` of each such end says where it is reached now.

    Raises EndpointError with ssh's words; one that is `patient` goes on where trying again may help, which the
    keeper does.
    """
    with ExitStack() as stack:
        changed = {}
        ends: tuple[End, ...] = ("source", "destination")
        for end in ends:
            endpoint: Endpoint = getattr(spec, end)
            if endpoint.access is not None:
                tunnel = Tunnel(endpoint, endpoint.access, end)
                stack.callback(tunnel.close)
                tunnel.wait(patient=patient)
                changed[end] = tunnel.endpoint
        yield msgspec.structs.replace(spec, **changed)


class Tunnel:
    """A keeper and its last message. `endpoint` is the end as it is reached through the tunnel."""

    def __init__(self, endpoint: Endpoint, access: Access, end: End) -> None:
        """Starts the keeper; raises EndpointError where there is no ssh."""
        if shutil.which("ssh") is None:
            raise EndpointError(
                "`access.ssh` needs the program ssh", end=end, transient=False, remedy="install the OpenSSH client"
            )
        self._end = end
        self._access = access
        port = endpoint.ports[0] if endpoint.ports else DEFAULT_PORT
        local = access.local or free_place(port)
        host = endpoint.hosts[0]
        remote = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self.endpoint = msgspec.structs.replace(endpoint, access=msgspec.structs.replace(access, local=local))
        self._said = threading.Event()
        self._trouble = ""
        self._keeper = subprocess.Popen(
            [sys.executable, "-P", "-m", KEEPER_MODULE, local, remote, access.ssh],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C in a terminal is for the engine, which closes its sessions first.
            process_group=0,
        )
        threading.Thread(target=self._listen, name=f"tunnel to the {end}", daemon=True).start()

    def wait(self, *, patient: bool, seconds: float = OPEN_SECONDS) -> None:
        """Returns when the tunnel stands; raises EndpointError as `opened` says."""
        if not self._said.wait(seconds):
            self._trouble = f"no answer in {seconds:g} s"
        trouble = self._trouble
        final = any(mark in trouble for mark in FINAL_MARKS)
        if trouble and (final or not patient):
            raise EndpointError(
                f"no SSH tunnel to the {self._end} through {self._access.ssh}",
                end=self._end,
                transient=not final,
                detail=trouble,
                remedy="check that this works without a prompt: "
                f"ssh -o BatchMode=yes {shlex.quote(self._access.ssh)} true",
            )

    def close(self) -> None:
        """Ends the keeper, and ssh with it."""
        if self._keeper.stdin is not None:
            self._keeper.stdin.close()
        self._keeper.wait()

    def _listen(self) -> None:
        for line in self._keeper.stdout or ():
            ready, _, words = line.strip().partition("ended: ")
            if ready:
                self._trouble = ""
                log.info("the SSH tunnel to the %s through %s is open", self._end, self._access.ssh)
            elif words:
                self._trouble = words
                log.warning("the SSH tunnel to the %s ended and is opened again: %s", self._end, words)
            self._said.set()


def free_place(port: int) -> str:
    """An address and port of this machine that nothing listens at; the given port where that can be.

    With its own port an entry of the user's .pgpass for the server fits through the tunnel as well.
    """
    # Linux takes all of 127/8 for this machine; elsewhere the addresses beyond the first do not exist.
    address = f"127.{secrets.randbelow(200) + 20}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
    for place in ((address, port), ("127.0.0.1", 0)):
        with socket.socket() as tried:
            try:
                tried.bind(place)
            except OSError:
                continue
            found, number = tried.getsockname()
            return f"{found}:{number}"
    raise OSError("no free port on this machine")
