"""Starts a background engine, whichever process wants one, and hands secrets to it over a pipe and nowhere else."""

import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import msgspec

from syncwizard import paths, secrets
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


def start_engine(spec: TaskSpec, handover: Handover, module: str = ENGINE_MODULE) -> Path:
    """Starts the background engine of a stored task; returns its socket once clients can connect.

    It lives in its own session: the end of this process or its terminal changes nothing for it.
    """
    if spec.id is None:
        raise ValueError("a task without an id has no engine")
    folder = paths.ensure_private_folder(paths.task_folder(spec.id))
    with (folder / LOG_NAME).open("ab") as log:
        os.fchmod(log.fileno(), 0o600)
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module, str(spec.id)],
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


def other_forms(spec: TaskSpec) -> list[str]:
    """Where the secrets beside those of the ends are kept: of scripts, and of the receivers of alerts."""
    return [*secret_forms(spec), *spec.advanced.alerts.secret_forms]


def environment_without_secrets(endpoints: tuple[Endpoint, ...], others: Iterable[str] = ()) -> dict[str, str]:
    """Our environment without the variables that hold secrets of the ends or (`others`, their forms) of scripts and
    alerts; libpq's files by absolute names."""
    hidden = secrets.environment_names(endpoints, others)
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    # The engine works in another folder.
    return kept | {name: str(Path(kept[name]).absolute()) for name in LIBPQ_FILES if kept.get(name)}
