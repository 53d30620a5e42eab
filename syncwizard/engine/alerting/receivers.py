"""Where an alert is sent: e-mail, webhook, command, syslog. Each `Send` takes some seconds at most, or raises."""

from collections.abc import Callable
from typing import Literal

from syncwizard.engine.alerting.alert import Alert
from syncwizard.task.alerting import Alerts
from syncwizard.task.handover import Handover

ReceiverName = Literal["e-mail", "webhook", "command", "syslog"]
# Raises NotDelivered.
Send = Callable[[Alert], None]


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
