"""What keeps the rows of a relation from having a place at the destination."""

from syncwizard.errors import TaskFailed
from syncwizard.structure.table import ValueType
from syncwizard.task.names import TableName

EQUAL = "OPERATOR(pg_catalog.=)"
# Of a type that is gone.
DROPPED = ValueType("of a dropped type", "")


class TypesDiffer(Exception):
    """A column comes with another type than the destination's: its bytes would mean something else (rule 14)."""


class Spared(TaskFailed):
    """Some partitions of a tree were truncated whose rows are in one table of the destination with those of others."""

    def __init__(self, root: TableName, tree: frozenset[TableName], reason: str) -> None:
        super().__init__(f"{root}: {reason}", where="destination")
        self.root = root
        self.tree = tree
        self.reason = reason


class NoPlace(TaskFailed):
    """The destination lacks a table or a column of the source."""
