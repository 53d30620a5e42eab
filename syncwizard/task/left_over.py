"""What a release left over at the ends, as lines to copy: pure."""

from collections.abc import Iterable

from syncwizard.remedies import as_line
from syncwizard.task.events import Remainder


def left_over_lines(left_over: Iterable[Remainder]) -> list[str]:
    """Each statement on a line, with the end where it is run as a comment.

    >>> left_over_lines([Remainder(statements=('DROP TABLE "a; b"', "DROP TABLE c"), end="source")])
    ['DROP TABLE "a; b";  -- source', 'DROP TABLE c;  -- source']
    """
    return [
        f"{as_line(statement)}{_comment(remainder)}" for remainder in left_over for statement in remainder.statements
    ]


def _comment(remainder: Remainder) -> str:
    about = ", ".join(filter(None, (remainder.end, remainder.note)))
    return f"  -- {about}" if about else ""
