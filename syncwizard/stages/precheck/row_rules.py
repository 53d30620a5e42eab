"""Items about what the task selects and changes of rows: filters, scripts, operations."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from syncwizard.postgres.catalog.row_rules import Asked, ask, make_rule, names_of, names_there
from syncwizard.postgres.catalog.rule_checks import Judges
from syncwizard.postgres.catalog.tables import database_of
from syncwizard.rows.etl.tree import ScriptError
from syncwizard.rows.projection import Projection, RowRule, TaskWishes, check_destination
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping as NameMapping
from syncwizard.task.objects import entry_paths
from syncwizard.task.text import describe_count

ROW_RULES = ("row-rules",)
# Tables of which the message itself says what is done to their rows.
SHOWN = 3


@item("row-rules", "Filters and scripts can be evaluated at both ends", BOTH, OBJECTS)
def row_rules(checkup: Checkup) -> Finding:
    """Each is read, planned by both servers, and compared with the columns of the destination; a filter has to be
    immutable. Says how many rows the filters keep, by the plan."""
    wishes = TaskWishes(checkup.spec)
    mapping = checkup.mapping
    if wishes.plain and not mapping.origin_keys:
        return passed("no filters, scripts or chosen operations")
    problems: list[str] = []
    kept: list[str] = []
    asked: list[Asked] = []
    paths = entry_paths(checkup.spec.objects)
    for table in checkup.selection.tables:
        own = wishes.of(table.name, table.root)
        if not own.plain or mapping.edited(table.name, table.root) in mapping.origin_keys:
            try:
                asked.append(ask(table, own))
            except ScriptError as error:
                problems.append(f"{_placed(table, paths)}: {error}")
    judged = _Judged(checkup, asked)
    for table, problem, remark in judged.look():
        if problem:
            problems.append(f"{_placed(table, paths)}: {problem}")
        elif remark:
            kept.append(f"{table.name}: {remark}")
    if problems:
        more = f"; and {len(problems) - 1} more" if len(problems) > 1 else ""
        finding = failed(
            f"filters or scripts cannot be used: {problems[0]}{more}", "correct `where` and `etl` in the task file"
        )
        return msgspec.structs.replace(finding, objects=tuple(problems))
    more = f"; and {len(kept) - SHOWN} more" if len(kept) > SHOWN else ""
    return msgspec.structs.replace(passed("; ".join(kept[:SHOWN]) + more), objects=tuple(kept))


def _placed(table: Table, paths: Mapping[tuple[str, str], str]) -> str:
    """The table, and where the task file has its rules: of a partition with those of its tree, of others for all."""
    own = (paths.get((name.schema, name.name)) for name in (table.name, table.root))
    return f"{table.name} ({next(filter(None, own), 'advanced.etl')})"


class _Judged:
    """The rules of tables, of which thousands may be the same."""

    def __init__(self, checkup: Checkup, asked: Sequence[Asked]) -> None:
        source, destination = checkup.source, checkup.destination
        self._checkup = checkup
        self._asked = asked
        self._database = database_of(source)
        self._here = names_of(source, asked)
        self._there = names_there(destination, asked, checkup.mapping)
        self._judges = Judges(source, destination, types_follow=checkup.synchronizes("schema"))

    def look(self) -> Iterator[tuple[Table, str, str]]:
        """Each table, with what is wrong with its rule, and what it does."""
        made: list[tuple[Table, Projection, Projection]] = []
        for asked in self._asked:
            try:
                here, there = self._made(asked)
            except ScriptError as error:
                yield asked.table, str(error), ""
            else:
                if here is not None and there is not None:
                    made.append((asked.table, here.projection, there.projection))
        self._judges.plan_copies([here for _, here, _ in made])
        for table, source, destination in made:
            try:
                problem, remark = self._judged(table, source, destination)
            except ScriptError as error:
                problem, remark = str(error), ""
            yield table, problem, remark

    def _made(self, asked: Asked) -> tuple[RowRule | None, RowRule | None]:
        mapping = self._checkup.mapping
        here = make_rule(asked, self._here, mapping, self._database)
        same = self._here == self._there
        return here, here if same else make_rule(asked, self._there, mapping, self._database)

    def _judged(self, table: Table, here: Projection, there: Projection) -> tuple[str, str]:
        """What is wrong, and what is done. Raises ScriptError."""
        mapping = self._checkup.mapping
        if problem := self._judges.obstacle(here, there):
            return problem, ""
        if (target := self._checkup.target_of(table)) is not None:
            check_destination(here, target)
        elif missing := _not_filled(table, here, mapping):
            return (
                f"column {missing} is left out or renamed by the script, and NOT NULL in its definition: use"
                " `exclude_columns` or `columns` of the task file"
            ), ""
        return "", _described(table, here, mapping, round(self._judges.at_source(here).rows or 0))


def _not_filled(table: Table, projection: Projection, mapping: NameMapping) -> str:
    """A column that the definition of the source's table makes NOT NULL, and that a script leaves out."""
    written = {output.name for output in projection.outputs}
    edited = mapping.edited(table.name, table.root)
    needed = (
        column.name
        for column in table.stored_columns
        if column.not_null
        and mapping.column(edited, column.name) not in written
        and mapping.travels(edited, column.name)
    )
    return next(needed, "")


def _described(table: Table, projection: Projection, mapping: NameMapping, kept: int) -> str:
    parts = []
    if projection.where:
        rows = f" of about {describe_count(table.estimated_rows)}" if table.estimated_rows > 0 else ""
        parts.append(f"keeps about {describe_count(kept)}{rows} rows")
        edited = mapping.edited(table.name, table.root)
        left = [name for name in projection.decides if not mapping.travels(edited, name)]
        if left:
            parts.append(f"decided by {', '.join(sorted(left))}, which does not travel itself")
    if projection.changes_values:
        computed = [output.name for output in projection.outputs if output.source is None]
        parts.append(f"computes {', '.join(computed)}")
    return "; ".join(parts)


@item("script-values", "What scripts write is the same at every evaluation", BOTH, (*OBJECTS, *ROW_RULES))
def script_values(checkup: Checkup) -> Finding:
    """The time of evaluation is another in the copy and in the stream; a keyless table could not find its rows."""
    rules = checkup.rules
    stable = {name: rule for name, rule in rules.items() if rule.projection.stable or rule.projection.stamps}
    keyless = [
        str(table.name)
        for table in checkup.selection.copied
        if table.name in stable and not table.keys(column.name for column in table.columns)
    ]
    if keyless:
        return failed(
            naming(
                "rows of a table without a key are found by all of their values, and scripts write the time or the "
                "operation of a change into ",
                keyless,
            ),
            "add a primary key, or leave __OPERATION__, __COMMIT_TIMESTAMP__ and dt_now() out for these tables",
        )
    if stable:
        return warning(
            naming(
                "scripts write the time or the operation of a change: a row that is copied again gets other values: ",
                sorted(stable),
            )
        )
    return passed()


ITEMS = (row_rules, script_values)
