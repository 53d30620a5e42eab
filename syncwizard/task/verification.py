"""What a verification is asked, and what it found, as data."""

import uuid
from typing import Literal, Self

import msgspec

from syncwizard.task.facts import Event, Failure
from syncwizard.task.names import TableName

# Every row; the numbers of rows; definitions alone; what searches by vector indexes find.
VerificationMode = Literal["rows", "counts", "schema", "vectors"]
DifferenceKind = Literal["changed", "only-source", "only-destination"]
# `equal` and `different` were compared; `unverified` could not be.
Verdict = Literal["equal", "different", "unverified"]
# Percent of the rows: all of them.
WHOLE = 100
# A smaller sample proves little.
LEAST_SAMPLE = 10
LONGEST_HOURS = 72


class VectorSearch(msgspec.Struct, frozen=True, kw_only=True):
    """How searches are tried: the `k` nearest of so many `queries`, values of the table at random; `ef_search` of HNSW
    and `probes` of IVFFlat as given, None: as each server is set."""

    k: int = 10
    queries: int = 50
    ef_search: int | None = None
    probes: int | None = None


class VerificationOrder(msgspec.Struct, frozen=True, kw_only=True):
    """Compares the tables, all of the task's where none are named.

    - `ignore_extra`, `ignore_missing`: rows that only the destination, or only the source, has are counted and are no
      difference.
    - `sample`: percent of the rows that are compared.
    - `rows_per_second`, `megabytes_per_second`: what is read at each end at most; 0: no limit.
    - `vectors`: how searches are tried, in the mode of that name.
    - `longest_hours`: after so long it is ended, and what was compared is kept; 0: never.
    - `repair`: rows that differ are written as the source has them, and compared again; `delete_extra`: rows that only
      the destination has are deleted there, too.
    """

    id: uuid.UUID
    tables: tuple[TableName, ...] = ()
    mode: VerificationMode = "rows"
    ignore_extra: bool = False
    ignore_missing: bool = False
    sample: int = WHOLE
    rows_per_second: int = 0
    megabytes_per_second: int = 0
    longest_hours: int = 0
    vectors: VectorSearch = VectorSearch()
    repair: bool = False
    delete_extra: bool = False

    @property
    def limited(self) -> bool:
        """Whether reading is held to a pace."""
        return bool(self.rows_per_second or self.megabytes_per_second)


class RowDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A row that differs: the texts of its key's columns, of the whole row where it has no key. `quarantined`: the
    number of the first change of it that is in quarantine; 0: none."""

    key: tuple[str, ...]
    kind: DifferenceKind
    quarantined: int = 0


class VectorNorms(msgspec.Struct, frozen=True, kw_only=True):
    """The values of a column of vectors: rows, those without a value, those of norm 0; dimensions and norms are None
    where the type has none."""

    rows: int
    nulls: int
    zeros: int
    least_dimensions: int | None
    most_dimensions: int | None
    least: float | None
    mean: float | None
    greatest: float | None

    def same_as(self, other: Self) -> bool:
        """Whether both ends hold the same; the mean depends on the order in which it was summed."""
        return msgspec.structs.replace(self, mean=None) == msgspec.structs.replace(other, mean=None)


class VectorIndexVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What searches for the `k` nearest of sampled `queries` find at both ends by an approximate index.

    - `expression`: what is indexed, `operator` the distance; the indexes' names, None where an end has none.
    - `same_neighbours`: for so many queries the exact neighbours are as far at both ends.
    - the recalls: shares of the exact neighbours that the index found; None where the planner takes no such index.
    - `setting`: what a session sets for accuracy, with its value at each end, and the one `needed` at the destination
      for the source's recall; None where none reaches it, or it is not `worse`.
    - `statements`: what makes the destination's searches as accurate, where they are `worse`.
    """

    expression: str
    operator: str
    source_index: str | None
    destination_index: str | None
    k: int
    queries: int
    same_neighbours: int
    source_recall: float | None
    destination_recall: float | None
    setting: str
    source_value: int | None
    destination_value: int | None
    source_norms: VectorNorms
    destination_norms: VectorNorms
    worse: bool = False
    needed: int | None = None
    statements: tuple[str, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the ends give other answers."""
        return (
            self.worse or self.same_neighbours < self.queries or not self.source_norms.same_as(self.destination_norms)
        )


class ColumnValues(msgspec.Struct, frozen=True, kw_only=True):
    """A column of a row at both ends, `there` its name at the destination; None for NULL, and where there is no row."""

    column: str
    there: str
    source: str | None
    destination: str | None
    differs: bool


class RowValues(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A row as both ends have it by now, one read after the other; whether either has it."""

    columns: tuple[ColumnValues, ...]
    at_source: bool
    at_destination: bool


class TableVerification(msgspec.Struct, frozen=True, kw_only=True):
    """What was found of one table at the source's position `lsn`.

    `changed`, `only_source`, `only_destination`: numbers of rows that differ, at least so many where `more`; `rows`:
    the first of them, by `key_columns` of the source. `sample`: percent of the rows that were compared, by which the
    numbers are smaller. `vectors`: of its approximate indexes, in that mode. `reason`: why it could not be compared.
    `quarantined`: how many rows have changes in quarantine that are not settled.
    """

    table: TableName
    verdict: Verdict
    lsn: str = ""
    source_rows: int = 0
    destination_rows: int = 0
    changed: int = 0
    only_source: int = 0
    only_destination: int = 0
    more: bool = False
    key_columns: tuple[str, ...] = ()
    rows: tuple[RowDifference, ...] = ()
    sample: int = WHOLE
    vectors: tuple[VectorIndexVerification, ...] = ()
    seconds: float = 0.0
    reason: str = ""
    quarantined: int = 0

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return self.changed + self.only_source + self.only_destination


class DefinitionDifference(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that differs: its text or state at either end, None where that does not have it. `relation`: the
    table or view it belongs to, empty for none."""

    kind: str
    name: str
    relation: str = ""
    source: str | None = None
    destination: str | None = None

    @property
    def ends(self) -> tuple[str | None, str | None]:
        """Source and destination."""
        return self.source, self.destination


class VerificationStarted(Event, frozen=True, kw_only=True, tag=True):
    """The comparison of both ends began; `tables` are those that are compared."""

    order: VerificationOrder
    tables: list[TableName]


class DefinitionsVerified(Event, frozen=True, kw_only=True, tag=True):
    """The definitions of both ends were compared: so many of the source's, and what differs. `id` is the order's."""

    id: uuid.UUID
    compared: int
    differences: list[DefinitionDifference]


class TableVerified(Event, frozen=True, kw_only=True, tag=True):
    """A table was compared, or could not be; `id` is the order's."""

    id: uuid.UUID
    found: TableVerification


class TableRepaired(Event, frozen=True, kw_only=True, tag=True):
    """Rows of a table were written at the destination as the source had them at `lsn`; `written` and `deleted` count
    them. `id` is the order's."""

    id: uuid.UUID
    table: TableName
    lsn: str
    written: int
    deleted: int


class VerificationFinished(Event, frozen=True, kw_only=True, tag=True):
    """All tables are done, or the verification ended before that: by a `failure`, or because it was `stopped`."""

    id: uuid.UUID
    failure: Failure | None = None
    stopped: bool = False
