"""Writes rows of a route over the apply session: one by one, by COPY, or into its staging tables."""

from collections.abc import Sequence

from syncwizard.postgres.destination.binding import blocks, bound, goes_by_copy
from syncwizard.postgres.destination.sender import Sender
from syncwizard.postgres.destination.statements import Positions, RouteStatements, create_stage
from syncwizard.rows.changes import Route, Row


class RowWriter:
    """What both ways of applying need: that of keyed tables and that of keyless ones."""

    def __init__(self, sender: Sender, codec: str) -> None:
        self._sender = sender
        self._codec = codec

    def execute(self, route: Route, text: bytes, positions: Positions, row: Row) -> None:
        """Queues a statement with these columns of a row as its parameters."""
        self._sender.execute(text, *bound(route, row, positions))

    def stage(self, route: Route, positions: Positions, rows: Sequence[Row]) -> int:
        """Fills the staging table for these columns; its number."""
        return self._sender.stage(
            (route, positions),
            lambda number: create_stage(number, route, positions, self._codec),
            blocks(rows, positions),
        )

    def insert(self, statements: RouteStatements, rows: Sequence[Row]) -> None:
        """Inserts rows in order, without looking for a key."""
        if goes_by_copy(rows):
            self.copy(statements, rows)
        else:
            for row in rows:
                self.execute(statements.route, statements.insert(), statements.everything, row)

    def copy(self, statements: RouteStatements, rows: Sequence[Row]) -> None:
        """Inserts rows that are not there yet by COPY, in order."""
        if statements.route.text:
            stage = self.stage(statements.route, statements.everything, rows)
            self._sender.queue(statements.staged_insert(stage, upsert=False))
            return
        self._sender.copy_in(statements.copy_in(), blocks(rows, statements.everything))
