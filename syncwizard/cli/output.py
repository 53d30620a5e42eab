"""How commands print: data to stdout, talk to stderr, one form for errors."""

import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click
import msgspec

from syncwizard.errors import SyncwizardError
from syncwizard.task.failures import failure_of, format_failure
from syncwizard.task.narration import describe_retrying
from syncwizard.task.state import TaskState
from syncwizard.task.text import one_line

JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


def say(text: str) -> None:
    """Talk: to stderr, so that data can be piped on."""
    click.echo(text, err=True)


def print_error(error: SyncwizardError) -> None:
    """An error: what and where, the server's message, the remedy."""
    sys.stderr.write(f"syncwizard: {format_failure(failure_of(error))}")


def say_trouble(state: TaskState) -> None:
    """What delays a task before it is waited for: events report what happens from then on only."""
    if state.retrying is not None:
        say(one_line(describe_retrying(state.retrying.until, state.retrying.failure)))


def fail(error: SyncwizardError, data: Mapping[str, Any]) -> NoReturn:
    """Ends a command with `--json`: `data` and the failure to stdout, the failure in words to stderr."""
    print_json({**data, **failure_as_data(error)})
    print_error(error)
    click.get_current_context().exit(error.exit_code)


def failure_as_data(error: SyncwizardError) -> dict[str, Any]:
    """What `--json` prints of an error: its title, detail, place, remedy, SQLSTATE and exit code under `failure`."""
    return {"failure": failure_of(error)}


def print_json(data: Any) -> None:
    """Data as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())


def print_json_line(data: Any) -> None:
    """One record of a stream, as JSON on one line."""
    click.echo(msgspec.json.encode(data).decode())
