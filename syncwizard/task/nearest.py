"""The name that was meant by one that there is not: of commands, tasks, keys, items, tables. Pure."""

import difflib
from collections.abc import Iterable


def nearest(given: str, names: Iterable[str]) -> str | None:
    """The most similar name, whatever its capitals; None where none is similar.

    >>> nearest("Stauts", ["status", "start"]), nearest("zzz", ["status"])
    ('status', None)
    """
    lowered: dict[str, str] = {}
    for name in names:
        lowered.setdefault(name.lower(), name)
    near = difflib.get_close_matches(given.lower(), lowered, n=1)
    return lowered[near[0]] if near else None


def suggestion(given: str, names: Iterable[str], otherwise: str = "") -> str:
    """The question whether the nearest name was meant, `otherwise` where there is none.

    >>> suggestion("orders-eu", ["orders_eu"]), suggestion("zzz", ["kb"], "the tasks are: kb")
    ('did you mean `orders_eu`?', 'the tasks are: kb')
    """
    near = nearest(given, names)
    return f"did you mean `{near}`?" if near else otherwise
