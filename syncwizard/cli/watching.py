"""Commands that look: `status`, `wait`, `events`."""

import sys
import time
from typing import NoReturn

import click
import msgspec

from syncwizard.cli.arguments import TASK, TASK_OR_ALL
from syncwizard.cli.output import JSON, print_json, print_json_line, say, say_lines, say_trouble, show, show_lines
from syncwizard.cli.terminal import draw_again, ring
from syncwizard.client import tasks
from syncwizard.client.alerts import Lookout
from syncwizard.client.connection import EngineGone
from syncwizard.client.health import EXIT_CODES, check_line, health_of
from syncwizard.client.looking import Seen, look, look_anyway
from syncwizard.client.showing import as_data, describe, describe_all, describe_definitions
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import Goal, connect, missing_tables, wait_for
from syncwizard.engine.protocol import Happened
from syncwizard.errors import UsageError
from syncwizard.task.event_words import count_aside, describe_aside
from syncwizard.task.events import Entry
from syncwizard.task.narration import narrate
from syncwizard.task.state import TaskState
from syncwizard.task.text import format_seconds, local_time, shell_word

# Definitions are missing, or tables are set aside.
DIFFERENT = 5
# The kernel waits for no number of seconds whatever.
LONGEST_SECONDS = 365 * 24 * 3600.0


def _seconds(ctx: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    # Not by a range of click's, in which `nan` is; what has no end is waited for without the option.
    if value is not None and not 0 < value <= LONGEST_SECONDS:
        raise click.BadParameter("a number of seconds, from more than 0 to a year")
    return value


@click.command()
@TASK_OR_ALL
@click.option("--all", "show_all", is_flag=True, help="List released tasks too.")
@click.option(
    "--check", is_flag=True, help="One line for a monitoring system; exit code 0 healthy, 1 warning, 2 critical."
)
@click.option("--watch", is_flag=True, help="Draw it again every two seconds, until Ctrl-C or the task is released.")
@JSON
def status(name: str | None, show_all: bool, check: bool, watch: bool, as_json: bool) -> None:
    """Show a task, or all of them."""
    if watch:
        _watch(name, check or as_json or show_all)
        return
    if check:
        if name is None:
            raise UsageError("--check reports on one task", remedy="name it: syncwizard status TASK --check")
        _check(tasks.find_task(name), as_json)
    if name is not None:
        seen = look(tasks.find_task(name), ask_source=True)
        _say_trouble(seen)
        Lookout().meet([seen])
        if as_json:
            print_json(as_data(seen, time.time()))
        else:
            show_lines(describe(seen, time.time()))
        return
    for error in tasks.unreadable():
        say(f"left out: {error}")
    everything = [look_anyway(task) for task in tasks.list_tasks()]
    for seen in everything:
        _say_trouble(seen)
    Lookout().meet(everything)
    shown = [seen for seen in everything if show_all or seen.state.state != "released"]
    if as_json:
        print_json([as_data(seen, time.time()) for seen in shown])
    elif shown:
        show_lines(describe_all(shown, time.time()))
    else:
        say("no task; start one: syncwizard start FILE")


def _watch(name: str | None, others: bool) -> None:
    """Draws a task again and again; without asking the source about a task that no engine has."""
    if name is None or others:
        raise UsageError(
            "--watch shows one task, and goes with no other option", remedy="syncwizard status TASK --watch"
        )
    if not sys.stdout.isatty():
        raise UsageError(
            "--watch needs a terminal", remedy="read `syncwizard status TASK --json` again and again instead"
        )
    task = tasks.find_task(name)
    over = False

    def text() -> str | None:
        nonlocal over
        if over:
            return None
        seen = look_anyway(task)
        # The last look is drawn, too.
        over = seen.state.state == "released"
        trouble = f"\n{task.label}: {seen.trouble}" if seen.trouble else ""
        return describe(seen, time.time()) + trouble

    draw_again(text)


def _check(task: StoredTask, as_json: bool) -> NoReturn:
    """Prints the line of a monitoring system, and ends with its exit code."""
    seen, now = look_anyway(task, ask_source=True), time.time()
    health = health_of(seen, now)
    if as_json:
        print_json({"id": task.id, "label": task.label, **msgspec.to_builtins(health)})
    else:
        show(check_line(seen, health, now))
    click.get_current_context().exit(EXIT_CODES[health.level])


@click.command()
@TASK
@click.option("--until", type=click.Choice(["full", "caught-up", "indexed"]), required=True, help="What to wait for.")
@click.option(
    "--timeout",
    type=float,
    callback=_seconds,
    metavar="SECONDS",
    help="Give up after this many seconds, with exit code 6.",
)
@click.option("--bell", is_flag=True, help="Ring the terminal's bell at the end, with a message where it shows them.")
@JSON
def wait(name: str, until: Goal, timeout: float | None, bell: bool, as_json: bool) -> int:
    """Wait until a task has copied all tables, until all that is committed now is at the destination, or until its
    definitions are. Exit code 5: some of those are missing, or tables are set aside."""
    task = tasks.find_task(name)
    started = time.monotonic()
    say_trouble(task.read_state())
    end = f"{task.label}: not {until}"
    try:
        state = wait_for(task, until, timeout, lambda entry: say(narrate(entry.event)))
        end = f"{task.label}: {until}"
    finally:
        if bell:
            ring(end)
    seconds = time.monotonic() - started
    if as_json:
        print_json({"id": task.id, "label": task.label, "reached": until, "seconds": seconds, "state": state.state})
    else:
        show(f"{task.label}  {until}  after {format_seconds(seconds)}")
    return _differences(task, state, until)


def _differences(task: StoredTask, state: TaskState, until: Goal) -> int:
    """Says what is not as the source's after a wait; the exit code."""
    aside = missing_tables(state, until)
    if aside:
        say_lines("\n".join([f"{count_aside(aside)}:", *(f"  {describe_aside(each)}" for each in aside)]))
        say(f"`syncwizard status {shell_word(task.label)}` shows what helps")
    missing = until == "indexed" and bool(state.missing_definitions)
    if missing:
        say_lines(describe_definitions(state, task.label))
    return DIFFERENT if missing or aside else 0


@click.command()
@TASK
@click.option("--follow", is_flag=True, help="Follow new events until the engine ends.")
@JSON
def events(name: str, follow: bool, as_json: bool) -> None:
    """Show what happened to a task, from its journal."""
    task = tasks.find_task(name)
    last = _print_entries(task, 0, as_json)
    if follow:
        last = _follow(task, last, as_json)
        # What it wrote while it closed its socket, or before we were there.
        _print_entries(task, last, as_json)
        say("no engine is running: there will be no new events")


def _print_entries(task: StoredTask, after: int, as_json: bool) -> int:
    """Prints what the journal has after the sequence number; the last number printed."""
    for entry in task.entries(after):
        _print_entry(entry, as_json)
        after = entry.sequence
    return after


def _follow(task: StoredTask, after: int, as_json: bool) -> int:
    """Prints events as they happen, until no engine runs; the last sequence number printed."""
    if task.find_engine() is None:
        return after
    try:
        with connect(task) as connection:
            connection.subscribe(after)
            while True:
                frame = connection.receive(None)
                if isinstance(frame, Happened):
                    _print_entry(frame.entry, as_json)
                    after = frame.entry.sequence
    except EngineGone:
        return after


def _print_entry(entry: Entry, as_json: bool) -> None:
    if as_json:
        print_json_line(entry)
    else:
        show(f"{entry.sequence:>6}  {local_time(entry.at)}  {narrate(entry.event)}")


def _say_trouble(seen: Seen) -> None:
    if seen.trouble:
        say(f"{seen.task.label}: {seen.trouble}")
