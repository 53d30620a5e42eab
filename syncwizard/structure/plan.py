"""From the statements of a dump to the ordered plan of the destination: what is kept, in which phase, what is not."""

import uuid
from collections.abc import Mapping, Sequence

import msgspec

from syncwizard.structure.casts import Cast, with_casts, without_casts
from syncwizard.structure.checks import checked_later, is_late
from syncwizard.structure.following import followed
from syncwizard.structure.foreign_keys import validated_later
from syncwizard.structure.needs import Needs
from syncwizard.structure.own_names import OwnNames, indexes_of, trees_of
from syncwizard.structure.phases import in_phases
from syncwizard.structure.planned import Phase, PlannedStatement, describe
from syncwizard.structure.skipped import SkippedStatement
from syncwizard.structure.statements import Kind, Statement
from syncwizard.structure.unmade import Identity, unmade
from syncwizard.structure.wanted import LATER, Wishes, creates, of_view, wanted
from syncwizard.task.names import TableName, quote

# Why definitions of these kinds are not created; the events have the statements, to be run by hand.
NOT_CARRIED: Mapping[Kind, str] = {
    "policy": "policies name roles, which are the server's",
    "row security": "without its policies it would hide every row",
}
OTHER_KIND = "definitions of this kind are not carried over"
VIEWS = ("view", "materialized view")
# Fires whatever session_replication_role says, or only when changes are applied.
LOUD = ("always", "replica")


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is created at the destination, in order, and what of the selection is not: `skipped`.

    `disabled`: triggers and rules that are created and kept from firing. `orders`: by which it was extended.
    """

    statements: tuple[PlannedStatement, ...]
    skipped: tuple[SkippedStatement, ...] = ()
    disabled: tuple[str, ...] = ()
    orders: tuple[uuid.UUID, ...] = ()

    def extended(self, more: "Plan", order: uuid.UUID) -> "Plan":
        """With what an order adds, numbered on."""
        first = len(self.statements)
        added = (msgspec.structs.replace(each, position=first + each.position) for each in more.statements)
        return msgspec.structs.replace(
            self,
            statements=(*self.statements, *added),
            skipped=(*self.skipped, *more.skipped),
            disabled=(*self.disabled, *more.disabled),
            orders=(*self.orders, order),
        )

    def of(self, phase: Phase) -> tuple[PlannedStatement, ...]:
        """The statements of one phase, in order."""
        return tuple(statement for statement in self.statements if statement.phase == phase)


def make_plan(statements: list[Statement], wishes: Wishes, casts: Sequence[Cast] = ()) -> Plan:
    """Selects, sorts into phases and numbers the statements of a dump."""
    kept: list[Statement] = []
    skipped: list[SkippedStatement] = []
    disabled: list[str] = []
    dropped: set[tuple[TableName | None, str]] = set()
    for statement in statements:
        reason = _reason_to_skip(statement, wishes)
        if reason:
            skipped.append(_skipped(statement, reason))
            dropped.add((statement.table, statement.name.name))
        elif statement.method in ("tabconstraint", "rule") and (statement.table, statement.name.name) in dropped:
            continue
        elif wanted(statement, wishes) and not is_late(statement, wishes.needs.late_checks):
            changed = _kept_quiet(statement, wishes)
            made = _tried(_given_away(changed, wishes), wishes)
            for each in checked_later(made, wishes.needs.late_checks):
                kept += validated_later(each, partitioned=wishes.unchecked_on_partitioned)
            if changed is not statement:
                disabled.append(f"{statement.kind} {describe(statement)}")
            if statement.kind == "materialized view" and statement.name in wishes.needs.populated:
                kept.append(_tried(_refresh(statement), wishes))
        else:
            skipped += _of_no_use(statement, wishes)
    skipped += [*_left_out(statements, wishes.needs), *without_casts(casts, wishes)]
    known = {(entry.kind, entry.name) for entry in skipped}
    skipped += unmade(statements, kept, known, wishes)
    names = OwnNames(
        mapping=wishes.mapping,
        needs=wishes.needs,
        roots=trees_of(statements),
        indexes=indexes_of(statements),
        existing=wishes.existing_columns,
    )
    following, without = followed(with_casts(kept, casts, wishes), names)
    planned = [*_groundwork(names), *_database_comment(wishes), *in_phases(following, wishes.keys, names)]
    return Plan(
        statements=tuple(msgspec.structs.replace(each, position=number) for number, each in enumerate(planned)),
        skipped=tuple(_together([*skipped, *without])),
        disabled=tuple(dict.fromkeys(disabled)),
    )


def _of_no_use(statement: Statement, wishes: Wishes) -> list[SkippedStatement]:
    """What is to be reported of a statement that is not wanted: something where it is about what the task selects."""
    name, kind = statement.name, statement.method
    if statement.kind in LATER and creates(statement.table, wishes):
        return [_skipped(statement, NOT_CARRIED[statement.kind])]
    if statement.kind != "other":
        return []
    if kind == "table":
        selected = TableName(name.schema, name.name) in wishes.needs.all_tables
    else:
        # The rows of foreign tables are elsewhere: the selection says so.
        selected = name.schema in wishes.whole_schemas and kind != "foreign table"
    if not selected:
        return []
    reason = f"its statement is not known here: {statement.unknown}" if statement.unknown else OTHER_KIND
    return [SkippedStatement(kind=kind, name=str(name), reason=reason, texts=(statement.text,))]


def _skipped(statement: Statement, reason: str) -> SkippedStatement:
    # One entry a role, not one a privilege: a role that is missing may have thousands.
    name = f"for {', '.join(statement.roles)}" if statement.kind == "privilege" else describe(statement)
    return SkippedStatement(kind=statement.kind, name=name, reason=reason, texts=(statement.text,))


def _left_out(statements: list[Statement], needs: Needs) -> list[SkippedStatement]:
    """What the source's catalogue says cannot be created, with what pg_dump wrote for it."""
    texts: dict[Identity, list[str]] = {}
    for statement in statements:
        texts.setdefault((statement.kind, describe(statement)), []).append(statement.text)
    return [
        SkippedStatement(
            kind=entry.kind,
            name=entry.described,
            reason=entry.reason,
            texts=tuple(texts.get((entry.kind, entry.described), ())),
        )
        for entry in needs.left_out
    ]


def _together(skipped: list[SkippedStatement]) -> list[SkippedStatement]:
    """One entry for each kind, name and reason, with all of its statements."""
    found: dict[tuple[str, str, str], list[str]] = {}
    for entry in skipped:
        found.setdefault((entry.kind, entry.name, entry.reason), []).extend(entry.texts)
    return [
        SkippedStatement(kind=kind, name=name, reason=reason, texts=tuple(texts))
        for (kind, name, reason), texts in found.items()
    ]


def _reason_to_skip(statement: Statement, wishes: Wishes) -> str:
    """Why a wanted definition must be left out; empty when it need not."""
    if statement.kind == "privilege" and wanted(statement, wishes):
        missing = sorted(set(statement.roles).difference(wishes.roles))
        return f"role {', '.join(missing)} does not exist at the destination" if missing else ""
    if not creates(statement.table, wishes):
        return ""
    if statement.kind == "foreign key":
        if statement.references not in wishes.needs.tables | wishes.needs.extension_tables | wishes.others:
            return f"it references {statement.references}, which is not selected"
        if not wishes.foreign_keys:
            return wishes.no_foreign_keys
    if statement.kind == "rule" and statement.method == "update" and wanted(statement, wishes):
        # PostgreSQL refuses INSERT ... ON CONFLICT for such a table, be the rule enabled or not.
        return "a rule ON UPDATE of the table would keep changes from being applied"
    return ""


def _kept_quiet(statement: Statement, wishes: Wishes) -> Statement:
    """The statement itself, or another text that keeps its trigger or rule from firing while changes are applied."""
    if statement.kind not in ("trigger", "rule") or statement.table is None or of_view(statement.table, wishes):
        return statement
    disable = (
        f"ALTER TABLE {quote(statement.table.schema)}.{quote(statement.table.name)}"
        f" DISABLE {statement.kind.upper()} {quote(statement.name.name)}"
    )
    if statement.method in LOUD or (statement.method == "origin" and not wishes.quiet):
        return msgspec.structs.replace(statement, text=disable)
    if statement.method in ("", "update") and not wishes.quiet:
        return msgspec.structs.replace(statement, text=f"{statement.text};\n{disable}")
    return statement


def _given_away(statement: Statement, wishes: Wishes) -> Statement:
    """The statement with another behind it that changes the owner of what it makes: never is it there without."""
    if statement.kind != "function" or statement.function not in wishes.owners:
        return statement
    return msgspec.structs.replace(statement, text=f"{statement.text};\n{wishes.owners[statement.function]}")


def _tried(statement: Statement, wishes: Wishes) -> Statement:
    """The statement as one that may be refused, where it makes or belongs to something that may be."""
    doubtful = wishes.needs.doubtful
    about = str(statement.table or statement.name)
    if (statement.kind, describe(statement)) in doubtful or any((kind, about) in doubtful for kind in VIEWS):
        return msgspec.structs.replace(statement, optional=True)
    return statement


def _refresh(statement: Statement) -> Statement:
    name = statement.name
    text = f"REFRESH MATERIALIZED VIEW {quote(name.schema)}.{quote(name.name)}"
    return Statement(kind="materialized view refresh", text=text, name=name)


def _groundwork(names: OwnNames) -> list[PlannedStatement]:
    """Schemas and extensions, which may be there already."""
    needs = names.needs
    own = map(names.mapping.schema, needs.schemas)
    schemas = sorted({*own, *(extension.schema for extension in needs.extensions)})
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
            optional=not extension.required,
        )
        for extension in needs.extensions
    ]
    return made


def _database_comment(wishes: Wishes) -> list[PlannedStatement]:
    if not wishes.database_comment:
        return []
    return [
        PlannedStatement(
            position=0, phase="pre-data", kind="comment", name="database", text=wishes.database_comment, optional=True
        )
    ]
