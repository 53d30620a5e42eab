"""From the statements of a dump to the ordered plan of the destination: what is kept, in which phase, what is not."""

from collections.abc import Collection, Mapping

import msgspec

from syncwizard.structure.needs import FunctionName, Needs, ObjectName
from syncwizard.structure.phases import in_phases
from syncwizard.structure.planned import Phase, PlannedStatement, describe
from syncwizard.structure.statements import Kind, Statement
from syncwizard.task.events import TableName

# Definitions that belong to a table but are for a later release of ours.
LATER: frozenset[Kind] = frozenset({"trigger", "rule", "policy", "row security"})


class SkippedStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A definition that is left out, and why."""

    kind: str
    name: str
    reason: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is created at the destination, in order. `later`: names of definitions not handled yet, by kind."""

    statements: tuple[PlannedStatement, ...]
    skipped: tuple[SkippedStatement, ...] = ()
    later: Mapping[str, tuple[str, ...]] = {}

    def of(self, phase: Phase) -> tuple[PlannedStatement, ...]:
        """The statements of one phase, in order."""
        return tuple(statement for statement in self.statements if statement.phase == phase)


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the plan is made for.

    `keys`: the index or constraint that is the apply key of each table. `own_identities`: tables whose replica
    identity is ours for the time being. `existing`: tables the destination has and keeps as they are; `present`
    types, functions and the like that it has. `foreign_keys` False leaves all of them out, for `no_foreign_keys`.
    `whole_schemas`: where everything is selected, so that what is left out there is worth saying.
    """

    needs: Needs
    keys: Mapping[TableName, str] = {}
    own_identities: Collection[TableName] = frozenset()
    existing: Collection[TableName] = frozenset()
    present: Collection[ObjectName | FunctionName] = frozenset()
    whole_schemas: Collection[str] = frozenset()
    foreign_keys: bool = True
    no_foreign_keys: str = ""


def make_plan(statements: list[Statement], wishes: Wishes) -> Plan:
    """Selects, sorts into phases and numbers the statements of a dump."""
    kept: list[Statement] = []
    skipped: list[SkippedStatement] = []
    later: dict[str, list[str]] = {}
    dropped: set[tuple[TableName | None, str]] = set()
    for statement in statements:
        reason = _reason_to_skip(statement, wishes)
        if reason:
            skipped.append(SkippedStatement(kind=statement.kind, name=describe(statement), reason=reason))
            dropped.add((statement.table, statement.name.name))
        elif statement.method == "tabconstraint" and (statement.table, statement.name.name) in dropped:
            continue
        elif _wanted(statement, wishes):
            kept.append(statement)
        elif _for_later(statement, wishes):
            later.setdefault(statement.kind, []).append(describe(statement))
    planned = [*_groundwork(wishes.needs), *in_phases(kept, wishes.keys)]
    return Plan(
        statements=tuple(msgspec.structs.replace(each, position=number) for number, each in enumerate(planned)),
        skipped=tuple(skipped),
        later={kind: tuple(names) for kind, names in later.items()},
    )


def _wanted(statement: Statement, wishes: Wishes) -> bool:
    """Whether the statement makes something that the task's tables are or need."""
    needs = wishes.needs
    name = statement.name
    match statement.kind:
        case "type" | "domain constraint":
            return name in needs.types and name not in wishes.present
        case "function":
            return statement.function in needs.functions and statement.function not in wishes.present
        case "sequence":
            return name in needs.sequences and name not in wishes.present
        case "sequence owner":
            return name in needs.sequences and _creates(statement.table, wishes)
        case "comment":
            return _comment_wanted(statement, wishes)
        case "index partition" | "index setting":
            # Decided with the index, when all of those are known.
            return True
        case "partition":
            parent = statement.parent
            return (
                _creates(statement.table, wishes)
                and parent is not None
                and TableName(parent.schema, parent.name) in needs.all_tables
            )
        case "schema" | "extension" | "view" | "materialized view" | "other":
            return False
        case "statistics" if statement.table is None:
            return True
        case "replica identity" if statement.table in wishes.own_identities:
            # The source has it only while the task runs.
            return False
        case kind if kind in LATER:
            return False
    if statement.table is not None:
        return _creates(statement.table, wishes)
    return (statement.kind, name) in needs.others and name not in wishes.present


def _creates(table: TableName | None, wishes: Wishes) -> bool:
    return table is not None and table in wishes.needs.all_tables and table not in wishes.existing


def _comment_wanted(statement: Statement, wishes: Wishes) -> bool:
    if statement.table is not None:
        return _creates(statement.table, wishes)
    if statement.method in ("index", "statistic_ext"):
        return True
    if statement.method == "function":
        return statement.function in wishes.needs.functions and statement.function not in wishes.present
    return statement.name in wishes.needs.described and statement.name not in wishes.present


def _reason_to_skip(statement: Statement, wishes: Wishes) -> str:
    """Why a definition of a selected table must be left out; empty when it need not."""
    if not _creates(statement.table, wishes):
        return ""
    if statement.kind == "foreign key":
        if statement.references not in wishes.needs.tables:
            return f"it references {statement.references}, which is not selected"
        if not wishes.foreign_keys:
            return wishes.no_foreign_keys
    return ""


def _for_later(statement: Statement, wishes: Wishes) -> bool:
    if statement.kind in LATER:
        return _creates(statement.table, wishes)
    # "other" holds what pg_dump writes beside definitions as well; those named here are what people miss.
    missed = ("view", "materialized view", "function", "aggregate", "operator", "text search configuration")
    return statement.kind in missed and statement.name.schema in wishes.whole_schemas and not _known(statement, wishes)


def _known(statement: Statement, wishes: Wishes) -> bool:
    return statement.name in wishes.present or statement.function in wishes.present


def _groundwork(needs: Needs) -> list[PlannedStatement]:
    """Schemas and extensions, which may be there already."""
    schemas = sorted({*needs.schemas, *(extension.schema for extension in needs.extensions)})
    made = [
        PlannedStatement(
            position=0,
            phase="pre-data",
            kind="schema",
            name=schema,
            text=f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}",
        )
        for schema in schemas
        if schema != "pg_catalog"
    ]
    made += [
        PlannedStatement(
            position=0,
            phase="pre-data",
            kind="extension",
            name=extension.name,
            text=f"CREATE EXTENSION IF NOT EXISTS {quote(extension.name)} WITH SCHEMA {quote(extension.schema)}",
        )
        for extension in needs.extensions
    ]
    return made


def quote(name: str) -> str:
    """The name as an identifier.

    >>> print(quote('a "b"'))
    "a ""b\"""
    """
    return '"' + name.replace('"', '""') + '"'
