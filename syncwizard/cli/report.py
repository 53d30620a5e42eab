"""The command `report`."""

import time
from pathlib import Path

import click

from syncwizard.cli.arguments import TASK
from syncwizard.cli.output import json_of, print_json, say, show, show_lines
from syncwizard.client import tasks
from syncwizard.client.files import write_private
from syncwizard.client.looking import look_anyway
from syncwizard.client.report import as_text, default_name, gather, redactor_of

STANDARD_OUTPUT = "-"


@click.command()
@TASK
@click.option("--output", metavar="FILE", help="Write it here (- for stdout) instead of to TASK-report.txt.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def report(name: str, output: str | None, as_json: bool) -> None:
    """Write a report on a task: versions, state, figures, precheck, events and log, without secrets."""
    seen = look_anyway(tasks.find_task(name), ask_source=True)
    if seen.trouble:
        say(f"{seen.task.label}: {seen.trouble}")
    content = gather(seen, time.time(), redactor_of(seen.task.spec))
    text = json_of(content) if as_json else as_text(content)
    if output == STANDARD_OUTPUT:
        show_lines(text)
        return
    path = Path(output or default_name(seen.task.label, "json" if as_json else "txt"))
    write_private(path, text)
    say("it names servers, tables, and perhaps keys of rows in messages of a server: read it before you send it")
    if as_json:
        print_json({"file": str(path)})
    else:
        show(str(path))
