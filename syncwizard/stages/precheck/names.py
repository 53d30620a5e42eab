"""Items about the names of objects at the destination, and the columns that are left out (DESIGN rule 19)."""

import re
from collections.abc import Iterable, Iterator, Mapping

from syncwizard.postgres.catalog.names import read_dependents, read_inheritance, read_taken, read_texts
from syncwizard.postgres.catalog.origin_keys import apart_problems
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.stages.precheck.shape import sent_columns
from syncwizard.structure.merging import merge_problems, merged
from syncwizard.structure.mistaken_names import lost_key, meeting_names, missing_tables, mistaken_columns
from syncwizard.task.names import ObjectName
from syncwizard.task.objects import entry_paths
from syncwizard.task.text import counted, listed

# Words of a body: in double quotes, or not.
WORD = re.compile(r'"((?:[^"]|"")+)"|([A-Za-z_\x80-\uffff][\w$\x80-\uffff]*)')
NAMES = ("object-names",)
UNCHANGED = "names and columns stay as they are"


@item("object-names", "Every object has a name of its own at the destination", BOTH, OBJECTS)
def object_names(checkup: Checkup) -> Finding:
    """Tables, views, sequences, indexes and columns under the names that the task gives them."""
    mapping, tables = checkup.mapping, checkup.selection.tables
    missing = list(missing_tables(checkup.spec.objects, [table.name for table in tables]))
    if mapping.same and not missing:
        return passed(UNCHANGED)
    parents = read_inheritance(checkup.source, [table.oid for table in tables])
    sent = {table.name: sent_columns(table) for table in tables}
    wrong = [
        *missing,
        *meeting_names(mapping, checkup.needs),
        *(problem for table in tables for problem in mistaken_columns(table, mapping, parents.get(table.oid, ()))),
        *merge_problems(tables, mapping, checkup.destination_tables, sent),
        *(problem for table in checkup.selection.copied if (problem := lost_key(table, mapping, sent[table.name]))),
    ]
    wrong = wrong or list(_not_apart(checkup))
    if wrong:
        return failed(
            [_placed(problem, entry_paths(checkup.spec.objects)) for problem in wrong],
            "give other names in `objects` of the task file (`name`, `columns`, `rename`)",
        )
    taken = list(map(str, _taken_indexes(checkup)))
    if taken:
        return failed(
            naming("the destination has relations by the names of indexes to come: ", taken),
            "rename or drop these, or rename the tables so that their indexes follow (`name`, `rename`)",
        )
    return passed(_summary(checkup))


def _placed(problem: str, paths: Mapping[tuple[str, str], str]) -> str:
    """What is wrong, with where the task file describes the tables that it names.

    >>> _placed("s.t and s.tt would all be s.x", {("s", "t"): "objects[0].tables[0]"})
    's.t and s.tt would all be s.x (objects[0].tables[0])'
    >>> _placed("s.tt is wrong", {("s", "t"): "objects[0].tables[0]"})
    's.tt is wrong'
    """
    named = [
        path
        for (schema, table), path in paths.items()
        if f"{schema}.{table}" in problem and re.search(rf"(?<![\w.]){re.escape(f'{schema}.{table}')}(?!\w)", problem)
    ]
    return f"{problem} ({', '.join(named)})" if named else problem


def _not_apart(checkup: Checkup) -> Iterator[str]:
    """Merged tables of which the servers cannot tell that their conditions keep the keys apart."""
    mapping = checkup.mapping
    for target, those in merged(checkup.selection.tables, mapping).items():
        if all(table.name in mapping.origin_keys for table in those):
            yield from apart_problems(checkup.source, checkup.destination, target, those, mapping)


def _summary(checkup: Checkup) -> str:
    tables = [table.name for table in checkup.selection.tables]
    renamed = sum(checkup.mapping.table(name) != name for name in tables)
    return f"{counted(renamed, 'table')} of {len(tables)} under another name"


def _taken_indexes(checkup: Checkup) -> Iterable[ObjectName]:
    """Indexes of tables that are created, whose names the destination has."""
    if checkup.captured or not checkup.synchronizes("schema"):
        return []
    mapping, existing = checkup.mapping, checkup.existing.tables
    created = {table for table in checkup.needs.all_tables if mapping.table(table) not in existing}
    names = [
        mapping.index(part.table, part.name.name)
        for part in checkup.needs.parts
        if part.kind == "index" and part.table in created and not mapping.merged(part.table)
    ]
    return read_taken(checkup.destination, names)


@item("left-out-columns", "What needs a column that is left out is known", ("source",), OBJECTS)
def left_out_columns(checkup: Checkup) -> Finding:
    """Indexes, constraints, views and the like go with it; a table cannot be without its partition key."""
    left_out = checkup.needs.left_out_columns
    columns = [(table, column) for table, own in sorted(left_out.items()) for column in sorted(own)]
    if not columns:
        return passed("no column is left out")
    rows = read_dependents(checkup.source, columns)
    needed = [column for _, column, essential in rows if essential]
    if needed:
        return failed(
            f"{listed(needed)} cannot be left out: partitions are chosen by it",
            "take it out of `exclude_columns` in the task file",
        )
    dependents = [f"{what} (it needs {column})" for what, column, _ in rows]
    dependents += [str(entry) for entry in checkup.needs.left_out if "which is left out" in entry.reason]
    names = listed([f"{table}.{column}" for table, column in columns])
    message = f"{counted(len(columns), 'column')} left out: {names}"
    if not dependents or not checkup.synchronizes("schema"):
        return passed(message)
    return Finding(
        verdict="warning",
        message=f"{message}; {counted(len(dependents), 'object')} that need them are not created",
        objects=tuple(dependents),
    )


@item("names-in-code", "Code does not mention names that are others at the destination", ("source",), OBJECTS)
def names_in_code(checkup: Checkup) -> Finding:
    """Bodies of functions are text, and stay as they are; so do arguments of triggers."""
    names = set(_changed_names(checkup))
    if not names or not checkup.synchronizes("schema"):
        return passed()
    found = []
    tables = [table.oid for table in checkup.selection.tables]
    for what, text in read_texts(checkup.source, checkup.needs.functions, tables):
        words = {quoted.replace('""', '"') if quoted else word.lower() for quoted, word in WORD.findall(text)}
        if mentioned := sorted(names & words):
            found.append(f"{what}: {', '.join(mentioned)}")
    if not found:
        return passed()
    return Finding(
        verdict="warning",
        message=f"{counted(len(found), 'function or trigger', 'functions and triggers')} may mean names that are others"
        " at the destination; their texts stay as they are",
        remedy=warning("", "read them, and correct them at the destination where they are used there").remedy,
        objects=tuple(found),
    )


def _changed_names(checkup: Checkup) -> Iterator[str]:
    """What has another name at the destination, or is not there."""
    mapping, needs = checkup.mapping, checkup.needs
    if mapping.same:
        return
    yield from (schema for schema in needs.schemas if mapping.schema(schema) != schema)
    for table in needs.all_tables:
        if mapping.table(table).name != table.name:
            yield table.name
    for name in needs.views | needs.types:
        if mapping.object(name).name != name.name:
            yield name.name
    for name in needs.sequences:
        if mapping.sequence(name, needs.sequence_owners.get(name)).name != name.name:
            yield name.name
    for described in checkup.selection.tables:
        edited = mapping.edited(described.name, described.root)
        for column in described.columns:
            if not mapping.travels(edited, column.name) or mapping.column(edited, column.name) != column.name:
                yield column.name


ITEMS = (object_names, left_out_columns, names_in_code)
