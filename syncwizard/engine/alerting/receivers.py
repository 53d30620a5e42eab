"""Where an alert is sent: e-mail, webhook, command, syslog. Each `Send` takes some seconds at most, or raises."""

from collections.abc import Callable
from typing import Literal

from syncwizard.engine.alerting.alert import Alert
from syncwizard.task.alerting import Alerts
from syncwizard.task.handover import Handover
from syncwizard.task.text import one_line

ReceiverName = Literal["e-mail", "webhook", "command", "syslog"]
# Raises NotDelivered.
Send = Callable[[Alert], None]

# Of a connection and of each answer.
NETWORK_SECONDS = 10.0
# Of what a receiver answers, in an error.
WORDS = 200
ANSWER_BYTES = 64 * 1024


def receivers_of(alerts: Alerts, secrets: Handover) -> dict[ReceiverName, Send]:
    """What sends an alert to each receiver that the settings name."""
    found: dict[ReceiverName, Send] = {}
    # Imported where they are needed: mail, TLS and HTTP together are too much for an idle engine.
    if alerts.email.to:
        from syncwizard.engine.alerting.mail import send_email

        found["e-mail"] = lambda alert: send_email(alert, alerts.email, secrets.smtp_password)
    if alerts.webhook.url:
        from syncwizard.engine.alerting.webhook import send_webhook

        found["webhook"] = lambda alert: send_webhook(alert, secrets.webhook_url or "", alerts.webhook.shape)
    command, target = alerts.command, alerts.syslog
    if command or target:
        from syncwizard.engine.alerting.local import run_command, send_syslog

        if command:
            found["command"] = lambda alert: run_command(alert, command)
        if target:
            found["syslog"] = lambda alert: send_syslog(alert, target)
    return found


def reason(error: BaseException) -> str:
    """Why it failed, in words of the system, of TLS or of a server."""
    words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return shortened(words) or type(error).__name__


def shortened(text: str) -> str:
    """The beginning of what a receiver answers, on one line."""
    return one_line(" ".join(text.split()))[:WORDS]
