"""Schema before data: makes the plan of all definitions from the source's dump, and creates what copying needs.

The plan is a file in the task's folder, made once: whatever happens later, every run works off the same numbered
statements, and the destination knows which of them are done.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from syncwizard.errors import TaskFailed
from syncwizard.postgres.catalog.constraints import read_foreign_keys
from syncwizard.postgres.catalog.database_settings import comment_statement, read_comment
from syncwizard.postgres.catalog.dependencies import read_casts, read_needs, read_relations
from syncwizard.postgres.catalog.foreign_code import read_definer_owners
from syncwizard.postgres.catalog.selection import Selection, select_tables
from syncwizard.postgres.destination.definitions import Existing
from syncwizard.postgres.destination.destination import Destination
from syncwizard.postgres.dump import (
    DefinitionsChanged,
    DumpKilled,
    DumpProgram,
    DumpRequest,
    able_to_reach,
    choose_program,
    dump_definitions,
    find_programs,
    lack_of_program,
    remove_secrets,
)
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.session.trouble import translated
from syncwizard.postgres.source.identity import expected_keys
from syncwizard.remedies import NOTHING, to_do
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.added_columns import add_columns
from syncwizard.stages.definitions.phases import create_phase
from syncwizard.stages.same_source import check_source
from syncwizard.structure.needs import Needs
from syncwizard.structure.parse import parse_dump
from syncwizard.structure.plan import Plan, make_plan
from syncwizard.structure.table import Table
from syncwizard.structure.wanted import Wishes
from syncwizard.task.events import DefinitionMissing, Noticed
from syncwizard.task.modification import of_tables
from syncwizard.task.names import TableName
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import NAMES_SHOWN, counted, listed

PLAN_FILE = "structure.json"
NO_FOREIGN_KEYS = (
    "the destination's role may not set session_replication_role: the key would be checked while changes are applied"
)

# The first version that takes a foreign key NOT VALID on a partitioned table.
UNCHECKED_ON_PARTITIONED = 18_00_00
# Of pg_dump, in a row: then there is a reason that trying will not cure.
MAX_DEATHS = 5


def run(context: Context) -> str:
    """Creates schemas, extensions, types, functions, sequences and bare tables at the destination."""
    if "schema" not in context.spec.synchronization.types:
        return "not part of this task"
    plan = read_plan(context)
    order = context.state().resync
    if plan is None:
        plan = _make(context, context.spec)
        _write(context.folder / PLAN_FILE, msgspec.json.encode(plan))
    elif order is not None and order.added and order.id not in plan.orders:
        # What the task did not have comes behind what it has: the numbers of that are known to the destination.
        part = of_tables(context.spec, order.added, order.schemas)
        plan = plan.extended(_make(context, part, frozenset(order.added)), order.id)
        _write(context.folder / PLAN_FILE, msgspec.json.encode(plan))
    with context.destination("schema") as destination:
        with translated("destination", "preparing the session"):
            destination.definitions.prepare()
        created = create_phase(context, destination, plan.of("pre-data"))
        added = add_columns(context, destination)
    more = f", {counted(added, 'column')} of scripts added" if added else ""
    return f"{counted(created, 'definition')} created{more}"


def read_plan(context: Context) -> Plan | None:
    """The task's plan; None before it is made, or when the task does not synchronize the schema."""
    file = context.folder / PLAN_FILE
    if not file.exists():
        return None
    return msgspec.json.decode(file.read_bytes(), type=Plan)


def _make(context: Context, spec: TaskSpec, added: frozenset[TableName] = frozenset()) -> Plan:
    """The plan for the objects of `spec`; those of the task, or a part: the tables that were `added` to others."""
    with context.connect("source", "schema") as source, context.destination("schema") as destination:
        check_source(context, source, destination)
        with translated("source", "reading the catalogue"):
            selection = select_tables(source, spec)
            needs = read_needs(source, spec, selection)
            whole = frozenset(entry.schema for entry in spec.objects if entry.whole)
            task_has = select_tables(source, context.spec, sizes=False).tables if added else ()
            casts = read_casts(source, whole)
            referring = _referring(source, task_has, needs)
        dump = _dump(context, source, destination, needs, referring)
        with translated("destination", "reading the catalogue"):
            existing = destination.definitions.read_existing(needs, context.mapping)
            there = {cast.name for cast in destination.database.read_casts(whole)}
            roles = destination.database.read_roles()
            by_default = destination.database.fires_no_triggers()
            owners = destination.database.read_owners()
            comment = _database_comment(context, source, destination)
            kept = _existing_tables(context, destination, needs, existing)
            no_triggers = by_default or destination.prepare_writing()
            unchecked_on_partitioned = destination.database.server_version >= UNCHECKED_ON_PARTITIONED
        with translated("source", "reading the catalogue"):
            definers = read_definer_owners(source, needs, owners)
    taken = existing.tables & frozenset(map(context.mapping.table, added)) if added else existing.tables
    if taken and spec.synchronization.conflicts == "report":
        raise TaskFailed(
            f"the destination already has {', '.join(map(str, sorted(taken)[:NAMES_SHOWN]))}",
            where="destination",
            remedy=to_do("rename or drop these tables, or set synchronization.conflicts: ignore", then="resume"),
        )
    wishes = Wishes(
        needs=needs,
        keys=expected_keys(selection.tables),
        others=frozenset(table.name for table in task_has) - needs.tables,
        own_identities=frozenset(change.table for change in context.state().identities),
        roles=roles,
        mapping=context.mapping,
        existing=existing.tables,
        present=existing.objects | existing.functions,
        whole_schemas=whole,
        foreign_keys=no_triggers,
        unchecked_on_partitioned=unchecked_on_partitioned,
        quiet=no_triggers,
        no_foreign_keys=NO_FOREIGN_KEYS,
        database_comment="" if added else comment,
        owners=definers,
        existing_columns={name: tuple(column.name for column in table.columns) for name, table in kept.items()},
        housed=frozenset(
            table.name
            for table in selection.tables
            if table.root != table.name and (top := kept.get(table.root)) is not None and not top.partitioned
        ),
    )
    plan = make_plan(parse_dump(dump), wishes, [cast for cast in casts if cast.name not in there])
    # Reported before the plan counts as made: twice is better than never.
    _report(context, plan, selection, needs)
    return plan


def _existing_tables(
    context: Context, destination: Destination, needs: Needs, existing: Existing
) -> dict[TableName, Table]:
    """The tables that are kept as they are, by the source's names."""
    there = destination.tables.read(sorted({table.schema for table in existing.tables}), sizes=False)
    known = {table.name: table for table in there if table.name in existing.tables}
    targets = {table: context.mapping.table(table) for table in needs.all_tables}
    return {table: known[target] for table, target in targets.items() if target in known}


def _database_comment(context: Context, source: Connection, destination: Destination) -> str:
    """The statement that gives the destination's database the source's comment, unless it has one of its own."""
    comment = read_comment(source)
    if comment is None or not any(entry.whole for entry in context.spec.objects) or destination.database.read_comment():
        return ""
    return comment_statement(destination.database.name, comment)


def _referring(source: Connection, task_has: Sequence[Table], needs: Needs) -> frozenset[TableName]:
    """The tables of the task with foreign keys to those that join."""
    names = {table.oid: table.name for table in task_has}
    keys = read_foreign_keys(source, [table.oid for table in task_has if table.name not in needs.tables])
    return frozenset(names[key.table] for key in keys if names.get(key.other) in needs.tables)


def _dump(
    context: Context,
    source: Connection,
    destination: Destination,
    needs: Needs,
    referring: frozenset[TableName] = frozenset(),
) -> str:
    """The definitions under the slot's snapshot, while it lives; a later run takes the present ones. `referring`:
    tables beside those of the needs."""
    remove_secrets(context.folder)
    versions = source.info.server_version // 10000, destination.database.server_version // 10000
    found = find_programs()
    able = able_to_reach(found, context.spec.source, source)
    program = choose_program(able, *versions)
    if program is None:
        problem, remedy = lack_of_program(found, able, versions[0])
        raise TaskFailed(f"definitions are read with pg_dump {versions[0]} or newer, and {problem}", remedy=remedy)
    with translated("source", "reading the catalogue"):
        relations = read_relations(source, needs.schemas)
    request = DumpRequest(
        schemas=needs.schemas,
        without=[name for name in _unwanted(needs, relations) if name not in referring],
        snapshot=context.pair.snapshot if context.pair is not None else None,
        privileges=any(entry.whole for entry in context.spec.objects),
    )
    return _run(context, program, request)


def _run(context: Context, program: DumpProgram, request: DumpRequest) -> str:
    """The program's output; one that was killed is run again, as any child is."""
    for deaths in range(1, MAX_DEATHS + 1):
        try:
            return dump_definitions(
                program,
                context.spec.source,
                request,
                password=context.secrets.source,
                key_password=context.secrets.source_key,
                folder=context.folder,
                check=context.cancellation.check,
            )
        except DefinitionsChanged:
            # The next attempt takes those of another snapshot.
            context.held.close()
            raise
        except DumpKilled as killed:
            if deaths == MAX_DEATHS:
                raise TaskFailed(
                    f"pg_dump was killed {deaths} times in a row",
                    detail=str(killed),
                    remedy=to_do("see the system's log (out of memory?)", then="resume"),
                ) from killed
            context.record(Noticed(level="warning", message=f"{killed}; it is run again"))
    raise AssertionError


def _unwanted(needs: Needs, relations: Iterable[TableName]) -> list[TableName]:
    """The relations that are not to be dumped: pg_dump would lock them, for which we may have no right."""
    wanted = needs.all_tables | {TableName(name.schema, name.name) for name in needs.sequences | needs.views}
    return [name for name in relations if name not in wanted]


def _report(context: Context, plan: Plan, selection: Selection, needs: Needs) -> None:
    for entry in selection.left_out:
        context.record(DefinitionMissing(kind="table", name=str(entry.table), reason=entry.reason))
    for skipped in plan.skipped:
        context.record(
            DefinitionMissing(
                kind=skipped.kind, name=skipped.name, reason=skipped.reason, statements=list(skipped.texts)
            )
        )
    enabling = to_do("enable them when applications write to the destination")
    for what, names, remedy in (
        (
            "created without rows, because selected tables need their definitions",
            sorted(map(str, needs.required_tables)),
            NOTHING,
        ),
        ("left to the extensions that make and fill them", sorted(map(str, selection.of_extensions)), NOTHING),
        ("created, and disabled while changes are applied", plan.disabled, enabling),
    ):
        if names:
            context.record(Noticed(level="info", message=f"{what}: {listed(names)}", remedy=remedy))


def _write(path: Path, content: bytes) -> None:
    """Writes a file that is there whole or not at all, whenever the machine stops."""
    draft = path.with_suffix(".draft")
    with draft.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
