"""Whether tables that go to one table of the destination can be told apart there (DESIGN rule 22); pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Table, apply_key
from syncwizard.task.mapping import Mapping as Names
from syncwizard.task.names import TableName

TEXTS = ("text", "character varying")
BY_COLUMN = "create it there with a primary key of the key's columns and the origin column"
BY_KEYS = "create it there with the key that they have"


def merged(tables: Iterable[Table], names: Names) -> dict[TableName, list[Table]]:
    """The source's tables that share one of the destination, or may, by its name there."""
    arrivals: dict[TableName, list[Table]] = defaultdict(list)
    for table in tables:
        # Partitions go where their tree goes.
        if table.root == table.name:
            arrivals[names.table(table.name)].append(table)
    return {
        target: those
        for target, those in arrivals.items()
        if len(those) > 1 or any(names.merged(table.name) for table in those)
    }


def merge_problems(
    tables: Iterable[Table], names: Names, there: Mapping[TableName, Table], sent: Mapping[TableName, Collection[str]]
) -> Iterator[str]:
    """Why rows of several tables could not be told apart, or not be found again. `sent`: the columns that come with the
    old rows of each table, by the source's name. What conditions over keys mean, the servers are asked."""
    for target, those in merged(tables, names).items():
        ways = {_way(table.name, names) for table in those}
        if len(ways) > 1 or ways == {""}:
            yield (
                f"{' and '.join(str(table.name) for table in those)} would all be {target}: give each another name, or"
                " all of them the same origin_column, or origin_keys where constraints keep their keys apart"
            )
            continue
        judge = _by_column if names.origins.keys() & {table.name for table in those} else _by_keys
        for table in those:
            yield from judge(table, names, there.get(target), target, sent.get(table.name, ()))


def _way(table: TableName, names: Names) -> str:
    """By what the rows of a table are told apart; empty for by nothing."""
    return "keys" if table in names.origin_keys else f"column {names.origins[table]}" if table in names.origins else ""


def _by_column(
    table: Table, names: Names, found: Table | None, target: TableName, sent: Collection[str]
) -> Iterator[str]:
    origin = names.origins[table.name]
    if found is None:
        yield f"{table.name} is merged into {target}, which does not exist: {BY_COLUMN}"
        return
    column = next((each for each in found.columns if each.name == origin), None)
    if column is None or column.type.name not in TEXTS or column.generated:
        yield f"{target} has no column {origin} of type text, which tells the rows of {table.name} from others"
        return
    expected = renamed(table, names)
    if origin in {names.column(table.name, each.name) for each in table.columns}:
        yield f"{table.name} has a column that would be {origin} itself"
        return
    key = apply_key(expected, found, [*_arriving(table, names, sent), origin])
    if key is None or origin not in key.columns:
        yield (
            f"rows of {table.name} and of others could have one key in {target}: its key must consist of the key's"
            f" columns and {origin}"
        )


def _by_keys(
    table: Table, names: Names, found: Table | None, target: TableName, sent: Collection[str]
) -> Iterator[str]:
    if found is None:
        yield f"{table.name} is merged into {target}, which does not exist: {BY_KEYS}"
    elif apply_key(renamed(table, names), found, _arriving(table, names, sent)) is None:
        yield (
            f"rows of {table.name} could not be found in {target}: it needs the key of {table.name}, of columns that"
            " come with old rows"
        )


def _arriving(table: Table, names: Names, sent: Collection[str]) -> list[str]:
    return [names.column(table.name, each) for each in sent if names.travels(table.name, each)]
