"""Objects of a task file that would have one name at the destination, or one that is none, by every way in which they
get their names: entries, rules, capitalization. Pure.

Of a whole schema the file names few objects; the precheck asks the same of all of them, with the catalogue.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from syncwizard.task.mapping import Mapping
from syncwizard.task.names import ObjectName
from syncwizard.task.object_rules import name_problem, rule_problem
from syncwizard.task.objects import SchemaObjects, TableObject
from syncwizard.task.problem import Problem
from syncwizard.task.specification import TaskSpec

# These have their names among each other: the first are relations, the second types.
_RELATIONS = ("table", "view", "materialized view", "sequence")
_TYPES = ("table", "view", "materialized view", "type")
MERGING = "give all of them the same `origin_column`, or `origin_keys` where constraints keep their keys apart"


class _Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """An object that the file names. `path`: what gives it its name at the destination; `table`: the entry of one."""

    kind: str
    source: ObjectName
    target: ObjectName
    path: str
    table: TableObject | None = None

    def __str__(self) -> str:
        return str(self.source) if self.kind == "table" else f"{self.kind} {self.source}"


def meeting_problems(spec: TaskSpec) -> Iterator[Problem]:
    """Two objects of one name that are not merged on purpose, and names that rules make too long."""
    if any(rule_problem(rule)[1] for entry in spec.objects for rule in entry.rename):
        return
    mapping = Mapping.of(spec)
    arrivals = [each for at, entry in enumerate(spec.objects) for each in _named(f"objects[{at}]", entry, mapping)]
    for each in arrivals:
        # What a name of its own is like is looked at where it stands.
        given = each.table is not None and each.table.name is not None
        if not given and each.target.name != each.source.name and (problem := name_problem(each.target.name)):
            yield Problem(path=each.path, message=f"{each} becomes `{each.target.name}`: {problem}")
    met: set[frozenset[tuple[str, ObjectName]]] = set()
    for kinds in (_RELATIONS, _TYPES):
        groups: dict[ObjectName, list[_Arrival]] = defaultdict(list)
        for each in arrivals:
            if each.kind in kinds:
                groups[each.target].append(each)
        for target, several in groups.items():
            # One that is listed twice is a mistake of its own.
            found = {(each.kind, each.source): each for each in several}
            if len(found) > 1 and frozenset(found) not in met:
                met.add(frozenset(found))
                yield from _problems(target, list(found.values()))


def _named(path: str, entry: SchemaObjects, mapping: Mapping) -> Iterator[_Arrival]:
    """The objects that an entry names, in the order of the file."""
    for key, those in (("tables", entry.tables), ("overrides", entry.overrides)):
        for index, table in enumerate(those):
            own = f"{path}.{key}[{index}]"
            yield _arrival("table", entry, table.table, own, mapping, table)
    for kind, name in entry.named:
        if kind != "function":
            yield _arrival(kind, entry, name, f"{path}.{kind.replace(' ', '_')}s", mapping, None)


def _arrival(
    kind: str, entry: SchemaObjects, name: str, path: str, mapping: Mapping, table: TableObject | None
) -> _Arrival:
    source = ObjectName(entry.schema, name)
    named = f"{path}.name" if table is not None and table.name is not None else path
    return _Arrival(kind=kind, source=source, target=mapping.object(source), path=named, table=table)


def _problems(target: ObjectName, several: Sequence[_Arrival]) -> Iterator[Problem]:
    names = f"{', '.join(map(str, several[:-1]))} and {several[-1]}"
    last = several[-1]
    tables = [each.table for each in several if each.table is not None]
    merging = [table for table in tables if table.merges]
    if len(tables) < len(several):
        yield Problem(path=last.path, message=f"{names} would all be {target}", remedy="give each a name of its own")
    elif not merging:
        yield Problem(
            path=last.path,
            message=f"{names} go to one table, {target}",
            remedy=f"give each a `name` of its own; to merge them, {MERGING}",
        )
    elif len(merging) < len(tables) or len({table.origin_column for table in tables}) > 1:
        # By its own entry: that is where the key is missing.
        path = last.path.removesuffix(".name")
        yield Problem(
            path=f"{path}.origin_column",
            message=f"{names} are merged into {target}, and told apart in different ways",
            remedy=MERGING,
        )
