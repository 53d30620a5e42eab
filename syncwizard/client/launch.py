"""Collects the secrets of a task, and starts its engine with them, in the background or in place of this process."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from syncwizard import secrets
from syncwizard.engine import frames, starting
from syncwizard.engine.starting import environment_without_secrets, other_forms
from syncwizard.rows.etl.secrets import secret_forms
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec

ENGINE_MODULE = starting.ENGINE_MODULE


def collect_secrets(spec: TaskSpec) -> Handover:
    """Reads or asks for the secrets that the specification names; raises UsageError that says what to do."""
    return Handover(
        source=secrets.password_of(spec.source, "source"),
        destination=secrets.password_of(spec.destination, "destination"),
        source_key=secrets.key_password_of(spec.source, "source"),
        destination_key=secrets.key_password_of(spec.destination, "destination"),
        smtp_password=secrets.smtp_password_of(spec.advanced.alerts),
        webhook_url=secrets.webhook_url_of(spec.advanced.alerts, spec.name),
        salts=secrets.salts_of(secret_forms(spec)),
    )


def start_engine(spec: TaskSpec, handover: Handover, module: str | None = None) -> Path:
    """Starts the background engine of a stored task; returns its socket once clients can connect."""
    return starting.start_engine(spec, handover, module or ENGINE_MODULE)


def become_engine(spec: TaskSpec, handover: Handover, module: str = ENGINE_MODULE) -> NoReturn:
    """Turns this very process into the engine, in the foreground, as a service manager wants it."""
    reading, writing = os.pipe()
    # Far smaller than a pipe's buffer: all of it fits in before the first read.
    frames.write_frame(writing, handover)
    os.close(writing)
    os.dup2(reading, 0)
    arguments = [sys.executable, "-P", "-m", module, str(spec.id), "--foreground"]
    environment = environment_without_secrets((spec.source, spec.destination), other_forms(spec))
    os.execve(sys.executable, arguments, environment)
