"""What a task's filter and scripts make of some rows of a table, as data; pure."""

from collections.abc import Iterator

import msgspec

from syncwizard.task.names import TableName
from syncwizard.task.text import one_line, shorten

VALUE_WIDTH = 60


class TriedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row as it is and as it would be; `after` is None for one that is left out, or fails (`error`)."""

    before: list[str | None]
    after: list[str | None] | None = None
    error: str = ""


class Trial(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Real rows of the source before and after.

    - `before`, `after`: names of the columns
    - `expected`: how many rows travel by the plan, where they are selected
    - `kept`, `total`: how many travel and there are, where they were counted
    """

    table: TableName
    before: list[str]
    after: list[str]
    rows: list[TriedRow]
    expected: int | None = None
    kept: int | None = None
    total: int | None = None


class KeptRows(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """How many rows of a table its filter and scripts select.

    - `where`: the filter, empty where scripts alone select
    - `expected`: by the plan; `estimated`: how many there are, by the statistics, None where there are none
    - `kept`, `total`: the same, counted, where that was asked for
    """

    table: TableName
    where: str
    expected: int
    estimated: int | None = None
    kept: int | None = None
    total: int | None = None


def describe_kept(rows: KeptRows) -> str:
    """One line.

    >>> rows = KeptRows(table=TableName("s", "t"), where="a > 1", expected=1000, estimated=3000)
    >>> describe_kept(rows)
    's.t: a > 1 keeps about 1,000 of about 3,000 rows, by the plan'
    """
    what = one_line(rows.where) if rows.where else "its script"
    if rows.total is not None:
        return f"{rows.table}: {what} keeps {rows.kept:,} of {rows.total:,} rows"
    of = "" if rows.estimated is None else f" of about {rows.estimated:,}"
    return f"{rows.table}: {what} keeps about {rows.expected:,}{of} rows, by the plan"


def describe_trial(trial: Trial) -> Iterator[str]:
    """The rows, and how many travel."""
    yield from describe_rows(trial)
    if summary := describe_number(trial):
        yield summary


def describe_number(trial: Trial) -> str:
    """How many rows travel, counted or by the plan; empty where all do."""
    if trial.total is not None:
        return f"{trial.kept:,} of {trial.total:,} rows travel"
    return "" if trial.expected is None else f"about {trial.expected:,} rows travel, by the plan"


def describe_rows(trial: Trial) -> Iterator[str]:
    """The rows one below the other, each column that differs with both values."""
    for number, row in enumerate(trial.rows, 1):
        before = dict(zip(trial.before, row.before, strict=True))
        yield f"row {number}: {_values(before, list(before))}"
        if row.error:
            yield f"    fails: {one_line(row.error)}"
        elif row.after is None:
            yield "    is left out"
        else:
            after = dict(zip(trial.after, row.after, strict=True))
            changed = [name for name in after if name not in before or after[name] != before[name]]
            gone = [name for name in before if name not in after]
            yield f"    becomes {_values(after, changed)}" if changed else "    travels as it is"
            if gone:
                yield f"    without {', '.join(gone)}"


def _values(row: dict[str, str | None], names: list[str]) -> str:
    return ", ".join(f"{name} = {_value(row[name])}" for name in names)


def _value(value: str | None) -> str:
    return "NULL" if value is None else shorten(one_line(value), VALUE_WIDTH)
