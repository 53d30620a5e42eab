"""Alerts by e-mail."""

import email.message
import email.utils
import smtplib
import socket
import ssl

from syncwizard.engine.alerting.alert import Alert, lines, title
from syncwizard.engine.alerting.answers import NETWORK_SECONDS, reason, shortened
from syncwizard.errors import NotDelivered
from syncwizard.task.alerting import Email, addresses_of
from syncwizard.task.monitoring import address_of


def send_email(alert: Alert, settings: Email, password: str | None) -> None:
    """Sends one message to all addresses; raises NotDelivered also where only some of them were refused."""
    to = addresses_of(settings.to or "")
    message = email.message.EmailMessage()
    message["Subject"] = title(alert)
    message["From"] = settings.sender or f"syncwizard@{socket.gethostname()}"
    message["To"] = ", ".join(to)
    message["Date"] = email.utils.formatdate(alert.at)
    message["Message-ID"] = email.utils.make_msgid(domain=socket.gethostname())
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines(alert)) + "\n")
    host, port = address_of(settings.server) or ("", 0)
    try:
        # Read at each message: the file may be replaced while the engine runs.
        context = None if settings.security == "none" else ssl.create_default_context(cafile=settings.ca)
        with _connected(host, port, settings, context) as server:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, password or "")
            refused = server.send_message(message, to_addrs=to)
    except smtplib.SMTPResponseException as error:
        words = error.smtp_error.decode(errors="replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        raise NotDelivered(f"the mail server answers {error.smtp_code}: {shortened(str(words))}") from error
    except smtplib.SMTPRecipientsRefused as error:
        raise NotDelivered(f"the mail server refuses {', '.join(error.recipients)}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(f"the mail server {settings.server}: {reason(error)}") from error
    if refused:
        raise NotDelivered(f"the mail server refuses {', '.join(refused)}; the others have it")


def _connected(host: str, port: int, settings: Email, context: ssl.SSLContext | None) -> smtplib.SMTP:
    # Given, because smtplib would ask a name server for it.
    name = socket.gethostname()
    if settings.security == "tls":
        return smtplib.SMTP_SSL(host, port, local_hostname=name, timeout=NETWORK_SECONDS, context=context)
    return smtplib.SMTP(host, port, local_hostname=name, timeout=NETWORK_SECONDS)
