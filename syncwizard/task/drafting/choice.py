"""The choice of objects over a catalogue: what is ticked, and what each tick changes. Pure; made from and into the
`objects` of a task file without loss, names that the catalogue does not have included.

A schema is chosen whole (all that is in it when the task starts; single names are excluded) or by listing objects.
Partitions go with their parent, as they do in a task. Every operation returns a new choice and shares what it
does not change: over 20,000 objects each takes a few milliseconds.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import msgspec

from syncwizard.task.drafting.catalogue import (
    Catalogue,
    CatalogueObject,
    ObjectKey,
    ObjectKind,
    RelationName,
    Tally,
    tally_of,
)
from syncwizard.task.mapping import Mapping as Names
from syncwizard.task.specification import (
    Capitalization,
    Endpoint,
    Operation,
    RenameRule,
    SchemaObjects,
    Synchronization,
    TableObject,
    TaskSpec,
)

Tick = Literal["none", "some", "all"]
Entry = tuple[ObjectKind, str]

# The lists of a task file's schema, tables left out.
LISTS: dict[ObjectKind, str] = {
    "sequence": "sequences",
    "view": "views",
    "materialized view": "materialized_views",
    "function": "functions",
    "type": "types",
}


class SchemaChoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is chosen of one schema: everything but `excluded` names when `whole`, else the `named` objects.

    Both are dictionaries for their order. `edits`: what tables differ in at the destination, by their names, also
    while one of them is not chosen; `name`, `operations` and `rename` as in the file.
    """

    whole: bool = False
    excluded: Mapping[str, None] = {}
    named: Mapping[Entry, None] = {}
    edits: Mapping[str, TableObject] = {}
    name: str | None = None
    operations: list[Operation] | None = None
    rename: list[RenameRule] = []


class SchemaView(msgspec.Struct, frozen=True, kw_only=True):
    """What of a schema's objects is chosen at present, by kind, and how much that is."""

    chosen: Mapping[ObjectKind, Sequence[CatalogueObject]]
    tally: Tally


class ObjectChoice(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A choice; `schemas` in the order of the file. `capitalization`: the task's, which decides on names too."""

    catalogue: Catalogue
    schemas: Mapping[str, SchemaChoice] = {}
    capitalization: Capitalization = "source"
    # Views of schemas that the last operation left alone.
    known: Mapping[str, SchemaView] = {}

    @classmethod
    def from_objects(
        cls, catalogue: Catalogue, objects: Iterable[SchemaObjects], capitalization: Capitalization = "source"
    ) -> "ObjectChoice":
        """What a task file has chosen.

        >>> file = [SchemaObjects(schema="kb", exclude=["scratch"]), SchemaObjects(schema="gone", views=["v"])]
        >>> ObjectChoice.from_objects(Catalogue(schemas=("kb",)), file).to_objects() == file
        True
        """
        schemas = {entry.schema: _read(entry) for entry in objects}
        return cls(catalogue=catalogue, schemas=schemas, capitalization=capitalization)

    def to_objects(self) -> list[SchemaObjects]:
        """The choice as a task file has it."""
        return [_write(schema, entry) for schema, entry in self.schemas.items()]

    # What is chosen

    def has(self, each: CatalogueObject) -> bool:
        """Whether the object is chosen, by itself or with a table that it is a partition of."""
        entry = self.schemas.get(each.schema)
        if entry is not None and entry.whole:
            return each.name not in entry.excluded
        if entry is not None and (each.kind, each.name) in entry.named:
            return True
        return each.kind == "table" and self._has_ancestor(each)

    def has_relation(self, name: RelationName) -> bool:
        """Whether a table, view or materialized view of this name is chosen."""
        return any(
            self.has(self.catalogue.by_key[key])
            for kind in ("table", "view", "materialized view")
            if (key := ObjectKey(name.schema, kind, name.name)) in self.catalogue.by_key
        )

    def is_whole(self, schema: str) -> bool:
        """Whether the schema is chosen as such, whatever it has when the task starts."""
        return schema in self.schemas and self.schemas[schema].whole

    def tick_of(self, schema: str, kind: ObjectKind | None = None) -> Tick:
        """All, some or none of a schema, or of one kind in it."""
        members = self.catalogue.by_kind.get(schema, {})
        view = self.view(schema)
        total = sum(map(len, members.values())) if kind is None else len(members.get(kind, ()))
        count = view.tally.objects if kind is None else len(view.chosen.get(kind, ()))
        if total == 0:
            return "all" if schema in self.schemas else "none"
        return "none" if count == 0 else "all" if count == total else "some"

    def view(self, schema: str) -> SchemaView:
        """What of the schema is chosen."""
        if schema not in self._views:
            self._views[schema] = self._look(schema)
        return self._views[schema]

    @cached_property
    def tally(self) -> Tally:
        """How much all of it is."""
        return sum((self.view(schema).tally for schema in self.catalogue.by_kind), Tally())

    @property
    def owners(self) -> list[str]:
        """Who owns the selected tables, as far as that is known."""
        tables = (each for each in self.catalogue.objects if each.owner and self.has(each))
        return sorted({each.owner for each in tables})

    @cached_property
    def missing(self) -> tuple[ObjectKey | str, ...]:
        """What is chosen by name and is not in the catalogue: objects, and schemas by their bare names."""
        found: list[ObjectKey | str] = []
        for schema, entry in self.schemas.items():
            if schema not in self.catalogue.by_kind:
                found.append(schema)
            keys = [ObjectKey(schema, kind, name) for kind, name in entry.named]
            found += [key for key in keys if key not in self.catalogue.by_key]
        return tuple(found)

    @cached_property
    def names(self) -> Names:
        """Where its names go at the destination."""
        return Names.of(
            TaskSpec(
                name="choice",
                source=Endpoint(),
                destination=Endpoint(),
                synchronization=Synchronization(capitalization=self.capitalization),
                objects=self.to_objects(),
            )
        )

    @property
    def names_of_rules(self) -> Names:
        """What names become that no entry gives: by rule, schema and capitalization."""
        return msgspec.structs.replace(self.names, objects={}, columns={}, left_out={})

    @cached_property
    def differs(self) -> bool:
        """Whether anything is called otherwise at the destination, or does not travel as it is."""
        return not self.names.same or any(
            entry.edits or entry.operations is not None for entry in self.schemas.values()
        )

    # What changes it

    def with_objects(self, objects: Iterable[CatalogueObject], ticked: bool) -> "ObjectChoice":
        """These and the partitions that belong to them ticked, or not; nothing else changes.

        A schema of which nothing is left is not chosen any more.
        """
        by_schema: dict[str, dict[Entry, None]] = {}
        for each in self._families(objects):
            # A listed table brings its partitions; only where they were excluded they have to be named.
            if not ticked or self.is_whole(each.schema) or self.catalogue.parent_of(each) is None:
                by_schema.setdefault(each.schema, {})[each.kind, each.name] = None
        changed = dict(self.schemas)
        for schema, entries in by_schema.items():
            entry = changed.get(schema, SchemaChoice())
            changed[schema] = _added(entry, entries) if ticked else _removed(entry, entries)
        return self._with(changed, by_schema)

    def with_schema(self, schema: str, ticked: bool) -> "ObjectChoice":
        """The schema whole, or nothing of it."""
        changed = dict(self.schemas)
        changed.pop(schema, None) if not ticked else changed.update({schema: _whole(changed.get(schema))})
        return self._with(changed, [schema])

    def with_kind(self, schema: str, kind: ObjectKind, ticked: bool) -> "ObjectChoice":
        """All objects of a kind ticked, or none. No schema is whole without a kind: its objects are listed then."""
        members = self.catalogue.by_kind.get(schema, {}).get(kind, ())
        listed = self if ticked or not self.is_whole(schema) else self.with_whole(schema, False)
        return listed.with_objects(members, ticked)

    def with_whole(self, schema: str, whole: bool) -> "ObjectChoice":
        """The same objects, as a whole schema that excludes the others, or as a list.

        A schema without objects has nothing to list and stays as it is. A listed table brings all its partitions.
        """
        members = self.catalogue.by_kind.get(schema, {})
        chosen = [each for kind in self.view(schema).chosen.values() for each in kind]
        if whole == self.is_whole(schema) or not chosen:
            return self
        if whole:
            names = {each.name for each in chosen}
            others = {each.name: None for kind in members.values() for each in kind if each.name not in names}
            return self._with({**self.schemas, schema: _whole(self.schemas.get(schema), others)}, [schema])
        named: dict[Entry, None] = {(each.kind, each.name): None for each in chosen}
        listed = msgspec.structs.replace(self.schemas[schema], whole=False, excluded={}, named=named)
        return self._with({**self.schemas, schema: listed}, [schema])

    def with_everything(self) -> "ObjectChoice":
        """Every schema of the catalogue whole; what the catalogue does not have stays chosen."""
        whole = {schema: _whole(self.schemas.get(schema)) for schema in self.catalogue.by_kind}
        return self._with({**self.schemas, **whole}, whole)

    def with_table(self, schema: str, table: TableObject) -> "ObjectChoice":
        """Another entry for a table of a chosen schema; one that says nothing but its name takes the edits away."""
        return self.with_tables([(schema, table)])

    def with_tables(self, tables: Iterable[tuple[str, TableObject]]) -> "ObjectChoice":
        """The same for many tables, each with its schema."""
        edits: dict[str, dict[str, TableObject]] = {}
        partitions: dict[str, dict[Entry, None]] = {}
        for schema, table in tables:
            of_schema = edits.setdefault(schema, dict(self.schemas[schema].edits))
            of_schema.pop(table.table, None)
            if table != TableObject(table=table.table):
                of_schema[table.table] = table
                if self._comes_with_parent(schema, table.table):
                    partitions.setdefault(schema, {})["table", table.table] = None
        changed = {}
        for schema, own in edits.items():
            entry = self.schemas[schema]
            named = {**entry.named, **partitions[schema]} if schema in partitions else entry.named
            changed[schema] = msgspec.structs.replace(entry, edits=own, named=named)
        return self._with({**self.schemas, **changed}, ())

    def with_name(self, schema: str, name: str | None) -> "ObjectChoice":
        """Another name at the destination for a chosen schema, None for its own."""
        entry = msgspec.structs.replace(self.schemas[schema], name=None if name == schema else name)
        return self._with({**self.schemas, schema: entry}, ())

    def with_rules(self, schema: str, rules: list[RenameRule]) -> "ObjectChoice":
        """Other rules for what has no name of its own in a chosen schema."""
        entry = msgspec.structs.replace(self.schemas[schema], rename=rules)
        return self._with({**self.schemas, schema: entry}, ())

    def with_operations(self, schema: str, operations: list[Operation] | None) -> "ObjectChoice":
        """The operations that are applied to the tables of a chosen schema, None for all."""
        entry = msgspec.structs.replace(self.schemas[schema], operations=operations)
        return self._with({**self.schemas, schema: entry}, ())

    def table(self, schema: str, name: str) -> TableObject:
        """The entry of a table, chosen or not."""
        entry = self.schemas.get(schema, SchemaChoice())
        return entry.edits.get(name) or TableObject(table=name)

    # How it is worked out

    @cached_property
    def _views(self) -> dict[str, SchemaView]:
        return dict(self.known)

    def _with(self, schemas: Mapping[str, SchemaChoice], touched: Iterable[str]) -> "ObjectChoice":
        """The choice with other schemas; one without anything left is dropped, for an empty list would mean all."""
        touched = set(touched)
        # Partitions in another schema follow their parent.
        touched |= {schema for schema, parents in self.catalogue.parent_schemas.items() if parents & touched}
        known = {schema: view for schema, view in self._views.items() if schema not in touched}
        made = ObjectChoice(catalogue=self.catalogue, schemas=schemas, capitalization=self.capitalization, known=known)
        empty = [schema for schema in touched if schema in schemas and made._is_empty(schema)]
        if not empty:
            return made
        return self._with({schema: entry for schema, entry in schemas.items() if schema not in empty}, touched)

    def _is_empty(self, schema: str) -> bool:
        entry = self.schemas[schema]
        if not entry.whole:
            return not entry.named
        return bool(entry.excluded) and self.view(schema).tally.objects == 0

    def _look(self, schema: str) -> SchemaView:
        members = self.catalogue.by_kind.get(schema, {})
        entry = self.schemas.get(schema)
        if entry is not None and entry.whole and not entry.excluded:
            chosen: dict[ObjectKind, Sequence[CatalogueObject]] = dict(members)
        elif entry is None and schema not in self.catalogue.parent_schemas:
            chosen = {}
        elif entry is not None and entry.whole:
            excluded = entry.excluded
            chosen = {kind: [each for each in those if each.name not in excluded] for kind, those in members.items()}
        else:
            chosen = {kind: [each for each in those if self.has(each)] for kind, those in members.items()}
        return SchemaView(chosen=chosen, tally=tally_of(each for those in chosen.values() for each in those))

    def _comes_with_parent(self, schema: str, name: str) -> bool:
        """Whether it is a partition that no list names; to say something of one, a list has to."""
        each = self.catalogue.by_key.get(ObjectKey(schema, "table", name))
        if each is None or self.is_whole(schema) or ("table", name) in self.schemas[schema].named:
            return False
        return self._has_ancestor(each)

    def _has_ancestor(self, each: CatalogueObject) -> bool:
        parent = self.catalogue.parent_of(each)
        while parent is not None:
            entry = self.schemas.get(parent.schema, SchemaChoice())
            if parent.name not in entry.excluded if entry.whole else ("table", parent.name) in entry.named:
                return True
            parent = self.catalogue.parent_of(parent)
        return False

    def _families(self, objects: Iterable[CatalogueObject]) -> Iterable[CatalogueObject]:
        for each in objects:
            family = self.catalogue.families.get(each.relation) if each.kind == "table" else None
            yield from family or (each,)


def _read(entry: SchemaObjects) -> SchemaChoice:
    named: dict[Entry, None] = {("table", chosen.table): None for chosen in entry.tables}
    for kind, attribute in LISTS.items():
        named.update({(kind, name): None for name in getattr(entry, attribute)})
    return SchemaChoice(
        whole=entry.whole,
        excluded=dict.fromkeys(entry.exclude),
        named=named,
        edits={each.table: each for each in entry.described if each != TableObject(table=each.table)},
        name=entry.name,
        operations=entry.operations,
        rename=entry.rename,
    )


def _write(schema: str, entry: SchemaChoice) -> SchemaObjects:
    if entry.whole:
        edits = [edit for name, edit in entry.edits.items() if name not in entry.excluded]
        chosen: dict[str, Any] = {"exclude": list(entry.excluded), "overrides": edits}
    else:
        chosen = {attribute: [name for each, name in entry.named if each == kind] for kind, attribute in LISTS.items()}
        tables = [name for kind, name in entry.named if kind == "table"]
        chosen["tables"] = [entry.edits.get(name) or TableObject(table=name) for name in tables]
    return SchemaObjects(schema=schema, name=entry.name, operations=entry.operations, rename=entry.rename, **chosen)


def _whole(entry: SchemaChoice | None, excluded: Mapping[str, None] = {}) -> SchemaChoice:
    """The schema whole, with the names and edits it has."""
    return msgspec.structs.replace(entry or SchemaChoice(), whole=True, excluded=excluded, named={})


def _added(entry: SchemaChoice, entries: Mapping[Entry, None]) -> SchemaChoice:
    if entry.whole:
        names = {name for _, name in entries}
        left = {name: None for name in entry.excluded if name not in names}
        return msgspec.structs.replace(entry, excluded=left)
    return msgspec.structs.replace(entry, named={**entry.named, **entries})


def _removed(entry: SchemaChoice, entries: Mapping[Entry, None]) -> SchemaChoice:
    if entry.whole:
        excluded = {**entry.excluded, **{name: None for _, name in entries}}
        return msgspec.structs.replace(entry, excluded=excluded)
    return msgspec.structs.replace(entry, named={each: None for each in entry.named if each not in entries})
