"""The faults, each as real as on a bad night: a signal, a shutdown, an administrator."""

import random
from collections.abc import Callable
from contextlib import suppress

import msgspec
import psycopg

from syncwizard.demo.servers import Cluster, Mode
from tests.faults import processes
from tests.faults.harness import Phase, Trial, moment
from tests.support.waiting import until

# How far into a phase a fault strikes, at most, in seconds: about as long as the phase lasts.
SPANS: dict[Phase, float] = {"full": 1.2, "before sync point": 0.8, "steady": 0.8}


class Fault(msgspec.Struct, frozen=True):
    """A fault by its name; `strike` does it and says what it hit, None where there was nothing to hit."""

    name: str
    strike: Callable[[Trial], str | None]


def strike(trial: Trial, fault: Fault, phase: Phase, choice: random.Random) -> tuple[Phase, str]:
    """Waits for the phase and for a random moment in it, strikes, and recovers as a user would.

    Returns the phase in which it struck, which is a later one when that one was over too soon, and what was hit.
    """
    trial.reach(phase, "steady")
    moment(choice.uniform(0, SPANS[phase]))
    hit: str | None = None

    def struck() -> bool:
        nonlocal hit
        trial.recover()
        hit = fault.strike(trial)
        return hit is not None or trial.phase == "steady"

    found = trial.phase
    until(struck, 60, f"something to hit by {fault.name}")
    if trial.phase == "steady":
        trial.advance()
    else:
        trial.recover()
    return found, hit or "nothing: the phase was over"


def _kill_engine(trial: Trial) -> str | None:
    engine = trial.engine
    if engine is None or not processes.kill(engine):
        return None
    until(lambda: trial.engine != engine, 10, "the lock of the killed engine to be free")
    return f"engine {engine}"


def _kill_child(kind: str) -> Callable[[Trial], str | None]:
    def kill(trial: Trial) -> str | None:
        engine = trial.engine
        children = processes.children_of(engine, kind) if engine else []
        if not children or not processes.kill(children[0]):
            return None
        return f"{kind} {children[0]}"

    return kill


def _restart(end: str, mode: Mode) -> Callable[[Trial], str | None]:
    def restart(trial: Trial) -> str | None:
        cluster = trial.pair.source_cluster if end == "source" else trial.pair.destination_cluster
        cluster.restart(mode)
        trial.pair.reconnect()
        return f"{end} restarted ({mode})"

    return restart


def _terminate(seconds: int) -> Callable[[Trial], str | None]:
    def terminate(trial: Trial) -> str | None:
        ended = 0
        for _ in range(seconds):
            for session in (trial.pair.source, trial.pair.destination):
                with suppress(psycopg.errors.InsufficientPrivilege):
                    ended += session.execute(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND application_name LIKE 'syncwizard%'"
                    ).rowcount
            moment(1.0)
        return f"{ended} sessions in {seconds} s" if ended else None

    return terminate


KILL_ENGINE = Fault("kill -9 engine", _kill_engine)
KILL_COPY = Fault("kill -9 copy", _kill_child("copy"))
KILL_APPLY = Fault("kill -9 apply", _kill_child("apply"))
RESTARTS = [
    Fault(f"restart {end} {mode}", _restart(end, mode))
    for end in ("source", "destination")
    for mode in ("fast", "immediate")
]
TERMINATE = Fault("pg_terminate_backend every second", _terminate(4))

KILLS: dict[Phase, list[Fault]] = {
    "full": [KILL_ENGINE, KILL_COPY],
    "before sync point": [KILL_ENGINE, KILL_APPLY],
    "steady": [KILL_ENGINE, KILL_APPLY],
}


def clusters(trial: Trial) -> tuple[Cluster, Cluster]:
    """Both servers."""
    return trial.pair.source_cluster, trial.pair.destination_cluster
