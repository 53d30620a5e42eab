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

    @property
    def key(self) -> ObjectKey:
        """What names it."""
        return ObjectKey(self.schema, self.kind, self.name)


class Use(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A view, function, trigger or rule that needs a table (or view); a trigger's schema is its table's."""

    kind: UserKind
    schema: str
    name: str
    needs: RelationName


class CatalogueProgress(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """What the listing does now; `total` objects, once that is known."""

    step: Literal["tunnel", "login", "objects", "uses"]
    total: int | None = None


class CataloguePart(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Some of the catalogue, in its order; all parts together are the whole."""

    schemas: tuple[str, ...] = ()
    objects: tuple[CatalogueObject, ...] = ()
    uses: tuple[Use, ...] = ()


CatalogueNews = CatalogueProgress | CataloguePart


class Catalogue(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """All of it: `schemas` (also empty ones) by name, `objects` by schema, kind and name."""

    schemas: tuple[str, ...] = ()
    objects: tuple[CatalogueObject, ...] = ()
    uses: tuple[Use, ...] = ()

    @cached_property
    def by_key(self) -> dict[ObjectKey, CatalogueObject]:
        """Every object by what names it."""
        return {each.key: each for each in self.objects}

    @cached_property
    def by_schema(self) -> dict[str, tuple[CatalogueObject, ...]]:
        """The objects of every schema, in the order of KINDS and names."""
        grouped: dict[str, list[CatalogueObject]] = {schema: [] for schema in self.schemas}
        for each in self.objects:
            grouped.setdefault(each.schema, []).append(each)
        order = {kind: number for number, kind in enumerate(KINDS)}
        return {
            schema: tuple(sorted(members, key=lambda each: (order[each.kind], each.name)))
            for schema, members in grouped.items()
        }

    @cached_property
    def partitions(self) -> dict[RelationName, tuple[CatalogueObject, ...]]:
        """The direct partitions of each partitioned table."""
        found: dict[RelationName, list[CatalogueObject]] = {}
        for each in self.objects:
            if each.kind == "table" and each.parent is not None:
                found.setdefault(each.parent, []).append(each)
        return {parent: tuple(children) for parent, children in found.items()}

    @cached_property
    def owned_sequences(self) -> dict[RelationName, tuple[CatalogueObject, ...]]:
        """The sequences that belong to columns of each table."""
        found: dict[RelationName, list[CatalogueObject]] = {}
        for each in self.objects:
            if each.kind == "sequence" and each.parent is not None:
                found.setdefault(each.parent, []).append(each)
        return {table: tuple(sequences) for table, sequences in found.items()}


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
    )
