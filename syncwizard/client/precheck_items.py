"""Knows the names of the precheck's items: one that is misspelt would be accepted in vain."""

from collections.abc import Iterable

from syncwizard.task.text import did_you_mean


def unknown_items(names: Iterable[str]) -> dict[str, str]:
    """Those that are no items, each with the nearest names, or where to find them.

    >>> unknown_items(["wal-level", "replica-identty"])
    {'replica-identty': 'did you mean `replica-identity`?'}
    """
    wanted = list(names)
    if not wanted:
        return {}
    known = known_items()
    every = f"the items are: {', '.join(known)}"
    return {name: did_you_mean(name, known) or every for name in wanted if name not in known}


def known_items() -> list[str]:
    """The names of all items."""
    # Imported here: it loads the driver, and most commands name no item.
    from syncwizard.stages.precheck import item_names

    return item_names()
