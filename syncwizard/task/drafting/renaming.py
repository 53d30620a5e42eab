r"""Renaming many tables at once, with a preview of every resulting name and of those that meet; pure.

>>> tables = [TableName("s", "tmp_a"), TableName("s", "b")]
>>> [str(each) for each in preview(tables, Regex(pattern="tmp_(.+)", name=r"\1"))]
['s.tmp_a → a']
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from syncwizard.task.drafting.catalogue import CatalogueObject
from syncwizard.task.drafting.choice import ObjectChoice
from syncwizard.task.mapping import Mapping as Names
from syncwizard.task.names import ObjectName, TableName
from syncwizard.task.object_rules import name_problem, rule_problem
from syncwizard.task.objects import RenameRule, TableObject


class Prefix(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A text before each name."""

    text: str


class Suffix(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A text behind each name."""

    text: str


class Replace(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Another text for each place of one in the names."""

    old: str
    new: str


class Case(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """All letters lower or upper."""

    to: Literal["lower", "upper"]


class Regex(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    r"""As a rule of the task file: `pattern` for a whole name, `name` with `\1` for its first group."""

    pattern: str
    name: str


Change = Prefix | Suffix | Replace | Case | Regex


class Renamed(msgspec.Struct, frozen=True, kw_only=True):
    """A table and what it would be called. `meets`: what else would have the name, in words; `problem`: why it cannot
    be called so, the meeting included; empty where it can."""

    table: TableName
    before: str
    after: str
    meets: tuple[str, ...] = ()
    problem: str = ""

    def __str__(self) -> str:
        return f"{self.table} → {self.after}" + (f" ({self.problem})" if self.problem else "")


def change_problem(change: Change) -> str:
    """Why nothing can be renamed so; empty where it can.

    >>> change_problem(Regex(pattern="(", name="x")), change_problem(Prefix(text=""))
    ('this is no regular expression: missing ), unterminated subpattern at position 0', 'the text is empty')
    """
    match change:
        case Regex():
            return rule_problem(RenameRule(pattern=change.pattern, name=change.name))[1]
        case Prefix() | Suffix():
            return "" if change.text else "the text is empty"
        case Replace():
            return "" if change.old else "the text to replace is empty"
        case Case():
            return ""


def changed_name(name: str, change: Change) -> str:
    r"""What a name becomes.

    >>> [changed_name("tmp_a", each) for each in (Prefix(text="x_"), Suffix(text="_eu"), Replace(old="tmp", new="t"))]
    ['x_tmp_a', 'tmp_a_eu', 't_a']
    >>> changed_name("tmp_a", Case(to="upper")), changed_name("tmp_a", Regex(pattern="^tmp_(.+)$", name=r"stage_\1"))
    ('TMP_A', 'stage_a')
    """
    match change:
        case Prefix():
            return change.text + name
        case Suffix():
            return name + change.text
        case Replace():
            return name.replace(change.old, change.new)
        case Case():
            return name.lower() if change.to == "lower" else name.upper()
        case Regex():
            found = re.fullmatch(change.pattern, name)
            return name if found is None else found.expand(change.name)


def preview(
    tables: Iterable[TableName],
    change: Change,
    others: Mapping[ObjectName, str] | None = None,
    before: Mapping[TableName, str] | None = None,
) -> list[Renamed]:
    """The tables whose names would change, in their order.

    `others`: what else is called something at the destination, in words, by its name there, `arrivals` has it.
    `before`: what the tables are called now, where that is not the source's name. The schema's own name plays no part:
    names meet where they are of one schema of the source.
    """
    now = dict(before or {})
    found: list[tuple[TableName, str, str]] = []
    for table in tables:
        current = now.get(table, table.name)
        after = changed_name(current, change)
        if after != current:
            found.append((table, current, after))
    taken: dict[tuple[str, str], list[str]] = defaultdict(list)
    moving = {f"table {table}" for table, _, _ in found}
    for name, what in (others or {}).items():
        if what not in moving:
            taken[name.schema, name.name].append(what)
    for table, _, after in found:
        taken[table.schema, after].append(f"table {table}")
    return [_renamed(table, current, after, taken[table.schema, after]) for table, current, after in found]


def _renamed(table: TableName, before: str, after: str, there: Sequence[str]) -> Renamed:
    meets = tuple(what for what in there if what != f"table {table}")
    problem = name_problem(after) or (f"{meets[0]} has this name" if meets else "")
    return Renamed(table=table, before=before, after=after, meets=meets, problem=problem)


def arrivals(
    choice: ObjectChoice,
    names: Names,
    schemas: Iterable[str] | None = None,
    *,
    without: CatalogueObject | None = None,
) -> dict[ObjectName, str]:
    """What of the choice is called what at the destination: tables, views and sequences, by the schema of the source
    and the name there. Where several are called the same, the last is named. `schemas`: those alone."""
    found = {}
    for schema in choice.catalogue.schemas if schemas is None else schemas:
        for kind, those in choice.view(schema).chosen.items():
            if kind in ("table", "view", "materialized view", "sequence"):
                for each in those:
                    if each is not without:
                        target = names.object(ObjectName(schema, each.name))
                        found[ObjectName(schema, target.name)] = f"{kind} {schema}.{each.name}"
    return found


def with_name(table: TableObject, name: str) -> TableObject:
    """The entry with another name at the destination."""
    return msgspec.structs.replace(table, name=None if name == table.table else name)
