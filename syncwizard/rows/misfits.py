"""What keeps the rows of a relation from having a place at the destination."""

from syncwizard.errors import TaskFailed
from syncwizard.structure.table import ValueType

EQUAL = "OPERATOR(pg_catalog.=)"
# Of a type that is gone.
DROPPED = ValueType("of a dropped type", "")


class TypesDiffer(Exception):
    """A column comes with another type than the destination's: its bytes would mean something else (rule 14)."""


class NoPlace(TaskFailed):
    """The destination lacks a table or a column of the source."""
