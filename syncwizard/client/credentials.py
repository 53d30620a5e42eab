"""Which secrets of a task have to be typed, and all of its secrets once they were; never asks by itself."""

from typing import Literal

import msgspec

from syncwizard import secrets
from syncwizard.engine.starting import other_forms as other_forms
from syncwizard.errors import EndpointError, UsageError
from syncwizard.rows.etl.secrets import secret_forms
from syncwizard.task.handover import Handover
from syncwizard.task.specification import TaskSpec

Part = Literal["source", "destination", "source_key", "destination_key", "smtp_password", "webhook_url"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A secret that has to be typed. `part` is its place in the `Handover`, `what` its name in the prompt."""

    part: Part
    what: str


def questions(spec: TaskSpec) -> list[Question]:
    """The secrets of the specification that are kept nowhere.

    >>> from syncwizard.task.specification import Endpoint
    >>> asked = Endpoint(host="db1", database="kb", password="prompt")
    >>> [question.what for question in questions(TaskSpec(name="t", source=asked, destination=asked, objects=[]))]
    ['password of the source (db1:5432/kb)', 'password of the destination (db1:5432/kb)']
    """
    found: list[Question] = []
    for end, endpoint in (("source", spec.source), ("destination", spec.destination)):
        if endpoint.password == "prompt":
            part: Part = "source" if end == "source" else "destination"
            found.append(Question(part=part, what=f"password of the {end} ({endpoint.describe()})"))
        if endpoint.encryption.key_password == "prompt":
            part = "source_key" if end == "source" else "destination_key"
            found.append(Question(part=part, what=f"password of the {end}'s key ({endpoint.encryption.key})"))
    alerts = spec.advanced.alerts
    if alerts.smtp_password == "prompt":
        found.append(Question(part="smtp_password", what=f"password for the mail server ({alerts.email.server})"))
    if alerts.webhook.url == "prompt":
        found.append(Question(part="webhook_url", what="address of the webhook for alerts"))
    return found


def unanswered(spec: TaskSpec, known: Handover) -> list[Question]:
    """Those that have not been typed yet."""
    return [question for question in questions(spec) if getattr(known, question.part) is None]


def together(known: Handover, typed: Handover) -> Handover:
    """What was known with what was typed since."""
    new = {part: value for part, value in msgspec.structs.asdict(typed).items() if value not in (None, {})}
    return msgspec.structs.replace(known, **new)


def still_good(known: Handover, error: EndpointError) -> Handover:
    """What was typed without what an end has refused: it may be wrong, or have been changed. An end that is out of
    reach, and one that answers, say nothing about the secrets of the other.

    >>> known = Handover(source="a", destination="b")
    >>> refused = EndpointError("no", end="destination", transient=False)
    >>> still_good(known, refused) == Handover(source="a")
    True
    >>> still_good(known, EndpointError("lost", end="destination", transient=True)) == known
    True
    """
    if error.transient:
        return known
    if error.end == "source":
        return msgspec.structs.replace(known, source=None, source_key=None)
    return msgspec.structs.replace(known, destination=None, destination_key=None)


def collect(spec: TaskSpec, typed: Handover) -> Handover:
    """All secrets of the specification: those kept somewhere are read there, the others are those typed.

    Raises UsageError that says what to do, also for one that was not typed.
    """
    asked = {question.part: question for question in questions(spec)}
    for part, question in asked.items():
        if getattr(typed, part) is None:
            raise UsageError("the password was not given", where=question.what, remedy="type it when asked for it")
    source, destination, alerts = spec.source, spec.destination, spec.advanced.alerts
    return Handover(
        source=typed.source if "source" in asked else secrets.password_of(source, "source"),
        destination=typed.destination if "destination" in asked else secrets.password_of(destination, "destination"),
        source_key=typed.source_key if "source_key" in asked else secrets.key_password_of(source, "source"),
        destination_key=typed.destination_key
        if "destination_key" in asked
        else secrets.key_password_of(destination, "destination"),
        smtp_password=typed.smtp_password if "smtp_password" in asked else secrets.smtp_password_of(alerts),
        webhook_url=typed.webhook_url if "webhook_url" in asked else secrets.webhook_url_of(alerts, spec.name),
        salts=secrets.salts_of(secret_forms(spec)),
    )


def keep_typed(spec: TaskSpec, typed: Handover) -> None:
    """Puts what was typed into the keyring, where the specification says that it is there; raises UsageError."""
    for end, endpoint, secret, key_secret in (
        ("source", spec.source, typed.source, typed.source_key),
        ("destination", spec.destination, typed.destination, typed.destination_key),
    ):
        if secret and endpoint.password == "keyring":
            secrets.keep_in_keyring(endpoint, f"password of the {end}", secret)
        if key_secret and endpoint.encryption.key_password == "keyring":
            secrets.keep_in_keyring(endpoint, f"key password of the {end}", key_secret, key=True)
