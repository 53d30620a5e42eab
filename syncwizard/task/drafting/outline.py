"""The catalogue, or what is chosen of it, as the lines of a tree: schemas, kinds, objects, partitions. Pure.

Objects whose names differ in a number alone, and sequences that their tables own, are one line until it is opened.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, overload

import msgspec

from syncwizard.task.drafting.catalogue import KINDS, CatalogueObject, ObjectKind, RelationName
from syncwizard.task.drafting.choice import ObjectChoice

Groups = Mapping[str, Mapping[ObjectKind, Sequence[CatalogueObject]]]


# Schemas and kinds are above it, partitions below their table deeper.
OBJECT_DEPTH = 2
# Fewer are no mass to be spared.
LEAST_GROUP = 3
# Looking at the names of more takes longer than a key may.
MOST_GROUPED = 5000
OWNED = "owned"
_LAST_NUMBER = re.compile(r"\d+(?=\D*$)")


class Node(NamedTuple):
    """What a line stands for: a schema, a kind in it, an object, or objects that are folded into a line: `group`."""

    schema: str
    kind: ObjectKind | None = None
    name: str | None = None
    group: str | None = None


class Line(msgspec.Struct, frozen=True, gc=False):
    """One line. `below`: how many objects it has below it that the tree shows; those are what a tick is about.
    `members`: of a line that objects are folded into, these."""

    depth: int
    node: Node
    object: CatalogueObject | None
    below: int
    expanded: bool
    members: tuple[CatalogueObject, ...] = ()


def everything(choice: ObjectChoice) -> Groups:
    """The catalogue's objects."""
    return choice.catalogue.by_kind


def chosen(choice: ObjectChoice) -> Groups:
    """The objects that are chosen, those included that the catalogue does not have; only schemas with any."""
    groups = {schema: dict(choice.view(schema).chosen) for schema in choice.catalogue.by_kind}
    for each in choice.missing:
        if isinstance(each, str):
            groups.setdefault(each, {})
        else:
            kinds = groups.setdefault(each.schema, {})
            kinds[each.kind] = [*kinds.get(each.kind, ()), CatalogueObject(each.kind, each.schema, each.name)]
    return {
        schema: {kind: kinds[kind] for kind in KINDS if kinds.get(kind)}
        for schema, kinds in groups.items()
        if schema in choice.schemas or any(kinds.values())
    }


def matches(each: CatalogueObject, words: Sequence[str]) -> bool:
    """Whether the object has every word in its name, as `schema.name`, or in its description.

    >>> passages = CatalogueObject("table", "kb", "Passages", vectors=("embedding vector(384)",))
    >>> [matches(passages, words.split()) for words in ("kb.pass", "384 ages", "pass index", "")]
    [True, True, False, True]
    """
    text = f"{each.schema}.{each.name}".lower()
    if each.vectors or each.keyless:
        text = f"{text} {' '.join(each.vectors).lower()}{' no key' if each.keyless else ''}"
    # One at a time: a generator for all() would cost as much again at 20,000 objects.
    for word in words:  # noqa: SIM110
        if word not in text:
            return False
    return True


def filtered(groups: Groups, words: Sequence[str]) -> Groups:
    """The groups with the objects that match alone; all of them without words. Words are in lower case."""
    if not words:
        return groups
    found = {
        schema: {kind: [each for each in those if matches(each, words)] for kind, those in kinds.items()}
        for schema, kinds in groups.items()
    }
    return {
        schema: {kind: those for kind, those in kinds.items() if those}
        for schema, kinds in found.items()
        if any(kinds.values())
    }


def count(groups: Groups) -> int:
    """How many objects there are."""
    return sum(len(those) for kinds in groups.values() for those in kinds.values())


def objects_of(groups: Groups, node: Node | None = None) -> list[CatalogueObject]:
    """The objects at and below a line, or all."""
    if node is not None and node.group is not None:
        return [each for each in groups[node.schema][node.kind or "table"] if group_of(each) == node.group]
    if node is not None and node.name is not None:
        return [each for each in groups[node.schema][node.kind or "table"] if each.name == node.name]
    schemas: Iterable[str] = groups if node is None else (node.schema,)
    kinds = None if node is None else node.kind
    return [
        each
        for schema in schemas
        for kind, those in groups.get(schema, {}).items()
        if kinds is None or kind == kinds
        for each in those
    ]


class Outline(Sequence[Line]):
    """The lines in sight. Those of objects without partitions are made when they are looked at: opening 20,000 of
    them costs nothing."""

    def __init__(self) -> None:
        self._runs: list[Sequence[CatalogueObject] | Line] = []
        self._starts: list[int] = []
        self._length = 0

    def add(self, run: Sequence[CatalogueObject] | Line) -> None:
        """Appends a line, or the lines of objects."""
        self._runs.append(run)
        self._starts.append(self._length)
        self._length += 1 if isinstance(run, Line) else len(run)

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Line: ...
    @overload
    def __getitem__(self, index: slice) -> list[Line]: ...
    def __getitem__(self, index: int | slice) -> Line | list[Line]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(self._length))]
        if not -self._length <= index < self._length:
            raise IndexError(index)
        index %= self._length
        place = bisect_right(self._starts, index) - 1
        run = self._runs[place]
        return run if isinstance(run, Line) else _leaf(run[index - self._starts[place]])

    def place_of(self, node: Node) -> int | None:
        """The number of the line that stands for the node."""
        for start, run in zip(self._starts, self._runs, strict=True):
            if isinstance(run, Line):
                if run.node == node:
                    return start
            elif run and (run[0].schema, run[0].kind) == node[:2]:
                for number, each in enumerate(run):
                    if each.name == node.name:
                        return start + number
        return None


def group_of(each: CatalogueObject) -> str | None:
    """What objects that belong into one line have in common; None for one that stands alone.

    >>> [group_of(CatalogueObject("table", "kb", name)) for name in ("ref_01", "v2_ref_14", "passages")]
    ['ref_#', 'v2_ref_#', None]
    """
    if each.kind == "sequence" and each.parent is not None:
        return OWNED
    pattern = _LAST_NUMBER.sub("#", each.name)
    return None if pattern == each.name or each.partitioned else pattern


def outline(groups: Groups, is_open: Callable[[Node], bool], *, folded: bool = True) -> Outline:
    """The lines in sight: what is below a node only where that is open. `folded`: masses of a kind in one line each."""
    lines = Outline()
    for schema, kinds in groups.items():
        node = Node(schema)
        expanded = is_open(node)
        lines.add(Line(0, node, None, sum(map(len, kinds.values())), expanded))
        if expanded:
            for kind, those in kinds.items():
                _add_kind(lines, Node(schema, kind), those, is_open, folded=folded)
    return lines


def _leaf(each: CatalogueObject, depth: int = OBJECT_DEPTH) -> Line:
    return Line(depth, Node(each.schema, each.kind, each.name), each, 0, False)


def _add_kind(
    lines: Outline, node: Node, objects: Sequence[CatalogueObject], is_open: Callable[[Node], bool], *, folded: bool
) -> None:
    expanded = is_open(node)
    lines.add(Line(1, node, None, len(objects), expanded))
    if not expanded:
        return
    parents = {each.relation for each in objects if each.partitioned}
    partitions: dict[RelationName, list[CatalogueObject]] = {}
    for each in objects if parents else ():
        if each.parent in parents:
            partitions.setdefault(each.parent, []).append(each)
    if folded and len(objects) <= MOST_GROUPED:
        alone = [each for each in objects if each.parent not in parents or each.kind == "sequence"]
        groups = _groups(alone)
        if groups:
            _add_groups(lines, node, alone, groups, partitions, is_open)
            return
    if not partitions:
        lines.add(objects)
        return
    for each in objects:
        if each.parent not in parents:
            _add_table(lines, OBJECT_DEPTH, each, partitions, is_open)


def _groups(objects: Sequence[CatalogueObject]) -> dict[str, tuple[CatalogueObject, ...]]:
    """The masses among the objects, by what their members have in common."""
    found: dict[str, list[CatalogueObject]] = {}
    for each in objects:
        if (name := group_of(each)) is not None:
            found.setdefault(name, []).append(each)
    return {name: tuple(those) for name, those in found.items() if len(those) >= LEAST_GROUP}


def _add_groups(
    lines: Outline,
    kind: Node,
    objects: Sequence[CatalogueObject],
    groups: Mapping[str, tuple[CatalogueObject, ...]],
    partitions: Mapping[RelationName, list[CatalogueObject]],
    is_open: Callable[[Node], bool],
) -> None:
    """The objects in their order, a mass where its first member stands."""
    begun: set[str] = set()
    for each in objects:
        name = group_of(each)
        if name is None or name not in groups:
            _add_table(lines, OBJECT_DEPTH, each, partitions, is_open)
        elif name not in begun:
            begun.add(name)
            node, members = Node(kind.schema, kind.kind, None, name), groups[name]
            expanded = is_open(node)
            lines.add(Line(OBJECT_DEPTH, node, None, len(members), expanded, members))
            for member in members if expanded else ():
                lines.add(_leaf(member, OBJECT_DEPTH + 1))


def _add_table(
    lines: Outline,
    depth: int,
    each: CatalogueObject,
    partitions: Mapping[RelationName, list[CatalogueObject]],
    is_open: Callable[[Node], bool],
) -> None:
    below = partitions.get(each.relation, ()) if each.partitioned else ()
    if not below:
        lines.add(_leaf(each, depth))
        return
    node = Node(each.schema, each.kind, each.name)
    expanded = is_open(node)
    lines.add(Line(depth, node, each, len(below), expanded))
    for partition in below if expanded else ():
        _add_table(lines, depth + 1, partition, partitions, is_open)
