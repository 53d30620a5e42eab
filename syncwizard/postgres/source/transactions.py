"""Open transactions of the source, for which the creation of a slot has to wait."""

import msgspec

from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.task.text import span

# Between two looks whether a commit can be seen, which takes some microseconds as a rule.
VISIBLE_SECONDS = 0.005


class OpenTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """A transaction that has an id. `pid` is 0 for a prepared one, whose `text` is its name; `seconds` is None where
    our role may not see since when it is open."""

    pid: int
    user: str
    database: str
    seconds: float | None
    text: str

    def __str__(self) -> str:
        who = f"process {self.pid} of {self.user}" if self.pid else f"prepared transaction {self.text} of {self.user}"
        since = "" if self.seconds is None else f", open for {span(self.seconds)}"
        return f"{who} in {self.database}{since}"


def read_transactions(connection: Connection, *, older_than_seconds: float) -> list[OpenTransaction]:
    """Transactions of the whole server that are older, the oldest first, ours left out."""
    return [
        OpenTransaction(pid=pid, user=user or "", database=database or "", seconds=seconds, text=text or "")
        for pid, user, database, seconds, text in connection.execute(
            query("open_transactions"), {"seconds": older_than_seconds}
        )
    ]


def waits_for_transaction(connection: Connection, pid: int) -> bool:
    """Whether a session waits for the end of another's transaction."""
    return bool(
        scalar(
            connection,
            "SELECT EXISTS (SELECT FROM pg_catalog.pg_locks"
            " WHERE pid = %s AND locktype = 'transactionid' AND NOT granted)",
            pid,
        )
    )
