"""Settings of alerts: when one is due, and where it is sent."""

import re
import shlex
from typing import Annotated, Literal

import msgspec

from syncwizard.task.monitoring import address_of
from syncwizard.task.secret_forms import form_problem
from syncwizard.task.settings import Group, Setting

Security = Literal["starttls", "tls", "none"]
Shape = Literal["generic", "slack", "teams", "dingtalk", "feishu"]

_ADDRESS = re.compile(r"[^\s,@<>\"()]+@[^\s,@<>\"()]+")


def addresses_of(text: str) -> list[str]:
    """The e-mail addresses of a list with commas.

    >>> addresses_of("dba@example.com, night@example.com")
    ['dba@example.com', 'night@example.com']
    """
    return [part.strip() for part in text.split(",")]


def addresses_problem(text: str) -> str:
    """
    >>> addresses_problem("dba@example.com, night"), addresses_problem("dba@example.com")
    ('must be addresses such as dba@example.com, with commas between them', '')
    """
    if all(_ADDRESS.fullmatch(each) and each.isascii() and each.isprintable() for each in addresses_of(text)):
        return ""
    return "must be addresses such as dba@example.com, with commas between them"


def server_problem(text: str) -> str:
    """
    >>> server_problem("smtp.example.com"), server_problem("smtp.example.com:587")
    ('must be a host and port such as smtp.example.com:587', '')
    """
    return "" if address_of(text) else "must be a host and port such as smtp.example.com:587"


def command_problem(text: str) -> str:
    """
    >>> command_problem("/usr/bin/page 'dba"), command_problem("page"), command_problem("/usr/bin/page --team dba")
    ('is no command: No closing quotation', 'must begin with an absolute path', '')
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        return f"is no command: {error}"
    if not words or not words[0].startswith("/") or "\0" in text:
        # The engine works in the task's folder, with a PATH that may be a service manager's.
        return "must begin with an absolute path"
    return ""


def syslog_problem(text: str) -> str:
    """
    >>> [syslog_problem(text) for text in ("/dev/log", "logs.example.com:514")]
    ['', '']
    >>> syslog_problem("local")
    'must be a socket such as /dev/log, or a host and port such as logs.example.com:514'
    """
    if text.startswith("/") or address_of(text):
        return ""
    return "must be a socket such as /dev/log, or a host and port such as logs.example.com:514"


_EMAIL = Group(heading="Alerts by e-mail", title="Alerts by e-mail")
_WEBHOOK = Group(heading="Alerts by webhook", title="Alerts by webhook")
ALERTS = Group(heading="Alerts", title="Alerts")


class Email(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where e-mail goes; none without `to`. `password` is where the secret is kept, and matters with a `user`."""

    to: Annotated[
        str | None,
        Setting(
            label="To",
            help="Who gets alerts by e-mail: addresses with commas between them.",
            example="dba@example.com",
            rule=addresses_problem,
            own_form=True,
        ),
    ] = None
    sender: Annotated[
        str | None,
        Setting(
            label="From",
            help="The sender's address; `syncwizard@` and the name of this machine when left out.",
            example="syncwizard@example.com",
            rule=addresses_problem,
            own_form=True,
        ),
    ] = None
    server: Annotated[
        str,
        Setting(
            label="Server",
            help="Host and port of the mail server (SMTP).",
            example="smtp.example.com:587",
            rule=server_problem,
            own_form=True,
        ),
    ] = "localhost:587"
    security: Annotated[
        Security,
        Setting(
            label="Security",
            help="`starttls` (mostly port 587) and `tls` (mostly port 465) check the server's certificate; `none` sends"
            " in the clear, and no password.",
            own_form=True,
        ),
    ] = "starttls"
    ca: Annotated[
        str | None,
        Setting(
            label="CA",
            help="A file with the certificate of the authority that signed the mail server's, where the system does not"
            " know it.",
            example="/etc/ssl/company.pem",
            own_form=True,
        ),
    ] = None
    user: Annotated[
        str | None,
        Setting(label="User", help="The account at the mail server, where it wants one.", own_form=True),
    ] = None
    password: Annotated[
        str,
        Setting(
            label="Password",
            help="Where the account's password is kept: `keyring`, `prompt` or `env:NAME`.",
            example="env:SMTP_PASSWORD",
            rule=form_problem,
            own_form=True,
        ),
    ] = "keyring"


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An address that is sent JSON; none without `url`, which is where the address is kept."""

    url: Annotated[
        str | None,
        Setting(
            label="URL",
            help="Where the address of the webhook is kept: `keyring`, `prompt` or `env:NAME`. It is a secret: who"
            " has it can post.",
            example="env:ALERTS_URL",
            rule=form_problem,
            own_form=True,
        ),
    ] = None
    shape: Annotated[
        Shape,
        Setting(
            label="Shape",
            help="The JSON that the receiver understands; `generic` has every field by its name.",
            own_form=True,
        ),
    ] = "generic"


class Alerts(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What is worth an alert (0 switches a limit off), and where it is sent; nowhere by default."""

    latency_seconds: Annotated[
        int,
        Setting(
            label="Latency",
            help="An alert when the latency is longer than this for `latency_for_seconds`; 0 for none.",
            unit="seconds",
            low=0,
            high=86400,
            own_form=True,
        ),
    ] = 60
    latency_for_seconds: Annotated[
        int,
        Setting(
            label="for",
            help="How long the latency has to be longer.",
            unit="seconds",
            low=0,
            high=86400,
            own_form=True,
        ),
    ] = 120
    heartbeat_seconds: Annotated[
        int,
        Setting(
            label="Heartbeat",
            help="An alert when no heartbeat has arrived for so long while the task is synchronizing; 0 for none.",
            unit="seconds",
            low=0,
            high=86400,
            own_form=True,
        ),
    ] = 60
    full_hours: Annotated[
        int,
        Setting(
            label="Full stage",
            help="An alert when the full stage lasts longer; 0 for none.",
            unit="hours",
            low=0,
            high=720,
            own_form=True,
        ),
    ] = 24
    wal_held_megabytes: Annotated[
        int,
        Setting(
            label="WAL held",
            help="An alert when the slot holds more WAL at the source; 0 for none. A slot that comes near"
            " max_slot_wal_keep_size is one in any case.",
            unit="MB",
            low=0,
            high=100_000_000,
            own_form=True,
        ),
    ] = 0
    hold_off_seconds: Annotated[
        int,
        Setting(
            label="Hold-off",
            help="How long trouble that may pass by itself has to last before it is an alert, and to be over before it"
            " ends.",
            unit="seconds",
            low=0,
            high=86400,
            own_form=True,
        ),
    ] = 30
    repeat_minutes: Annotated[
        int,
        Setting(
            label="Repeated",
            help="After how long an alert that goes on is sent again; 0: never.",
            unit="minutes",
            low=0,
            high=10080,
            own_form=True,
        ),
    ] = 60
    email: Annotated[Email, _EMAIL] = Email()
    webhook: Annotated[Webhook, _WEBHOOK] = Webhook()
    command: Annotated[
        str | None,
        Setting(
            label="Command",
            help="A program with its arguments, started for each alert without a shell, which gets the alert as JSON on"
            " its standard input.",
            example="/usr/local/bin/page",
            rule=command_problem,
            own_form=True,
        ),
    ] = None
    syslog: Annotated[
        str | None,
        Setting(
            label="syslog",
            help="A socket of this machine, mostly `/dev/log`, or host and port of a syslog server (UDP).",
            example="/dev/log",
            rule=syslog_problem,
            own_form=True,
        ),
    ] = None

    @property
    def sent_somewhere(self) -> bool:
        """Whether any receiver is named."""
        return any((self.email.to, self.webhook.url, self.command, self.syslog))

    @property
    def secret_forms(self) -> list[str]:
        """Where the secrets are kept that the receivers take."""
        return [form for form in (self.smtp_password, self.webhook.url) if form]

    @property
    def smtp_password(self) -> str | None:
        """Where the password for the mail server is kept; None where none is needed."""
        return self.email.password if self.email.to and self.email.user else None
