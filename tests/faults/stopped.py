"""Processes that do nothing for a while, as under a debugger, on a machine that swaps, or in a frozen container."""

import os
import signal
from collections.abc import Callable, Sequence
from contextlib import suppress

from syncwizard.errors import End
from tests.faults import processes
from tests.faults.faults import Fault
from tests.faults.harness import Trial, moment
from tests.support.waiting import until

# Over before anything runs out, and longer than an answer is waited for.
SHORT_SECONDS = (1.0, 3.0, 6.0)
LONG_SECONDS = (70.0,)


def stop_for(pids: list[int], seconds: float) -> list[int]:
    """Stops the processes and lets them go on after that time; those that were there to be stopped."""
    stopped = []
    try:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        if stopped:
            moment(seconds)
    finally:
        for pid in stopped:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    return stopped


def _stop(
    what: str, find: Callable[[Trial], list[int]], lengths: Sequence[float] = SHORT_SECONDS
) -> Callable[[Trial], str | None]:
    def stop(trial: Trial) -> str | None:
        seconds = trial.choice.choice(lengths)
        stopped = stop_for(find(trial), seconds)
        return f"{what} {', '.join(map(str, stopped))} for {seconds:g} s" if stopped else None

    return stop


def _engine(trial: Trial) -> list[int]:
    engine = trial.engine
    return [engine] if engine is not None else []


def _children(trial: Trial) -> list[int]:
    return [child for engine in _engine(trial) for child in processes.children_of(engine)]


def _backends(end: End) -> Callable[[Trial], list[int]]:
    """One of those that carry rows; between two stages there is none for a moment."""

    def backends(trial: Trial) -> list[int]:
        return until(lambda: carriers(trial), 30, f"a session at the {end} that carries rows")

    def carriers(trial: Trial) -> list[int]:
        session = trial.pair.source if end == "source" else trial.pair.destination
        found = session.execute(
            "SELECT pid FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'syncwizard%'"
            " AND (backend_type = 'walsender' OR right(application_name, 5) IN (' copy', 'apply'))"
            " ORDER BY random() LIMIT 1"
        )
        return [pid for (pid,) in found]

    return backends


STOP_ENGINE = Fault("SIGSTOP engine", _stop("engine", _engine))
STOP_CHILDREN = Fault("SIGSTOP children", _stop("children", _children))
STOP_ALL = Fault("SIGSTOP engine and children", _stop("all", lambda trial: _engine(trial) + _children(trial)))
STOP_SOURCE = Fault("SIGSTOP backend of source", _stop("backend", _backends("source")))
STOP_DESTINATION = Fault("SIGSTOP backend of destination", _stop("backend", _backends("destination")))
STOPS = [STOP_ENGINE, STOP_CHILDREN, STOP_ALL, STOP_SOURCE, STOP_DESTINATION]
LONG_STOPS = [
    Fault("SIGSTOP children, long", _stop("children", _children, LONG_SECONDS)),
    Fault("SIGSTOP backend of source, long", _stop("backend", _backends("source"), LONG_SECONDS)),
    Fault("SIGSTOP backend of destination, long", _stop("backend", _backends("destination"), LONG_SECONDS)),
]
