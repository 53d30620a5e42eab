"""What accepting a warning of the precheck means for the data: said where it is asked. Pure."""

import datetime
from collections.abc import Mapping

from syncwizard.task.specification import IgnoredItem
from syncwizard.task.text import local_time

# Each item that may have to be accepted by what it found; any item may by not being determined.
MEANINGS: Mapping[str, str] = {
    "replica-identity": "No data differ by it: without FULL, updates and deletes could not be followed.",
    "same-named-definitions": "Data may differ: a type or function of the destination that is not as the source's"
    " refuses rows, or computes other values.",
    "foreign-code": "No data differ by it: the functions run at the destination with the rights of a superuser.",
    "row-constraints": "Data may differ: a row that meets another one in such an index stops the task until it is"
    " changed at the source.",
    "table-shapes": "Data may differ: values are shortened, rounded or left out where the destination's columns hold"
    " less.",
}
UNKNOWN = "Data may differ in what this item could not look at: nothing is checked in its place."


def meaning_of(item: str) -> str:
    """
    >>> meaning_of("wal-level") == UNKNOWN, meaning_of("table-shapes").partition(":")[0]
    (True, 'Data may differ')
    """
    return MEANINGS.get(item, UNKNOWN)


def accepted_when(entry: IgnoredItem) -> str:
    """When a warning was accepted, by this machine's clock; as it stands in the file where that is no time.

    >>> accepted_when(IgnoredItem(item="replica-identity", accepted_at="one morning"))
    'one morning'
    """
    try:
        return local_time(datetime.datetime.fromisoformat(entry.accepted_at).timestamp())
    except ValueError:
        return entry.accepted_at
