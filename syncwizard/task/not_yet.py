"""Keys of the task file that are read and checked, and that nothing acts on in this version: a task with one of them is
refused, because without it the task would do something else than its file says."""

from collections.abc import Iterator
from typing import Any

import msgspec

from syncwizard.task.problem import Problem

# `[]` stands for every entry of a list.
NOT_YET: tuple[str, ...] = ()


def not_yet(spec: msgspec.Struct) -> Iterator[Problem]:
    """The keys of the specification that are given and not supported."""
    for key in NOT_YET:
        for path in _given(spec, key.split("."), ""):
            name = key.rpartition(".")[2]
            yield Problem(path=path, message=f"`{name}` is not supported by this version", remedy=f"leave out `{name}`")


def is_supported(key: str) -> bool:
    """Whether a key is acted on, by its path with `[]` for every entry of a list.

    >>> is_supported("objects[].tables[].name"), is_supported("objects[].tables[].origin_column")
    (True, False)
    """
    return key not in NOT_YET


def _given(struct: msgspec.Struct, names: list[str], above: str) -> Iterator[str]:
    """The paths at which the key has another value than its default."""
    first, *below = names
    name = first.removesuffix("[]")
    path, value = f"{above}.{name}".lstrip("."), getattr(struct, name)
    if not below:
        if value != _default(struct, name):
            yield path
    elif first == name:
        yield from _given(value, below, path)
    else:
        for index, entry in enumerate(value):
            yield from _given(entry, below, f"{path}[{index}]")


def _default(struct: msgspec.Struct, name: str) -> Any:
    field = next(field for field in msgspec.structs.fields(struct) if field.name == name)
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
