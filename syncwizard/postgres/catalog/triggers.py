"""Triggers, rules and foreign keys of tables by when they fire."""

from collections.abc import Iterable

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection


class Firing(msgspec.Struct, frozen=True):
    """A trigger or rule that fires although session_replication_role is replica, `name` as `trigger x on s.t`; or a
    rule ON UPDATE, with which PostgreSQL takes no INSERT … ON CONFLICT."""

    name: str
    on_update: bool


def read_always_firing(connection: Connection, tables: Iterable[int]) -> list[Firing]:
    """Those of the tables, given by OID."""
    rows = connection.execute(query("always_firing"), {"tables": list(tables)})
    return [Firing(name, on_update) for name, on_update in rows]


def read_firing(connection: Connection, tables: Iterable[int]) -> list[str]:
    """Triggers and foreign keys of the tables, given by OID, that fire unless that role is replica: `x on s.t`."""
    return [f"{name} on {table}" for name, table in connection.execute(query("firing_triggers"), (list(tables),))]
