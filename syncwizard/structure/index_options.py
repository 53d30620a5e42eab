"""The storage parameters of an index, which its definition has at its end. Pure."""

import re

_OPTIONS = re.compile(r" WITH \(([^()]*)\)(?= WHERE |$)")


def option_changes(before: str, after: str) -> list[str]:
    """What ALTER INDEX is to do for the one definition to become the other; nothing where more than these differs.

    >>> option_changes("btree (a) WITH (fillfactor='60', fastupdate=on) WHERE (a > 1)", "btree (a) WHERE (a > 1)")
    ['RESET (fillfactor, fastupdate)']
    >>> option_changes("hnsw (e vector_l2_ops)", "hnsw (e vector_l2_ops) WITH (m='8')")
    ["SET (m='8')"]
    >>> option_changes("btree (a)", "btree (b) WITH (fillfactor='60')")
    []
    """
    if _OPTIONS.sub("", before) != _OPTIONS.sub("", after):
        return []
    was, now = _options(before), _options(after)
    gone = [name for name in was if name not in now]
    new = [f"{name}={value}" for name, value in now.items() if was.get(name) != value]
    return [
        *([f"RESET ({', '.join(gone)})"] if gone else []),
        *([f"SET ({', '.join(new)})"] if new else []),
    ]


def _options(definition: str) -> dict[str, str]:
    found = _OPTIONS.search(definition)
    pairs = (each.partition("=") for each in found[1].split(", ")) if found else ()
    return {name: value for name, _, value in pairs}
