"""Changes of rows that the destination refuses: what was decided about one, and those that are in quarantine."""

from collections.abc import Iterable
from typing import Literal

import msgspec

from syncwizard.task.facts import Event
from syncwizard.task.names import TableName
from syncwizard.task.text import counted

# Classes of errors that every change would meet, not this one alone: of connections, transactions, rights and names,
# resources, operators, limits of the machine.
_OF_THE_SERVER = ("08", "25", "26", "28", "3D", "40", "42", "53", "55", "57", "58")

# `retry` it as it is, `edit` its values and apply it with those, `quarantine` it: go on without it.
RowAction = Literal["retry", "edit", "quarantine"]
# Why a record is settled: both ends were compared and had the same row; the table was copied again.
Settled = Literal["equal", "copied"]


class RowDecided(Event, frozen=True, kw_only=True, tag=True):
    """What was decided about a change of a row that cannot be applied.

    - `lsn`, `digest`: the change, as RefusedChange has it; `kind`, `table`, `key`: for people
    - `values`: what is written in place of what the source sent, by the destination's columns; None is NULL
    - `by`: the account of the machine that decided
    """

    lsn: str
    digest: str
    kind: str
    table: str
    key: str
    action: RowAction
    values: dict[str, str | None] = msgspec.field(default_factory=dict)
    by: str = ""

    def concerns(self, lsn: str, digest: str) -> bool:
        """Whether it is about that change."""
        return (self.lsn, self.digest) == (lsn, digest)


class ChangeQuarantined(Event, frozen=True, kw_only=True, tag=True):
    """A change of a row is durable in `syncwizard.quarantine` of the destination, under its number there.

    - `table`: at the source; `target`: the destination's table; `lsn`: of the commit at the source
    - `keys`: the row's key after the change, and before it where that was another one, by the source's columns
    - `edited`: it was applied with other values; without, it was left out
    - `reason`, `sqlstate`: why the destination refused it; `by`: the account that decided
    - `follows`: the number of the record whose row it is of, for one without a decision of its own; 0: none
    """

    number: int
    table: TableName
    target: str
    kind: str
    lsn: str
    keys: list[dict[str, str | None]]
    edited: bool
    reason: str
    sqlstate: str = ""
    by: str = ""
    follows: int = 0


class QuarantineFollowed(Event, frozen=True, kw_only=True, tag=True):
    """So many more changes of a row in quarantine could not be applied either, and are with it: up to the record
    `number`; `follows` is the first one of the row."""

    follows: int
    table: TableName
    changes: int
    number: int


class QuarantineSettled(Event, frozen=True, kw_only=True, tag=True):
    """Both ends have the same row again: of these records, with those that follow them."""

    numbers: list[int]
    table: TableName
    reason: Settled


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """A record as the task's state keeps it. `followers`: later changes of the row that are with it; times in seconds
    since the epoch, `settled_at` None until both ends are known to have the same row again."""

    change: ChangeQuarantined
    at: float
    followers: int = 0
    settled_at: float | None = None
    settled: Settled | None = None


def is_of_its_row(sqlstate: str) -> bool:
    """Whether the destination may have refused a change because of its row: otherwise it would refuse others.

    >>> is_of_its_row("23514"), is_of_its_row(""), is_of_its_row("53100")
    (True, True, False)
    """
    return sqlstate[:2] not in _OF_THE_SERVER


def key_text(key: dict[str, str | None]) -> str:
    """A key in one line.

    >>> key_text({"id": "7", "part": None})
    'id = 7, part = NULL'
    """
    return ", ".join(f"{name} = {'NULL' if value is None else value}" for name, value in key.items())


def describe_quarantined(event: ChangeQuarantined) -> str:
    """What became of a change, in one line."""
    key = f" with {key_text(event.keys[0])}" if event.keys else ""
    done = "was applied with other values" if event.edited else "is in quarantine and not applied"
    by = f", as {event.by} decided" if event.by else ""
    return f"{event.kind} on {event.target}{key}, committed at {event.lsn}, {done}{by}: {event.reason}"


def describe_row_decision(event: RowDecided) -> str:
    """A decision in one line.

    >>> describe_row_decision(
    ...     RowDecided(lsn="0/1", digest="", kind="insert", table="a.b", key="id = 7", action="quarantine", by="dba")
    ... )
    'insert on a.b with id = 7, committed at 0/1, goes to quarantine, decided by dba'
    """
    what = f"{event.kind} on {event.table}{f' with {event.key}' if event.key else ''}, committed at {event.lsn},"
    by = f", decided by {event.by}" if event.by else ""
    match event.action:
        case "retry":
            return f"{what} is tried again{by}"
        case "quarantine":
            return f"{what} goes to quarantine{by}"
        case "edit":
            return f"{what} is applied with {counted(len(event.values), 'other value')}{by}"


def in_runs(records: Iterable[ChangeQuarantined]) -> list[ChangeQuarantined | QuarantineFollowed]:
    """Records of one task in their order as events: those that follow one of their row, and each other, as one. Each
    event stands for all records up to its number."""
    found: list[ChangeQuarantined | QuarantineFollowed] = []
    for each in records:
        last = found[-1] if found else None
        if not each.follows:
            found.append(each)
        elif isinstance(last, QuarantineFollowed) and last.follows == each.follows:
            found[-1] = msgspec.structs.replace(last, changes=last.changes + 1, number=each.number)
        else:
            found.append(QuarantineFollowed(follows=each.follows, table=each.table, changes=1, number=each.number))
    return found


def open_of(quarantine: tuple[Quarantined, ...]) -> tuple[Quarantined, ...]:
    """Those of which both ends may have other rows."""
    return tuple(each for each in quarantine if each.settled_at is None)


def describe_quarantine(quarantine: tuple[Quarantined, ...]) -> str:
    """How many changes are in quarantine, as a heading; empty without any."""
    if not quarantine:
        return ""
    still = open_of(quarantine)
    followers = sum(each.followers for each in quarantine)
    later = f", with {counted(followers, 'later change')} of their rows" if followers else ""
    verb = "is" if len(quarantine) == 1 else "are"
    settled = f"; {len(quarantine) - len(still):,} settled" if len(still) < len(quarantine) else ""
    return f"{counted(len(quarantine), 'change')} {verb} in syncwizard.quarantine of the destination{later}{settled}"
