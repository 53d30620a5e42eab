"""What a person changes of one table: which columns travel and as what, and what is wrong with the answers. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal, Self

import msgspec

from syncwizard.task.drafting.catalogue import ColumnFacts
from syncwizard.task.mapping import Mapping as Names
from syncwizard.task.names import TableName
from syncwizard.task.object_rules import name_problem
from syncwizard.task.objects import Operation, TableObject

OPERATIONS: tuple[Operation, ...] = ("insert", "update", "delete", "truncate", "ddl")
# In place of a type, for a column that the entry names and the table does not have.
MISSING = "not at the source"
UNCHANGED = Names()
# By what the rows of a merged table are known: nothing, a column with their origin, a condition over their keys.
Merging = Literal["", "column", "keys"]


class TableEdit(msgspec.Struct, frozen=True, kw_only=True):
    """The answers while they are given. A column that is left out keeps its new name here, for when it is ticked again.

    - `columns`: the table's, and those that the entry names without there being any
    - `own`, `own_names`: what table and columns are called without a name of their own: by rule or capitalization
    - `names`: new names as typed; `left_out`: columns that do not travel
    - `operations`: None for `inherited`, what the schema says
    - `merging`, `origin`: how its rows are told from those of others that go to one table, and the column or condition
    """

    entry: TableObject
    columns: tuple[ColumnFacts, ...] = ()
    own: str = ""
    own_names: Mapping[str, str] = {}
    name: str = ""
    names: Mapping[str, str] = {}
    left_out: frozenset[str] = frozenset()
    where: str = ""
    script: str = ""
    operations: list[Operation] | None = None
    inherited: tuple[Operation, ...] = OPERATIONS
    merging: Merging = ""
    origin: str = ""

    @classmethod
    def of(
        cls,
        entry: TableObject,
        columns: Iterable[ColumnFacts],
        *,
        schema: str = "",
        names: Names = UNCHANGED,
        inherited: Iterable[Operation] | None = None,
    ) -> Self:
        """The answers that an entry of the file has. `names`: the task's, without the names of single objects.

        >>> edit = TableEdit.of(TableObject(table="t", exclude_columns=["b"]), [ColumnFacts("a", "text")])
        >>> [each.name for each in edit.columns], edit.to_object() == edit.entry
        (['a', 'b'], True)
        """
        facts = tuple(columns)
        known = {each.name for each in facts}
        unknown = dict.fromkeys(name for name in (*entry.columns, *entry.exclude_columns) if name not in known)
        everything = (*facts, *(ColumnFacts(name, MISSING) for name in unknown))
        table = TableName(schema, entry.table)
        own = names.table(table).name
        return cls(
            entry=entry,
            columns=everything,
            own=own,
            own_names={each.name: names.column(table, each.name) for each in everything},
            name=own if entry.name is None else entry.name,
            names=dict(entry.columns),
            left_out=frozenset(entry.exclude_columns),
            where=entry.where or "",
            script=entry.etl or "",
            operations=entry.operations,
            inherited=OPERATIONS if inherited is None else tuple(inherited),
            merging="column" if entry.origin_column is not None else "keys" if entry.origin_keys is not None else "",
            origin=entry.origin_column or entry.origin_keys or "",
        )

    def to_object(self) -> TableObject:
        """The entry that the answers lead to; its columns are in the order of the table."""
        ordered = [each.name for each in self.columns]
        return msgspec.structs.replace(
            self.entry,
            name=None if self.name == self.own else self.name,
            columns={name: self.names[name] for name in ordered if name in self.names and name not in self.left_out},
            exclude_columns=[name for name in ordered if name in self.left_out],
            where=self.where if self.where.strip() else None,
            etl=self.script if self.script.strip() else None,
            operations=self.operations,
            origin_column=self.origin if self.merging == "column" else None,
            origin_keys=self.origin if self.merging == "keys" else None,
        )

    def renamed(self, column: str, name: str) -> Self:
        """Another name for a column; its own, or none, takes the new one away."""
        names = {each: new for each, new in self.names.items() if each != column}
        if name not in ("", self.own_names.get(column, column)):
            names[column] = name
        return msgspec.structs.replace(self, names=names)

    def ticked(self, column: ColumnFacts) -> Self:
        """The column travels, or not any more; one that has to stays as it is."""
        if must_travel(column) and column.name not in self.left_out:
            return self
        return msgspec.structs.replace(self, left_out=self.left_out ^ {column.name})

    def operating(self, operations: Iterable[Operation]) -> Self:
        """Other operations; those of the schema are not written down."""
        chosen = [each for each in OPERATIONS if each in set(operations)]
        same = set(chosen) == set(self.inherited)
        return msgspec.structs.replace(self, operations=None if same else chosen)

    def arrives_as(self, column: str) -> str:
        """What is typed for the column's name at the destination, or its own."""
        return self.names.get(column) or self.own_names.get(column, column)

    def name_problem(self, taken: Mapping[str, str]) -> str:
        """What is wrong with the table's name. `taken`: what else is called something there, in words, by its name.

        >>> edit = TableEdit.of(TableObject(table="t", name="u"), [])
        >>> edit.name_problem({"u": "view s.u"})
        'view s.u has this name'
        """
        if problem := name_problem(self.name):
            return problem
        # Tables may be one there; whether all of them are told apart in one way, the draft as a whole says.
        meets = taken.get(self.name, "")
        if not meets or (self.merging and meets.startswith("table ")):
            return ""
        merge = ', and "Merged there" is not chosen' if meets.startswith("table ") else ""
        return f"{meets} has this name{merge}"

    @property
    def origin_problem(self) -> str:
        """What is wrong with the column that takes the origin, or that no condition is given."""
        if self.merging == "column":
            if problem := name_problem(self.origin):
                return problem
            several = self._arrivals[self.origin]
            return f"{several} columns go to {self.origin}" if several > 1 else ""
        return "the condition is empty" if self.merging == "keys" and not self.origin.strip() else ""

    def column_problem(self, column: str) -> str:
        """What is wrong with a column's name at the destination."""
        if column in self.left_out:
            return ""
        name = self.arrives_as(column)
        if problem := name_problem(name):
            return problem
        return f"{self._arrivals[name]} columns go to {name}" if self._arrivals[name] > 1 else ""

    @property
    def columns_problem(self) -> tuple[str, str]:
        """The first column with a wrong name and what is wrong; both empty where nothing is."""
        travelling = [each.name for each in self.columns if each.name not in self.left_out and not each.computed]
        if self.columns and not travelling:
            return self.columns[0].name, "no column travels"
        for each in self.columns:
            if problem := self.column_problem(each.name):
                return each.name, problem
        return "", ""

    @property
    def _arrivals(self) -> Counter[str]:
        found = Counter(self.arrives_as(each.name) for each in self.columns if each.name not in self.left_out)
        if self.merging == "column":
            found[self.origin] += 1
        return found


def must_travel(column: ColumnFacts) -> str:
    """Why a column cannot be left out; empty for one that can.

    >>> must_travel(ColumnFacts("id", "bigint", of_key=True)), must_travel(ColumnFacts("note", "text"))
    ('rows are found by it: it is part of the key', '')
    """
    return "rows are found by it: it is part of the key" if column.of_key else ""


def describe_edit(entry: TableObject) -> list[str]:
    """In what a table differs at the destination, its name excepted, each in a word or two.

    >>> describe_edit(TableObject(table="t", columns={"a": "b"}, exclude_columns=["c", "d"], where="a > 1"))
    ['1 column renamed', '2 left out', 'filter']
    """
    found = []
    if renamed := sum(own != new for own, new in entry.columns.items()):
        found.append(f"{renamed} column{'' if renamed == 1 else 's'} renamed")
    if entry.exclude_columns:
        found.append(f"{len(entry.exclude_columns)} left out")
    if entry.where is not None:
        found.append("filter")
    if entry.etl is not None:
        found.append("script")
    if entry.operations is not None:
        found.append("/".join(entry.operations) or "no operation")
    if entry.origin_column is not None:
        found.append(f"origin in {entry.origin_column}")
    if entry.origin_keys is not None:
        found.append("merged by keys")
    return found
