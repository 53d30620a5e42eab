"""Carries out what was decided about a change that the destination refuses, in the transaction that goes on without it
(rule 12)."""

import uuid
from collections.abc import Callable

from syncwizard.postgres.destination.apply import Applier
from syncwizard.postgres.destination.quarantine import Quarantine
from syncwizard.postgres.destination.refused import bound_text, describe_change
from syncwizard.postgres.session.connection import Connection
from syncwizard.rows.changes import Change
from syncwizard.rows.edited import with_values
from syncwizard.rows.fold import fold
from syncwizard.task.events import ChangeQuarantined, RowDecided
from syncwizard.task.facts import RefusedChange
from syncwizard.task.lsn import format_lsn


class Quarantining:
    """Of one apply session. `decision`: about the change that waits; `quarantined` is called with each record of the
    open transaction."""

    def __init__(
        self,
        connection: Connection,
        task_id: uuid.UUID,
        applier: Applier,
        decision: RowDecided | None,
        quarantined: Callable[[ChangeQuarantined], None],
    ) -> None:
        self._connection = connection
        self._applier = applier
        self._decision = decision
        self._quarantined = quarantined
        self._store = Quarantine(connection, task_id)
        # Not looked at again: what is settled meanwhile costs a savepoint, and what is new comes from here.
        self._tables = self._store.open_tables()

    def concerns(self, change: Change) -> bool:
        """Whether a change may go to quarantine, should it fail: then a savepoint is due before it."""
        decided = self._decision is not None and self._decision.table == str(change[1].target)
        return decided or change[1].source in self._tables

    def take(self, change: Change, final_lsn: int, reason: str, sqlstate: str) -> bool:
        """Goes back to the savepoint before a change that failed, and does what was decided about it; False where
        nothing was, and no earlier change of its row is in quarantine.

        Raises the psycopg error, or CountMismatch, of edited values that fail, too.
        """
        applier, route = self._applier, change[1]
        applier.roll_back_to_savepoint()
        whole = describe_change(self._connection, change, format_lsn(final_lsn), most=None)
        decision = self._decision
        if decision is None or not decision.concerns(whole.lsn, whole.digest):
            head = self._store.find(route.source, whole.keys)
            if head is None:
                return False
            self._keep(change, whole, reason, sqlstate, "", head, None)
            return True
        if decision.action == "edit":
            self._apply(self._edited(change, decision))
        self._keep(change, whole, reason, sqlstate, decision.by, None, decision.values or None)
        return True

    def _keep(
        self,
        change: Change,
        whole: RefusedChange,
        reason: str,
        sqlstate: str,
        by: str,
        follows: int | None,
        edited: dict[str, str | None] | None,
    ) -> None:
        route = change[1]
        number = self._store.add(
            route.source, whole, reason=reason, sqlstate=sqlstate, by=by, follows=follows, edited=edited
        )
        self._tables.add(route.source)
        self._quarantined(
            ChangeQuarantined(
                number=number,
                table=route.source,
                target=whole.table,
                kind=whole.kind,
                lsn=whole.lsn,
                keys=whole.keys if route.key else [],
                edited=edited is not None,
                reason=reason,
                sqlstate=sqlstate,
                by=by,
                follows=follows or 0,
            )
        )

    def _edited(self, change: Change, decision: RowDecided) -> Change:
        """The change with the values of the decision."""
        route = change[1]
        values = {
            at: bound_text(self._connection, route, at, decision.values[column.name])
            for at, column in enumerate(route.columns)
            if column.name in decision.values
        }
        return with_values(change, values)

    def _apply(self, change: Change) -> None:
        self._applier.apply(fold([change]))
        self._applier.run()
