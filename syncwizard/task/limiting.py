"""Settings of how fast a task may be: limits of rows and bytes, a class, and other limits at quiet hours."""

import re
from typing import Annotated, Literal

import msgspec

from syncwizard.task.settings import Group, Setting
from syncwizard.task.text import describe_bytes

ClassName = Literal["micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "unlimited"]
# Rows a second of each class, as of the service whose users know them.
CLASS_ROWS: dict[ClassName, int] = {
    "micro": 200,
    "small": 2_000,
    "medium": 5_000,
    "large": 11_000,
    "xlarge": 17_000,
    "2xlarge": 34_000,
    "4xlarge": 68_000,
    "unlimited": 0,
}
MEGABYTE = 1_000_000
_BETWEEN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)", re.ASCII)


def hours_of(text: str) -> tuple[int, int] | None:
    """Minutes since midnight at which the hours begin and end; None where the text is none.

    >>> hours_of("22:00-06:00"), hours_of("6-22"), hours_of("08:00-08:00")
    ((1320, 360), None, None)
    """
    found = _BETWEEN.fullmatch(text)
    if found is None:
        return None
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    return (begin, end) if begin != end else None


def hours_problem(text: str) -> str:
    """
    >>> hours_problem("25:00-06:00")
    'must be two times such as 22:00-06:00'
    """
    return "" if hours_of(text) else "must be two times such as 22:00-06:00"


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one kind of work may do in a second, over all of its workers; 0: no limit."""

    rows_per_second: Annotated[
        int,
        Setting(
            label="Rows",
            help="At most so many rows in a second, over all workers; 0: no limit.",
            unit="rows a second",
            low=0,
            high=100_000_000,
            own_form=True,
        ),
    ] = 0
    megabytes_per_second: Annotated[
        int,
        Setting(
            label="Data",
            help="At most so much data in a second, as it comes from the source; 0: no limit.",
            unit="MB a second",
            low=0,
            high=100_000,
            own_form=True,
        ),
    ] = 0


class CopyLimits(Limits, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What the copy may do in a second. A query is the COPY of a table, or of a part of a large one."""

    queries_per_second: Annotated[
        int,
        Setting(
            label="Queries",
            help="At most so many queries a second to the source, each of which copies a table or a part of one; 0: no"
            " limit.",
            unit="queries a second",
            low=0,
            high=10_000,
            own_form=True,
        ),
    ] = 0


_FULL = Group(heading="How fast tables are copied", title="Copy")
_INCREMENTAL = Group(heading="How fast changes are applied", title="Changes")
_QUIET = Group(heading="Other limits at some hours", title="Quiet hours")


class Quiet(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Limits that hold instead of the others between two times of the engine's machine."""

    between: Annotated[
        str | None,
        Setting(
            label="Between",
            help="Two times of this machine's clock, over midnight too; between them the limits of `quiet` hold instead"
            " of the others.",
            example="22:00-06:00",
            rule=hours_problem,
            own_form=True,
        ),
    ] = None
    full: Annotated[CopyLimits, _QUIET] = CopyLimits()
    incremental: Annotated[Limits, _QUIET] = Limits()


class Throttle(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How fast the task may be; without limits by default."""

    full: Annotated[CopyLimits, _FULL] = CopyLimits()
    incremental: Annotated[Limits, _INCREMENTAL] = Limits()
    quiet: Annotated[Quiet, _QUIET] = Quiet()


THROTTLE = Group(heading="How fast the task may be", title="Throttle")


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that hold at this moment, a second each; 0: none. `quiet`: they are those of the quiet hours."""

    full_rows: float = 0.0
    full_bytes: float = 0.0
    incremental_rows: float = 0.0
    incremental_bytes: float = 0.0
    full_queries: float = 0.0
    quiet: bool = False


def in_force(throttle: Throttle, size: ClassName, minute: int) -> InForce:
    """The limits at a minute since midnight: of a limit of rows and the class the smaller one.

    >>> throttle = Throttle(full=CopyLimits(rows_per_second=9), quiet=Quiet(between="22:00-06:00"))
    >>> in_force(throttle, "unlimited", 12 * 60).full_rows, in_force(throttle, "unlimited", 23 * 60).full_rows
    (9.0, 0.0)
    >>> in_force(throttle, "micro", 5 * 60).full_rows, in_force(throttle, "micro", 6 * 60).full_rows
    (200.0, 9.0)
    """
    quiet = is_quiet(throttle.quiet, minute)
    full, incremental = (
        (throttle.quiet.full, throttle.quiet.incremental) if quiet else (throttle.full, throttle.incremental)
    )
    most = CLASS_ROWS[size]
    return InForce(
        full_rows=_smaller(full.rows_per_second, most),
        full_bytes=float(full.megabytes_per_second * MEGABYTE),
        incremental_rows=_smaller(incremental.rows_per_second, most),
        incremental_bytes=float(incremental.megabytes_per_second * MEGABYTE),
        full_queries=float(full.queries_per_second),
        quiet=quiet,
    )


def is_quiet(quiet: Quiet, minute: int) -> bool:
    """Whether the minute since midnight is between the two times."""
    return quiet.between is not None and is_within(quiet.between, minute)


def is_within(between: str, minute: int) -> bool:
    """Whether the minute since midnight is between the two times; never where the text is none.

    >>> is_within("22:00-06:00", 5 * 60), is_within("22:00-06:00", 6 * 60), is_within("", 0)
    (True, False, False)
    """
    hours = hours_of(between)
    if hours is None:
        return False
    begin, end = hours
    return begin <= minute < end if begin < end else minute >= begin or minute < end


def _smaller(limit: int, other: int) -> float:
    return float(min(limit, other) if limit and other else limit or other)


def describe_in_force(limits: InForce) -> str:
    """The limits in words; empty where there is none.

    >>> describe_in_force(InForce(full_rows=200.0, full_bytes=5e6, incremental_rows=200.0))
    'copy 200 rows/s and 5.0 MB/s, changes 200 rows/s'
    >>> describe_in_force(InForce(full_queries=10.0))
    'copy 10 queries/s'
    >>> describe_in_force(InForce())
    ''
    """
    kinds = (
        ("copy", limits.full_queries, limits.full_rows, limits.full_bytes),
        ("changes", 0.0, limits.incremental_rows, limits.incremental_bytes),
    )
    found = []
    for name, queries, rows, size in kinds:
        parts = [f"{queries:,.0f} queries/s"] if queries else []
        parts += [f"{rows:,.0f} rows/s"] if rows else []
        parts += [f"{describe_bytes(size)}/s"] if size else []
        if parts:
            found.append(f"{name} {' and '.join(parts)}")
    return ", ".join(found) + (" (quiet hours)" if limits.quiet and found else "")


def describe_throttle(throttle: Throttle, size: ClassName) -> str:
    """All limits in words, those of quiet hours too.

    >>> describe_throttle(Throttle(), "unlimited"), describe_throttle(Throttle(), "micro")
    ('none', 'class micro: copy 200 rows/s, changes 200 rows/s')
    """
    by_day = msgspec.structs.replace(throttle, quiet=Quiet())
    parts = [describe_in_force(in_force(by_day, size, 0)) or "none"]
    if throttle.quiet.between:
        at_night = Throttle(full=throttle.quiet.full, incremental=throttle.quiet.incremental)
        quiet = describe_in_force(in_force(at_night, size, 0)) or "none"
        parts.append(f"between {throttle.quiet.between} {quiet}")
    named = f"class {size}: " if size != "unlimited" else ""
    return named + "; ".join(parts)
