"""Probes: short-lived processes that look at the ends for a client. Run here, heard here, and killed from here.

A screen runs one in a thread worker and cancels it from its own thread:

    probe = probes.connectivity(draft.source, draft.destination, secrets)
    probe.run(lambda news: self.post_message(…))   # in the worker: returns at the end, raises what went wrong
    probe.cancel()                                 # from anywhere: `run` raises Cancelled, the process is gone
"""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from syncwizard.client.credentials import other_forms
from syncwizard.engine import frames
from syncwizard.engine.protocol import (
    CatalogueRequest,
    ConnectivityRequest,
    FiltersRequest,
    ProbeEvent,
    ProbeRequest,
    RemedyRequest,
    RowRequest,
    StatementRun,
    TaskProbeKind,
    TaskRequest,
    TrialRequest,
    WaitsRequest,
)
from syncwizard.engine.starting import environment_without_secrets
from syncwizard.errors import Cancelled, End, SyncwizardError, TaskFailed
from syncwizard.remedies import Remedy, without_then
from syncwizard.task.connectivity import STEP_SECONDS, ConnectivityNews
from syncwizard.task.drafting.catalogue import CatalogueNews
from syncwizard.task.events import DefinitionDecided, Event, ResyncRequested, RowDecided
from syncwizard.task.failures import FailureReport, error_from_report
from syncwizard.task.handover import Handover
from syncwizard.task.names import TableName
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.trial import KeptRows, Trial
from syncwizard.task.verification import RowValues
from syncwizard.task.waits import Waits

PROBE_MODULE = "syncwizard.engine.probe"
NO_WISH = ResyncWish()
News = TypeVar("News")


class Probe(Generic[News]):
    """One probe, for one run. It works for its client alone: it ends when `run` does, however that ends."""

    def __init__(
        self,
        request: ProbeRequest,
        endpoints: tuple[Endpoint, ...],
        decode: Callable[[bytes], News],
        *,
        quiet: bool = True,
    ) -> None:
        """`endpoints` are those whose secrets must not reach the process by its environment. One that is not `quiet`
        writes a defect's traceback on stderr: never over a screen."""
        self._request = request
        spec = getattr(request, "spec", None)
        others = other_forms(spec) if isinstance(spec, TaskSpec) else ()
        self._of_task = isinstance(spec, TaskSpec) and spec.id is not None
        self._environment = environment_without_secrets(endpoints, others)
        self._decode = decode
        self._stderr = subprocess.DEVNULL if quiet else None
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def run(self, on_news: Callable[[News], object]) -> None:
        """Runs the probe to its end, passing on its news in the caller's thread; raises the error it ends with.

        Raises Cancelled when `cancel` was called, before or meanwhile; nothing is passed on after that.
        """
        with self._lock:
            self._check()
            process = self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", PROBE_MODULE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._stderr,
                env=self._environment,
                process_group=0,
            )
        with contextlib.ExitStack() as otherwise:
            # After Ctrl-C above all: a probe is not in the terminal's process group.
            otherwise.callback(self._kill)
            error = self._talk(process, on_news)
            code = process.wait()
            otherwise.pop_all()
        self._check()
        if error is not None:
            if not self._of_task and error.remedy.then == "resume":
                # There is nothing yet that could be resumed.
                error.remedy = without_then(error.remedy)
            raise error
        if code:
            raise TaskFailed(f"the {self._request.kind} probe ended with code {code}", remedy=Remedy(then="run again"))

    def cancel(self) -> None:
        """Ends the probe, from any thread, any number of times; its tunnels and sessions end with it."""
        with self._lock:
            self._cancelled = True
        self._kill()

    def _talk(self, process: "subprocess.Popen[bytes]", on_news: Callable[[News], object]) -> SyncwizardError | None:
        if process.stdin is None or process.stdout is None:
            raise ValueError("a probe needs both pipes")
        with process.stdin, process.stdout:
            try:
                frames.write_frame(process.stdin.fileno(), self._request)
            except BrokenPipeError:
                return None
            while True:
                try:
                    kind, payload = frames.read_frame(process.stdout.fileno())
                except EOFError:
                    return None
                self._check()
                if kind == frames.FAILURE:
                    return error_from_report(msgspec.msgpack.decode(payload, type=FailureReport))
                on_news(self._decode(payload))

    def _check(self) -> None:
        if self._cancelled:
            raise Cancelled

    def _kill(self) -> None:
        process = self._process
        # Popen's own lock keeps the signal from a process that took the number of one that was reaped.
        if process is not None and process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.wait()


def connectivity(
    source: Endpoint | None,
    destination: Endpoint | None,
    secrets: Handover,
    *,
    step_seconds: float = STEP_SECONDS,
) -> Probe[ConnectivityNews]:
    """Tests one end or both at the same time.

    News (task/connectivity.py): for each end StepBegan and StepEnded for every step of `steps_of(end, endpoint)`, in
    that order; with the next of several hosts the steps from `connect` on begin again. A failed step is news, not an
    error of `run`. Each step ends within about `step_seconds`.
    """
    request = ConnectivityRequest(source=source, destination=destination, secrets=secrets, step_seconds=step_seconds)
    endpoints = tuple(endpoint for endpoint in (source, destination) if endpoint is not None)
    decoder = msgspec.msgpack.Decoder(ConnectivityNews)
    return Probe(request, endpoints, decoder.decode)


def catalogue(spec: TaskSpec, secrets: Handover) -> Probe[CatalogueNews]:
    """Lists what the source has; `task.catalogue.assemble` makes a Catalogue of all the news.

    `run` raises EndpointError when the source cannot be used. Nothing of the destination's secrets is handed over.
    """
    own = Handover(source=secrets.source, source_key=secrets.source_key)
    decoder = msgspec.msgpack.Decoder(CatalogueNews)
    request = CatalogueRequest(endpoint=spec.source, secrets=own)
    return Probe(request, (spec.source, spec.destination), decoder.decode)


def trial(spec: TaskSpec, secrets: Handover, table: str, *, count: bool = False) -> Probe[Trial]:
    """Shows what filter and scripts make of some rows of a table; `count` counts those that travel."""
    decoder = msgspec.msgpack.Decoder(Trial)
    request = TrialRequest(spec=spec, secrets=secrets, table=table, count=count)
    return Probe(request, (spec.source, spec.destination), decoder.decode)


def filters(spec: TaskSpec, secrets: Handover, *, count: bool = False) -> Probe[KeptRows]:
    """How many rows of each table are selected, by the plan; `count` counts them."""
    decoder = msgspec.msgpack.Decoder(KeptRows)
    request = FiltersRequest(spec=spec, secrets=secrets, count=count)
    return Probe(request, (spec.source, spec.destination), decoder.decode, quiet=False)


def waits(spec: TaskSpec, secrets: Handover) -> Probe[Waits]:
    """What the sessions of the task wait for at both ends."""
    decoder = msgspec.msgpack.Decoder(Waits)
    return Probe(WaitsRequest(spec=spec, secrets=secrets), (spec.source, spec.destination), decoder.decode)


def row(spec: TaskSpec, secrets: Handover, table: TableName, key: tuple[str, ...]) -> Probe[RowValues]:
    """A row of the table as both ends have it by now; `run` raises TaskFailed where it cannot be told by the key."""
    decoder = msgspec.msgpack.Decoder(RowValues)
    request = RowRequest(spec=spec, secrets=secrets, table=table, key=key)
    return Probe(request, (spec.source, spec.destination), decoder.decode)


def remedy(
    spec: TaskSpec, secrets: Handover, end: End, statements: Sequence[str], user: str = "", password: str = ""
) -> Probe[StatementRun]:
    """Runs the statements of a remedy at one end; `run` raises what the server says to the first that it refuses.

    As another `user` than the task's account it logs in with that password, or with what libpq finds for it.
    """
    decoder = msgspec.msgpack.Decoder(StatementRun)
    ends = (spec.source, spec.destination)
    if user and end == "source":
        spec = msgspec.structs.replace(spec, source=msgspec.structs.replace(spec.source, user=user))
        secrets = msgspec.structs.replace(secrets, source=password or None)
    elif user:
        spec = msgspec.structs.replace(spec, destination=msgspec.structs.replace(spec.destination, user=user))
        secrets = msgspec.structs.replace(secrets, destination=password or None)
    request = RemedyRequest(spec=spec, secrets=secrets, end=end, statements=list(statements))
    return Probe(request, ends, decoder.decode, quiet=True)


def for_task(
    kind: TaskProbeKind,
    spec: TaskSpec,
    secrets: Handover,
    *,
    offset: int = 0,
    passed: Sequence[str] = (),
    wish: ResyncWish = NO_WISH,
    order: ResyncRequested | None = None,
    decision: DefinitionDecided | RowDecided | None = None,
    quiet: bool = False,
) -> Probe[Event]:
    """The precheck of a specification, or an act on a stored task; its news are the task's events.

    A precheck leaves out the items that `passed`. A screen wants it `quiet`: else a defect's traceback is written on
    stderr.
    """
    request = TaskRequest(
        kind=kind,
        spec=spec,
        secrets=secrets,
        offset=offset,
        passed=list(passed),
        wish=wish,
        order=order,
        decision=decision,
    )
    decoder = msgspec.msgpack.Decoder(ProbeEvent)
    return Probe(request, (spec.source, spec.destination), lambda payload: decoder.decode(payload).event, quiet=quiet)
