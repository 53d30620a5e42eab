"""An alert as it is sent: facts, and the texts that the receivers are given."""

import datetime
from typing import Any

import msgspec

from syncwizard.engine.alerting.rules import Phase, RuleName
from syncwizard.task.alerting import Shape
from syncwizard.task.state import StateName
from syncwizard.task.text import one_line

# A subject, or a line of syslog, that is longer is cut by the first server on its way.
LINE_CHARACTERS = 200


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert of a task; `since` and `at` in seconds since the epoch, `id` of the task, `host` the machine's name."""

    rule: RuleName
    phase: Phase
    message: str
    since: float
    at: float
    task: str
    id: str
    state: StateName
    host: str


def title(alert: Alert) -> str:
    """What it is about, on one line.

    >>> title(Alert(rule="latency", phase="begins", message="late", since=0, at=0, task="kb", id="0d", host="db1",
    ...     state="synchronizing"))
    'syncwizard kb: latency begins'
    """
    return one_line(f"syncwizard {alert.task}: {alert.rule} {alert.phase}")[:LINE_CHARACTERS]


def lines(alert: Alert) -> list[str]:
    """The whole alert, line by line."""
    return [
        one_line(alert.message),
        f"Task: {one_line(alert.task)} ({alert.id}), {alert.state}, on {one_line(alert.host)}",
        f"Since: {_time(alert.since)}, sent: {_time(alert.at)}",
    ]


def as_data(alert: Alert) -> dict[str, Any]:
    """The fields by their names, with times of ISO 8601: what the generic shape and a command get."""
    data: dict[str, Any] = msgspec.to_builtins(alert)
    return data | {"since": _time(alert.since), "at": _time(alert.at), "title": title(alert)}


def in_shape(alert: Alert, shape: Shape) -> dict[str, Any]:
    """The JSON that a webhook of this kind understands."""
    text = "\n".join(lines(alert))
    match shape:
        case "slack":
            # https://docs.slack.dev/messaging/formatting-message-text: three characters are its own.
            plain = f"*{_for_slack(title(alert))}*\n{_for_slack(text)}"
            return {"text": plain}
        case "teams":
            body = [
                {"type": "TextBlock", "text": title(alert), "weight": "bolder", "wrap": True},
                *({"type": "TextBlock", "text": line, "wrap": True} for line in lines(alert)),
            ]
            card = {"type": "AdaptiveCard", "version": "1.4", "body": body}
            content = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
            return {"type": "message", "attachments": [content]}
        case "dingtalk":
            return {"msgtype": "text", "text": {"content": f"{title(alert)}\n{text}"}}
        case "feishu":
            return {"msg_type": "text", "content": {"text": f"{title(alert)}\n{text}"}}
        case "generic":
            return as_data(alert)


def _for_slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _time(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, tz=datetime.UTC).isoformat(timespec="seconds")
