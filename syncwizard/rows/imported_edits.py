"""What a task file asks of the objects of a choice: what each of them gets by it, and which cannot have it. Pure."""

from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from syncwizard.rows.as_typed import TableShape, filter_problem, origin_keys_problem, script_problem, shape_of
from syncwizard.task.drafting.catalogue import CatalogueObject, ObjectKey
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.drafting.schema_edit import SchemaEdit, rules_problem, rules_text, schema_problem
from syncwizard.task.drafting.table_edit import TableEdit, describe_edit, must_travel
from syncwizard.task.mapping import Mapping
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.specification import EtlErrors, TaskSpec

# What of a file is taken: all of it, what is asked of rows, or what things are called and which columns travel.
Part = Literal["everything", "rules", "names"]
_RULES = ("where", "etl", "operations")
_NAMES = ("name", "columns", "exclude_columns", "origin_column", "origin_keys")
# Of the schema as a whole.
_OF_SCHEMA: dict[Part, tuple[str, ...]] = {
    "everything": ("name", "rename", "operations"),
    "rules": ("operations",),
    "names": ("name", "rename"),
}


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What becomes of a table, or of a schema where no table is named. `after`: in words; `skipped`: why it stays as it
    is."""

    schema: str
    table: str = ""
    after: str = ""
    skipped: str = ""

    def __str__(self) -> str:
        if self.table:
            return f"{self.schema}.{self.table}"
        return f"schema {self.schema}" if self.schema else "all tables"


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The choice as the file makes it, and what that changes. `script`: for all tables, None where it stays, with what
    happens where it fails for a row."""

    choice: ObjectChoice
    taken: list[Taken]
    script: str | None = None
    errors: EtlErrors | None = None

    @property
    def changes(self) -> int:
        """How much would be other than it is."""
        return sum(not each.skipped for each in self.taken)


def imported(spec: TaskSpec, choice: ObjectChoice, part: Part, database: str = "") -> Imported:
    """Takes from a file what it says of schemas and tables that are chosen; what it does not name stays as it is.

    What cannot be is skipped with the reason: what is not selected, columns that are not there, filters and scripts
    that do not fit, and names that meet. `database`: the source's, for scripts.
    """
    skipped: list[Taken] = []
    schemas = [entry for entry in spec.objects if entry.schema in choice.schemas]
    found = choice
    for entry in schemas:
        found = _with_schema(found, entry, part, skipped)
    entries = {(entry.schema, own.table): own for entry in spec.objects for own in entry.described if _says(own, part)}
    wanted: dict[tuple[str, str], TableObject] = {}
    rules = found.names_of_rules
    for (schema, name), own in entries.items():
        table = choice.catalogue.by_key.get(ObjectKey(schema, "table", name))
        if table is None or not choice.has(table):
            why = "is not at the source" if table is None else "is not selected"
            skipped.append(Taken(schema=schema, table=name, skipped=why))
            continue
        merged = _merged(choice.table(schema, name), own, part)
        if problem := _problem(table, merged, found, rules, database):
            skipped.append(Taken(schema=schema, table=name, skipped=problem))
        elif merged != choice.table(schema, name):
            wanted[schema, name] = merged
    found = _without_meetings(choice, found, wanted, skipped)
    script, errors = _of_all_tables(spec, found, part, database, skipped)
    taken = [*_schemas(choice, found), *_tables(wanted, found)]
    if script is not None:
        taken.insert(0, Taken(schema="", after=f"a script; rows for which one fails: {errors}"))
    return Imported(choice=found, taken=[*skipped, *taken], script=script, errors=errors)


def _says(own: TableObject, part: Part) -> bool:
    """Whether the entry says anything of the part."""
    return _merged(TableObject(table=own.table), own, part) != TableObject(table=own.table)


def _merged(before: TableObject, own: TableObject, part: Part) -> TableObject:
    fields = _RULES if part == "rules" else _NAMES if part == "names" else (*_RULES, *_NAMES)
    return msgspec.structs.replace(before, **{field: getattr(own, field) for field in fields})


def _with_schema(choice: ObjectChoice, entry: SchemaObjects, part: Part, skipped: list[Taken]) -> ObjectChoice:
    before = choice.schemas[entry.schema]
    after = msgspec.structs.replace(before, **{field: getattr(entry, field) for field in _OF_SCHEMA[part]})
    edit = SchemaEdit(schema=entry.schema, name=after.name or entry.schema, rules=rules_text(after.rename))
    if problem := schema_problem(edit) or rules_problem(edit.rules):
        skipped.append(Taken(schema=entry.schema, skipped=problem))
        return choice
    return (
        choice.with_name(entry.schema, after.name)
        .with_rules(entry.schema, after.rename)
        .with_operations(entry.schema, after.operations)
    )


def _problem(table: CatalogueObject, entry: TableObject, choice: ObjectChoice, rules: Mapping, database: str) -> str:
    """Why the table cannot have the entry, whatever others are called. `rules`: what names become without one."""
    facts = choice.catalogue.columns_of.get(table.relation, ())
    edit = TableEdit.of(entry, facts, schema=table.schema, names=rules)
    shape = shape_of(_name(table), facts)
    known = {each.name for each in facts}
    named = [*entry.columns, *entry.exclude_columns]
    if facts and (missing := [name for name in named if name not in known]):
        return f"has no column {', '.join(missing)}"
    for column in facts:
        if column.name in edit.left_out and (why := must_travel(column)):
            return f"{column.name} stays: {why}"
    return (
        edit.name_problem({})
        or edit.columns_problem[1]
        or edit.origin_problem
        or (_of_values(entry, shape, database) if facts else "")
    )


def _of_values(entry: TableObject, shape: TableShape, database: str) -> str:
    if entry.origin_keys is not None and (problem := origin_keys_problem(entry.origin_keys, shape)):
        return problem
    return filter_problem(entry.where or "", shape) or script_problem(entry.etl or "", [shape], database)


def _without_meetings(
    before: ObjectChoice, choice: ObjectChoice, wanted: dict[tuple[str, str], TableObject], skipped: list[Taken]
) -> ObjectChoice:
    """The choice with the wanted entries, without those by which two things would have one name."""
    while True:
        found = choice.with_tables((schema, own) for (schema, _), own in wanted.items())
        meeting = list(_meetings(found))
        blamed = {
            (each.schema, each.name): other
            for each, other in meeting
            if (each.schema, each.name) in wanted and found.names.table(_name(each)) != choice.names.table(_name(each))
        }
        for (schema, name), other in blamed.items():
            after = wanted.pop((schema, name)).name or name
            why = f"{other.kind} {other.schema}.{other.name} has the name {after}"
            skipped.append(Taken(schema=schema, table=name, skipped=why))
        if blamed:
            continue
        # What meets by names of schemas and by rules for names, not by those of single tables.
        schemas = [schema for schema in {each.schema for each, _ in meeting} if _renames(before, choice, schema)]
        if not schemas:
            return found
        for schema in sorted(schemas):
            first, other = next(pair for pair in meeting if pair[0].schema == schema)
            why = f"{first.name} and {other.schema}.{other.name} would have one name"
            skipped.append(Taken(schema=schema, skipped=why))
            own = before.schemas[schema]
            choice = choice.with_name(schema, own.name).with_rules(schema, own.rename)


def _renames(before: ObjectChoice, after: ObjectChoice, schema: str) -> bool:
    was, now = before.schemas.get(schema), after.schemas.get(schema)
    return was is not None and now is not None and (was.name, was.rename) != (now.name, now.rename)


def _meetings(choice: ObjectChoice) -> Iterator[tuple[CatalogueObject, CatalogueObject]]:
    """Objects that would have one name at the destination, each with another one of them; merged tables may."""
    arrivals: dict[TableName, list[CatalogueObject]] = {}
    for schema in choice.catalogue.schemas:
        for kind, those in choice.view(schema).chosen.items():
            if kind in ("table", "view", "materialized view", "sequence"):
                for each in those:
                    arrivals.setdefault(choice.names.table(_name(each)), []).append(each)
    for several in arrivals.values():
        if len(several) > 1 and not all(_merges(each, choice) for each in several):
            for at, each in enumerate(several):
                yield each, several[at - 1]


def _merges(each: CatalogueObject, choice: ObjectChoice) -> bool:
    return each.kind == "table" and choice.table(each.schema, each.name).merges


def _of_all_tables(
    spec: TaskSpec, choice: ObjectChoice, part: Part, database: str, skipped: list[Taken]
) -> tuple[str | None, EtlErrors | None]:
    script = spec.advanced.etl
    if part == "names" or script is None:
        return None, None
    if problem := script_problem(script, _shapes(choice), database):
        skipped.append(Taken(schema="", skipped=problem))
        return None, None
    return script, spec.advanced.etl_errors


def _shapes(choice: ObjectChoice) -> Iterator[TableShape]:
    for schema in choice.schemas:
        for each in choice.view(schema).chosen.get("table", ()):
            if facts := choice.catalogue.columns_of.get(each.relation, ()):
                yield shape_of(_name(each), facts)


def _schemas(before: ObjectChoice, after: ObjectChoice) -> Iterator[Taken]:
    for schema, now in after.schemas.items():
        was = before.schemas[schema]
        if (was.name, was.rename, was.operations) != (now.name, now.rename, now.operations):
            words = [f"→ {now.name or schema}"] if was.name != now.name else []
            words += [f"{len(now.rename)} rules for names"] if was.rename != now.rename else []
            if was.operations != now.operations:
                words.append("all operations" if now.operations is None else "/".join(now.operations) or "no operation")
            yield Taken(schema=schema, after=", ".join(words))


def _tables(wanted: Iterable[tuple[str, str]], choice: ObjectChoice) -> list[Taken]:
    found = []
    for schema, name in wanted:
        own = choice.table(schema, name)
        target = choice.names.object(ObjectName(schema, name))
        words = [f"→ {target}"] if (target.schema, target.name) != (schema, name) else []
        found.append(Taken(schema=schema, table=name, after=", ".join([*words, *describe_edit(own)]) or "as it is"))
    return found


def _name(each: CatalogueObject) -> TableName:
    return TableName(each.schema, each.name)
