"""The command `manual`: the topics, or one of them, readable without a network."""

import io
import os
import re
import shutil
import sys

import click

from syncwizard import manual as pages
from syncwizard.cli.completing import complete_topic
from syncwizard.cli.output import JSON, print_json, say, show, show_lines

# Longer lines are hard to read, however wide the terminal is.
WIDEST_COLUMNS = 100
# A link to another topic, which a terminal cannot follow.
LINK = re.compile(r"\[([^\]]+)\]\(([a-z-]+)\.md(?:#[^)]*)?\)")


@click.command()
@click.argument("topic", metavar="[TOPIC]", required=False, shell_complete=complete_topic)
@click.option("--dashboard", is_flag=True, help="Print a dashboard for Grafana over the metrics, to be imported there.")
@JSON
def manual(topic: str | None, dashboard: bool, as_json: bool) -> None:
    """Read the manual; without a topic, list the topics. What is piped on is plain Markdown."""
    if dashboard:
        show_lines(pages.dashboard().rstrip("\n"))
        return
    if topic is None:
        _list(as_json)
        return
    text = pages.read(topic)
    if as_json:
        print_json({"topic": topic, "markdown": text})
    elif _reads_formatted_text():
        click.echo_via_pager(_formatted(text))
    else:
        show_lines(text.rstrip("\n"))


def _list(as_json: bool) -> None:
    found = pages.topics()
    if as_json:
        print_json(found)
        return
    width = max(len(topic.name) for topic in found)
    for topic in found:
        show(f"{topic.name:<{width}}  {topic.about}")
    say("read one: syncwizard manual TOPIC")


def _reads_formatted_text() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _formatted(text: str) -> str:
    """The Markdown as a terminal shows it."""
    # Here and not above: rich takes a fifth of a second to import.
    from rich.console import Console
    from rich.markdown import Markdown

    written = io.StringIO()
    width = min(shutil.get_terminal_size().columns, WIDEST_COLUMNS)
    Console(file=written, force_terminal=True, width=width).print(Markdown(LINK.sub(r"\1 (topic `\2`)", text)))
    return written.getvalue()
