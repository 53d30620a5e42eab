"""Applies the changes of keyless tables: each to exactly one row that equals its old image byte for byte (rule 8)."""

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.binding import bound
from syncwizard.postgres.destination.row_writer import RowWriter
from syncwizard.postgres.destination.sender import Sender
from syncwizard.postgres.destination.statements import RouteStatements
from syncwizard.postgres.wire import is_large
from syncwizard.remedies import to_do
from syncwizard.rows.changes import INSERT, KIND_NAMES, Decoded, Route, Row, filled
from syncwizard.rows.fold import Ordered


class KeylessApplier:
    """Applies over the session of an Applier."""

    def __init__(self, sender: Sender, rows: RowWriter) -> None:
        self._sender = sender
        self._rows = rows

    def apply(self, part: Ordered, statements: RouteStatements) -> None:
        """The changes one after the other; a run of inserts goes at once."""
        run: list[Row] = []
        for change in part.changes:
            if change[0] == INSERT:
                assert change[3] is not None
                run.append(change[3])
                continue
            self._rows.insert(statements, run)
            run = []
            self._by_image(statements, change)
        self._rows.insert(statements, run)

    def _by_image(self, statements: RouteStatements, change: Decoded) -> None:
        kind, route, old, new = change
        if old is None or not route.full:
            raise _no_key(kind, route)
        large = is_large(old) or (new is not None and is_large(new))
        if new is None or route.replaces or large:
            self._delete_image(route, statements, old)
            if new is not None:
                # An identity ALWAYS column refuses SET, and the old row is known whole.
                self._rows.insert(statements, [filled(new, old)])
            return
        values, formats = bound(route, old, statements.everything)
        known = tuple([at for at in statements.everything if new[at] is not None])
        if not known:
            return
        more, more_formats = bound(route, new, known)
        self._sender.execute(statements.update_image(known), values + more, formats + more_formats)
        self._sender.expect(route, 1)

    def _delete_image(self, route: Route, statements: RouteStatements, old: Row) -> None:
        if is_large(old):
            text = statements.staged_delete_image(self._rows.stage(route, statements.everything, [old]))
            self._sender.queue(text)
        else:
            self._rows.execute(route, statements.delete_image(), statements.everything, old)
        self._sender.expect(route, 1)


def _no_key(kind: int, route: Route) -> TaskFailed:
    return TaskFailed(
        f"{KIND_NAMES[kind]} on {route.target} cannot be applied: it has no key to find the row by",
        detail=f"of old rows {route.source} sends its replica identity alone: the destination needs an immediate "
        "unique index over NOT NULL columns of it that the source keeps unique, too",
        where=f"destination {route.target}",
        remedy=to_do("create the primary key or unique index there as it is at the source", then="resume"),
    )
