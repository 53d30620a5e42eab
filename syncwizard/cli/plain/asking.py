"""Questions on plain lines, and their answers. Enter takes what stands in brackets."""

from collections.abc import Callable, Sequence

import click

from syncwizard.cli.output import say
from syncwizard.task.text import one_line


def ask(question: str, default: str = "") -> str:
    """A line of text; raises click.Abort at the end of the input."""
    answer: str = click.prompt(one_line(question), default=default, show_default=bool(default), err=True)
    return answer.strip()


def ask_hidden(question: str) -> str:
    """A text that is not shown while it is typed; empty where nothing was."""
    answer: str = click.prompt(one_line(question), default="", show_default=False, hide_input=True, err=True)
    return answer


def agree(question: str, *, default: bool = False) -> bool:
    """Yes or no."""
    return bool(click.confirm(one_line(question), default=default, err=True))


def choose(question: str, choices: Sequence[tuple[str, str]], default: str) -> str:
    """One of the values, by its number; `choices`: each value and what it means."""
    say(f"{question}:")
    for number, (_, words) in enumerate(choices, 1):
        say(f"  {number}  {words}")
    values = [value for value, _ in choices]
    while True:
        place = picked(ask("Number", str(values.index(default) + 1)), len(values))
        if place:
            return values[place - 1]
        say(f"a number from 1 to {len(values)}, please")


def ask_optional(question: str, default: str = "") -> str:
    """A line of text that may be nothing: a minus sign stands for that."""
    answer = ask(f"{question} (- for none)", default or "-")
    return "" if answer == "-" else answer


def ask_right(question: str, default: str, problem: Callable[[str], str]) -> str:
    """A line of text; asked again for as long as `problem` finds something wrong with it."""
    while wrong := problem(answer := ask(question, default)):
        say(f"wrong: {wrong}")
    return answer


def picked(answer: str, count: int) -> int:
    """The number that was answered, 0 where it is none of them.

    >>> picked("2", 3), picked("4", 3), picked("two", 3), picked("²", 3)
    (2, 0, 0, 0)
    """
    number = int(answer) if answer.isascii() and answer.isdigit() else 0
    return number if number <= count else 0


def names_in(answer: str) -> list[str]:
    """The names in a list with commas.

    >>> names_in("a, b,,"), names_in("")
    (['a', 'b'], [])
    """
    return [name for name in map(str.strip, answer.split(",")) if name]
