"""Knows the names of the precheck's items: one that is misspelt would be accepted in vain."""

import difflib
from collections.abc import Iterable


def unknown_items(names: Iterable[str]) -> dict[str, str]:
    """Those that are no items, each with the nearest names, or where to find them.

    >>> unknown_items(["wal-level", "replica-identty"])
    {'replica-identty': 'did you mean `replica-identity`?'}
    """
    wanted = list(names)
    if not wanted:
        return {}
    # Imported here: it loads the driver, and most commands name no item.
    from syncwizard.stages.precheck import item_names

    known = item_names()
    return {name: _nearest(name, known) for name in wanted if name not in known}


def _nearest(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"did you mean `{near[0]}`?" if near else f"the items are: {', '.join(known)}"
