"""Whether tables that go to one table of the destination can be told apart there (DESIGN rule 22); pure."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from syncwizard.structure.renames import renamed
from syncwizard.structure.table import Table, apply_key
from syncwizard.task.mapping import Mapping as Names
from syncwizard.task.names import TableName

TEXTS = ("text", "character varying")
WAYS = "create it there with a primary key of the key's columns and the origin column"


def merge_problems(
    tables: Iterable[Table], names: Names, there: Mapping[TableName, Table], sent: Mapping[TableName, Collection[str]]
) -> Iterator[str]:
    """Why rows of several tables could not be told apart, or not be found again. `sent`: the columns that come with the
    old rows of each table, by the source's name."""
    arrivals: dict[TableName, list[Table]] = defaultdict(list)
    for table in tables:
        # Partitions go where their tree goes.
        if table.root == table.name:
            arrivals[names.table(table.name)].append(table)
    for target, those in arrivals.items():
        origins = {names.origins.get(table.name) for table in those}
        if len(those) > 1 and None in origins:
            yield (
                f"{' and '.join(str(table.name) for table in those)} would all be {target}: give each another name, or"
                " all of them the same origin_column"
            )
        elif origins != {None}:
            for table in those:
                yield from _problems(table, names, there.get(target), target, sent.get(table.name, ()))


def _problems(
    table: Table, names: Names, found: Table | None, target: TableName, sent: Collection[str]
) -> Iterator[str]:
    origin = names.origins[table.name]
    if found is None:
        yield f"{table.name} is merged into {target}, which does not exist: {WAYS}"
        return
    column = next((each for each in found.columns if each.name == origin), None)
    if column is None or column.type.name not in TEXTS or column.generated:
        yield f"{target} has no column {origin} of type text, which tells the rows of {table.name} from others"
        return
    expected = renamed(table, names)
    if origin in {names.column(table.name, each.name) for each in table.columns}:
        yield f"{table.name} has a column that would be {origin} itself"
        return
    arriving = [names.column(table.name, each) for each in sent if names.travels(table.name, each)]
    key = apply_key(expected, found, [*arriving, origin])
    if key is None or origin not in key.columns:
        yield (
            f"rows of {table.name} and of others could have one key in {target}: its key must consist of the key's"
            f" columns and {origin}"
        )
