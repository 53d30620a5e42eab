"""What an item of the precheck is and what it finds. The order of all items is in `topics`."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from syncwizard.errors import End
from syncwizard.remedies import NOTHING, Remedy, as_remedy
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.task.events import RunBy, Verdict
from syncwizard.task.text import NAMES_SHOWN, listed

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


class Fact(msgspec.Struct, frozen=True):
    """What is the matter with objects that are named behind it: with the first few in a message, with each in a line
    of its own where they are more."""

    about: str
    names: tuple[str, ...]

    @property
    def lines(self) -> list[str]:
        """
        >>> Fact("gone: ", ("a", "b")).lines
        ['gone: a, b']
        >>> len(Fact("gone: ", tuple("abcdefghijk")).lines)
        11
        """
        cut = len(self.names) > NAMES_SHOWN
        return [self.about + name for name in self.names] if cut else [str(self)]

    def __str__(self) -> str:
        return self.about + listed(self.names)


Facts = str | Fact | Sequence[str | Fact]


def naming(about: str, names: Iterable[object]) -> Fact:
    """A fact about these."""
    return Fact(about, tuple(map(str, names)))


def passed(facts: Facts = "") -> Finding:
    """Nothing stands in the way."""
    return _of("passed", facts)


def failed(facts: Facts, remedy: Remedy | str, sql: str | Sequence[str] = ()) -> Finding:
    """The task cannot start. `facts`: what is the matter; `sql`: a statement, or several."""
    return _of("failed", facts, remedy, sql)


def warning(facts: Facts, remedy: Remedy | str = "", sql: str | Sequence[str] = ()) -> Finding:
    """Worth knowing; the task can start."""
    return _of("warning", facts, remedy, sql)


def must_be_accepted(facts: Facts, remedy: Remedy | str, sql: str | Sequence[str] = ()) -> Finding:
    """The task can start once the task file accepts this."""
    return msgspec.structs.replace(_of("warning", facts, remedy, sql), acceptance=True)


def _of(verdict: Verdict, facts: Facts, remedy: Remedy | str = "", sql: str | Sequence[str] = ()) -> Finding:
    """The message has the first fact; where that is not all, each stands in a line below.

    >>> found = _of("warning", ["a is gone", naming("old: ", ["b", "c"])])
    >>> found.message, found.objects
    ('a is gone; and 1 more', ('a is gone', 'old: b, c'))
    """
    given = [facts] if isinstance(facts, str | Fact) else list(facts)
    message = str(given[0]) if given else ""
    lines = [line for fact in given for line in (fact.lines if isinstance(fact, Fact) else [fact])]
    if len(given) > 1:
        message += f"; and {len(given) - 1} more"
    return Finding(
        verdict=verdict,
        message=message,
        remedy=_with_statements(remedy, sql),
        objects=tuple(lines) if len(lines) > 1 else (),
    )


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
