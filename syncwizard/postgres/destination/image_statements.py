"""The statements that find rows by their whole images: keyless tables (rule 8).

`record_image_eq` decides, which compares stored bytes. What else is in a condition only spares it most of the rows: it
holds for every pair of equal images, and may hold for others.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
from psycopg import sql

from syncwizard.postgres.destination.statements import Positions, RouteStatements, once, stage_name
from syncwizard.rows.changes import NULL, Route, Row

# PostgreSQL 14 hashes a whole row at once.
HASHED_RECORDS = 140000
# Longer texts are told apart by their length: hashing each row's would read it whole, out of line as it may be.
HASHED_BYTES = 2000
NOTHING = sql.SQL("")


class IndexedColumn(NamedTuple):
    """How a column is compared so that an index can be used: operator and collation, qualified; no collation: ''."""

    operator: str
    collation: str


class ImageFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What the destination knows of a keyless table's columns, by position.

    `hashed`: what can be hashed of each: 'value', 'text' or 'bytes'; `indexed`: columns of indexes; `records`: whether
    the server hashes whole records.
    """

    hashed: dict[int, str]
    indexed: dict[int, IndexedColumn]
    records: bool


class ImageStatements(RouteStatements):
    """Texts for one keyless route. Staged old values are columns `o1`, staged new ones `n1`, by position."""

    def __init__(self, route: Route, facts: ImageFacts, codec: str = "utf-8") -> None:
        super().__init__(route, codec)
        self._facts = facts

    def sure(self, images: Iterable[Row]) -> Positions:
        """The indexed columns that are not NULL in any of the images, which have the written columns."""
        places = {at: place for place, at in enumerate(self.everything) if at in self._facts.indexed}
        for image in images:
            for at in [at for at, place in places.items() if image[place] == NULL]:
                del places[at]
            if not places:
                break
        return tuple(places)

    def create_images(self, number: int, known: Positions | None) -> bytes:
        """The staging table for old images, and for new values of the known columns where they are updated.

        `image` numbers the images that differ, `copies` says for the first of each how many rows have it, 0 for the
        others, which `copy` counts.
        """
        columns = [sql.SQL("{} pg_catalog.int4").format(sql.Identifier(name)) for name in ("image", "copies", "copy")]
        columns += [self._stored("o", at) for at in self.everything]
        columns += [self._stored("n", at) for at in known or ()]
        statement = sql.SQL("CREATE TEMPORARY TABLE {} ({}) ON COMMIT DELETE ROWS").format(
            sql.Identifier(f"syncwizard_stage_{number}"), sql.SQL(", ").join(columns)
        )
        return statement.as_string(None).encode(self.codec)

    # Single rows -----------------------------------------------------------------------------------------------

    @once
    def delete_image(self, sure: Positions) -> bytes:
        """Deletes one row that equals the parameters (every column). `sure`: indexed columns that are not NULL."""
        return self._delete_one(self._one_by_image(self._parameters(self.everything), sure))

    @once
    def update_image(self, known: Positions, sure: Positions) -> bytes:
        """Updates one row that equals the old row. Parameters: every old column, then the known new."""
        old = self._parameters(self.everything)
        new = self._parameters(known, after=len(self.everything))
        assignments = [sql.SQL("{} = {}").format(self._column(at), value) for at, value in zip(known, new, strict=True)]
        return (
            sql.SQL("UPDATE {} SET {} WHERE {} = ({})")
            .format(self._rows, sql.SQL(", ").join(assignments), self._address, self._one_by_image(old, sure))
            .as_bytes(None)
        )

    @once
    def staged_delete_image(self, number: int) -> bytes:
        """As `delete_image` with an ordinary stage, which holds one row with every column."""
        stage = sql.SQL(", {} AS s").format(stage_name(number))
        return self._delete_one(self._one_by_image(list(map(self._staged, self.everything)), (), stage))

    # Sets ------------------------------------------------------------------------------------------------------

    @once
    def delete_images(self, number: int, sure: Positions) -> bytes:
        """Deletes as many rows as there are copies of each image in the stage."""
        return (
            self._found(number, sure)
            + sql.SQL("DELETE FROM {} AS u USING found AS f WHERE {}").format(self._rows, self._at_found())
        ).as_bytes(None)

    @once
    def update_images(self, number: int, known: Positions, sure: Positions) -> bytes:
        """Updates a row of its own for each row of the stage."""
        assignments = [sql.SQL("{} = {}").format(self._column(at), self._image_part("n", at)) for at in known]
        text = sql.SQL(
            "UPDATE {} AS u SET {} FROM found AS f JOIN {} AS s ON s.image = f.image AND s.copy = f.copy WHERE {}"
        ).format(self._rows, sql.SQL(", ").join(assignments), stage_name(number), self._at_found())
        return (self._found(number, sure) + text).as_bytes(None)

    # Parts -----------------------------------------------------------------------------------------------------

    def _found(self, number: int, sure: Positions) -> sql.Composed:
        """The addresses of rows by the staged images: one scan of the table, or an index, for all of them."""
        table = self._own()
        staged: list[sql.Composable] = [self._image_part("o", at) for at in self.everything]
        hashes = zip(self._hashes(table), self._hashes(staged), strict=True)
        conditions = self._alike(table, staged, sure)
        conditions += [sql.SQL("{} = {}").format(*pair) for pair in hashes]
        conditions.append(_image_equal(table, staged))
        address = sql.SQL("t.tableoid AS relation, t.ctid" if self.route.partitioned else "t.ctid")
        return sql.SQL(
            "WITH found AS (SELECT m.* FROM (SELECT s.image, s.copies, {} AS place,"
            " pg_catalog.row_number() OVER (PARTITION BY s.image) AS copy FROM {} AS t JOIN {} AS s ON {}"
            " WHERE s.copies > 0) AS m WHERE m.copy <= m.copies) "
        ).format(address, self._rows, stage_name(number), sql.SQL(" AND ").join(conditions))

    def _own(self) -> list[sql.Composable]:
        return [sql.SQL("t.{}").format(self._column(at)) for at in self.everything]

    def _at_found(self) -> sql.SQL:
        # The array makes the planner go to the places; it thinks that there are too many of them, and would read the
        # whole table a second time.
        places = "u.ctid = ANY (ARRAY(SELECT place FROM found)) AND "
        if self.route.partitioned:
            return sql.SQL(places + "(u.tableoid, u.ctid) = (f.relation, f.place)")
        return sql.SQL(places + "u.ctid = f.place")

    def _alike(
        self, table: Sequence[sql.Composable], values: Sequence[sql.Composable], sure: Positions
    ) -> list[sql.Composable]:
        """Equality of indexed columns: of equal images it is true as long as they are not NULL."""
        conditions: list[sql.Composable] = []
        for at in sure:
            operator, collation = self._facts.indexed[at]
            place = self.everything.index(at)
            condition = sql.SQL("{} {} {}").format(table[place], sql.SQL(operator), values[place])  # type: ignore[arg-type, unused-ignore]
            conditions.append(condition + _collated(collation))
        return conditions

    def _hashes(self, values: Sequence[sql.Composable]) -> list[sql.Composable]:
        """Hashes of a row, which are never NULL."""
        parts = [part for at, value in zip(self.everything, values, strict=True) for part in self._hashed(at, value)]
        if not parts:
            parts = [part for value in values for part in _of_text(value)]
        if self._facts.records and parts:
            return [sql.SQL("pg_catalog.hash_record(ROW({}))").format(sql.SQL(", ").join(parts))]
        return [sql.SQL("pg_catalog.hash_array(ARRAY[{}])").format(part) for part in parts]

    def _hashed(self, at: int, value: sql.Composable) -> list[sql.Composable]:
        match self._facts.hashed.get(at):
            case "value":
                return [value]
            case "text":
                return _shortened(value, _collated('pg_catalog."C"'))
            case "bytes":
                return _shortened(value, NOTHING)
        return []

    def _stored(self, letter: str, at: int) -> sql.Composed:
        kind = "pg_catalog.text" if at in self.route.text else self.route.columns[at].type_name
        return sql.SQL("{} {}").format(sql.Identifier(f"{letter}{at}"), sql.SQL(kind))

    def _image_part(self, letter: str, at: int) -> sql.Composed:
        column = sql.SQL("s.{}").format(sql.Identifier(f"{letter}{at}"))
        return column + self._cast(at)

    def _delete_one(self, found: sql.Composable) -> bytes:
        return sql.SQL("DELETE FROM {} WHERE {} = ({})").format(self._rows, self._address, found).as_bytes(None)

    def _one_by_image(
        self, values: Sequence[sql.Composable], sure: Positions, stage: sql.Composable = NOTHING
    ) -> sql.Composed:
        address = sql.SQL("t.tableoid, t.ctid" if self.route.partitioned else "t.ctid")
        table = self._own()
        conditions = [*self._alike(table, values, sure), _image_equal(table, values)]
        return sql.SQL("SELECT {} FROM {} AS t{} WHERE {} LIMIT 1").format(
            address, self._rows, stage, sql.SQL(" AND ").join(conditions)
        )


def _image_equal(table: Iterable[sql.Composable], values: Iterable[sql.Composable]) -> sql.Composed:
    # The function behind `*=`, which ROW on both sides would make column by column: it compares stored bytes, so equal
    # values with other bytes (1.0 and 1.00) are other rows.
    return sql.SQL("pg_catalog.record_image_eq(ROW({}), ROW({}))").format(
        sql.SQL(", ").join(table), sql.SQL(", ").join(values)
    )


def _collated(collation: str) -> sql.SQL:
    return sql.SQL(f" COLLATE {collation}" if collation else "")


def _shortened(value: sql.Composable, collation: sql.Composable) -> list[sql.Composable]:
    """The length of a text or of bytes, which is known without reading it, and a short one itself."""
    length = sql.SQL("pg_catalog.octet_length({})").format(value)
    short = sql.SQL("CASE WHEN {} <= {} THEN {}{} END").format(length, sql.Literal(HASHED_BYTES), value, collation)
    return [length, short]


def _of_text(value: sql.Composable) -> list[sql.Composable]:
    """Of types that cannot be hashed: their text."""
    return _shortened(sql.SQL("{}::pg_catalog.text").format(value), _collated('pg_catalog."C"'))
