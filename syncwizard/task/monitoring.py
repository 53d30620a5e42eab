"""Settings of what watches a task from outside: where its figures are exposed."""

import ipaddress
from typing import Annotated

import msgspec

from syncwizard.task.settings import Group, Setting

FILE_SUFFIX = ".prom"


def address_of(text: str) -> tuple[str, int] | None:
    """Host and port of `HOST:PORT`, with brackets around an IPv6 address; None where it is none.

    >>> address_of("127.0.0.1:9187"), address_of("[::1]:9187"), address_of("9187"), address_of("db:0")
    (('127.0.0.1', 9187), ('::1', 9187), None, None)
    """
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    if not host or not colon or not port.isascii() or not port.isdigit() or not 1 <= int(port) <= 65535:
        return None
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach the address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "db1.example.com")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def file_problem(text: str) -> str:
    """
    >>> file_problem("/var/lib/node_exporter/kb.txt")
    'must end with .prom: node_exporter reads no other files'
    """
    if not text.endswith(FILE_SUFFIX) or text.endswith(f"/{FILE_SUFFIX}"):
        return f"must end with {FILE_SUFFIX}: node_exporter reads no other files"
    return ""


def listen_problem(text: str) -> str:
    """
    >>> listen_problem("9187")
    'must be an address and port such as 127.0.0.1:9187'
    """
    return "" if address_of(text) else "must be an address and port such as 127.0.0.1:9187"


class Metrics(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where the figures of the task are exposed; nowhere by default."""

    file: Annotated[
        str | None,
        Setting(
            label="File",
            help="A file that the engine replaces every five seconds with the figures of the task, in the folder of"
            " node_exporter's textfile collector (`--collector.textfile.directory`); one file a task. Any user may"
            " read it.",
            example="/var/lib/node_exporter/kb.prom",
            rule=file_problem,
            own_form=True,
        ),
    ] = None
    listen: Annotated[
        str | None,
        Setting(
            label="Address",
            help="An address and port of this machine at which the engine answers `GET /metrics` while it runs.",
            example="127.0.0.1:9187",
            rule=listen_problem,
            own_form=True,
        ),
    ] = None
    remote: Annotated[
        bool,
        Setting(
            label="From other machines",
            help="Allows an address that other machines can reach: anyone who reaches it can read the figures,"
            " without a password or encryption.",
            own_form=True,
        ),
    ] = False


METRICS = Group(heading="Metrics", title="Metrics")
