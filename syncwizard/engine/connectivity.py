"""A connectivity test of one or both ends, at the same time, step by step; no step takes longer than its limit.

What a step means is postgres/handshake's (up to the open database) and the precheck's (version, rights). A thread that
a server or a resolver keeps waiting is left behind: the probe's end is its end.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from syncwizard.engine.children import ChildPool
from syncwizard.engine.contexts import make_context
from syncwizard.engine.protocol import ConnectivityRequest
from syncwizard.engine.tunnels import Tunnel
from syncwizard.errors import End, EndpointError, SyncwizardError
from syncwizard.postgres.session.connection import check_files
from syncwizard.postgres.session.handshake import (
    PHASES,
    HandshakeFailed,
    Place,
    Reached,
    places_of,
    resolve,
    shake_hands,
)
from syncwizard.postgres.session.trouble import NO_PASSWORD, PASSWORD_MARKS, is_final, remedy_of
from syncwizard.stages.context import Cancellation
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.connectivity import look
from syncwizard.stages.precheck.registry import Finding, failed, passed, warning
from syncwizard.stages.precheck.servers import judge_encryption
from syncwizard.task.connectivity import ConnectivityNews, StepBegan, StepEnded, StepName, StepVerdict, steps_of
from syncwizard.task.names import quote
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.state import TaskState

Report = Callable[[ConnectivityNews], None]

# A step ends itself at its limit; one that did not is given up a little later.
GRACE_SECONDS = 1.0
POLL_SECONDS = 0.05


def run(request: ConnectivityRequest, folder: Path, report: Report) -> None:
    """Tests the ends that the request has; returns when every step of each was reported."""
    given: dict[End, Endpoint | None] = {"source": request.source, "destination": request.destination}
    tests = [
        _EndTest(end, endpoint, request, folder, report) for end, endpoint in given.items() if endpoint is not None
    ]
    for test in tests:
        test.start()
    try:
        while any(not test.ended for test in tests):
            time.sleep(POLL_SECONDS)
            for test in tests:
                test.give_up_when_late()
    finally:
        for test in tests:
            test.close()


class _Record:
    """The steps of one end as they are reported, from the thread that does them or from the one that gives them up."""

    def __init__(self, end: End, steps: tuple[StepName, ...], report: Report) -> None:
        self._end = end
        self._steps = steps
        self._left = list(steps)
        self._report = report
        self._lock = threading.Lock()
        self._began: dict[StepName, float] = {}
        self.current: StepName = steps[0]

    @property
    def ended(self) -> bool:
        return not self._left

    @property
    def seconds(self) -> float:
        """How long the current step has been under way."""
        return time.monotonic() - self._began.get(self.current, time.monotonic())

    def begin(self, step: StepName, *, again: bool = False) -> None:
        """Goes to a step, reporting the current one as passed on the way; also back to one that was reported before."""
        with self._lock:
            under_way = step == self.current and step in self._left and step in self._began
            if self.ended or (under_way and not again):
                return
            place = self._steps.index(step)
            if self.current in self._left and self._steps.index(self.current) < place:
                self._end_step(self.current, "passed", passed())
            self._left = [each for each in self._steps if each in self._left or self._steps.index(each) >= place]
            self.current = step
            self._began[step] = time.monotonic()
            self._report(StepBegan(end=self._end, step=step))

    def finish(self, finding: Finding, *, skipped: bool = False) -> bool:
        """Reports what the current step found, and after a failure that the rest is skipped; False when it failed."""
        with self._lock:
            if self.current not in self._left:
                return False
            self._end_step(self.current, "skipped" if skipped else finding.verdict, finding)
            if finding.verdict != "failed":
                return True
            for step in list(self._left):
                self._end_step(step, "skipped", passed())
            return False

    def _end_step(self, step: StepName, verdict: StepVerdict, finding: Finding) -> None:
        self._left.remove(step)
        seconds = time.monotonic() - self._began[step] if step in self._began else 0.0
        self._report(
            StepEnded(
                end=self._end,
                step=step,
                verdict=verdict,
                seconds=seconds,
                message=finding.message,
                remedy=finding.remedy,
            )
        )


class _EndTest:
    """The test of one end, in a thread of its own."""

    def __init__(
        self, end: End, endpoint: Endpoint, request: ConnectivityRequest, folder: Path, report: Report
    ) -> None:
        self._end: End = end
        self._endpoint = endpoint
        self._request = request
        self._folder = folder
        self._record = _Record(end, steps_of(end, endpoint), report)
        self._tunnel: Tunnel | None = None
        self._thread = threading.Thread(target=self._run, name=f"connectivity of the {end}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def ended(self) -> bool:
        return self._record.ended or not self._thread.is_alive()

    def give_up_when_late(self) -> None:
        """Fails the step that is under way for too long."""
        if not self._record.ended and self._record.seconds > self._request.step_seconds + GRACE_SECONDS:
            self._record.finish(failed(self._late, _remedy_after(self._record.current, "", self._endpoint)[0]))

    def close(self) -> None:
        """Ends the tunnel."""
        if self._tunnel is not None:
            self._tunnel.close()

    @property
    def _late(self) -> str:
        return f"no answer within {self._request.step_seconds:g} s"

    def _run(self) -> None:
        places = self._resolve()
        if places and self._open_tunnel() and self._log_in(places):
            self._look()

    def _resolve(self) -> list[Place]:
        self._record.begin("resolve")
        if self._endpoint.access is not None:
            self._record.finish(passed(f"done by {self._endpoint.access.ssh}"), skipped=True)
            return [Place(host=self._endpoint.hosts[0])]
        places: list[Place] = []
        troubles = []
        for host, port in places_of(self._endpoint):
            try:
                places += resolve(host, port)
            except OSError as error:
                troubles.append(f"{host}: {error.strerror}")
            except UnicodeError:
                # What the resolver cannot even be asked for, such as a name with an empty part.
                troubles.append(f"{host}: not a host name")
        finding, skipped = _judge_places(places, troubles)
        return places if self._record.finish(finding, skipped=skipped) else []

    def _open_tunnel(self) -> bool:
        access = self._endpoint.access
        if access is None:
            return True
        self._record.begin("tunnel")
        try:
            self._tunnel = Tunnel(self._endpoint, access, self._end)
            self._tunnel.wait(patient=False, seconds=self._request.step_seconds)
        except SyncwizardError as error:
            return self._record.finish(failed(error.detail or error.title, error.remedy))
        self._endpoint = self._tunnel.endpoint
        return self._record.finish(passed(f"through {access.ssh}"))

    def _log_in(self, places: list[Place]) -> bool:
        """Tries the places in turn; with the next one the steps begin again."""
        try:
            check_files(self._endpoint, self._end)
        except EndpointError as error:
            self._record.begin("tls")
            return self._record.finish(failed(f"{error.title}: {error.detail}", error.remedy))
        troubles: dict[str, str] = {}
        for place in places:
            self._record.begin("connect", again=True)
            try:
                return self._log_in_at(place, troubles)
            except HandshakeFailed as failure:
                last = failure
                troubles[str(place)] = failure.text or self._late
        self._record.begin(last.phase)
        found = "; ".join(f"{place}: {text}" if len(places) > 1 else text for place, text in troubles.items())
        return self._record.finish(failed(found, *_remedy_after(last.phase, last.text, self._endpoint)))

    def _log_in_at(self, place: Place, troubles: dict[str, str]) -> bool:
        request, end = self._request, self._end
        secrets = request.secrets
        password = secrets.source if end == "source" else secrets.destination
        key_password = secrets.source_key if end == "source" else secrets.destination_key
        others = "; ".join(f"{other}: {text}" for other, text in troubles.items() if not other.startswith(place.host))
        for reached in shake_hands(self._endpoint, place, request.step_seconds, password, key_password):
            finding = _judge_phase(reached, end, self._endpoint, place)
            if reached.phase == "connect" and others:
                finding = warning(f"{finding.message}; {others}", "find out why, or remove that host")
            skipped = reached.phase == "tls" and not reached.encrypted and finding.verdict == "passed"
            if not self._record.finish(finding, skipped=skipped):
                return False
            if reached.phase != PHASES[-1]:
                self._record.begin(PHASES[PHASES.index(reached.phase) + 1])
        return True

    def _look(self) -> None:
        """The steps after the login, in sessions as a task has them."""
        spec = TaskSpec(name="connectivity", source=self._endpoint, destination=self._endpoint, objects=[])
        context = make_context(
            spec, self._request.secrets, self._folder, lambda event: None, TaskState, Cancellation(), ChildPool()
        )
        steps = steps_of(self._end, self._endpoint)
        with Checkup(context) as checkup:
            for step in steps[steps.index("version") :]:
                self._record.begin(step)
                try:
                    finding = look(checkup, self._end, step)
                except EndpointError as error:
                    finding = failed(error.detail or error.title, error.remedy)
                if not self._record.finish(finding):
                    break


def _judge_places(places: list[Place], troubles: list[str]) -> tuple[Finding, bool]:
    """What resolving found, and whether there was nothing to resolve."""
    addresses = [place.address for place in places if place.address is not None]
    remedy = "check the spelling, and that this machine's resolver knows the name"
    if not places:
        return failed("; ".join(troubles), remedy), False
    if troubles:
        return warning("; ".join([", ".join(addresses), *troubles]), remedy), False
    if addresses:
        return passed(", ".join(addresses)), False
    return passed("a Unix socket" if places[0].host else "libpq asks the service for it"), True


def _judge_phase(reached: Reached, end: End, endpoint: Endpoint, place: Place) -> Finding:
    parameters = reached.parameters
    match reached.phase:
        case "connect":
            return passed(str(place) if endpoint.access is None else f"{place.host}, through the tunnel")
        case "tls":
            return judge_encryption("TLS" if reached.encrypted else None, endpoint, end, parameters)
        case "login":
            return passed(f"as {parameters['user']}")
        case "database":
            return passed(parameters["dbname"])


def _remedy_after(step: StepName, text: str, endpoint: Endpoint) -> tuple[str, str]:
    """Remedy and statements after a step failed with these words, or without any because the time was up."""
    if step == "database" and "does not exist" in text:
        return "create the database, or correct its name", f"CREATE DATABASE {quote(endpoint.database or '')}"
    if NO_PASSWORD in text:
        return "the server wants a password, and none was found where it is kept: choose another place, or type it", ""
    if any(mark in text for mark in PASSWORD_MARKS):
        return "correct user or password, then test again", ""
    if endpoint.access is not None and step in ("connect", "tls", "login"):
        return f"check host and port: they are the server's as seen from {endpoint.access.ssh}", ""
    if not text or (step == "connect" and not is_final("", text)):
        return "check host and port, that the server is up, and that no firewall is in between", ""
    return remedy_of(text), ""
