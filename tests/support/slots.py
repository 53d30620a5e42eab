"""Replication slots dropped by a test."""

from functools import partial

import psycopg

from syncwizard.postgres.source.slot import drop_slot
from tests.support.pair import Session
from tests.support.waiting import until


def drop_slots(session: Session, *names: str) -> None:
    """Drops these slots, or all of the session's database; a reader that is just ending is waited for."""
    if not names:
        rows = session.execute("SELECT slot_name FROM pg_replication_slots WHERE database = current_database()")
        names = tuple(str(name) for (name,) in rows)
    for name in names:
        until(partial(_dropped, session, name), 30, f"slot {name} to be dropped")


def _dropped(session: Session, name: str) -> bool:
    try:
        drop_slot(session, name)
    except psycopg.errors.ObjectInUse:
        # Its reader was quicker to come back, or has not left yet.
        return False
    return True
