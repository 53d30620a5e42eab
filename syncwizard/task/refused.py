"""A change of a row that the destination refuses, whole: what it was and what it was to become."""

from syncwizard.errors import ChangeFailed
from syncwizard.remedies import Remedy
from syncwizard.task.facts import RefusedChange
from syncwizard.task.text import format_table, one_line, shorten

# Of a value on a screen; data has it whole.
SHOWN_CHARACTERS = 60
HEADER = ("COLUMN", "BEFORE", "AFTER")


class RowRefused(ChangeFailed):
    """One change of a row cannot be applied; `change` is all of it."""

    def __init__(
        self,
        title: str,
        *,
        change: RefusedChange | None,
        detail: str = "",
        where: str = "",
        remedy: Remedy | str = "",
        sqlstate: str = "",
    ) -> None:
        super().__init__(title, detail=detail, where=where, remedy=remedy, sqlstate=sqlstate)
        self.change = change


def describe_refused(change: RefusedChange) -> str:
    """The change, a line for each column that was sent.

    >>> change = RefusedChange(kind="update", table="public.t", lsn="0/1", old={"id": "7"}, new={"id": "7", "n": None})
    >>> print(describe_refused(change))
    the change: update on public.t, committed at 0/1
    COLUMN  BEFORE  AFTER
    id      7       7
    n               NULL
    """
    names = list(dict.fromkeys([*change.new, *change.old]))
    rows = [(one_line(name), _shown(change.old, name), _shown(change.new, name)) for name in names]
    return f"the change: {change.kind} on {change.table}, committed at {change.lsn}\n" + format_table(HEADER, rows)


def _shown(values: dict[str, str | None], name: str) -> str:
    if name not in values:
        return ""
    text = values[name]
    # Nothing is shown of what was not sent, and an empty text is something.
    return "NULL" if text is None else shorten(one_line(text), SHOWN_CHARACTERS) or "''"
