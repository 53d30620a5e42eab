"""What the keys of `objects` must fulfil beyond their types, as far as the file alone shows it; pure.

What only the catalogues show, such as a column that does not exist, is found by the precheck.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from syncwizard.task.objects import RenameRule, SchemaObjects, TableObject
from syncwizard.task.problem import Problem

# NAMEDATALEN - 1: the server cuts longer names, and two of them may become one.
NAME_BYTES = 63


def is_system_schema(name: str) -> bool:
    """Whether the server keeps the name for itself.

    >>> [is_system_schema(name) for name in ("pg_catalog", "pg_temp_3", "information_schema", "pgvector")]
    [True, True, True, False]
    """
    return name.startswith("pg_") or name == "information_schema"


def object_problems(objects: list[SchemaObjects]) -> Iterator[Problem]:
    """What is wrong with the entries, each for itself; `meeting` has what is wrong with their names together."""
    if not objects:
        yield Problem(path="objects", message="no object is selected", remedy="add a schema: `- schema: public`")
    seen: set[str] = set()
    for index, entry in enumerate(objects):
        path = f"objects[{index}]"
        if not entry.schema:
            yield Problem(path=f"{path}.schema", message="the schema's name is empty")
        if is_system_schema(entry.schema):
            yield Problem(
                path=f"{path}.schema",
                message=f"`{entry.schema}` is a schema of the server itself",
                remedy="select schemas of your own: every server brings its own system schemas",
            )
        if entry.schema in seen:
            yield Problem(
                path=f"{path}.schema",
                message=f"schema `{entry.schema}` is listed twice",
                remedy="put all of its objects into one entry",
            )
        seen.add(entry.schema)
        yield from _schema_problems(path, entry)


def name_problem(name: str) -> str:
    """Why an object cannot be called so at the destination; empty where it can.

    >>> name_problem("orders_eu"), name_problem("")
    ('', 'the name is empty')
    >>> name_problem("ü" * 32)
    'the name has 64 bytes; PostgreSQL takes 63 of a name'
    """
    if not name:
        return "the name is empty"
    if "\0" in name:
        return "the name contains a zero byte"
    size = len(name.encode("utf-8", "surrogatepass"))
    return f"the name has {size} bytes; PostgreSQL takes {NAME_BYTES} of a name" if size > NAME_BYTES else ""


def rule_problem(rule: RenameRule) -> tuple[str, str]:
    """The key of a rule that is wrong, and what is wrong with it; both empty where nothing is.

    >>> rule_problem(RenameRule(pattern="^tmp_(.+$", name="x"))
    ('pattern', 'this is no regular expression: missing ), unterminated subpattern at position 5')
    >>> rule_problem(RenameRule(pattern="^tmp_(.+)$", name=r"stage_\\2"))
    ('name', 'this does not fit the pattern: invalid group reference 2 at position 7')
    """
    try:
        pattern = re.compile(rule.pattern)
    except (re.error, RecursionError, OverflowError) as error:
        return "pattern", f"this is no regular expression: {error}"
    try:
        pattern.sub(rule.name, "")
    except (re.error, IndexError) as error:
        return "name", f"this does not fit the pattern: {error}"
    problem = "" if "\\" in rule.name else name_problem(rule.name)
    return ("name", problem) if problem else ("", "")


def _schema_problems(path: str, entry: SchemaObjects) -> Iterator[Problem]:
    if entry.exclude and not entry.whole:
        yield Problem(
            path=f"{path}.exclude",
            message="`exclude` is for whole schemas; this entry lists its objects",
            remedy="leave out `exclude`, or the lists of objects",
        )
    if entry.overrides and not entry.whole:
        yield Problem(
            path=f"{path}.overrides",
            message="`overrides` is for whole schemas; this entry lists its objects",
            remedy="put these keys beside the tables in `tables`",
        )
    if entry.name is not None:
        yield from _name_problems(f"{path}.name", entry.name, schema=True)
    tables = [chosen.table for chosen in entry.tables]
    changed = [chosen.table for chosen in entry.overrides]
    lists = {"tables": tables, "overrides": changed, "exclude": entry.exclude}
    lists |= {kind: getattr(entry, kind) for kind in ("sequences", "views", "materialized_views", "functions", "types")}
    for kind, names in lists.items():
        for name, times in Counter(names).items():
            if times > 1:
                yield Problem(path=f"{path}.{kind}", message=f"`{name}` is listed {times} times")
            if not name:
                yield Problem(path=f"{path}.{kind}", message="a name is empty")
    for index, rule in enumerate(entry.rename):
        key, message = rule_problem(rule)
        if message:
            yield Problem(path=f"{path}.rename[{index}].{key}", message=message)
    yield from _operations_problems(f"{path}.operations", entry.operations)
    excluded = set(entry.exclude)
    for kind, those in (("tables", entry.tables), ("overrides", entry.overrides)):
        for index, table in enumerate(those):
            here = f"{path}.{kind}[{index}]"
            if table.table in excluded:
                yield Problem(path=here, message=f"table `{table.table}` is in `exclude` too")
            yield from _table_problems(here, table)


def _table_problems(path: str, table: TableObject) -> Iterator[Problem]:
    if table.name is not None:
        yield from _name_problems(f"{path}.name", table.name)
    for name, new in table.columns.items():
        if problem := name_problem(new):
            yield Problem(path=f"{path}.columns", message=f"column `{name}`: {problem}")
    arrivals = Counter([*table.columns.values(), *([table.origin_column] if table.origin_column is not None else [])])
    for new, times in arrivals.items():
        if times > 1:
            yield Problem(path=f"{path}.columns", message=f"{times} columns go to `{new}`", remedy="name each once")
    left_out = set(table.exclude_columns)
    for name in table.columns:
        if name in left_out:
            yield Problem(
                path=f"{path}.exclude_columns",
                message=f"column `{name}` is renamed and left out",
                remedy="take it out of `columns`, or of `exclude_columns`",
            )
    for name, times in Counter(table.exclude_columns).items():
        if times > 1:
            yield Problem(path=f"{path}.exclude_columns", message=f"`{name}` is listed {times} times")
    if table.origin_column is not None:
        yield from _name_problems(f"{path}.origin_column", table.origin_column)
    if table.origin_column is not None and table.origin_keys is not None:
        yield Problem(
            path=f"{path}.origin_keys",
            message="`origin_column` and `origin_keys` both tell the rows apart",
            remedy="give one of them",
        )
    for key, text in (("where", table.where), ("origin_keys", table.origin_keys)):
        if text is not None and not text.strip():
            yield Problem(path=f"{path}.{key}", message="the condition is empty", remedy=f"leave out `{key}`")
    yield from _operations_problems(f"{path}.operations", table.operations)


def _name_problems(path: str, name: str, *, schema: bool = False) -> Iterator[Problem]:
    if problem := name_problem(name):
        yield Problem(path=path, message=problem)
    elif schema and is_system_schema(name):
        yield Problem(path=path, message=f"`{name}` is a schema of the server itself")
    elif schema and name == "syncwizard":
        yield Problem(path=path, message="the schema `syncwizard` holds what tasks keep at the destination")


def _operations_problems(path: str, operations: Iterable[str] | None) -> Iterator[Problem]:
    for name, times in Counter(operations or ()).items():
        if times > 1:
            yield Problem(path=path, message=f"`{name}` is listed {times} times")
