"""Sorts kept statements into the phases of a task, keys before constraints before indexes, pgvector's last."""

from collections.abc import Collection, Mapping

from syncwizard.structure.own_names import OwnNames
from syncwizard.structure.planned import (
    OPTIONAL,
    PHASES,
    VALIDATIONS,
    VECTOR_METHODS,
    Phase,
    PlannedStatement,
    describe,
)
from syncwizard.structure.statements import Statement
from syncwizard.task.names import ObjectName, TableName

# pg_dump puts these behind all tables, and behind them what could not be defined before: a view that groups by a
# primary key, say.
AFTER_DATA = ("primary key", "unique constraint", "exclusion constraint", "index", "unique index")
POSTPONED = (
    "view",
    "materialized view",
    "function",
    "aggregate",
    "operator",
    "cast",
    "comment",
    "extension dependency",
)
# What is only about an object that another statement makes.
REMARKS = ("comment", "extension dependency")
INDEXES = ("index", "unique index")
# Named within a table, and in its schema.
OF_A_TABLE = (
    "trigger",
    "rule",
    "foreign key",
    "foreign key validation",
    "check constraint",
    "check constraint validation",
    "not-null constraint",
)
# Not before the rows: readers would be let in, and triggers fire, too early.
WITH_CONSTRAINTS = ("trigger", "rule", "privilege")


def in_phases(kept: list[Statement], keys: Mapping[TableName, str], names: OwnNames) -> list[PlannedStatement]:
    """The kept statements by phase, within it in the dump's order: but materialized views after the indexes of tables,
    with their own indexes behind them, and indexes of pgvector last. `names` maps what stages look for."""
    phases = _index_phases(kept, keys)
    constraints = _constraint_phases(kept, phases)
    confusable = _confusable_names(constraints)
    vectors = _vector_indexes(kept)
    statistics = {statement.name for statement in kept if statement.kind == "statistics" and statement.table}
    materialized = {statement.name for statement in kept if statement.kind == "materialized view"}
    placed: list[tuple[int, int, PlannedStatement]] = []
    refilled = {each.index for each in kept if each.index is not None and _of(each.table) in materialized}
    after_data = False
    for statement in kept:
        after_data = after_data or statement.kind in AFTER_DATA
        if not _has_subject(statement, phases, statistics):
            continue
        phase, rank = _phase(statement, phases, constraints), 0
        if after_data and statement.kind in POSTPONED and phase == "pre-data":
            phase = "constraints"
        if _of(statement.table) in materialized or statement.index in refilled:
            # Its rows come with the refresh.
            phase, rank = "indexes", 2
        if statement.kind == "materialized view refresh":
            rank = 1
        if statement.index in vectors:
            rank = 3
        planned = PlannedStatement(
            position=0,
            phase=phase,
            kind=statement.kind,
            name=describe(statement),
            text=statement.text,
            table=names.mapping.table(statement.table) if statement.table else None,
            references=names.mapping.table(statement.references) if statement.references else None,
            index=_index_at(statement.index, names) if statement.index and statement.kind in INDEXES else None,
            object=_object_at(statement, names),
            source_table=statement.table,
            source_references=statement.references,
            source_object=statement.name.name,
            method=statement.method if statement.kind in INDEXES else "",
            concurrent=phase == "indexes"
            and statement.kind == "index"
            and not statement.only
            and not statement.optional,
            optional=statement.optional or statement.kind in OPTIONAL,
            constraints=tuple(confusable.get(statement.table, ())) if statement.kind == "table" else (),
        )
        placed.append((PHASES.index(phase), rank, planned))
    placed.sort(key=lambda entry: entry[:2])
    return [planned for _, _, planned in placed]


def _index_at(index: ObjectName, names: OwnNames) -> ObjectName:
    return ObjectName(*names.index(index.schema, index.name))


def _object_at(statement: Statement, names: OwnNames) -> ObjectName | None:
    """What the statement makes, by the destination's name."""
    name = statement.name
    if not name.schema:
        return None
    if statement.index == name:
        return _index_at(name, names)
    if statement.table is not None and statement.kind in OF_A_TABLE:
        # Named within its table, and in the table's schema.
        return ObjectName(names.mapping.table(statement.table).schema, name.name)
    return names.mapping.sequence(name, names.needs.sequence_owners.get(name))


def _of(table: TableName | None) -> ObjectName | None:
    return ObjectName(table.schema, table.name) if table is not None else None


def _index_phases(kept: list[Statement], keys: Mapping[TableName, str]) -> dict[ObjectName, Phase]:
    """The phase of each index, those of constraints too; a partition's index is not later than its parent's."""
    phases: dict[ObjectName, Phase] = {}
    for statement in kept:
        if statement.index is None or statement.table is None or statement.kind in ("replica identity", "cluster"):
            continue
        if statement.kind == "primary key" or keys.get(statement.table) == statement.index.name:
            phases[statement.index] = "keys"
        elif statement.kind in ("unique constraint", "exclusion constraint", "unique index"):
            phases[statement.index] = "constraints"
        elif statement.kind == "index":
            phases[statement.index] = "indexes"
    attached = [statement for statement in kept if statement.kind == "index partition" and statement.parent]
    # Trees are a few levels deep: each round carries the phase one level down.
    while True:
        changed = False
        for statement in attached:
            parent, child = phases.get(statement.parent or statement.name), phases.get(statement.name)
            if parent and child and PHASES.index(parent) < PHASES.index(child):
                phases[statement.name] = parent
                changed = True
        if not changed:
            return phases


def _vector_indexes(kept: list[Statement]) -> set[ObjectName]:
    return {
        statement.index
        for statement in kept
        if statement.kind == "index" and statement.index and statement.method in VECTOR_METHODS
    }


def _has_subject(statement: Statement, phases: Mapping[ObjectName, Phase], statistics: Collection[ObjectName]) -> bool:
    """Whether what the statement speaks of is created at all."""
    if statement.kind == "index partition":
        return statement.name in phases and statement.parent in phases
    if statement.kind == "index setting" or (statement.kind in REMARKS and statement.method == "index"):
        return statement.index in phases
    if (statement.kind == "statistics" and statement.table is None) or statement.method == "statistic_ext":
        return statement.name in statistics
    return True


def _constraint_phases(kept: list[Statement], phases: Mapping[ObjectName, Phase]) -> dict[tuple[TableName, str], Phase]:
    """The phase of each constraint that is not part of its table's own statement, by table and name."""
    kinds = ("primary key", "foreign key")
    return {
        (statement.table, statement.name.name): _phase(statement, phases, {})
        for statement in kept
        if statement.table is not None and (statement.kind in kinds or statement.kind.endswith(" constraint"))
    }


def _confusable_names(constraints: Collection[tuple[TableName, str]]) -> dict[TableName | None, list[str]]:
    """Names of constraints that PostgreSQL could have thought of for a NOT NULL constraint, by table."""
    found: dict[TableName | None, list[str]] = {}
    for table, name in constraints:
        if "not_null" in name:
            found.setdefault(table, []).append(name)
    return found


def _phase(
    statement: Statement, phases: Mapping[ObjectName, Phase], constraints: Mapping[tuple[TableName, str], Phase]
) -> Phase:
    if statement.method == "tabconstraint" and statement.table is not None:
        return constraints.get((statement.table, statement.name.name), "pre-data")
    if statement.kind == "index partition":
        both = (phases[statement.name], phases[statement.parent or statement.name])
        return max(both, key=PHASES.index)
    if statement.index is not None and statement.index in phases:
        return phases[statement.index]
    if statement.kind == "foreign key" or statement.not_valid or statement.kind in WITH_CONSTRAINTS:
        return "constraints"
    if statement.kind in REMARKS and statement.method in WITH_CONSTRAINTS:
        return "constraints"
    if statement.kind == "materialized view refresh" or statement.kind in VALIDATIONS:
        return "indexes"
    if statement.kind == "statistics" or statement.method == "statistic_ext":
        return "indexes"
    return "pre-data"
