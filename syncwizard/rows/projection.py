"""What selects a table's rows and changes their values, as SQL: PostgreSQL evaluates it in the COPY at the source, and
between staging and table at the destination, so that both stages mean the same (rules 19 to 21).

A table without a filter, a script or restricted operations has no projection, and its rows take the raw path.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from syncwizard.rows.etl.parsing import parse
from syncwizard.rows.etl.steps import STAMP_REFERENCES, Level, Program, compile_scripts, reference
from syncwizard.rows.etl.tree import Place, ScriptError
from syncwizard.rows.etl.types import Type, fits, type_of
from syncwizard.rows.etl.values import COMMIT_TIMESTAMP, OPERATION, STAMPS
from syncwizard.rows.origin_keys import guarded, own_rows, parse_origin_keys
from syncwizard.rows.type_names import moved_type
from syncwizard.rows.where import Condition, Names
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping as NameMapping
from syncwizard.task.names import TableName, quote
from syncwizard.task.objects import Operation
from syncwizard.task.specification import TaskSpec
from syncwizard.task.text import did_you_mean

NO_COLUMNS: frozenset[str] = frozenset()
EVERY_OPERATION: frozenset[str] = frozenset(("insert", "update", "delete", "truncate", "ddl"))


class Wishes(msgspec.Struct, frozen=True, kw_only=True):
    """What the task file asks of one table's rows: `where`, the scripts in their order, and the operations."""

    where: str | None = None
    scripts: tuple[str, ...] = ()
    operations: frozenset[str] = EVERY_OPERATION

    @property
    def plain(self) -> bool:
        """Whether rows and changes go as they are."""
        return self.where is None and not self.scripts and self.operations >= EVERY_OPERATION

    @property
    def followed(self) -> bool:
        """Whether changes of the table's definition are wanted."""
        return "ddl" in self.operations


class TaskWishes:
    """What a task file asks of each of its tables' rows; thousands of tables are asked for."""

    def __init__(self, spec: TaskSpec) -> None:
        self._tables = {
            TableName(entry.schema, own.table): (entry, own) for entry in spec.objects for own in entry.described
        }
        self._schemas = {entry.schema: entry for entry in spec.objects}
        self._script = spec.advanced.etl

    def of(self, table: TableName, root: TableName) -> Wishes:
        """Those of a table; a partition without an entry of its own follows the partitioned table it belongs to."""
        entry, own = self._tables.get(table) or self._tables.get(root) or (self._schemas.get(table.schema), None)
        operations: Iterable[Operation] | None = own.operations if own is not None else None
        if operations is None and entry is not None:
            operations = entry.operations
        scripts = (own.etl if own is not None else None, self._script)
        return Wishes(
            where=own.where if own is not None else None,
            scripts=tuple(script for script in scripts if script),
            operations=EVERY_OPERATION if operations is None else frozenset(operations),
        )

    @property
    def plain(self) -> bool:
        """Whether no table is asked anything."""
        described = (own for _, own in self._tables.values())
        return (
            self._script is None
            and not any(entry.operations is not None for entry in self._schemas.values())
            and not any(own.where or own.etl or own.operations is not None for own in described)
        )


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """A column of the destination: `sql` over the last level. `source`: the source's column that goes there unchanged;
    `reads`: the source's columns (and stamps) that decide its value."""

    name: str
    sql: str
    type: Type
    source: str | None
    reads: frozenset[str]


class Projection(msgspec.Struct, frozen=True, kw_only=True):
    """How the rows of a source table become rows of the destination.

    - `columns`: the source's columns in the order of its relation, with their types' names at the end that evaluates it
    - `key`: those that its rows are found by
    - `levels`: of the query, the filter first; `outputs`: what the last one gives
    - `decides`: columns that say whether a row travels; `kept`: True where all do
    - `operations`: those that are applied; `drops`: kinds of changes that a script leaves out by `__OPERATION__`
    - `stamps`: variables of the change that are read; `stable`: values depend on when they are evaluated
    - `secrets`: forms of the secrets that are read
    - `origin`: the column that tells rows of merged tables apart, and its value
    - `own`: where a condition over the key does, the same for the rows `t` of the destination
    """

    table: TableName
    columns: dict[str, str]
    key: tuple[str, ...]
    levels: tuple[Level, ...]
    outputs: tuple[Output, ...]
    decides: frozenset[str]
    kept: bool | None
    operations: frozenset[str]
    stamps: tuple[str, ...]
    secrets: frozenset[str]
    stable: bool
    where: str = ""
    origin: tuple[str, str] | None = None
    own: str = ""

    @property
    def merged(self) -> bool:
        """Whether the destination's table may hold rows of other tables, too."""
        return self.origin is not None or bool(self.own)

    @property
    def reads(self) -> frozenset[str]:
        """The source's columns that anything depends on."""
        return self.decides.union(*(output.reads for output in self.outputs))

    @property
    def changes_values(self) -> bool:
        """Whether any value is computed."""
        return any(output.source is None for output in self.outputs)

    def over(self, base: str, levels: int | None = None) -> str:
        """The levels, or so many of them, over a query that gives `c0`, `c1`, …, as an item of FROM called `l`."""
        text = f"({base}) AS l"
        for level in self.levels[:levels]:
            added = "".join(f", {sql} AS {name}" for name, sql in level.adds)
            kept = f" WHERE {level.keeps}" if level.keeps else ""
            apart = " OFFSET 0" if level.apart else ""
            text = f"(SELECT l.*{added} FROM {text}{kept}{apart}) AS l"
        return text

    def expressions(self) -> Iterator[tuple[str, str, int]]:
        """What is evaluated, in order: where the task has it, its SQL, and over how many of the levels."""
        for at, level in enumerate(self.levels):
            for (_, sql), made_by in zip(level.adds, level.made_by, strict=True):
                yield f"the script, {made_by}", sql, at
            if level.keeps:
                guard = self.own and at == (1 if self.where else 0)
                filters = at == 0 and self.where
                where = "origin_keys" if guard else "the filter" if filters else "a condition of the script"
                yield where, level.keeps, at
        for output in self.outputs:
            yield f"column {output.name}", output.sql, len(self.levels)

    def base_at_source(self, relation: str, bounds: str = "") -> str:
        """The query over the table itself; `bounds`: a predicate of the part that is read."""
        used = self.reads
        parts = [
            f"b.{quote(name)} AS {reference(at)}"
            for at, name in enumerate(self.columns)
            if name in used or any(output.source == name for output in self.outputs)
        ]
        parts += [f"{_COPIED[stamp]} AS {STAMP_REFERENCES[stamp]}" for stamp in self.stamps]
        where = f" WHERE {bounds}" if bounds else ""
        return f"SELECT {', '.join(parts) or 'NULL'} FROM {relation} AS b{where}"


class RowRule(msgspec.Struct, frozen=True, kw_only=True):
    """A table's projection, and its condition as it was read."""

    projection: Projection
    condition: Condition | None = None


# What a row of the copy has in place of a change's: when it was committed is not known of it.
_COPIED = {OPERATION: "'INSERT'::text", COMMIT_TIMESTAMP: "NULL::timestamptz"}


def make_projection(
    table: Table,
    wishes: Wishes,
    condition: Condition | None,
    *,
    mapping: NameMapping,
    names: Names,
    key: Sequence[str],
    database: str,
) -> Projection | None:
    """The projection of a table, None where its rows go as they are.

    `condition`: its `where`, read; `key`: the source's columns that the apply key may consist of; `names`: of the end
    that evaluates it. Raises ScriptError.
    """
    edited = mapping.edited(table.name, table.root)
    origin = mapping.origin(table.name, table.root, database)
    if wishes.plain and not mapping.merged(edited):
        return None
    stored = {column.name: moved_type(column.type.name, names.moved) for column in table.stored_columns}
    constants = {"__DB__": database, "__SCHEMA__": table.root.schema, "__TB__": table.root.name}
    program = _compiled(table, wishes, stored, key, constants)
    drops = frozenset(
        kind
        for kind, operation in (("insert", "INSERT"), ("update", "UPDATE"), ("delete", "DELETE"))
        if _drops(table, wishes, stored, key, constants, operation)
    )
    levels = program.levels
    decides, kept = program.decides, program.kept
    own = ""
    if (text := mapping.origin_keys.get(edited)) is not None:
        own = own_rows(text, table, mapping, alias="t")
        keys = parse_origin_keys(text, table.name, stored, key)
        told = f"a row of {table.name} does not meet its origin_keys, {keys.text}: "
        levels = [Level(keeps=guarded(keys.sql(stored, names), literal(told))), *levels]
    if condition is not None:
        later = any(level.keeps for level in levels)
        levels = [Level(keeps=f"({condition.sql(stored, names)})", apart=later), *levels]
        decides |= condition.reads
        kept = False if kept is False else None
    outputs = tuple(_outputs(table, program, stored, mapping, origin))
    reads = decides.union(*(output.reads for output in outputs))
    if kept is not False and OPERATION in decides:
        _refuse_mixed(table, wishes, stored, key, constants)
    return Projection(
        table=table.name,
        columns=stored,
        key=tuple(key),
        levels=tuple(levels),
        outputs=outputs,
        decides=decides,
        kept=kept,
        operations=wishes.operations - drops,
        stamps=tuple(stamp for stamp in STAMPS if stamp in reads),
        secrets=program.secrets,
        stable=program.stable,
        where=condition.text if condition is not None else "",
        origin=origin,
        own=own,
    )


def _compiled(
    table: Table, wishes: Wishes, stored: Mapping[str, str], key: Sequence[str], constants: Mapping[str, str]
) -> Program:
    types = {name: type_of(kind) for name, kind in stored.items()}
    return compile_scripts([parse(script) for script in wishes.scripts], types, key, constants, str(table.name))


def _drops(
    table: Table,
    wishes: Wishes,
    stored: Mapping[str, str],
    key: Sequence[str],
    constants: Mapping[str, str],
    operation: str,
) -> bool:
    """Whether a script leaves out all changes of a kind, and not all of every kind."""
    if not any(OPERATION in script for script in wishes.scripts):
        return False
    return _compiled(table, wishes, stored, key, {**constants, OPERATION: operation}).kept is False


def _refuse_mixed(
    table: Table, wishes: Wishes, stored: Mapping[str, str], key: Sequence[str], constants: Mapping[str, str]
) -> None:
    """A delete knows the key, and whether it is applied must not hang on other columns as well."""
    found = _compiled(table, wishes, stored, key, {**constants, OPERATION: "DELETE"})
    other = _compiled(table, wishes, stored, key, {**constants, OPERATION: "UPDATE"})
    if found.kept is None and [level.keeps for level in found.levels] != [level.keeps for level in other.levels]:
        raise ScriptError(
            "whether a DELETE is applied depends on its operation and on columns of the row",
            Place(1, 1),
            'drop all deletes, e_if(op_eq(__OPERATION__, "DELETE"), e_drop()), or none',
        )


def _outputs(
    table: Table,
    program: Program,
    stored: Mapping[str, str],
    mapping: NameMapping,
    origin: tuple[str, str] | None,
) -> Iterable[Output]:
    """The columns that are written. Raises ScriptError for two of one name."""
    references = {f"l.{reference(at)}": name for at, name in enumerate(stored)}
    found: dict[str, str] = {}
    edited = mapping.edited(table.name, table.root)
    for name, value in program.outputs.items():
        if not mapping.travels(edited, name):
            continue
        source = references.get(value.sql)
        # What a script has named has its own name; the file's renaming is for the table's columns.
        target = mapping.column(edited, name) if name in stored else name
        if target in found:
            raise ScriptError(f"two columns go to {target}: {found[target]} and {name}", Place(1, 1))
        found[target] = name
        yield Output(name=target, sql=value.sql, type=value.type, source=source, reads=value.reads)
    if origin is not None:
        column, text = origin
        if column in found:
            raise ScriptError(f"two columns go to {column}: {found[column]} and the origin", Place(1, 1))
        yield Output(name=column, sql=literal(text), type=Type("text", "text"), source=None, reads=NO_COLUMNS)


def literal(text: str) -> str:
    """The text as a constant, whatever `standard_conforming_strings` says.

    >>> print(literal("it's"))
    'it''s'::pg_catalog.text
    """
    plain = text.replace("'", "''")
    if "\\" in plain:
        plain = plain.replace("\\", "\\\\")
        return f"E'{plain}'::pg_catalog.text"
    return f"'{plain}'::pg_catalog.text"


def check_destination(projection: Projection, table: Table) -> None:
    """Compares what a projection gives with the columns of its destination. Raises ScriptError."""
    columns = {column.name: column for column in table.columns}
    for output in projection.outputs:
        column = columns.get(output.name)
        if column is None:
            near = did_you_mean(output.name, columns)
            raise ScriptError(
                f"column {output.name} is not in {table.name} at the destination",
                Place(1, 1),
                near or "create it there, or leave the schema synchronization to create it",
            )
        if output.source is None and not fits(output.type, type_of(column.type.name)):
            raise ScriptError(
                f"column {output.name} of {table.name} is {column.type.name} and cannot take {output.type.name}",
                Place(1, 1),
                "cast the value: ct_int, ct_numeric, ct_timestamptz, …",
            )


def needs_full(projection: Projection, table: Table, key: Iterable[str]) -> str:
    """Why old rows have to come whole (REPLICA IDENTITY FULL), to be read after the table's name; empty where they need
    not (rule 20).

    `key`: what comes with every old row anyway.
    """
    known = frozenset(key) | frozenset(STAMPS)
    long = [column.name for column in table.stored_columns if column.long]
    if not long or table.replica_identity == "f":
        return ""
    if not projection.decides <= known and projection.kept is not False:
        return f"has rows that move in and out of the selection, and values of {long[0]} may be too long to come along"
    for output in projection.outputs:
        parts = output.reads - frozenset(STAMPS)
        if output.source is None and len(parts) > 1 and (some := sorted(parts & set(long))):
            return f"makes column {output.name} of {some[0]} and others, and {some[0]} may be too long to come along"
    return ""
