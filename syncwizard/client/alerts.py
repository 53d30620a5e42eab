"""What a client does with alerts: sends a test, silences a task, and looks after tasks whose engine is gone."""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterable, Mapping

import msgspec

from syncwizard import secrets
from syncwizard.client.looking import Seen, look
from syncwizard.client.tasks import StoredTask
from syncwizard.engine.alerting import book
from syncwizard.engine.alerting.alert import Alert
from syncwizard.engine.alerting.book import Book
from syncwizard.engine.alerting.receivers import ReceiverName, Send, receivers_of
from syncwizard.engine.alerting.rules import Alarm, Due, RuleName, conditions, decide
from syncwizard.engine.alerting.watch import alert_of
from syncwizard.errors import NotDelivered, UsageError
from syncwizard.remedies import to_do
from syncwizard.task.figures.sample import Sample
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec
from syncwizard.task.state import TaskState

TEST = "this is a test: alerts of this task arrive here"
# A task that is over has no alerts of its own.
OVER = ("not-started", "released")


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """Of one receiver: how many alerts it took, and why no more; empty where it took all."""

    receiver: ReceiverName
    delivered: int
    trouble: str = ""


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What the look after one task led to. `wrong`: what is wrong with it now, a sentence a rule."""

    label: str
    wrong: Mapping[RuleName, str]
    sent: tuple[Sent, ...]


def send_test(task: StoredTask) -> list[Sent]:
    """Sends a test to each receiver of the task, once. Raises UsageError where it has none, or a secret is not to be
    had."""
    return send_test_of(task.spec, task.read_state(), where=task.label)


def send_test_of(spec: TaskSpec, state: TaskState | None = None, *, where: str = "") -> list[Sent]:
    """The same of a task that may not be stored yet."""
    settings = spec.advanced.alerts
    if not settings.sent_somewhere:
        raise UsageError(
            "this task sends its alerts nowhere",
            where=where,
            remedy=to_do("give `advanced.alerts` a receiver: syncwizard manual alerts"),
        )
    now = time.time()
    due = Due(rule="test", phase="begins", message=TEST, since=now, at=now)
    spec = spec if spec.id is not None else msgspec.structs.replace(spec, id=uuid.uuid4())
    alert = alert_of(spec, state or TaskState(), due)
    return [_deliver(name, send, [alert])[0] for name, send in _receivers(spec).items()]


def silence(task: StoredTask, seconds: float) -> float:
    """Sends no alerts of the task for so long, 0: from now on again; until when, in seconds since the epoch."""
    until = time.time() + seconds if seconds else 0.0
    book.silence(task.folder, until)
    return until


def alarms_of(task: StoredTask) -> tuple[Mapping[RuleName, Alarm], float]:
    """What is wrong with the task as far as alerts know, and until when it is silenced (0: it is not)."""
    until = book.silenced_until(task.folder)
    return book.read_book(task.folder).alarms, until if until > time.time() else 0.0


def look_after(task: StoredTask) -> Looked | None:
    """Sends what is due of a task that no engine has, above all that its engine died, and what earlier ones could not
    deliver. None where an engine, or another look, has the task. Raises UsageError for a secret that is not to be had.
    """
    if not task.spec.advanced.alerts.sent_somewhere or task.find_engine() is not None:
        return None
    with book.held(task.folder) as ours:
        if not ours:
            return None
        seen = look(task, ask_source=True)
        if seen.state.state in OVER or seen.liveness.alive:
            return None
        return _look_after(seen)


def _look_after(seen: Seen) -> Looked:
    task, rules, now = seen.task, seen.task.spec.advanced.alerts, time.time()
    before = book.read_book(task.folder)
    held = seen.retention.measured if seen.retention is not None else None
    wrong = conditions(seen.state, Sample(), held, rules, now)
    if seen.liveness.died:
        wrong["engine"] = f"the engine ended without being asked to: {seen.liveness.explanation}"
    silenced = now < book.silenced_until(task.folder)
    alarms, due = decide(before.alarms, wrong, rules, now, silenced=silenced)
    new = [alert_of(task.spec, seen.state, each) for each in due]
    receivers = _receivers(task.spec) if new or any(before.undelivered.values()) else {}
    undelivered: dict[ReceiverName, list[Alert]] = {}
    sent = []
    for name, send in receivers.items():
        report, undelivered[name] = _deliver(name, send, [*before.undelivered.get(name, []), *new])
        sent.append(report)
    left = {name: alerts[-book.UNDELIVERED :] for name, alerts in undelivered.items() if alerts}
    book.write_book(task.folder, Book(alarms=alarms, growth=before.growth, undelivered=left))
    return Looked(label=task.label, wrong=wrong, sent=tuple(sent))


def _receivers(spec: TaskSpec) -> dict[ReceiverName, Send]:
    settings = spec.advanced.alerts
    handover = Handover(
        smtp_password=secrets.smtp_password_of(settings),
        webhook_url=secrets.webhook_url_of(settings, spec.name),
    )
    return receivers_of(settings, handover)


def _deliver(name: ReceiverName, send: Send, alerts: list[Alert]) -> tuple[Sent, list[Alert]]:
    """Sends the alerts up to the first that is not taken; those that are left."""
    for number, alert in enumerate(alerts):
        try:
            send(alert)
        except NotDelivered as error:
            return Sent(receiver=name, delivered=number, trouble=str(error)), alerts[number:]
    return Sent(receiver=name, delivered=len(alerts)), []


class Lookout:
    """Has a client that meets a dead engine send the alert of it: in a process of its own, once a task."""

    def __init__(self) -> None:
        self._begun = False

    def meet(self, everything: Iterable[Seen]) -> None:
        """Starts the check where an engine died that no alert was sent of."""
        if self._begun or not any(map(_unreported, everything)):
            return
        self._begun = True
        subprocess.Popen(
            [sys.executable, "-P", "-m", "syncwizard", "alerts", "check"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )


def _unreported(seen: Seen) -> bool:
    if not seen.liveness.died or not seen.task.spec.advanced.alerts.sent_somewhere:
        return False
    return "engine" not in book.read_book(seen.task.folder).alarms
