"""Starts engines, and hands secrets to them over a pipe and nowhere else."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import msgspec

from syncwizard import paths, secrets
from syncwizard.client.credentials import other_forms
from syncwizard.engine import frames
from syncwizard.engine.protocol import Started
from syncwizard.errors import TaskFailed
from syncwizard.rows.etl.secrets import secret_forms
from syncwizard.task.failures import error_from_report
from syncwizard.task.handover import Handover
from syncwizard.task.specification import Endpoint, TaskSpec

ENGINE_MODULE = "syncwizard.engine.process"
LOG_NAME = "engine.log"
# Variables that name files and folders of libpq's.
LIBPQ_FILES = ("PGSERVICEFILE", "PGPASSFILE", "PGSYSCONFDIR")


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
    """Starts the background engine of a stored task; returns its socket once clients can connect.

    It lives in its own session: the end of this process or its terminal changes nothing for it.
    """
    folder = paths.ensure_private_folder(paths.task_folder(_id_of(spec)))
    with (folder / LOG_NAME).open("ab") as log:
        os.fchmod(log.fileno(), 0o600)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module or ENGINE_MODULE, str(spec.id)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            cwd=folder,
            env=environment_without_secrets((spec.source, spec.destination), other_forms(spec)),
            start_new_session=True,
        )
    if process.stdin is None or process.stdout is None:
        raise ValueError("an engine needs both pipes")
    with process.stdin, process.stdout:
        try:
            frames.write_frame(process.stdin.fileno(), handover)
            _, payload = frames.read_frame(process.stdout.fileno())
        except (EOFError, BrokenPipeError) as error:
            raise TaskFailed(
                "the engine ended before it could answer",
                detail=f"exit code {process.wait()}",
                remedy=f"see the end of {folder / LOG_NAME}",
            ) from error
    started = msgspec.msgpack.decode(payload, type=Started)
    if started.failure is not None:
        raise error_from_report(started.failure)
    return Path(started.socket)


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


def environment_without_secrets(endpoints: tuple[Endpoint, ...], others: Iterable[str] = ()) -> dict[str, str]:
    """Our environment without the variables that hold secrets of the ends or (`others`, their forms) of scripts and
    alerts; libpq's files by absolute names."""
    hidden = secrets.environment_names(endpoints, others)
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    # The engine works in another folder.
    return kept | {name: str(Path(kept[name]).absolute()) for name in LIBPQ_FILES if kept.get(name)}


def _id_of(spec: TaskSpec) -> uuid.UUID:
    if spec.id is None:
        raise ValueError("a task without an id has no engine")
    return spec.id
