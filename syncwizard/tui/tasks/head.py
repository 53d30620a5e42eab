"""The right end of the task list's first line."""

import datetime


def right_words(*, marked: int, found: int, count: int, order: str, at: float) -> str:
    """How many are marked, what the list leaves out, its order or view where that is a chosen one, and the time.

    >>> right_words(marked=2, found=1, count=3, order="by name", at=0.0).split("  ")[:3]
    ['2 marked', '1 of 3', 'by name']
    """
    parts = [
        f"{marked} marked" if marked else "",
        f"{found} of {count}" if found != count else "",
        order,
        datetime.datetime.fromtimestamp(at).strftime("%H:%M"),
    ]
    return "  ".join(filter(None, parts))
