"""What a specification must fulfil beyond its types; pure, and the same for the file and for every face."""

import re
from collections import Counter
from collections.abc import Iterator

from syncwizard.task.limiting import CLASS_ROWS, CopyLimits, Limits
from syncwizard.task.meeting import meeting_problems
from syncwizard.task.monitoring import address_of, is_loopback
from syncwizard.task.object_rules import object_problems
from syncwizard.task.problem import Problem as Problem
from syncwizard.task.secret_forms import is_secret_form as is_secret_form
from syncwizard.task.settings import value_at
from syncwizard.task.specification import SETTINGS, Access, Encryption, Endpoint, TaskSpec

# As long as a name of PostgreSQL's: it stands in tables, file names and titles.
NAME_CHARACTERS = 63


def find_problems(spec: TaskSpec) -> list[Problem]:
    """All problems of the specification, in the order of the file."""
    return [
        *_name_problems(spec),
        *endpoint_problems("source", spec.source),
        *endpoint_problems("destination", spec.destination),
        *_synchronization_problems(spec),
        *object_problems(spec.objects),
        *meeting_problems(spec),
        *_setting_problems(spec),
    ]


def is_connection_string(text: str) -> bool:
    """Whether the text is a URI or a conninfo string rather than one name.

    >>> texts = "postgresql://me@db/kb", "dbname=kb user=me", "password=x", "a=b", "kb"
    >>> [is_connection_string(text) for text in texts]
    [True, True, True, False, False]
    """
    return "://" in text or "password=" in text or ("=" in text and any(map(str.isspace, text)))


def _name_problems(spec: TaskSpec) -> Iterator[Problem]:
    if not spec.name.strip():
        yield Problem(
            path="name", message="the name is empty", remedy="give the task a name, for example `kb-to-frankfurt`"
        )
    elif len(spec.name) > NAME_CHARACTERS:
        yield Problem(
            path="name", message=f"the name has {len(spec.name)} characters; at most {NAME_CHARACTERS} are allowed"
        )
    elif not spec.name.isprintable() or spec.name != spec.name.strip():
        yield Problem(path="name", message="the name has line breaks, control characters or spaces at its ends")


def endpoint_problems(path: str, endpoint: Endpoint, *, whole: bool = True) -> Iterator[Problem]:
    """What is wrong with one end at `path`; one that is not `whole` may leave its database to others."""
    if whole and endpoint.database is None and endpoint.service is None:
        yield Problem(path=f"{path}.database", message="`database` is missing", remedy="add `database:`")
    elif endpoint.database == "":
        yield Problem(path=f"{path}.database", message="the database name is empty")
    for field, texts in (("host", endpoint.hosts), ("database", [endpoint.database or ""])):
        if any(map(is_connection_string, texts)):
            # The text itself is not repeated: there may be a password in it.
            yield Problem(
                path=f"{path}.{field}",
                message=f"this is a connection string, not a {field}",
                remedy="give host, port, database and user one by one; a password is never in the file:"
                " `password:` says where it is kept (pgpass, keyring, prompt or env:NAME)",
            )
    if endpoint.service == "":
        yield Problem(path=f"{path}.service", message="the service's name is empty")
    hosts, ports = endpoint.hosts, endpoint.ports
    if endpoint.host is not None and not (hosts and all(hosts)):
        yield Problem(path=f"{path}.host", message="the host is empty")
    if any(not 1 <= port <= 65535 for port in ports):
        yield Problem(path=f"{path}.port", message="a port is a number from 1 to 65535")
    if isinstance(endpoint.port, list) and len(ports) not in (1, len(hosts)):
        yield Problem(
            path=f"{path}.port",
            message=f"{len(ports)} ports for {len(hosts)} hosts",
            remedy="give one port for all hosts, or one for each",
        )
    yield from _secret_problems(f"{path}.password", endpoint.password)
    yield from _encryption_problems(f"{path}.encryption", endpoint.encryption)
    if endpoint.access is not None:
        yield from _access_problems(path, endpoint, endpoint.access)
    if endpoint.service is not None and endpoint.encryption.key_password is not None:
        yield Problem(
            path=f"{path}.encryption.key_password",
            message="`key_password` cannot be combined with `service`",
            remedy="give host, port, database and user here instead of the service's name",
        )


def _is_ssh_destination(text: str) -> bool:
    """Whether ssh would take it for a host, of a user or not, and for nothing else: never for one of its options.

    >>> [_is_ssh_destination(text) for text in ("me@bastion", "ssh://bastion:2222", "-oProxyCommand=x", "me@-Fx")]
    [True, True, False, False]
    """
    hidden = text.startswith("-") or "@-" in text or "://-" in text
    return bool(text) and not hidden and text.isprintable() and " " not in text


def _access_problems(path: str, endpoint: Endpoint, access: Access) -> Iterator[Problem]:
    if not _is_ssh_destination(access.ssh):
        yield Problem(path=f"{path}.access.ssh", message="not a destination of ssh", remedy="give user@bastion")
    if len(endpoint.hosts) != 1 or endpoint.hosts[0].startswith(("/", "@")):
        yield Problem(
            path=f"{path}.access",
            message="a tunnel leads to one host",
            remedy="give one `host`, by the name or address that it has as seen from the bastion",
        )
    if access.local is not None:
        address, _, port = access.local.rpartition(":")
        if not address or not re.fullmatch("[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
            yield Problem(path=f"{path}.access.local", message="not an address and port such as 127.0.0.1:15432")


def _secret_problems(path: str, form: str) -> Iterator[Problem]:
    # The text itself is not repeated: it may be a password.
    if not is_secret_form(form):
        yield Problem(
            path=path,
            message="this says where the password is kept, not the password itself",
            remedy="use pgpass, keyring, prompt or env:NAME (the name of an environment variable)",
        )


def _encryption_problems(path: str, encryption: Encryption) -> Iterator[Problem]:
    if encryption.mode.startswith("verify-") and not encryption.ca:
        yield Problem(
            path=f"{path}.ca",
            message=f"`{encryption.mode}` needs `ca`",
            remedy="name the file with the certificate of the authority that signed the server's",
        )
    if bool(encryption.certificate) != bool(encryption.key):
        missing = "key" if encryption.certificate else "certificate"
        yield Problem(
            path=f"{path}.{missing}", message="`certificate` and `key` belong together", remedy=f"add `{missing}`"
        )
    if encryption.key_password is not None:
        yield from _secret_problems(f"{path}.key_password", encryption.key_password)


def _synchronization_problems(spec: TaskSpec) -> Iterator[Problem]:
    types = spec.synchronization.types
    if "incremental" not in types:
        yield Problem(
            path="synchronization.types",
            message="`incremental` is always part of a task",
            remedy="add `incremental`; schema and full may be left out",
        )
    for name, times in Counter(types).items():
        if times > 1:
            yield Problem(path="synchronization.types", message=f"`{name}` is given {times} times")


def _setting_problems(spec: TaskSpec) -> Iterator[Problem]:
    wrong = {each.path: each.problem(value_at(spec, each.path)) for each in SETTINGS}
    retry, other = spec.advanced.retry, "advanced.retry.other_minutes"
    if not wrong[other] and retry.other_minutes >= retry.connection_minutes:
        wrong[other] = f"must be less than connection_minutes ({retry.connection_minutes})"
    metrics, listen = spec.advanced.metrics, "advanced.metrics.listen"
    address = address_of(metrics.listen) if metrics.listen else None
    if address is not None and not metrics.remote and not is_loopback(address[0]):
        wrong[listen] = "other machines can reach this address: use 127.0.0.1, or allow it by `remote: true`"
    email, security = spec.advanced.alerts.email, "advanced.alerts.email.security"
    if not wrong[security] and email.security == "none" and email.user and email.to:
        wrong[security] = "sends no password in the clear: use starttls or tls, or leave out `user`"
    if spec.advanced.decoding == "test_decoding" and spec.advanced.ddl != "off":
        wrong["advanced.ddl"] = wrong["advanced.ddl"] or "must be off with test_decoding, which tells of rows alone"
    for path, message in _throttle_problems(spec).items():
        wrong[path] = wrong[path] or message
    for path, message in wrong.items():
        if message:
            yield Problem(path=path, message=message)


def _throttle_problems(spec: TaskSpec) -> dict[str, str]:
    """Limits that another setting makes idle, and hours without limits."""
    advanced, found = spec.advanced, {}
    most = CLASS_ROWS.get(advanced.class_, 0)
    for kind in ("full", "incremental", "quiet.full", "quiet.incremental"):
        path = f"advanced.throttle.{kind}.rows_per_second"
        rows = value_at(spec, path)
        if most and isinstance(rows, int) and rows > most:
            found[path] = f"is more than the class {advanced.class_} allows ({most:,})"
    quiet = advanced.throttle.quiet
    if quiet.between is None and (quiet.full, quiet.incremental) != (CopyLimits(), Limits()):
        found["advanced.throttle.quiet.between"] = "is missing: limits of quiet hours need their times"
    return found
