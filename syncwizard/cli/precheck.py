"""The command `precheck`: what would keep a task from starting, and what puts it right."""

import sys
from collections.abc import Callable
from pathlib import Path

import click

from syncwizard.cli.arguments import FILE_OR_TASK
from syncwizard.cli.completing import complete_item
from syncwizard.cli.confirming import YES
from syncwizard.cli.output import JSON, fail, print_json, say, show, show_lines
from syncwizard.client import launch, lifecycle, probes, tasks
from syncwizard.client.files import write_private
from syncwizard.client.junit import as_junit
from syncwizard.client.precheck_items import known_items
from syncwizard.client.rights_script import script
from syncwizard.engine.protocol import StatementRun
from syncwizard.errors import End, EndpointError, PrecheckNotPassed, SyncwizardError, UsageError
from syncwizard.remedies import first, lines_of
from syncwizard.task import file
from syncwizard.task.events import Event, PrecheckItemFinished
from syncwizard.task.specification import Endpoint, TaskSpec
from syncwizard.task.text import counted, did_you_mean, one_line

IGNORE = click.option(
    "--ignore",
    "ignored",
    metavar="ITEM",
    multiple=True,
    shell_complete=complete_item,
    help="Accept the warning of this precheck item; repeatable.",
)


@click.command()
@FILE_OR_TASK
@IGNORE
@click.option(
    "--script",
    "script_of",
    type=click.Choice(["source", "destination", "both"]),
    is_flag=False,
    flag_value="both",
    help="Print the statements that grant what an end lacks, for its administrator, instead of the items.",
)
@click.option(
    "--fix",
    "fixed",
    metavar="ITEM",
    shell_complete=complete_item,
    help="Run the statements that this item advises, after a question, and check again.",
)
@click.option(
    "--as", "user", metavar="USER", help="With --fix: as this account, whose password is asked for and not kept."
)
@YES
@click.option(
    "--junit",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the items as JUnit XML, for a CI system",
)
@JSON
def precheck(
    name: str,
    ignored: tuple[str, ...],
    script_of: str | None,
    fixed: str | None,
    user: str | None,
    yes: bool,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Check both ends; nothing is changed but by --fix. Exit code 3: it would not start; 4: an end cannot be reached.

    With --script the exit code tells no more than whether the ends could be reached.
    """
    _refuse_mixed(script_of, fixed, user, as_json=as_json)
    spec, task = lifecycle.specification_of(name)
    if task is not None and not file.is_file(name):
        spec = lifecycle.accept_warnings(task, ignored).spec
    else:
        spec = tasks.with_ignored(spec, ignored)
    if fixed is not None:
        _fix(spec, fixed, user or "", yes=yes)
    quiet = as_json or script_of is not None
    items, trouble = _look(spec, _nothing if quiet else print_item)
    if junit is not None:
        write_private(junit, as_junit(spec.name, items))
    if script_of:
        _print_script(spec, script_of, items)
        if isinstance(trouble, PrecheckNotPassed):
            return
    if trouble is not None:
        if as_json:
            fail(trouble, {"passed": False, "items": items})
        raise trouble
    if as_json:
        print_json({"passed": True, "items": items})
    elif not script_of:
        say("the precheck passed")


def _refuse_mixed(script_of: str | None, fixed: str | None, user: str | None, *, as_json: bool) -> None:
    if script_of and as_json:
        raise UsageError("--script prints SQL and does not go with --json", remedy="leave one of them out")
    if script_of and fixed:
        raise UsageError("--script prints statements and --fix runs them", remedy="leave one of them out")
    if user and not fixed:
        raise UsageError("--as is the account of --fix", remedy="add --fix ITEM")
    if fixed is not None and fixed not in (known := known_items()):
        raise UsageError(f"there is no item {fixed}", remedy=did_you_mean(fixed, known))


def _nothing(item: PrecheckItemFinished) -> None:
    """What is reported whole is not reported item by item."""


def _look(
    spec: TaskSpec, on_item: Callable[[PrecheckItemFinished], None]
) -> tuple[list[PrecheckItemFinished], SyncwizardError | None]:
    """All items, and what keeps the task from starting."""
    items: list[PrecheckItemFinished] = []

    def on_event(event: Event) -> None:
        if isinstance(event, PrecheckItemFinished):
            items.append(event)
            on_item(event)

    try:
        lifecycle.precheck(spec, on_event)
    except (PrecheckNotPassed, EndpointError) as error:
        return items, error
    return items, None


def _fix(spec: TaskSpec, name: str, user: str, *, yes: bool) -> None:
    """Runs what the item advises, after a question."""
    items, trouble = _look(spec, _nothing)
    item = next((each for each in items if each.item == name), None)
    if item is None:
        raise trouble or UsageError(f"item {name} was not checked")
    if item.verdict == "passed":
        say(f"{name}: passed already, nothing is run")
        return
    if not item.remedy.statements or item.sql_end is None:
        raise UsageError(
            f"{name} has no statement that could be run: {item.message}", remedy="; ".join(lines_of(item.remedy))
        )
    endpoint = spec.source if item.sql_end == "source" else spec.destination
    account = user or endpoint.user or "the account of the task"
    for statement in item.remedy.statements:
        say(f"  {one_line(statement)};")
    _ask(f"Run {counted(len(item.remedy.statements), 'statement')} at the {item.sql_end} as {account}?", yes=yes)
    password = ""
    if user and sys.stdin.isatty():
        password = click.prompt(f"Password of {user}", default="", hide_input=True, show_default=False, err=True)
    done: list[StatementRun] = []
    probe = probes.remedy(spec, launch.collect_secrets(spec), item.sql_end, item.remedy.statements, user, password)
    try:
        probe.run(done.append)
    except SyncwizardError as error:
        if done:
            error.remedy = first(error.remedy, f"{counted(len(done), 'statement')} before it ran")
        raise
    say(f"{counted(len(done), 'statement was', 'statements were')} run; checking again")


def _ask(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("nothing was run", remedy="standard input is not a terminal: add --yes")
    if not click.confirm(question, default=False, err=True):
        raise UsageError("nothing was run")


def _print_script(spec: TaskSpec, wanted: str, items: list[PrecheckItemFinished]) -> None:
    ends: tuple[tuple[End, Endpoint], ...] = (("source", spec.source), ("destination", spec.destination))
    for end, endpoint in ends:
        if wanted in (end, "both"):
            show_lines(script(items, end, endpoint))


def print_item(item: PrecheckItemFinished, echo: Callable[[str], object] = show) -> None:
    """An item in lines: verdict, name and message, and for what did not pass the objects and what to do."""
    verdict = "accepted" if item.ignored else item.verdict
    echo(f"{verdict:<8}  {item.item}: {item.message or item.title}")
    if verdict != "passed":
        for line in [*(f"- {each}" for each in item.objects), *lines_of(item.remedy)]:
            echo(f"          {line}")
