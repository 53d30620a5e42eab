"""Checks of a task file short of a precheck: whether objects, names, columns and filters fit both ends, and whether
what else it names is to be had."""

import os
import shlex
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from syncwizard.client import launch, probes
from syncwizard.task.events import Event
from syncwizard.task.monitoring import address_of
from syncwizard.task.specification import TaskSpec
from syncwizard.task.trial import KeptRows

REACH_SECONDS = 5.0


def check_objects(spec: TaskSpec, on_event: Callable[[Event], None], *, count: bool = False) -> list[KeptRows]:
    """Runs the items of the precheck about objects, then asks how many rows filters keep.

    Raises PrecheckNotPassed or EndpointError.
    """
    secrets = launch.collect_secrets(spec)
    probes.for_task("check", spec, secrets).run(on_event)
    found: list[KeptRows] = []
    probes.filters(spec, secrets, count=count).run(found.append)
    return found


def file_troubles(spec: TaskSpec) -> Iterator[str]:
    """What of this machine the task file names and is not to be had here: files of certificates, the program and the
    socket of alerts. No mistakes: the file may be for another machine."""
    alerts = spec.advanced.alerts
    ends = (("source", spec.source.encryption), ("destination", spec.destination.encryption))
    names = ("ca", "certificate", "key")
    named = [(f"{end}.encryption.{name}", getattr(given, name)) for end, given in ends for name in names]
    for path, name in [*named, ("advanced.alerts.email.ca", alerts.email.ca)]:
        if name is not None and not os.access(name, os.R_OK):
            yield f"{path}: {name} cannot be read here"
    if alerts.command is not None and not os.access(program := shlex.split(alerts.command)[0], os.X_OK):
        yield f"advanced.alerts.command: {program} cannot be run here"
    if alerts.syslog is not None and alerts.syslog.startswith("/") and not Path(alerts.syslog).is_socket():
        yield f"advanced.alerts.syslog: {alerts.syslog} is no socket here"


def receiver_troubles(spec: TaskSpec) -> Iterator[str]:
    """Whether the mail server of alerts can be reached from here; whether it takes a mail, `alerts test` says."""
    email = spec.advanced.alerts.email
    address = address_of(email.server)
    if email.to is None or address is None:
        return
    try:
        socket.create_connection(address, REACH_SECONDS).close()
    except OSError as error:
        yield f"advanced.alerts.email.server: {email.server} cannot be reached: {error.strerror or error}"
