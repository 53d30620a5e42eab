"""Applies the changes of tables with a projection, which PostgreSQL evaluates between staging and table (rule 20)."""

from collections.abc import Callable, Sequence

import psycopg

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.binding import SMALL_ROWS, TEXT, bound, goes_by_copy
from syncwizard.postgres.destination.dead_letters import is_of_a_row, words_of
from syncwizard.postgres.destination.projected_statements import ProjectedStatements
from syncwizard.postgres.destination.row_writer import RowWriter
from syncwizard.postgres.destination.sender import Sender
from syncwizard.postgres.destination.statements import Positions
from syncwizard.postgres.wire import is_large
from syncwizard.remedies import resync, to_do
from syncwizard.rows.changes import INSERT, KIND_NAMES, Decoded, Route, Row, filled
from syncwizard.rows.fold import Move, Net, Ordered


class ProjectedApplier:
    """Applies over the session of an Applier, in the order that it gives."""

    def __init__(self, sender: Sender, rows: RowWriter, codec: str) -> None:
        self._sender = sender
        self._rows = rows
        self._codec = codec
        self._statements: dict[Route, ProjectedStatements] = {}

    def deletes(self, net: Net) -> None:
        """By the key: of a row that was left out nothing is there."""
        self._delete(net.route, net.deletes)

    def updates(self, net: Net) -> None:
        """Rows that are known completely, or in part."""
        statements = self._of(net.route)
        for known, rows in net.updates.items():
            if len(known) == len(net.route.written):
                self._put(statements, rows, fresh=False)
            else:
                self._update(statements, known, rows)

    def inserts(self, net: Net) -> None:
        """Rows that are known completely."""
        statements = self._of(net.route)
        # Behind a sieve that leaves changes out a key may come twice.
        fresh = net.route.sieve is None and not statements.replaces
        self._put(statements, net.inserts, fresh=fresh)
        self._put(statements, net.upserts, fresh=False)

    def move(self, move: Move) -> None:
        """A row with another key, of which not everything is known."""
        route = move.route
        statements = self._of(route)
        known = tuple([at for at in route.written if move.new[at] is not None])
        self._refuse_unknown(route, known)
        values, formats = bound(route, move.old, route.key)
        stage = self._rows.stage(route, known, [move.new]) if is_large(move.new) else None
        if stage is None:
            more, more_formats = bound(route, move.new, known)
            values, formats = values + more, formats + more_formats
        self._sender.execute(statements.move(known, stage), values, formats)
        if self._inserts(route):
            self._sender.expect(route, 0)

    def ordered(self, part: Ordered) -> None:
        """A keyless table's changes, in order: what the old row became goes, what the new one becomes comes."""
        statements = self._of(part.route)
        self._insert(statements, part.inserts)
        run: list[Row] = []
        for kind, route, old, new in part.changes:
            if kind != INSERT:
                self._insert(statements, run)
                run = []
                if old is None or not route.full:
                    raise _no_old_row(kind, route)
                stage = self._rows.stage(route, statements.everything, [old]) if is_large(old) else None
                self._run(statements.delete_image(stage), route, statements.everything, stage, old)
                self._sender.expect(route, 0)
            if new is not None:
                run.append(new if old is None else filled(new, old))
        self._insert(statements, run)

    def set_aside(self, change: Decoded, task: bytes, lsn: bytes, error: psycopg.Error) -> bool:
        """Notes a change whose row has no value at the destination, and removes what was there of it; whether there was
        something to note: a row that is deleted needs none, and of a keyless table it may be the old row that failed.
        """
        kind, route, old, new = change
        if route.key:
            self._delete(route, [row for row in (old, new) if row is not None])
        elif old is not None:
            statements = self._of(route)
            self._tried(lambda: self._rows.execute(route, statements.delete_image(None), statements.everything, old))
            if new is not None and self._tried(lambda: self._insert(statements, [filled(new, old)])):
                return False
        if new is None:
            return False
        known = new if old is None else filled(new, old) if route.full else new
        positions = tuple(at for at in route.written if known[at] is not None)
        values, formats = bound(route, known, positions)
        more = [
            task,
            *(part.encode(self._codec) for part in (route.source.schema, route.source.name, KIND_NAMES[kind].upper())),
            words_of(error).encode(self._codec, "replace"),
            (error.sqlstate or "").encode(),
            lsn,
        ]
        self._sender.execute(self._of(route).dead_letter(positions), [*values, *more], [*formats, *[TEXT] * len(more)])
        return True

    def failing(self, change: Decoded) -> str:
        """Which part of the task fails for the new row of a change; empty where none does by itself. In a transaction
        of its own, which changes nothing."""
        _, route, old, new = change
        if new is None:
            return ""
        known = new if old is None or not route.full else filled(new, old)
        positions = tuple(at for at in route.written if known[at] is not None)
        for where, text in self._of(route).expressions(positions):
            self._sender.execute(text, *bound(route, known, positions))
            try:
                self._sender.run()
            except psycopg.Error as error:
                if not is_of_a_row(error):
                    raise
                self._sender.roll_back()
                return where
        return ""

    def _tried(self, send: Callable[[], None]) -> bool:
        """Whether what is sent succeeds; where it fails for a row's values it is undone."""
        self._sender.savepoint()
        send()
        try:
            self._sender.run()
        except psycopg.Error as error:
            if not is_of_a_row(error):
                raise
            self._sender.roll_back_to_savepoint()
            return False
        return True

    def delete_all(self, route: Route) -> None:
        """The rows of a table that is merged with others, which was truncated."""
        self._sender.queue(self._of(route).delete_all())

    # Statements ------------------------------------------------------------------------------------------------

    def _delete(self, route: Route, rows: Sequence[Row]) -> None:
        statements = self._of(route)
        if len(rows) > SMALL_ROWS:
            self._sender.queue(statements.delete(self._rows.stage(route, route.key, rows)))
            return
        for row in rows:
            self._rows.execute(route, statements.delete(None), route.key, row)

    def _put(self, statements: ProjectedStatements, rows: Sequence[Row], *, fresh: bool) -> None:
        route, everything = statements.route, statements.everything
        if not rows:
            return
        inserts = self._inserts(route)
        if statements.replaces and inserts:
            # SET refuses an identity ALWAYS column: such rows are deleted and inserted.
            self._delete(route, rows)
        staged = goes_by_copy(rows)
        stage = self._rows.stage(route, everything, rows) if staged else None
        text = statements.upsert(everything, stage, fresh=fresh) if inserts else statements.replace(everything, stage)
        if staged:
            self._sender.queue(text)
            return
        for row in rows:
            self._rows.execute(route, text, everything, row)

    def _update(self, statements: ProjectedStatements, known: Positions, rows: Sequence[Row]) -> None:
        route = statements.route
        self._refuse_unknown(route, known)
        positions = tuple(sorted({*known, *route.key}))
        if statements.update(positions, None) is None:
            return
        staged = goes_by_copy(rows)
        stage = self._rows.stage(route, positions, rows) if staged else None
        text = statements.update(positions, stage)
        assert text is not None
        for row in rows[:1] if staged else rows:
            self._run(text, route, positions, stage, row)
            if self._inserts(route):
                self._sender.expect(route, 0)

    def _insert(self, statements: ProjectedStatements, rows: Sequence[Row]) -> None:
        if not rows:
            return
        staged = goes_by_copy(rows)
        stage = self._rows.stage(statements.route, statements.everything, rows) if staged else None
        for row in rows[:1] if staged else rows:
            self._run(statements.insert(stage), statements.route, statements.everything, stage, row)

    def _run(self, text: bytes, route: Route, positions: Positions, stage: int | None, row: Row) -> None:
        if stage is None:
            self._rows.execute(route, text, positions, row)
        else:
            self._sender.queue(text)

    def _refuse_unknown(self, route: Route, known: Positions) -> None:
        """What decides about a row has to be known of it: the replica identity was made for that (rule 20)."""
        assert route.projection is not None
        projection = route.projection.projection
        names = {route.columns[at].source for at in (*known, *route.key)}
        missing = sorted(projection.decides - names) if projection.kept is None else []
        if missing:
            raise TaskFailed(
                f"an update of {route.source} comes without the values of {missing[0]}, which decides whether its row"
                " travels",
                where=f"source {route.source}",
                # What was written before that has no old rows, and has to be copied.
                remedy=resync("", [route.source], f"ALTER TABLE {route.source} REPLICA IDENTITY FULL at the source"),
            )

    def _inserts(self, route: Route) -> bool:
        assert route.projection is not None
        return route.projection.inserts

    def _of(self, route: Route) -> ProjectedStatements:
        found = self._statements.get(route)
        if found is None:
            assert route.projection is not None
            found = self._statements[route] = ProjectedStatements(route, route.projection, self._codec)
        return found


def is_merged(route: Route) -> bool:
    """Whether the target holds rows of other tables, which differ by a column of theirs or by their keys."""
    return route.projection is not None and route.projection.projection.merged


def _no_old_row(kind: int, route: Route) -> TaskFailed:
    return TaskFailed(
        f"{KIND_NAMES[kind]} on {route.target} cannot be applied: it has no key, and the old row does not come whole",
        where=f"source {route.source}",
        remedy=to_do(f"ALTER TABLE {route.source} REPLICA IDENTITY FULL", then="resume"),
    )
