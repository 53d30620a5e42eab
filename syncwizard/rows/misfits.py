"""What keeps the rows of a relation from having a place at the destination."""

from syncwizard.errors import TaskFailed
from syncwizard.remedies import Remedy
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


class Unreadable(NoPlace):
    """A condition or script is made for other columns than a row comes with. `table`: the topmost one, where trying
    again would meet the same row; `followed`: its definition is, so that nothing but its rows is missing."""

    def __init__(
        self, title: str, table: TableName | None, *, followed: bool = False, where: str, remedy: Remedy
    ) -> None:
        super().__init__(title, where=where, remedy=remedy)
        self.table = table
        self.followed = followed
