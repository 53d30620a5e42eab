"""How long a lost connection is tried again where tasks share an end: the shortest of their windows, for all. Pure.

Tasks that ask for one server stop asking at one time, as users of the service that this replaces know it.
"""

from collections.abc import Iterable, Iterator

import msgspec

from syncwizard.task.specification import Endpoint, TaskSpec


class ConnectionWindow(msgspec.Struct, frozen=True, kw_only=True):
    """Minutes, and the name of the other task that sets them; empty where it is the task's own setting."""

    minutes: int
    task: str = ""


def connection_window(spec: TaskSpec, others: Iterable[TaskSpec]) -> ConnectionWindow:
    """The window that holds for the task beside the others; of equal ones its own.

    >>> from syncwizard.task.specification import Advanced, Retry
    >>> def task(name, minutes, database):
    ...     retry = Retry(connection_minutes=minutes)
    ...     source, there = Endpoint(host="db1", database=database), Endpoint(host="db2", database=name)
    ...     return TaskSpec(name=name, source=source, destination=there, objects=[], advanced=Advanced(retry=retry))
    >>> kb = task("kb", 720, "shop")
    >>> connection_window(kb, [task("reports", 30, "shop"), task("other", 10, "else")])
    ConnectionWindow(minutes=30, task='reports')
    >>> connection_window(kb, [task("reports", 1440, "shop")]).task
    ''
    """
    own = ConnectionWindow(minutes=spec.advanced.retry.connection_minutes)
    sharing = [
        ConnectionWindow(minutes=other.advanced.retry.connection_minutes, task=other.name)
        for other in others
        if other.id is None or other.id != spec.id
        if share_an_end(spec, other)
    ]
    return min([own, *sharing], key=lambda window: (window.minutes, window.task))


def share_an_end(one: TaskSpec, other: TaskSpec) -> bool:
    """Whether a database of the one is a database of the other, as source or as destination."""
    return not set(_places(one)).isdisjoint(_places(other))


def _places(spec: TaskSpec) -> Iterator[tuple[str, str]]:
    """Addresses and databases of both ends: one of several hosts is enough to be the same."""
    for end in (spec.source, spec.destination):
        yield from ((address, end.database or "") for address in _addresses(end))


def _addresses(end: Endpoint) -> Iterator[str]:
    if end.service is not None and not end.hosts:
        yield f"service {end.service}"
    ports = end.ports
    for index, host in enumerate(end.hosts):
        port = ports[index] if len(ports) > 1 else next(iter(ports), "")
        # From behind a bastion the same name may be another server.
        behind = f"{end.access.ssh} " if end.access is not None else ""
        yield f"{behind}{host.lower()}:{port}"
