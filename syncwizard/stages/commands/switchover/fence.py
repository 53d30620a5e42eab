"""Raises the fence at the source: written down first, then made, then made to hold for the sessions that were there."""

import time
from collections.abc import Sequence

from syncwizard.errors import TaskFailed
from syncwizard.postgres.fencing import (
    OtherSession,
    end_session,
    other_sessions,
    roles_that_write,
    run_statements,
    server_clock,
)
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.task.names import TableName
from syncwizard.task.switchover import Fence, FenceRaising, SwitchoverOrder
from syncwizard.task.text import counted, listed

# A login that was under way when the default changed shows up a moment later, with the default from before.
SETTLE_SECONDS = 1.0
LOOK_SECONDS = 0.05
# A session that was ended rolls back first.
ENDING_SECONDS = 10.0


def raise_fence(context: Context, order: SwitchoverOrder, fence: Fence, tables: Sequence[TableName]) -> str:
    """Keeps writes out of the source from here on; says in words how many sessions were ended.

    Raises TaskFailed where one stays that may write, Cancelled, EndpointError.
    """
    known = context.state().switchover
    if known is not None and known.fence is not None:
        # Written down before an interruption: what was there before is known from then.
        fence = known.fence
    else:
        context.record(FenceRaising(id=order.id, fence=fence))
    with context.connect("source", "switchover") as source:
        with translated("source", "keeping writes out"):
            run_statements(source, fence.statements)
            raised_at = server_clock(source)
            if fence.mode == "revoke" and (writers := roles_that_write(source, fence.roles, tables)):
                raise TaskFailed(
                    f"these roles may write still: {listed(writers)}",
                    where="source",
                    detail="they own the table, are members of another role, are superusers, or everyone has the right",
                    remedy=to_do("use the fence of the whole database: leave out --fence"),
                )
        with translated("source", "ending sessions of others"):
            ended = _Clearing(context, source, order, raised_at).run()
    return (
        f"{counted(ended, 'session')} ended"
        if order.fence == "read-only"
        else f"{counted(ended, 'session')} ended late"
    )


class _Clearing:
    """The sessions from before the fence: idle ones are ended at once, others when the grace is over."""

    def __init__(self, context: Context, source: Connection, order: SwitchoverOrder, raised_at: float) -> None:
        self._context = context
        self._source = source
        self._order = order
        self._raised_at = raised_at
        self._begun = time.monotonic()
        self._first: set[int] | None = None
        self._ended: dict[int, float] = {}

    def run(self) -> int:
        """Waits until none is left that may write; how many were ended."""
        while True:
            left = [
                each for each in other_sessions(self._source, self._context.spec.short_id) if self._is_in_the_way(each)
            ]
            elapsed = time.monotonic() - self._begun
            if not left and elapsed >= SETTLE_SECONDS:
                return len(self._ended)
            for each in left:
                if each.pid not in self._ended and self._is_due(each, elapsed):
                    self._end(each, elapsed)
            stuck = [each for each in left if elapsed - self._ended.get(each.pid, elapsed) > ENDING_SECONDS]
            if stuck:
                raise TaskFailed(
                    f"sessions at the source do not end: {listed(map(str, stuck))}",
                    where="source",
                    remedy=to_do("end them by other means", then="run again"),
                )
            self._context.cancellation.wait(LOOK_SECONDS)

    def _is_in_the_way(self, session: OtherSession) -> bool:
        """Whether it may write as from before the fence."""
        if self._order.fence == "read-only":
            if session.since is None:
                # Hidden from our account: those of the first look are from before.
                self._first = self._first if self._first is not None else self._all()
                return session.pid in self._first
            return session.since < self._raised_at + SETTLE_SECONDS
        if self._order.fence == "revoke" and session.user not in self._order.roles:
            return False
        # Rights are looked at by each statement, so that a transaction which began later writes nothing.
        began = session.transaction_since
        return session.busy and (began is None or began < self._raised_at)

    def _all(self) -> set[int]:
        return {each.pid for each in other_sessions(self._source, self._context.spec.short_id)}

    def _is_due(self, session: OtherSession, elapsed: float) -> bool:
        return not session.busy or elapsed >= self._order.grace_seconds

    def _end(self, session: OtherSession, elapsed: float) -> None:
        if self._order.fence == "stopped":
            raise TaskFailed(
                f"a transaction is open at the source: {session}",
                where="source",
                detail="with --writes-stopped no session is ended",
                remedy=to_do("stop what has it open", then="run again"),
            )
        end_session(self._source, session)
        self._ended[session.pid] = elapsed
