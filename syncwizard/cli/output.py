"""The one door of the commands to a terminal: data to stdout, talk to stderr, one form for errors.

Names and messages of servers are data: what a terminal would obey in them, or not show, leaves here as escapes.
"""

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click
import msgspec

from syncwizard.errors import SyncwizardError
from syncwizard.remedies import Remedy
from syncwizard.task.event_words import describe_retrying
from syncwizard.task.events import Remainder
from syncwizard.task.failures import failure_of, format_failure
from syncwizard.task.left_over import left_over_lines
from syncwizard.task.state import TaskState
from syncwizard.task.text import clean_json, clean_lines, one_line

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def show(line: str) -> None:
    """Data: one line to stdout. A line break in it belongs to a name."""
    click.echo(one_line(line))


def show_lines(text: str) -> None:
    """Data: lines to stdout, for a text whose line breaks are ours."""
    click.echo(clean_lines(text))


def say(line: str) -> None:
    """Talk: one line to stderr, so that data can be piped on."""
    click.echo(one_line(line), err=True)


def say_lines(text: str) -> None:
    """Talk: lines to stderr, for a text whose line breaks are ours."""
    click.echo(clean_lines(text), err=True)


def print_error(error: SyncwizardError) -> None:
    """An error: what and where, the server's message, the remedy."""
    sys.stderr.write(f"syncwizard: {format_failure(failure_of(error))}")


def say_trouble(state: TaskState) -> None:
    """Prints what delays a task at the beginning of a wait: events report only what happens from then on."""
    if state.retrying is not None:
        say(describe_retrying(state.retrying.until, state.retrying.failure, state.retrying.window_of))


def fail(error: SyncwizardError, data: Mapping[str, Any]) -> NoReturn:
    """Ends a command with `--json`: `data` and the failure to stdout, the failure in words to stderr."""
    print_json({**data, **failure_as_data(error)})
    print_error(error)
    click.get_current_context().exit(error.exit_code)


def failure_as_data(error: SyncwizardError) -> dict[str, Any]:
    """What `--json` prints of an error: its title, detail, place, remedy, SQLSTATE and exit code under `failure`."""
    return {"failure": failure_of(error)}


def json_of(data: Any) -> str:
    """Data as indented JSON."""
    return clean_json(msgspec.json.format(_encoded(data), indent=2).decode())


def print_json(data: Any) -> None:
    """Data as indented JSON, to stdout."""
    click.echo(json_of(data))


def print_json_line(data: Any) -> None:
    """One record of a stream, as JSON on one line."""
    click.echo(clean_json(_encoded(data).decode()))


def _encoded(data: Any) -> bytes:
    return msgspec.json.encode(_with_words(msgspec.to_builtins(data)))


def _with_words(data: Any) -> Any:
    """Beside what to do, and what is left over, as data: the same as text, under the shorter name."""
    if isinstance(data, list | tuple):
        return [_with_words(each) for each in data]
    if not isinstance(data, dict):
        return data
    found: dict[str, Any] = {}
    for name, value in data.items():
        if name == "remedy" and isinstance(value, dict):
            found |= {name: str(msgspec.convert(value, Remedy)), "remedy_parts": value}
        elif name == "left_over" and isinstance(value, list | tuple):
            lines = left_over_lines(msgspec.convert(value, list[Remainder]))
            found |= {name: lines, "left_over_parts": value}
        else:
            found[name] = _with_words(value)
    return found
