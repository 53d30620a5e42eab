"""Writes the manual pages of the commands, from what `--help` says: `python packaging/man_pages.py FOLDER`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from syncwizard import __version__, manual
from syncwizard.cli.examples import EXAMPLES
from syncwizard.cli.main import COMMANDS, commands

PROGRAM = "syncwizard"


def escaped(text: str) -> str:
    r"""Text as troff shows it: no character of it is a command.

    >>> escaped(".a -b")
    '\\&.a \\-b'
    """
    text = text.replace("\\", "\\e").replace("-", "\\-")
    text = re.sub(r"[^\x00-\x7f]", lambda found: f"\\[u{ord(found[0]):04X}]", text)
    return "\n".join(f"\\&{line}" if line.startswith((".", "'")) else line for line in text.splitlines())


def paragraphs(text: str) -> Iterator[str]:
    """A docstring's paragraphs; click's mark of those that keep their lines is left out."""
    for paragraph in re.split(r"\n\s*\n", text.replace("\b", "").strip()):
        yield ".PP\n" + escaped(" ".join(paragraph.split()))


def page(name: str, command: click.Command) -> str:
    """One page."""
    words = f"{PROGRAM} {name}".strip()
    context = click.Context(command, info_name=words)
    usage = " ".join(command.collect_usage_pieces(context))
    about = COMMANDS[name][1] if name in COMMANDS else command.get_short_help_str(200)
    parts = [
        f'.TH "{words.replace(" ", "-").upper()}" 1 "" "{PROGRAM} {__version__}" "{PROGRAM}"',
        ".SH NAME",
        escaped(f"{words.replace(' ', '-')} - {about.rstrip('.')}"),
        ".SH SYNOPSIS",
        f".B {escaped(words)}\n{escaped(usage)}",
        ".SH DESCRIPTION",
        *paragraphs(command.help or ""),
        ".SH OPTIONS",
    ]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            parts.append(f".TP\n.B {escaped(record[0])}\n{escaped(record[1])}")
    if isinstance(command, click.Group):
        parts.append(".SH COMMANDS")
        known = {each: line for each, (_, line) in COMMANDS.items()}
        if name:
            known = {each: below.get_short_help_str(200) for each, below in command.commands.items()}
        parts += [f".TP\n.B {escaped(each)}\n{escaped(line)}" for each, line in known.items()]
    if name in EXAMPLES:
        parts += [".SH EXAMPLES", ".nf", *(escaped(f"{PROGRAM} {line}") for line in EXAMPLES[name]), ".fi"]
    parts += [".SH SEE ALSO", escaped(f"{PROGRAM} manual TOPIC, of: {', '.join(manual.NAMES)}")]
    return "\n".join(parts) + "\n"


def write_pages(folder: Path) -> list[Path]:
    """Writes a page for the program, each command and each command of a group; the files."""
    folder.mkdir(parents=True, exist_ok=True)
    found: dict[str, click.Command] = {"": commands}
    for name in COMMANDS:
        command = commands.get_command(click.Context(commands), name)
        if command is None:
            raise ValueError(f"there is no command {name}")
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {each}": below for each, below in command.commands.items()}
    written = []
    for name, command in found.items():
        path = folder / f"{'-'.join([PROGRAM, *name.split()])}.1"
        path.write_text(page(name, command), encoding="utf-8")
        written.append(path)
    return written


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
