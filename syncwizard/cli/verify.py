"""The commands `verify` and `repair`: compare both ends at one commit while changes go on, and write what differs."""

import shlex
import uuid
from pathlib import Path

import click

from syncwizard.cli.arguments import TASK, table_name
from syncwizard.cli.output import JSON, print_json, say, show_lines
from syncwizard.client import tasks, verification_report, verifying
from syncwizard.errors import UsageError
from syncwizard.task.narration import narrate
from syncwizard.task.state import Verification
from syncwizard.task.text import counted
from syncwizard.task.verification import (
    LEAST_SAMPLE,
    LONGEST_HOURS,
    WHOLE,
    VectorSearch,
    VerificationMode,
    VerificationOrder,
)

DIFFERENT = 5
UNVERIFIED = 8


@click.command()
@TASK
@click.option("--table", "names", metavar="SCHEMA.NAME", multiple=True, help="Compare this table only; repeatable.")
@click.option(
    "--mode",
    type=click.Choice(["rows", "counts", "schema", "vectors"]),
    default="rows",
    show_default=True,
    help="Compare every row, the numbers of rows, definitions, or what searches by vector indexes find.",
)
@click.option("--ignore-extra", is_flag=True, help="Rows that only the destination has are no difference.")
@click.option("--ignore-missing", is_flag=True, help="Rows that only the source has are no difference.")
@click.option(
    "--sample",
    type=click.IntRange(LEAST_SAMPLE, WHOLE),
    default=WHOLE,
    metavar="PERCENT",
    help="Compare so many percent of the rows, by ranges of the key drawn anew each time.",
)
@click.option("--nearest", type=click.IntRange(1, 1000), default=10, metavar="K", help="Vectors: the K nearest.")
@click.option("--searches", type=click.IntRange(1, 10_000), default=50, metavar="N", help="Vectors: so many searches.")
@click.option("--ef-search", type=click.IntRange(1, 1000), metavar="N", help="Vectors: candidates of HNSW.")
@click.option("--probes", type=click.IntRange(1, 32_768), metavar="N", help="Vectors: lists of IVFFlat.")
@click.option("--rows-per-second", type=click.IntRange(0), default=0, help="Read at most so many rows at each end.")
@click.option("--megabytes-per-second", type=click.IntRange(0), default=0, help="Read at most so much at each end.")
@click.option(
    "--longest",
    type=click.IntRange(1, LONGEST_HOURS),
    metavar="HOURS",
    help="End it after so long; what was compared is kept.",
)
@click.option(
    "--report",
    "reports",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    multiple=True,
    help="Write a report to hand on, Markdown (.md) or JSON (.json); repeatable.",
)
@click.option("--last", is_flag=True, help="Compare nothing: show what the last verification found.")
@click.option("--stop", is_flag=True, help="End the verification that is at work.")
@JSON
def verify(
    name: str,
    names: tuple[str, ...],
    mode: VerificationMode,
    ignore_extra: bool,
    ignore_missing: bool,
    sample: int,
    nearest: int,
    searches: int,
    ef_search: int | None,
    probes: int | None,
    rows_per_second: int,
    megabytes_per_second: int,
    longest: int | None,
    reports: tuple[Path, ...],
    last: bool,
    stop: bool,
    as_json: bool,
) -> int:
    """Compare both ends exactly, while changes are applied.

    Both ends are read at the same commit, so that a difference is one. Exit code 5: rows differ; 8: a table could not
    be compared. Ctrl-C ends the command, not the verification.
    """
    for path in reports:
        verification_report.check_name(path)
    task = tasks.find_task(name)
    if stop:
        verifying.stop(task)
        return 0
    state = task.read_state()
    if last:
        found = state.verification
        if found is None:
            raise UsageError("this task was never verified", remedy=f"syncwizard verify {shlex.quote(task.label)}")
    else:
        order = VerificationOrder(
            id=uuid.uuid4(),
            tables=tuple(table_name(text, state) for text in names),
            mode=mode,
            ignore_extra=ignore_extra,
            ignore_missing=ignore_missing,
            sample=sample,
            rows_per_second=rows_per_second,
            megabytes_per_second=megabytes_per_second,
            longest_hours=longest or 0,
            vectors=VectorSearch(k=nearest, queries=searches, ef_search=ef_search, probes=probes),
        )
        found = verifying.verify(task, order, lambda event: say(narrate(event)))
    for path in reports:
        verification_report.write(path, task, found)
        say(f"the report is in {path}")
    if as_json:
        print_json({"id": task.id, "label": task.label, "verification": found})
    else:
        show_lines(verifying.describe(found))
    return _exit_code(found)


@click.command()
@TASK
@click.option("--table", "names", metavar="SCHEMA.NAME", multiple=True, help="Repair this table only; repeatable.")
@click.option("--delete-extra", is_flag=True, help="Delete rows that only the destination has.")
@click.option("--yes", is_flag=True, help="Write; without it nothing is changed, and what would be is shown.")
@JSON
def repair(name: str, names: tuple[str, ...], delete_extra: bool, yes: bool, as_json: bool) -> int:
    """Write the source's rows in place of those that differ at the destination.

    Compares first. Without --yes that is all: it shows what would be written. Rows are written between two
    transactions of the stream, so that no change is overtaken, and compared again until nothing differs. Exit
    code 5: rows differ, still or without --yes; 8: a table could not be compared.
    """
    task = tasks.find_task(name)
    state = task.read_state()
    order = VerificationOrder(
        id=uuid.uuid4(),
        tables=tuple(table_name(text, state) for text in names),
        # What is not to be deleted is no reason to compare again.
        ignore_extra=not delete_extra,
        repair=yes,
        delete_extra=delete_extra,
    )
    found = verifying.verify(task, order, lambda event: say(narrate(event)))
    if as_json:
        print_json({"id": task.id, "label": task.label, "verification": found})
    else:
        show_lines(verifying.describe(found))
    if not yes and found.of("different"):
        say(f"nothing was written: add --yes to write {_would_write(found, delete_extra)}")
    return _exit_code(found)


def _would_write(found: Verification, delete_extra: bool) -> str:
    tables = found.of("different")
    written = sum(table.changed + table.only_source for table in tables)
    deleted = sum(table.only_destination for table in tables) if delete_extra else 0
    least = "at least " if any(table.more for table in tables) else ""
    text = f"{least}{counted(written, 'row')} of {counted(len(tables), 'table')}"
    return f"{text}, and delete {deleted:,}" if deleted else text


def _exit_code(found: Verification) -> int:
    if found.of("different") or found.differences:
        return DIFFERENT
    whole = found.failure is None and not found.stopped and found.ended_at is not None
    return 0 if whole and not found.of("unverified") else UNVERIFIED
