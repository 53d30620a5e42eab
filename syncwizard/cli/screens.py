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
def new(path: Path | None) -> int:
    """Set up a new task, step by step; with --from, from the answers of a task file."""
    if path is None:
        return _show(Opening(screen="wizard"))
    spec = load_task(path)
    draft = TaskDraft.from_spec(spec)
    return _show(Opening(screen="wizard", draft=draft if spec.id is None else draft.copied()))


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
