"""A mapping that never changes, of which a copy with one more item is cheap.

A state of 20,000 tables that is copied whole for each event of a table makes a replay quadratic: 40,000 events took
10 s. Here a few changed items lie over a dictionary that is shared by the copies, and are joined with it now and then.
"""

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any, TypeVar

Value = TypeVar("Value")

# Up to here copying a dictionary costs less than looking into two.
PLAIN_ITEMS = 256


class Layered(Mapping[str, Value]):
    """Items in the order in which their keys came, as in a dictionary; equal to any mapping with the same items."""

    __slots__ = ("_base", "_joined", "_top")

    def __init__(self, base: dict[str, Value], top: dict[str, Value]) -> None:
        """`top` lies over `base`. Neither may be changed afterwards."""
        self._base, self._top = base, top
        self._joined: dict[str, Value] | None = None

    def changed(self, key: str, value: Value) -> "Layered[Value]":
        """The same with the item."""
        top = {**self._top, key: value}
        if len(top) ** 2 > len(self._base):
            return Layered({**self._base, **top}, {})
        return Layered(self._base, top)

    def merged(self) -> dict[str, Value]:
        """The items as a dictionary of their own: what walks over all of them is as fast as with that."""
        return dict(self._whole())

    def _whole(self) -> dict[str, Value]:
        if self._joined is None:
            self._joined = {**self._base, **self._top} if self._top else self._base
        return self._joined

    def __getitem__(self, key: str) -> Value:
        return self._top[key] if key in self._top else self._base[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._base) + sum(key not in self._base for key in self._top)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Layered):
            return self is other or self._whole() == other._whole()
        return self._whole() == other

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._whole())

    def items(self) -> ItemsView[str, Value]:
        return self._whole().items()

    def values(self) -> ValuesView[Value]:
        return self._whole().values()


def changed(items: Mapping[str, Value], key: str, value: Value) -> Mapping[str, Value]:
    """The same items with this one, in its old place where the key was there before.

    >>> before = {"a": 1, "b": 2}
    >>> changed(before, "a", 3), before
    ({'a': 3, 'b': 2}, {'a': 1, 'b': 2})
    """
    if isinstance(items, Layered):
        return items.changed(key, value)
    if len(items) < PLAIN_ITEMS:
        return {**items, key: value}
    return Layered(dict(items), {}).changed(key, value)


def without(items: Mapping[str, Value], key: str) -> Mapping[str, Value]:
    """The same items but for this one; costs a copy of them all.

    >>> without({"a": 1, "b": 2}, "a")
    {'b': 2}
    """
    rest = items.merged() if isinstance(items, Layered) else dict(items)
    rest.pop(key, None)
    return rest


def plain(value: Any) -> Any:
    """For encoders: what msgspec does not know of itself. Raises NotImplementedError for all else."""
    if isinstance(value, Layered):
        return value.merged()
    raise NotImplementedError(f"a {type(value).__name__} cannot be encoded")
