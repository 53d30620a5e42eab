"""A connectivity test as data: its steps at one end, in order, and what each of them found. Pure."""

from typing import Literal

import msgspec

from syncwizard.errors import End
from syncwizard.remedies import NOTHING, Remedy
from syncwizard.task.specification import Endpoint

StepName = Literal["resolve", "tunnel", "connect", "tls", "login", "database", "version", "replication", "writing"]
StepVerdict = Literal["passed", "warning", "failed", "skipped"]

# A test is watched: shorter than what a task grants a server, longer than a slow network takes.
STEP_SECONDS = 10.0

TITLES: dict[StepName, str] = {
    "resolve": "Resolve the host name",
    "tunnel": "Open the SSH tunnel",
    "connect": "Connect",
    "tls": "Encrypt (TLS)",
    "login": "Log in",
    "database": "Open the database",
    "version": "Version",
    "replication": "Right and room to replicate",
    "writing": "Right to write",
}


class StepBegan(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A step is under way. One that began before begins again when another host of the end is tried."""

    end: End
    step: StepName


class StepEnded(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What a step found, after `seconds`. After a failed one the rest of its end is skipped.

    `message` has the server's words where it refused something; `remedy` what to do.
    """

    end: End
    step: StepName
    verdict: StepVerdict
    seconds: float
    message: str = ""
    remedy: Remedy = NOTHING


ConnectivityNews = StepBegan | StepEnded


def steps_of(end: End, endpoint: Endpoint) -> tuple[StepName, ...]:
    """The steps of an end, in the order in which they run: each is reported, as skipped at least.

    >>> steps_of("destination", Endpoint(database="kb"))
    ('resolve', 'connect', 'tls', 'login', 'database', 'version', 'writing')
    """
    first: tuple[StepName, ...] = ("resolve", "tunnel") if endpoint.access is not None else ("resolve",)
    last: StepName = "replication" if end == "source" else "writing"
    return (*first, "connect", "tls", "login", "database", "version", last)
