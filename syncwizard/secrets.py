"""Reads secrets from where the task file says they are kept; never prints, logs or stores one."""

import getpass
import os
import re
import warnings
from collections.abc import Iterable
from pathlib import Path

from syncwizard.errors import UsageError
from syncwizard.remedies import to_do
from syncwizard.task.alerting import Alerts
from syncwizard.task.specification import Endpoint
from syncwizard.task.text import one_line

# The service under which `keyring` knows our entries.
KEYRING_SERVICE = "syncwizard"
# Comes before the passfile for libpq.
LIBPQ_VARIABLE = "PGPASSWORD"
# In a passfile colons and backslashes are escaped by a backslash.
_PASSFILE_FIELD = re.compile(r"((?:[^:\\]|\\.)*)(?::|$)")
KEYRING_REMEDY = (
    "use pgpass, env:NAME or prompt in the task file, or install a back end (a Secret Service such as gnome-keyring, "
    "or the package keyrings.alt)"
)


def password_of(endpoint: Endpoint, end: str) -> str | None:
    """The password of an end, None where libpq itself finds it. Raises UsageError that says what to do."""
    if endpoint.password == "pgpass":
        # libpq would read it too, but in every process of ours, and theirs is no place for it.
        return os.environ.get(LIBPQ_VARIABLE) or None
    return read_secret(endpoint.password, f"password of the {end} ({endpoint.describe()})", account_of(endpoint))


def key_password_of(endpoint: Endpoint, end: str) -> str | None:
    """The password of an end's certificate key, None where it has none."""
    form = endpoint.encryption.key_password
    if form is None:
        return None
    return read_secret(form, f"key password of the {end}", key_account_of(endpoint))


def salts_of(forms: Iterable[str]) -> dict[str, str]:
    """The secrets that scripts name, by their forms (`env:NAME`). Raises UsageError that says what to do."""
    return {form: read_secret(form, "salt of the task's script", "") or "" for form in forms}


def smtp_password_of(alerts: Alerts) -> str | None:
    """The password for the mail server of alerts, None where it wants none."""
    form = alerts.smtp_password
    account = f"{alerts.email.user}@{alerts.email.server}"
    return None if form is None else read_secret(form, f"password for the mail server ({account})", account)


def webhook_url_of(alerts: Alerts, name: str) -> str | None:
    """The address of the webhook for alerts of the task called `name`, None where it has none."""
    form = alerts.webhook.url
    return None if form is None else read_secret(form, "address of the webhook for alerts", f"webhook of {name}")


def account_of(endpoint: Endpoint) -> str:
    """The name of an endpoint's entry in the keyring.

    >>> account_of(Endpoint(host="db.example.com", database="kb", user="sync"))
    'sync@db.example.com:5432/kb'
    """
    return f"{endpoint.user or getpass.getuser()}@{endpoint.describe()}"


def key_account_of(endpoint: Endpoint) -> str:
    """The name of the entry for the password of an endpoint's key."""
    return f"{account_of(endpoint)} key"


def environment_names(endpoints: tuple[Endpoint, ...], others: Iterable[str] = ()) -> set[str]:
    """The environment variables that hold secrets, libpq's own among them: no process of ours may inherit them.

    `others`: the forms of those that scripts and receivers of alerts name.
    """
    forms = [form for each in endpoints for form in (each.password, each.encryption.key_password) if form]
    forms += others
    return {form.removeprefix("env:") for form in forms if form.startswith("env:")} | {LIBPQ_VARIABLE}


def known_here(endpoints: tuple[Endpoint, ...], others: Iterable[str] = ()) -> set[str]:
    """The ends' secrets, and `others` by their forms, that can be read without asking for one: in environment
    variables, and in libpq's passfile."""
    values = {os.environ.get(name) for name in environment_names(endpoints, others)} | _in_passfile(endpoints)
    return {value for value in values if value}


def _in_passfile(endpoints: tuple[Endpoint, ...]) -> set[str]:
    """The passwords of the lines that may be meant for one of the ends."""
    path = Path(os.environ.get("PGPASSFILE") or "~/.pgpass").expanduser()
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return set()
    users = {"*", *(each.user for each in endpoints)}
    entries = [_PASSFILE_FIELD.findall(line) for line in lines if not line.startswith("#")]
    fields = [
        [part.replace("\\:", ":").replace("\\\\", "\\") for part in entry] for entry in entries if len(entry) >= 5
    ]
    # Without a user in the task file libpq takes the account's name: then any line may be meant.
    return {password for _, _, _, user, password, *_ in fields if user in users or None in users}


def read_secret(form: str, what: str, account: str) -> str | None:
    """The secret that `form` (pgpass, keyring, env:NAME, prompt) leads to; `what` names it in prompts and errors."""
    match form:
        case "pgpass":
            return None
        case "prompt":
            return _from_prompt(what)
        case "keyring":
            return _from_keyring(what, account)
    name = form.removeprefix("env:")
    value = os.environ.get(name)
    if value is None:
        raise UsageError(
            f"the environment variable {name} is not set",
            where=what,
            remedy=to_do(f"set it (export {name}=…)", then="run again"),
        )
    return value


def keep_in_keyring(endpoint: Endpoint, what: str, secret: str, *, key: bool = False) -> None:
    """Stores the password of an end, or of its `key`, where `read_secret` finds it; raises UsageError in words."""
    # Imported here: it loads back ends and costs most of the start of a command.
    import keyring
    import keyring.errors

    account = key_account_of(endpoint) if key else account_of(endpoint)
    try:
        keyring.set_password(KEYRING_SERVICE, account, secret)
    except keyring.errors.NoKeyringError as error:
        raise UsageError("this machine has no keyring that could be used", where=what, remedy=KEYRING_REMEDY) from error
    except keyring.errors.KeyringError as error:
        detail, remedy = str(error), KEYRING_REMEDY
        raise UsageError("the keyring refused it", where=what, detail=detail, remedy=remedy) from error


def keyring_trouble(endpoint: Endpoint) -> str | None:
    """Why a secret cannot be read from the keyring that the endpoint names; None when it can, or names none."""
    if not names_keyring((endpoint,)) or keyring_name() is not None:
        return None
    return f"this machine has no keyring that could be used: {KEYRING_REMEDY}"


def names_keyring(endpoints: tuple[Endpoint, ...]) -> bool:
    """Whether a secret of one of the ends is to be in the keyring."""
    return any("keyring" in (each.password, each.encryption.key_password) for each in endpoints)


def keyring_name() -> str | None:
    """The back end of the keyring; None where this machine has none that could be used."""
    # Imported here: it loads back ends and costs most of the start of a command.
    import keyring
    import keyring.backends.fail

    found = keyring.get_keyring()
    return None if isinstance(found, keyring.backends.fail.Keyring) else str(found.name)


def _from_prompt(what: str) -> str:
    try:
        with warnings.catch_warnings():
            # Without a terminal getpass would warn, and read what is typed for all to see.
            warnings.simplefilter("error", getpass.GetPassWarning)
            return getpass.getpass(one_line(f"{what}: "))
    except (EOFError, getpass.GetPassWarning) as error:
        raise UsageError(
            "the password cannot be asked for: there is no terminal",
            where=what,
            remedy="run the command in a terminal, or use pgpass, keyring or env:NAME in the task file",
        ) from error


def _from_keyring(what: str, account: str) -> str:
    # Imported here: it loads back ends and costs most of the start of a command.
    import keyring
    import keyring.errors

    try:
        value = keyring.get_password(KEYRING_SERVICE, account)
    except keyring.errors.NoKeyringError as error:
        raise UsageError("this machine has no keyring that could be used", where=what, remedy=KEYRING_REMEDY) from error
    except keyring.errors.KeyringError as error:
        raise UsageError("the keyring cannot be read", where=what, detail=str(error), remedy=KEYRING_REMEDY) from error
    if value is None:
        raise UsageError(
            "the keyring has no entry for this password",
            where=what,
            remedy=f"store it with: keyring set {KEYRING_SERVICE} '{account}'",
        )
    return value
