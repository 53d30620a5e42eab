"""How commands print: data to stdout, talk to stderr, one form for errors."""

import sys
from typing import Any

import click
import msgspec

from syncwizard.engine.failures import failure_of, format_failure
from syncwizard.errors import SyncwizardError


def say(text: str) -> None:
    """Talk: to stderr, so that data can be piped on."""
    click.echo(text, err=True)


def print_error(error: SyncwizardError) -> None:
    """An error: what and where, the server's words, the way on."""
    sys.stderr.write(f"syncwizard: {format_failure(failure_of(error))}")


def print_json(data: Any) -> None:
    """Data as indented JSON."""
    click.echo(msgspec.json.format(msgspec.json.encode(data), indent=2).decode())


def print_json_line(data: Any) -> None:
    """One record of a stream, as JSON on one line."""
    click.echo(msgspec.json.encode(data).decode())
