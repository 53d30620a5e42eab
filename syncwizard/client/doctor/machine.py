"""What the system gives to a process: a keyring, open files, a life after the last logout."""

import getpass
from collections.abc import Iterator

from syncwizard import machine, secrets
from syncwizard.client import tasks
from syncwizard.client.doctor.finding import Finding, ok, warning


def findings() -> Iterator[Finding]:
    """Keyring, open files, lingering."""
    wanting = [
        task.label for task in tasks.list_tasks() if secrets.names_keyring((task.spec.source, task.spec.destination))
    ]
    yield of_keyring(secrets.keyring_name(), wanting)
    yield of_open_files(machine.open_files())
    user = getpass.getuser()
    yield of_lingering(machine.kills_user_processes(), user, lingers=machine.lingers(user))


def of_keyring(name: str | None, wanting: list[str]) -> Finding:
    """The back end, and the tasks whose passwords are to be in it.

    >>> of_keyring(None, []).level, of_keyring(None, ["kb"]).message
    ('ok', 'none, and a password of kb is to be in it')
    """
    if name is not None:
        return ok("keyring", name)
    if wanting:
        text = f"none, and a password of {', '.join(wanting)} is to be in it"
        return warning("keyring", text, secrets.KEYRING_REMEDY)
    return ok("keyring", "none; pgpass, env:NAME and prompt work without it")


def of_open_files(limit: int | None) -> Finding:
    """How many files a process may have open.

    >>> of_open_files(1024).message, of_open_files(64).level
    ('1,024', 'warning')
    """
    if limit is None:
        return ok("open files", "without limit")
    if limit >= machine.OPEN_FILES:
        return ok("open files", f"{limit:,}")
    return warning("open files", f"{limit:,}: too few for an engine with many streams", "raise it: ulimit -n 1024")


def of_lingering(kills: bool | None, user: str, *, lingers: bool) -> Finding:
    """Whether an engine survives the last logout; `kills` is None where no logind answers.

    >>> of_lingering(True, "ann", lingers=False).level, of_lingering(True, "ann", lingers=True).level
    ('warning', 'ok')
    """
    if kills is None:
        return ok("logout", "engines go on: there is no logind")
    if not kills:
        return ok("logout", "engines go on (KillUserProcesses=no)")
    if lingers:
        return ok("logout", f"engines go on ({user} lingers)")
    text = "KillUserProcesses=yes: engines are killed at the last logout"
    return warning("logout", text, f"keep them alive: loginctl enable-linger {user}")
