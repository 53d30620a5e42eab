"""Knows the names of the precheck's items: one that is misspelt would be accepted in vain."""

from collections.abc import Iterable

from syncwizard.task.nearest import suggestion


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
    return {name: suggestion(name, known, f"the items are: {', '.join(known)}") for name in wanted if name not in known}
