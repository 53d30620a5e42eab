"""What the shell offers for TASK, FILE and ITEM; reads names alone, so that a press of Tab is answered at once."""

import shlex
from collections import Counter

import click
from click.shell_completion import CompletionItem

# As those of labels (client/tasks).
LABEL_DIGITS = 8


def complete_task(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The tasks of this machine; one whose name a shell would take apart by the beginning of its id."""
    found = sorted(_stored().items(), key=lambda entry: entry[1])
    names = Counter(name for _, name in found)
    items = []
    for task_id, name in found:
        digits = task_id[:LABEL_DIGITS]
        label = name if names[name] == 1 else f"{name}-{digits}"
        if label.startswith(incomplete) or task_id.startswith(incomplete):
            plain = shlex.quote(label) == label and label.startswith(incomplete)
            items.append(CompletionItem(label if plain else digits, help="" if plain else _printable(name)))
    return items


def complete_file(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Files, by the shell itself."""
    return [CompletionItem(incomplete, type="file")]


def complete_file_or_task(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Tasks, and files where no task begins like that."""
    return complete_task(ctx, parameter, incomplete) or complete_file(ctx, parameter, incomplete)


def complete_item(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The items of the precheck."""
    # Imported here: it loads the driver.
    from syncwizard.client.precheck_items import known_items

    return [CompletionItem(name) for name in known_items() if name.startswith(incomplete)]


def complete_topic(ctx: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The topics of the manual."""
    from syncwizard import manual

    return [CompletionItem(name) for name in manual.NAMES if name.startswith(incomplete)]


def _stored() -> dict[str, str]:
    """The names of all tasks by id."""
    # Imported here: the module that a command is in has it already, and `--help` of all needs none.
    from syncwizard.client import tasks

    # By its line: to read a file of 20,000 tables takes seconds.
    found = {path.parent.name: tasks.name_in(path) for path in tasks.task_files()}
    return {task_id: name for task_id, name in found.items() if name}


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)
