"""The command `throttle`: shows and changes how fast a task may be, while it runs too."""

import time
from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click
import msgspec

from syncwizard.cli.arguments import TASK
from syncwizard.cli.output import JSON, print_json, show
from syncwizard.client import tasks, throttling
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import UsageError
from syncwizard.task.limiting import (
    ClassName,
    CopyLimits,
    Limits,
    Quiet,
    Throttle,
    describe_in_force,
    describe_throttle,
    in_force,
)

Function = TypeVar("Function", bound=Callable[..., Any])


def _limit(name: str, what: str) -> Callable[[Function], Function]:
    return click.option(f"--{name}", type=click.IntRange(min=0), metavar="N", help=f"{what}; 0: no limit.")


@click.command()
@TASK
@_limit("copy-queries", "Queries a second of the copy to the source, each a table or a part of one")
@_limit("copy-rows", "Rows a second of the copy")
@_limit("copy-megabytes", "MB a second of the copy")
@_limit("rows", "Rows a second of changes")
@_limit("megabytes", "MB a second of changes")
@click.option("--class", "size", type=click.Choice(get_args(ClassName)), help="Rows a second of both, by a class.")
@click.option("--between", metavar="HH:MM-HH:MM", help="Quiet hours: the limits given beside it hold at these alone.")
@click.option("--off", is_flag=True, help="No limit any more, at any hour.")
@JSON
def throttle(
    name: str,
    copy_queries: int | None,
    copy_rows: int | None,
    copy_megabytes: int | None,
    rows: int | None,
    megabytes: int | None,
    size: ClassName | None,
    between: str | None,
    off: bool,
    as_json: bool,
) -> None:
    """Show or change how many rows and how much data a task may move in a second, over all of its workers.

    What is given is changed, at once where the task runs, and kept for its later engines; the rest stays.
    """
    task = tasks.find_task(name)
    full = _given(queries_per_second=copy_queries, rows_per_second=copy_rows, megabytes_per_second=copy_megabytes)
    incremental = _given(rows_per_second=rows, megabytes_per_second=megabytes)
    if off and (full or incremental or size or between):
        raise UsageError("--off goes with no other limit", remedy="leave out one of them")
    if off:
        task = throttling.change(task, Throttle(), "unlimited")
    elif full or incremental or size or between:
        before = task.spec.advanced.throttle
        new = _with(before, full, incremental, between)
        task = throttling.change(task, new, size or task.spec.advanced.class_)
    _show(task, as_json)


def _given(**limits: int | None) -> dict[str, int]:
    return {name: value for name, value in limits.items() if value is not None}


def _with(before: Throttle, full: dict[str, int], incremental: dict[str, int], between: str | None) -> Throttle:
    replace = msgspec.structs.replace
    if between is None:
        return replace(
            before, full=replace(before.full, **full), incremental=replace(before.incremental, **incremental)
        )
    quiet = Quiet(between=between, full=CopyLimits(**full), incremental=Limits(**incremental))
    return replace(before, quiet=quiet)


def _show(task: StoredTask, as_json: bool) -> None:
    throttle, size = task.spec.advanced.throttle, task.spec.advanced.class_
    now = time.localtime()
    limits = in_force(throttle, size, now.tm_hour * 60 + now.tm_min)
    if as_json:
        print_json({"id": task.id, "label": task.label, "throttle": throttle, "class": size, "in_force": limits})
        return
    show(f"limits: {describe_throttle(throttle, size)}")
    show(f"in force now: {describe_in_force(limits) or 'none'}")
