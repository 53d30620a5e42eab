"""Alerts to a program of this machine, and to syslog."""

import contextlib
import os
import shlex
import signal
import socket
import subprocess

import msgspec

from syncwizard.engine.alerting.alert import Alert, as_data, title
from syncwizard.engine.alerting.answers import ANSWER_BYTES, NETWORK_SECONDS, reason, shortened
from syncwizard.errors import NotDelivered
from syncwizard.task.monitoring import address_of
from syncwizard.task.text import one_line

COMMAND_SECONDS = 30.0
# Facility `daemon`, and the severities of an alert that begins or goes on, and of one that ends.
SYSLOG_FACILITY = 3
WARNING, NOTICE = 4, 5


def run_command(alert: Alert, command: str) -> None:
    """Starts the program with JSON on its standard input; raises NotDelivered where it fails or takes too long."""
    words = shlex.split(command)
    try:
        process = subprocess.Popen(
            words, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise NotDelivered(f"{words[0]}: {reason(error)}") from error
    with process:
        try:
            _, written = process.communicate(msgspec.json.encode(as_data(alert)), timeout=COMMAND_SECONDS)
        except subprocess.TimeoutExpired as error:
            with contextlib.suppress(ProcessLookupError):
                # With all that it started.
                os.killpg(process.pid, signal.SIGKILL)
            raise NotDelivered(f"{words[0]} did not end within {COMMAND_SECONDS:.0f} s") from error
    if process.returncode:
        words_of_it = shortened(written[-ANSWER_BYTES:].decode(errors="replace"))
        ended = f"{words[0]} ended with {process.returncode}"
        raise NotDelivered(f"{ended}: {words_of_it}" if words_of_it else ended)


def send_syslog(alert: Alert, target: str) -> None:
    """Writes one line to a socket of this machine, or sends it to a server; raises NotDelivered.

    A server that takes UDP says nothing: the line may be lost on its way.
    """
    severity = NOTICE if alert.phase == "ends" else WARNING
    text = one_line(f"{title(alert)}: {alert.message} ({alert.id}, {alert.state})")
    line = f"<{SYSLOG_FACILITY * 8 + severity}>syncwizard[{os.getpid()}]: {text}".encode()
    address = None if target.startswith("/") else address_of(target)
    try:
        if address is None:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as local:
                local.settimeout(NETWORK_SECONDS)
                local.connect(target)
                local.send(line)
        else:
            family, kind, _, _, place = socket.getaddrinfo(*address, type=socket.SOCK_DGRAM)[0]
            with socket.socket(family, kind) as remote:
                remote.settimeout(NETWORK_SECONDS)
                remote.sendto(line, place)
    except OSError as error:
        raise NotDelivered(f"syslog at {target}: {reason(error)}") from error
