"""A change of a definition that waits at its place, as an error and as what was decided about it."""

from typing import Literal

from syncwizard.errors import ChangeFailed
from syncwizard.remedies import Remedy
from syncwizard.task.facts import BlockedDefinition, Event
from syncwizard.task.text import counted

# `run` other statements in its place, `skip` it, `retry` it as it is.
Action = Literal["retry", "run", "skip"]


class DefinitionBlocked(ChangeFailed):
    """A change of a definition that cannot be followed, or that the destination refuses; `definition` is the change."""

    def __init__(
        self,
        title: str,
        *,
        definition: BlockedDefinition | None,
        detail: str = "",
        where: str = "",
        remedy: Remedy | str = "",
        sqlstate: str = "",
    ) -> None:
        super().__init__(title, detail=detail, where=where, remedy=remedy, sqlstate=sqlstate)
        self.definition = definition


class DefinitionDecided(Event, frozen=True, kw_only=True, tag=True):
    """What was decided about a change of a definition that waits.

    - `ordinal`, `lsn`, `tag`, `table`: the change, as BlockedDefinition has it
    - `statements`: what runs in its place; `by`: the account of the machine that decided
    """

    ordinal: int
    lsn: str
    tag: str
    table: str
    action: Action
    statements: tuple[str, ...] = ()
    by: str = ""

    def concerns(self, ordinal: int, lsn: str) -> bool:
        """Whether it is about that change: numbers begin again where the capture is made anew."""
        return (self.ordinal, self.lsn) == (ordinal, lsn)


def describe_decision(event: DefinitionDecided) -> str:
    """A decision in one line.

    >>> describe_decision(DefinitionDecided(ordinal=1, lsn="0/1", tag="ALTER TABLE", table="a.b", action="skip"))
    'ALTER TABLE on a.b is skipped'
    """
    what = f"{event.tag} on {event.table}" if event.table else event.tag
    by = f", decided by {event.by}" if event.by else ""
    match event.action:
        case "retry":
            return f"{what} is tried again{by}"
        case "skip":
            return f"{what} is skipped{by}"
        case "run":
            return f"{counted(len(event.statements), 'statement')} in place of {what}{by}"
