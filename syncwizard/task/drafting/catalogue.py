"""What a source has that a task can select, as data: objects, and what uses which tables. Pure."""

from collections.abc import Iterable
from functools import cached_property
from typing import Literal, NamedTuple

import msgspec

ObjectKind = Literal["table", "view", "materialized view", "function", "type", "sequence"]
# As a tree shows them: what holds rows first.
KINDS: tuple[ObjectKind, ...] = ("table", "view", "materialized view", "function", "type", "sequence")
UserKind = Literal["view", "materialized view", "function", "trigger", "rule"]


class ObjectKey(NamedTuple):
    """Names one object. Functions of one name, whatever their arguments, are one object: so the task file has it."""

    schema: str
    kind: ObjectKind
    name: str


class RelationName(NamedTuple):
    """A table, view or sequence by schema and name."""

    schema: str
    name: str


class CatalogueObject(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One object that can be selected.

    `rows`: the server's estimate, None where it has none yet. `bytes`: of the rows, TOAST included and indexes not;
    0 for what holds none. `vectors`: pgvector's columns as `embedding vector(384)`. `keyless`: a table without a
    unique index that could address its rows. `partitioned`: the parent of partitions. `parent`: of a partition its
    table, of a sequence the table that owns it. `obstacle`: `foreign` or `unlogged` tables cannot be synchronized.
    `owner`: of a table.
    """

    kind: ObjectKind
    schema: str
    name: str
    rows: int | None = None
    bytes: int = 0
    vectors: tuple[str, ...] = ()
    keyless: bool = False
    partitioned: bool = False
    parent: RelationName | None = None
    obstacle: Literal["", "foreign", "unlogged"] = ""
    owner: str = ""

    @property
    def key(self) -> ObjectKey:
        """What names it."""
        return ObjectKey(self.schema, self.kind, self.name)

    @property
    def relation(self) -> RelationName:
        """Its name among tables, views and sequences."""
        return RelationName(self.schema, self.name)


class ColumnFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A column of a table. `type`: with its modifiers; `computed`: by the server, so that it never travels; `of_key`:
    rows are found by it."""

    name: str
    type: str
    computed: bool = False
    of_key: bool = False


class TableColumns(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The columns of a table, in their order."""

    table: RelationName
    columns: tuple[ColumnFacts, ...]


class IndexFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An index of a table. `method`: `btree`, `hnsw`, …; `columns`: in words, an expression without its text."""

    name: str
    method: str
    columns: str
    unique: bool = False


class TableIndexes(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The indexes of a table, the primary key's first."""

    table: RelationName
    indexes: tuple[IndexFacts, ...]


class Use(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A view, function, trigger or rule that needs a table (or view); a trigger's schema is its table's."""

    kind: UserKind
    schema: str
    name: str
    needs: RelationName


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """How much some objects are. `rows` and `bytes` are those of the tables that are copied; rows that the server has
    no estimate of are missing, `unestimated` says in how many tables."""

    objects: int = 0
    tables: int = 0
    rows: int = 0
    bytes: int = 0
    unestimated: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            objects=self.objects + other.objects,
            tables=self.tables + other.tables,
            rows=self.rows + other.rows,
            bytes=self.bytes + other.bytes,
            unestimated=self.unestimated + other.unestimated,
        )


def tally_of(objects: Iterable[CatalogueObject]) -> Tally:
    """How much some objects are.

    >>> tally_of([CatalogueObject("table", "kb", "a", 7, 100), CatalogueObject("view", "kb", "v")]).bytes
    100
    """
    count = 0
    tables: list[CatalogueObject] = []
    for each in objects:
        count += 1
        if each.kind == "table" and not each.obstacle and not each.partitioned:
            tables.append(each)
    return Tally(
        objects=count,
        tables=len(tables),
        rows=sum(each.rows for each in tables if each.rows is not None),
        bytes=sum(each.bytes for each in tables),
        unestimated=sum(1 for each in tables if each.rows is None),
    )


class CatalogueProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the listing does now; `total` objects, once that is known."""

    step: Literal["tunnel", "login", "objects", "uses"]
    total: int | None = None


class CataloguePart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Some of the catalogue, in its order; all parts together are the whole."""

    schemas: tuple[str, ...] = ()
    objects: tuple[CatalogueObject, ...] = ()
    uses: tuple[Use, ...] = ()
    columns: tuple[TableColumns, ...] = ()
    indexes: tuple[TableIndexes, ...] = ()


CatalogueNews = CatalogueProgress | CataloguePart


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All of it: `schemas` (also empty ones) by name, `objects` by schema, kind and name."""

    schemas: tuple[str, ...] = ()
    objects: tuple[CatalogueObject, ...] = ()
    uses: tuple[Use, ...] = ()
    columns: tuple[TableColumns, ...] = ()
    indexes: tuple[TableIndexes, ...] = ()

    @cached_property
    def columns_of(self) -> dict[RelationName, tuple[ColumnFacts, ...]]:
        """The columns of each table."""
        return {each.table: each.columns for each in self.columns}

    @cached_property
    def indexes_of(self) -> dict[RelationName, tuple[IndexFacts, ...]]:
        """The indexes of each table that has any."""
        return {each.table: each.indexes for each in self.indexes}

    @cached_property
    def by_key(self) -> dict[ObjectKey, CatalogueObject]:
        """Every object by what names it."""
        return {each.key: each for each in self.objects}

    @cached_property
    def by_kind(self) -> dict[str, dict[ObjectKind, tuple[CatalogueObject, ...]]]:
        """The objects of each schema, kind by kind in the order of KINDS, by name; kinds without any left out."""
        grouped: dict[str, dict[ObjectKind, list[CatalogueObject]]] = {schema: {} for schema in self.schemas}
        for each in self.objects:
            grouped.setdefault(each.schema, {}).setdefault(each.kind, []).append(each)
        return {
            schema: {kind: tuple(sorted(found[kind], key=_name)) for kind in KINDS if kind in found}
            for schema, found in grouped.items()
        }

    @cached_property
    def vector_tables(self) -> tuple[CatalogueObject, ...]:
        """The tables with columns of pgvector's types that hold rows themselves."""
        return tuple(
            each
            for each in self.objects
            if each.vectors and each.kind == "table" and not each.partitioned and not each.obstacle
        )

    @cached_property
    def largest_bytes(self) -> int:
        """Of the largest table; 0 without any."""
        return max((each.bytes for each in self.objects), default=0)

    @cached_property
    def tallies(self) -> dict[str, Tally]:
        """How much each schema has."""
        return {
            schema: tally_of(each for those in kinds.values() for each in those)
            for schema, kinds in self.by_kind.items()
        }

    def parent_of(self, each: CatalogueObject) -> CatalogueObject | None:
        """The partitioned table that a partition belongs to."""
        if each.kind != "table" or each.parent is None:
            return None
        return self.by_key.get(ObjectKey(each.parent.schema, "table", each.parent.name))

    @cached_property
    def partitions(self) -> dict[RelationName, tuple[CatalogueObject, ...]]:
        """The direct partitions of each partitioned table, by name."""
        return self._below("table")

    @cached_property
    def families(self) -> dict[RelationName, tuple[CatalogueObject, ...]]:
        """For each partitioned table and each partition all that belong together, the topmost table first."""
        found: dict[RelationName, tuple[CatalogueObject, ...]] = {}
        for top in self.objects:
            if top.partitioned and self.parent_of(top) is None:
                family = (top, *self.descendants(top))
                found.update(dict.fromkeys((each.relation for each in family), family))
        return found

    def descendants(self, parent: CatalogueObject) -> list[CatalogueObject]:
        """Its partitions and theirs."""
        below: list[CatalogueObject] = []
        for each in self.partitions.get(parent.relation, ()):
            below += [each, *(self.descendants(each) if each.partitioned else ())]
        return below

    @cached_property
    def parent_schemas(self) -> dict[str, frozenset[str]]:
        """For each schema that has partitions of tables in other ones: those."""
        found: dict[str, set[str]] = {}
        for family in set(self.families.values()):
            for each in family[1:]:
                found.setdefault(each.schema, set()).update(one.schema for one in family if one.schema != each.schema)
        return {schema: frozenset(others) for schema, others in found.items() if others}

    @cached_property
    def owned_sequences(self) -> dict[RelationName, tuple[CatalogueObject, ...]]:
        """The sequences that belong to columns of each table."""
        return self._below("sequence")

    def _below(self, kind: ObjectKind) -> dict[RelationName, tuple[CatalogueObject, ...]]:
        found: dict[RelationName, list[CatalogueObject]] = {}
        for each in self.objects:
            if each.kind == kind and each.parent is not None:
                found.setdefault(each.parent, []).append(each)
        return {parent: tuple(sorted(below, key=_name)) for parent, below in found.items()}


def _name(each: CatalogueObject) -> str:
    return each.name


def assemble(news: Iterable[CatalogueNews]) -> Catalogue:
    """The catalogue that a probe's news tell of.

    >>> part = CataloguePart(schemas=("kb",), objects=(CatalogueObject("table", "kb", "passages"),))
    >>> assemble([CatalogueProgress(step="login"), part]).by_key[ObjectKey("kb", "table", "passages")].name
    'passages'
    """
    parts = [each for each in news if isinstance(each, CataloguePart)]
    return Catalogue(
        schemas=tuple(schema for part in parts for schema in part.schemas),
        objects=tuple(each for part in parts for each in part.objects),
        uses=tuple(use for part in parts for use in part.uses),
        columns=tuple(table for part in parts for table in part.columns),
        indexes=tuple(table for part in parts for table in part.indexes),
    )
