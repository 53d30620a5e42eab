"""What an item of the precheck is and what it finds. The order of all items is in `topics`."""

from collections.abc import Callable, Sequence

import msgspec

from syncwizard.errors import End
from syncwizard.remedies import NOTHING, Remedy, as_remedy
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.task.events import RunBy, Verdict

BOTH: tuple[End, ...] = ("source", "destination")
# The items by which an end's reachability is known.
CONNECTIVITY: dict[End, str] = {"source": "source-connectivity", "destination": "destination-connectivity"}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What an item found. A warning with `acceptance` blocks until the task file accepts it, one without informs.

    `objects`: a line for each object that the message is about, with what is the matter with it.
    """

    verdict: Verdict
    message: str = ""
    remedy: Remedy = NOTHING
    acceptance: bool = False
    objects: tuple[str, ...] = ()


def passed(message: str = "") -> Finding:
    """Nothing stands in the way."""
    return Finding(verdict="passed", message=message)


def failed(message: str, remedy: Remedy | str, sql: str | Sequence[str] = ()) -> Finding:
    """The task cannot start. `sql`: a statement, or several."""
    return Finding(verdict="failed", message=message, remedy=_with_statements(remedy, sql))


def warning(message: str, remedy: Remedy | str = "", sql: str | Sequence[str] = ()) -> Finding:
    """Worth knowing; the task can start."""
    return Finding(verdict="warning", message=message, remedy=_with_statements(remedy, sql))


def must_be_accepted(message: str, remedy: Remedy | str, sql: str | Sequence[str] = ()) -> Finding:
    """The task can start once the task file accepts this."""
    return Finding(verdict="warning", message=message, remedy=_with_statements(remedy, sql), acceptance=True)


def _with_statements(remedy: Remedy | str, sql: str | Sequence[str]) -> Remedy:
    statements = (sql,) if isinstance(sql, str) else tuple(sql)
    given = as_remedy(remedy)
    return msgspec.structs.replace(given, statements=(*given.statements, *filter(None, statements)))


Check = Callable[[Checkup], Finding]


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """A check: `name` is what `precheck.ignore` accepts; it runs when `ends` can be reached and the items `after`
    which it comes ran and did not fail.

    `run_by`: `administrator` when its statements give what the task's account cannot give itself: rights, settings
    and extensions. They are part of the script of their end.
    """

    name: str
    title: str
    check: Check
    ends: tuple[End, ...]
    after: tuple[str, ...] = ()
    run_by: RunBy = "account"

    @property
    def needs(self) -> tuple[str, ...]:
        """The items that have to be done before."""
        return (*(CONNECTIVITY[end] for end in self.ends), *self.after)


def item(
    name: str, title: str, ends: tuple[End, ...], after: tuple[str, ...] = (), *, run_by: RunBy = "account"
) -> Callable[[Check], Item]:
    """Makes an item of a check; its module lists it in `ITEMS`."""

    def make(check: Check) -> Item:
        return Item(name=name, title=title, check=check, ends=ends, after=after, run_by=run_by)

    return make
