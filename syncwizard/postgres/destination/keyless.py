"""Applies the changes of keyless tables: each to exactly one row that equals its old image byte for byte (rule 8).

A few are single statements, each of which reads the table, or an index of it. A run of more is netted (`rows.images`)
and finds all of its rows at once.
"""

import time
from collections.abc import Sequence

from syncwizard.errors import TaskFailed
from syncwizard.postgres.destination.binding import bound
from syncwizard.postgres.destination.image_statements import (
    HASHED_RECORDS,
    ImageFacts,
    ImageStatements,
    IndexedColumn,
)
from syncwizard.postgres.destination.row_writer import RowWriter
from syncwizard.postgres.destination.sender import Sender
from syncwizard.postgres.destination.statements import Positions, RouteStatements
from syncwizard.postgres.queries import query
from syncwizard.postgres.wire import binary_blocks, is_large
from syncwizard.remedies import to_do
from syncwizard.rows.changes import INSERT, KIND_NAMES, Decoded, Route, Row, filled
from syncwizard.rows.fold import Ordered
from syncwizard.rows.images import net_images

# Up to this many updates and deletes of a run are single statements: a staging table costs three round trips.
FEW_CHANGES = 3
# Indexes are built, and dropped, while changes are applied.
FACTS_SECONDS = 60


class KeylessApplier:
    """Applies over the session of an Applier. `codec` is that of the session, `version` its server's."""

    def __init__(self, sender: Sender, rows: RowWriter, codec: str, version: int) -> None:
        self._sender = sender
        self._rows = rows
        self._codec = codec
        self._version = version
        self._statements: dict[Route, ImageStatements] = {}
        # With when they were read.
        self._facts: dict[Route, tuple[ImageFacts, float]] = {}

    def apply(self, part: Ordered, statements: RouteStatements) -> None:
        """The changes in their order."""
        self._rows.insert(statements, part.inserts)
        run: list[Decoded] = []
        for change in part.changes:
            kind, route, old, new = change
            if kind != INSERT and (old is None or not route.full):
                raise _no_key(kind, route)
            if kind != INSERT and any(row is not None and is_large(row) for row in (old, new)):
                self._run(statements, run)
                run = []
                self._by_image(part.route, change)
            else:
                run.append(change)
        self._run(statements, run)

    def _run(self, statements: RouteStatements, run: list[Decoded]) -> None:
        """Changes of ordinary size."""
        found = sum(1 for change in run if change[0] != INSERT)
        if found > FEW_CHANGES:
            self._by_images(statements, run)
            return
        inserts: list[Row] = []
        for change in run:
            if change[0] == INSERT:
                assert change[3] is not None
                inserts.append(change[3])
                continue
            self._rows.insert(statements, inserts)
            inserts = []
            self._by_image(statements.route, change)
        self._rows.insert(statements, inserts)

    # Many rows -------------------------------------------------------------------------------------------------

    def _by_images(self, plain: RouteStatements, run: list[Decoded]) -> None:
        net = net_images(plain.route, run)
        statements = self._of(plain.route)
        if net.deletes or net.updates:
            # The session prefers keys, of which there is none.
            self._sender.queue(b"SET LOCAL enable_hashjoin = on")
        if net.deletes:
            self._delete_images(statements, net.deletes)
        for known, pairs in net.updates.items():
            self._update_images(statements, known, pairs)
        if net.deletes or net.updates:
            self._sender.queue(b"SET LOCAL enable_hashjoin = off")
        self._rows.insert(statements, net.inserts)

    def _delete_images(self, statements: ImageStatements, images: list[Row]) -> None:
        route, columns = statements.route, statements.everything
        copies: dict[Row, int] = {}
        for image in images:
            row = _picked(image, columns)
            copies[row] = copies.get(row, 0) + 1
        staged = [_numbers(number, count, 1) + row for number, (row, count) in enumerate(copies.items())]
        stage = self._stage(statements, None, staged)
        self._sender.queue(statements.delete_images(stage, statements.sure(copies)))
        self._sender.expect(route, len(images))

    def _update_images(self, statements: ImageStatements, known: Positions, pairs: list[tuple[Row, Row]]) -> None:
        route, columns = statements.route, statements.everything
        groups: dict[Row, list[Row]] = {}
        for old, new in pairs:
            groups.setdefault(_picked(old, columns), []).append(_picked(new, known))
        staged = [
            _numbers(number, len(rows) if copy == 1 else 0, copy) + image + row
            for number, (image, rows) in enumerate(groups.items())
            for copy, row in enumerate(rows, 1)
        ]
        stage = self._stage(statements, known, staged)
        self._sender.queue(statements.update_images(stage, known, statements.sure(groups)))
        self._sender.expect(route, len(pairs))

    def _stage(self, statements: ImageStatements, known: Positions | None, rows: list[Row]) -> int:
        return self._sender.stage(
            ("images", statements.route, known),
            lambda number: statements.create_images(number, known),
            binary_blocks(rows, len(rows[0])),  # type: ignore[arg-type]
        )

    # Single rows -----------------------------------------------------------------------------------------------

    def _by_image(self, route: Route, change: Decoded) -> None:
        _, _, old, new = change
        assert old is not None
        statements = self._of(route)
        if new is None or route.replaces or is_large(old) or is_large(new):
            self._delete_image(statements, old)
            if new is not None:
                # An identity ALWAYS column refuses SET, and the old row is known whole.
                self._rows.insert(statements, [filled(new, old)])
            return
        values, formats = bound(route, old, statements.everything)
        known = tuple([at for at in statements.everything if new[at] is not None])
        if not known:
            return
        more, more_formats = bound(route, new, known)
        sure = statements.sure([_picked(old, statements.everything)])
        self._sender.execute(statements.update_image(known, sure), values + more, formats + more_formats)
        self._sender.expect(route, 1)

    def _delete_image(self, statements: ImageStatements, old: Row) -> None:
        route, columns = statements.route, statements.everything
        if is_large(old):
            self._sender.queue(statements.staged_delete_image(self._rows.stage(route, columns, [old])))
        else:
            sure = statements.sure([_picked(old, columns)])
            self._rows.execute(route, statements.delete_image(sure), columns, old)
        self._sender.expect(route, 1)

    # Facts -----------------------------------------------------------------------------------------------------

    def _of(self, route: Route) -> ImageStatements:
        now = time.monotonic()
        known, read_at = self._facts.get(route, (None, now))
        if known is None or now - read_at > FACTS_SECONDS:
            facts = self._read_facts(route)
            self._facts[route] = facts, now
            if facts != known:
                self._statements[route] = ImageStatements(route, facts, self._codec)
        return self._statements[route]

    def _read_facts(self, route: Route) -> ImageFacts:
        names = [route.target.schema, route.target.name]
        result = self._sender.ask(query("catalog_images").encode(), [name.encode(self._codec) for name in names])
        rows: Sequence[list[str]] = [
            [(result.get_value(row, column) or b"").decode(self._codec) for column in range(4)]
            for row in range(result.ntuples)
        ]
        positions = {column.name: at for at, column in enumerate(route.columns)}
        return ImageFacts(
            hashed={positions[name]: kind for name, kind, _, _ in rows if kind and name in positions},
            indexed={
                positions[name]: IndexedColumn(operator, collation)
                for name, _, operator, collation in rows
                if operator and name in positions
            },
            records=self._version >= HASHED_RECORDS,
        )


def _picked(row: Row, columns: Positions) -> Row:
    return row if len(columns) == len(row) else tuple([row[at] for at in columns])


def _numbers(*numbers: int) -> Row:
    """Values of int4 columns."""
    return tuple([b"\0\0\0\4" + number.to_bytes(4, "big") for number in numbers])


def _no_key(kind: int, route: Route) -> TaskFailed:
    return TaskFailed(
        f"{KIND_NAMES[kind]} on {route.target} cannot be applied: it has no key to find the row by",
        detail=f"of old rows {route.source} sends its replica identity alone: the destination needs an immediate "
        "unique index over NOT NULL columns of it that the source keeps unique, too",
        where=f"destination {route.target}",
        remedy=to_do("create the primary key or unique index there as it is at the source", then="resume"),
    )
