"""Commands that open the screens: `new`, `open`, and no command at all."""

from pathlib import Path

import click

from syncwizard.cli.arguments import TASK
from syncwizard.client import tasks
from syncwizard.client.saved_connections import load_task
from syncwizard.task.drafting.draft import TaskDraft
from syncwizard.tui import entry as launch
from syncwizard.tui.opening import Opening


def home() -> int:
    """The task list."""
    return _show(Opening())


@click.command()
@click.option("--from", "path", metavar="FILE", type=click.Path(exists=True, path_type=Path), help="Begin with a file.")
@click.option("--plain", is_flag=True, help="Ask on plain lines: for screen readers and slow lines.")
def new(path: Path | None, *, plain: bool) -> int:
    """Set up a new task, step by step; with --from, from the answers of a task file."""
    draft = None if path is None else _draft_of(path)
    if plain:
        from syncwizard.cli.plain.dialogue import set_up

        return set_up(draft)
    return _show(Opening(screen="wizard", draft=draft))


def _draft_of(path: Path) -> TaskDraft:
    spec = load_task(path)
    draft = TaskDraft.from_spec(spec)
    return draft if spec.id is None else draft.copied()


@click.command(name="open")
@TASK
def open_(name: str) -> int:
    """Watch a task: stages, tables, latency, events. `q` leaves; the task goes on."""
    return _show(Opening(screen="monitor", task=tasks.find_task(name)))


def _show(opening: Opening) -> int:
    if launch.run(opening).reason == "demo":
        from syncwizard.demo import interactive

        return interactive.run(None)
    return 0
