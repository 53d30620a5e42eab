"""The faults, each as real as on a bad night: a signal, a shutdown, an administrator."""

import random
from collections.abc import Callable

import msgspec
import psycopg

from syncwizard.demo.servers import Mode
from tests.faults import processes
from tests.faults.harness import Phase, Trial, moment
from tests.support.pair import DatabasePair, Session
from tests.support.waiting import until

PHASES: list[Phase] = ["full", "before sync point", "steady"]
# How far into the later phases a fault strikes, at most: about as long as catching up takes.
SPAN_SECONDS = 0.8


class Fault(msgspec.Struct, frozen=True):
    """A fault by its name; `strike` does it and says what it hit, None where there was nothing to hit."""

    name: str
    strike: Callable[[Trial], str | None]


class Blow(msgspec.Struct, frozen=True):
    """What a fault hit, and in which phase; `hit` is None when there was nothing to hit before all was over."""

    fault: str
    phase: Phase
    hit: str | None

    def __str__(self) -> str:
        return f"{self.phase:<17}  {self.fault:<32}  {self.hit or 'nothing to hit'}"


def strike(trial: Trial, fault: Fault, phase: Phase, choice: random.Random) -> Blow:
    """Waits for the phase, or a later one, and for a random moment in it, strikes, and recovers as a user would."""
    trial.reach(*PHASES[PHASES.index(phase) :])
    moment(choice.uniform(0, trial.full_seconds if phase == "full" else SPAN_SECONDS))

    def struck() -> Blow | None:
        trial.recover()
        found = trial.phase
        hit = fault.strike(trial)
        return Blow(fault.name, found, hit) if hit is not None or found == "steady" else None

    blow = until(struck, 60, f"something to hit by {fault.name}")
    if blow.phase == "steady":
        trial.advance()
    else:
        trial.recover()
    return blow


def strike_resync(trial: Trial, loss: Fault, fault: Fault, choice: random.Random) -> Blow:
    """Loses changes in steady state, has the tables copied again, strikes at a random moment of that, and recovers."""
    trial.reach("steady")
    trial.doubtful = True
    trial.losses += 1
    lost = loss.strike(trial)
    trial.resync()
    moment(choice.uniform(0, trial.full_seconds + SPAN_SECONDS))

    def struck() -> Blow | None:
        trial.recover()
        hit = fault.strike(trial)
        over = trial.phase == "steady"
        return Blow(f"{loss.name}, {fault.name}", "resync", hit and f"{hit} after {lost}") if hit or over else None

    blow = until(struck, 60, f"something to hit by {fault.name}")

    def consistent() -> bool:
        trial.recover()
        return trial.phase == "steady"

    trial.patiently(consistent, f"{trial.name} to be consistent again")
    trial.doubtful = False
    return blow


EXCHANGE = (
    "ALTER TABLE readings RENAME TO exchanged",
    "ALTER TABLE files RENAME TO readings",
    "ALTER TABLE exchanged RENAME TO files",
)


def _exchange_names(trial: Trial) -> str | None:
    """Two tables have each other's names, and are changed, for the length of a transaction."""
    source = trial.pair.source
    try:
        with source.transaction():
            source.execute("LOCK TABLE readings, files")
            for statement in EXCHANGE:
                source.execute(statement)
            source.execute("UPDATE files SET value = value + 1 WHERE id < 500")
            source.execute("UPDATE readings SET version = version + 1 WHERE id < 50")
            for statement in EXCHANGE:
                source.execute(statement)
    except psycopg.errors.DeadlockDetected:
        return None
    return "RENAME to each other's names and back"


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


def _pause(trial: Trial) -> str | None:
    engine = trial.engine
    if engine is None:
        return None
    trial.pause()
    moment(trial.choice.uniform(0, 2))
    trial.resume()
    return f"engine {engine}"


def _restart(end: str, mode: Mode) -> Callable[[Trial], str | None]:
    def restart(trial: Trial) -> str | None:
        cluster = trial.pair.source_cluster if end == "source" else trial.pair.destination_cluster
        cluster.restart(mode)
        trial.pair.reconnect()
        return f"{end} restarted ({mode})"

    return restart


def _crash(end: str) -> Callable[[Trial], str | None]:
    """kill -9 of a server process that works for us: the postmaster throws everybody out and recovers."""

    def crash(trial: Trial) -> str | None:
        session = trial.pair.source if end == "source" else trial.pair.destination
        found = session.execute(
            "SELECT pid, application_name FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'syncwizard%'"
            # Whoever carries rows before those who only look.
            " ORDER BY backend_type <> 'walsender', right(application_name, 5) NOT IN (' copy', 'apply') LIMIT 1"
        ).fetchone()
        if found is None or not processes.kill(found[0]):
            return None
        until(lambda: not _answers(session), 30, f"the {end} to crash")
        until(lambda: _reconnects(trial.pair), 60, f"the {end} to recover")
        return f"a backend of {found[1]} at the {end}"

    return crash


def _answers(session: Session) -> bool:
    try:
        session.execute("SELECT")
    except psycopg.OperationalError:
        return False
    return True


def _reconnects(pair: DatabasePair) -> bool:
    try:
        pair.reconnect()
    except psycopg.OperationalError:
        return False
    return True


def end_sessions(pair: DatabasePair) -> int:
    """Ends every session of ours at both ends, as an administrator would; how many there were."""
    ended = 0
    for session in (pair.source, pair.destination):
        ended += session.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'syncwizard%'"
        ).rowcount
    return ended


def _terminate(seconds: int) -> Callable[[Trial], str | None]:
    def terminate(trial: Trial) -> str | None:
        ended = 0
        for _ in range(seconds):
            ended += end_sessions(trial.pair)
            moment(1.0)
        return f"{ended} sessions in {seconds} s" if ended else None

    return terminate


KILL_ENGINE = Fault("kill -9 engine", _kill_engine)
KILL_COPY = Fault("kill -9 copy", _kill_child("copy"))
KILL_APPLY = Fault("kill -9 apply", _kill_child("apply"))
# With it die all that it forked; those that follow are programs.
KILL_FORK_SERVER = Fault("kill -9 forkserver", _kill_child("forkserver"))
PAUSE = Fault("paused and resumed", _pause)
SOURCE_FAST = Fault("restart source fast", _restart("source", "fast"))
SOURCE_IMMEDIATE = Fault("restart source immediate", _restart("source", "immediate"))
DESTINATION_FAST = Fault("restart destination fast", _restart("destination", "fast"))
DESTINATION_IMMEDIATE = Fault("restart destination immediate", _restart("destination", "immediate"))
SOURCE_CRASH = Fault("kill -9 backend of source", _crash("source"))
DESTINATION_CRASH = Fault("kill -9 backend of destination", _crash("destination"))
TERMINATE = Fault("pg_terminate_backend every second", _terminate(4))

EXCHANGED_NAMES = Fault("names exchanged", _exchange_names)

KILLS: dict[Phase, list[Fault]] = {
    "full": [KILL_ENGINE, KILL_COPY, KILL_FORK_SERVER],
    "before sync point": [KILL_ENGINE, KILL_APPLY],
    "steady": [KILL_ENGINE, KILL_APPLY, KILL_FORK_SERVER],
    "resync": [KILL_ENGINE, KILL_ENGINE, KILL_COPY, KILL_APPLY],
}
SERVERS = [
    SOURCE_FAST,
    SOURCE_IMMEDIATE,
    SOURCE_CRASH,
    DESTINATION_FAST,
    DESTINATION_IMMEDIATE,
    DESTINATION_CRASH,
    TERMINATE,
    EXCHANGED_NAMES,
]
