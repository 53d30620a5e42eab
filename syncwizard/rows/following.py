"""Which tables have their definitions followed: those that go to one table of the destination, as they are. Pure."""

from collections import Counter
from collections.abc import Sequence

from syncwizard.rows.projection import TaskWishes
from syncwizard.structure.table import Table
from syncwizard.task.mapping import Mapping
from syncwizard.task.specification import TaskSpec


def followable(spec: TaskSpec, mapping: Mapping, tables: Sequence[Table]) -> list[Table]:
    """The ordinary tables among the selected ones whose rows are neither filtered nor changed nor merged, and whose
    columns have the same names at both ends; their own names may be others there."""
    wishes = TaskWishes(spec)
    targets = Counter(mapping.table(table.name) for table in tables)
    return [
        table
        for table in tables
        if not table.partitioned
        and not table.is_partition
        and wishes.of(table.name, table.root).plain
        and targets[mapping.table(table.name)] == 1
        and names_alike(mapping, table)
    ]


def names_alike(mapping: Mapping, table: Table) -> bool:
    """Whether each of its columns goes to the one of the same name, those to come, too."""
    return (
        mapping.capitalization == "source"
        and table.name not in mapping.columns
        and table.name not in mapping.left_out
        and table.name not in mapping.origins
    )
