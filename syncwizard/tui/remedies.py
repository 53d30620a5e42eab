"""What to do, as the screens word it: by their keys."""

from syncwizard.remedies import Remedy, as_line, by_command, statements_of, words_of
from syncwizard.task.text import one_line


def by_key(remedy: Remedy, alone: bool) -> str:
    """How to go on, with the keys of the monitor.

    >>> by_key(Remedy(then="resume"), True), by_key(Remedy(then="resync", everything=True), True)
    ('r resumes', 'R resyncs everything')
    """
    match remedy.then:
        case "resume":
            return "r resumes"
        case "resync" if remedy.tables:
            return f"R resyncs {', '.join(map(one_line, remedy.tables))}"
        case "resync":
            return "R resyncs everything" if remedy.everything else "R resyncs"
        case "new task":
            return "D releases the task, for a new one"
        case "pause":
            return "p pauses it"
        case "status":
            return "Enter shows it"
        case "wait":
            return "wait until it synchronizes"
        case "run again":
            return "try again"
        case _:
            return by_command(remedy, alone)


def marked_lines(remedy: Remedy) -> list[str]:
    """A remedy below what it is for: its words behind an arrow, then each statement on a line of its own."""
    words = words_of(remedy, by_key, with_statements=False)
    return [*([f"→ {one_line(words)}"] if words else []), *(as_line(one_line(each)) for each in statements_of(remedy))]
