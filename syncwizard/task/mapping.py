"""Where the names of the source go at the destination, and where those of the destination come from (DESIGN rule 19).

Asked by everything that speaks of both ends; nothing else compares their names.
"""

import hashlib
import re
from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from functools import cache
from typing import Self

import msgspec

from syncwizard.task.names import FunctionName, ObjectName, TableName
from syncwizard.task.object_rules import NAME_BYTES
from syncwizard.task.objects import RenameRule
from syncwizard.task.specification import Capitalization, TaskSpec


class Mapping(msgspec.Struct, frozen=True, kw_only=True):
    """What has another name at the destination; all else keeps its own.

    - `schemas`: by their names; every selected one where `capitalization` or a rule may change what is in it.
    - `objects`: tables, views, sequences, … by schema and name, to a name whole, with its schema.
    - `columns`: by table and name, both the source's; `left_out`: those that do not travel.
    - `rules`: by schema, for objects that have no entry, functions excepted: code that is text calls them by name.
    - `capitalization`: of the names in `schemas` that are given nowhere else.
    - `origins`: the column that is filled with the origin of a merged table's rows.
    - `origin_keys`: the condition over its key that tells a merged table's rows from others, where no column does.
    """

    schemas: MappingOf[str, str] = {}
    objects: MappingOf[tuple[str, str], tuple[str, str]] = {}
    columns: MappingOf[TableName, MappingOf[str, str]] = {}
    left_out: MappingOf[TableName, frozenset[str]] = {}
    rules: MappingOf[str, tuple[RenameRule, ...]] = {}
    capitalization: Capitalization = "source"
    origins: MappingOf[TableName, str] = {}
    origin_keys: MappingOf[TableName, str] = {}

    @classmethod
    def of(cls, spec: TaskSpec) -> Self:
        """The mapping of a task.

        >>> from syncwizard.task.objects import SchemaObjects, TableObject
        >>> from syncwizard.task.specification import Endpoint
        >>> end, orders = Endpoint(database="d"), TableObject(table="orders", name="bills")
        >>> rule = RenameRule(pattern="^tmp_(.+)$", name=r"stage_\\1")
        >>> entry = SchemaObjects(schema="sales", name="eu", overrides=[orders], rename=[rule])
        >>> mapping = Mapping.of(TaskSpec(name="t", source=end, destination=end, objects=[entry]))
        >>> [str(mapping.table(TableName("sales", name))) for name in ("orders", "tmp_x", "items")]
        ['eu.bills', 'eu.stage_x', 'eu.items']
        """
        capitalization = spec.synchronization.capitalization
        schemas, objects, columns, left_out, origins, origin_keys = {}, {}, {}, {}, {}, {}
        for entry in spec.objects:
            schema = entry.name if entry.name is not None else _folded(entry.schema, capitalization)
            schemas[entry.schema] = schema
            for table in entry.described:
                name = TableName(entry.schema, table.table)
                if table.name is not None:
                    objects[entry.schema, table.table] = (schema, table.name)
                if table.columns:
                    columns[name] = table.columns
                if table.exclude_columns:
                    left_out[name] = frozenset(table.exclude_columns)
                if table.origin_column is not None:
                    origins[name] = table.origin_column
                if table.origin_keys is not None:
                    origin_keys[name] = table.origin_keys
        return cls(
            schemas=schemas,
            objects=objects,
            columns=columns,
            left_out=left_out,
            rules={entry.schema: tuple(entry.rename) for entry in spec.objects if entry.rename},
            capitalization=capitalization,
            origins=origins,
            origin_keys=origin_keys,
        )

    @property
    def facts(self) -> list[tuple[str, ...]]:
        """Everything that it changes, in an order that only depends on that: its kind, and the names in question.

        >>> Mapping(schemas={"a": "a", "s": "eu"}, left_out={TableName("s", "t"): frozenset({"c"})}).facts
        [('left out', 's', 't', 'c'), ('schema', 's', 'eu')]
        """
        found: list[tuple[str, ...]] = [("schema", *each) for each in self.schemas.items() if each[0] != each[1]]
        found += [("object", *source, *target) for source, target in self.objects.items() if source != target]
        found += [
            ("column", table.schema, table.name, name, new)
            for table, columns in self.columns.items()
            for name, new in columns.items()
            if name != new
        ]
        found += [
            ("left out", table.schema, table.name, name) for table, names in self.left_out.items() for name in names
        ]
        found += [("origin column", table.schema, table.name, column) for table, column in self.origins.items()]
        found += [("origin keys", table.schema, table.name, text) for table, text in self.origin_keys.items()]
        for schema, rules in self.rules.items():
            # The first that matches counts.
            found += [("rule", schema, f"{number:04}", each.pattern, each.name) for number, each in enumerate(rules)]
        if self.capitalization != "source":
            found.append(("capitalization", self.capitalization))
        return sorted(found)

    @property
    def same(self) -> bool:
        """Whether everything has the name at both ends that it has at the source, and all of it travels."""
        renamed = any(source != target for source, target in self.schemas.items())
        edited = self.objects or self.columns or self.left_out or self.rules or self.origins or self.origin_keys
        return not renamed and not edited and self.capitalization == "source"

    def schema(self, name: str) -> str:
        """The destination's schema for what is in this one of the source and has no name of its own."""
        return self.schemas.get(name, name)

    def table(self, table: TableName) -> TableName:
        """The destination's table that takes the rows of this one.

        >>> mapping = Mapping(schemas={"sales": "eu"}, objects={("sales", "orders"): ("eu", "orders_eu")})
        >>> print(mapping.table(TableName("sales", "orders")), mapping.table(TableName("sales", "items")))
        eu.orders_eu eu.items
        """
        return TableName(*self._mapped(table.schema, table.name))

    def object(self, name: ObjectName) -> ObjectName:
        """The destination's name of a view, sequence, type or index of the source."""
        return ObjectName(*self._mapped(name.schema, name.name))

    def function(self, name: FunctionName) -> FunctionName:
        """The destination's name of a function of the source."""
        schema, own = self.objects.get((name.schema, name.name)) or (self.schema(name.schema), name.name)
        return FunctionName(schema, own, tuple(map(self._argument, name.arguments)))

    def column(self, table: TableName, name: str) -> str:
        """The destination's column that takes the values of this one; `table` is the source's.

        >>> mapping = Mapping(columns={TableName("public", "t"): {"note": "remark"}})
        >>> mapping.column(TableName("public", "t"), "note"), mapping.column(TableName("public", "t"), "id")
        ('remark', 'id')
        """
        own = self.columns.get(table, {}).get(name)
        if own is not None or self.capitalization == "source" or table.schema not in self.schemas:
            return name if own is None else own
        return _folded(name, self.capitalization)

    def column_names(self, table: TableName, names: Iterable[str]) -> list[str]:
        """The destination's columns for these, in their order."""
        return [self.column(table, name) for name in names]

    def index(self, table: TableName, name: str) -> ObjectName:
        """The destination's name of an index, or of a constraint with one; `table` is the source's.

        One that is called after its table follows it.

        >>> mapping = Mapping(objects={("sales", "orders"): ("eu", "orders_eu")})
        >>> print(mapping.index(TableName("sales", "orders"), "orders_pkey"))
        eu.orders_eu_pkey
        """
        return self._owned(table, name)

    def sequence(self, name: ObjectName, owner: TableName | None) -> ObjectName:
        """The destination's name of a sequence; one that is called after the table it belongs to follows it."""
        # Sequences of tables that are merged would meet under the name of the one table.
        if (
            owner is None
            or self.merged(owner)
            or owner.schema != name.schema
            or (name.schema, name.name) in self.objects
        ):
            return self.object(name)
        return self._owned(owner, name.name)

    def edited(self, table: TableName, root: TableName) -> TableName:
        """Whose columns count: a partition's are those of its tree, unless the task has an entry for it."""
        own = table in self.columns or table in self.left_out or self.merged(table)
        return table if own else root

    def merged(self, table: TableName) -> bool:
        """Whether the table, by the name of its own entry, may share its table of the destination with others."""
        return table in self.origins or table in self.origin_keys

    @property
    def merges(self) -> bool:
        """Whether any table does."""
        return bool(self.origins or self.origin_keys)

    def origin(self, table: TableName, root: TableName, database: str) -> tuple[str, str] | None:
        """The column of the destination that tells the rows of a table from those merged with it, and its value.

        >>> names = Mapping(origins={TableName("s", "t"): "source_table"})
        >>> names.origin(TableName("s", "t_1"), TableName("s", "t"), "kb")
        ('source_table', 'kb.s.t')
        """
        column = self.origins.get(self.edited(table, root))
        return None if column is None else (column, f"{database}.{root}")

    def changes_columns(self, table: TableName) -> bool:
        """Whether any column of the table may have another name, or does not travel."""
        folded = self.capitalization != "source" and table.schema in self.schemas
        return folded or table in self.columns or table in self.left_out

    def travels(self, table: TableName, column: str) -> bool:
        """Whether the values of the source's column go to the destination."""
        return column not in self.left_out.get(table, ())

    def sources(self, target: TableName, among: Iterable[TableName]) -> list[TableName]:
        """The tables among these whose rows go to a table of the destination.

        >>> mapping = Mapping(objects={("a", "t"): ("c", "t"), ("b", "t"): ("c", "t")})
        >>> tables = [TableName("a", "t"), TableName("b", "t"), TableName("b", "u")]
        >>> [str(table) for table in mapping.sources(TableName("c", "t"), tables)]
        ['a.t', 'b.t']
        """
        return [table for table in among if self.table(table) == target]

    def by_text(self, names: Iterable[str]) -> dict[str, str]:
        """The destination's names of tables that have another there; all as `schema.name`.

        >>> Mapping(schemas={"sales": "eu"}).by_text(["sales.orders", "public.x"])
        {'sales.orders': 'eu.orders'}
        """
        found: dict[str, str] = {}
        if self.same:
            return found
        for text in names:
            # A schema's name may have a dot in it.
            for schema in self.schemas:
                if text.startswith(f"{schema}."):
                    target = str(self.table(TableName(schema, text.removeprefix(f"{schema}."))))
                    if target != text:
                        found[text] = target
                    break
        return found

    def _argument(self, text: str) -> str:
        """A type of an argument, `schema.name` or `schema.name[]`: a schema's name may have a dot in it."""
        for schema in self.schemas:
            if text.startswith(f"{schema}."):
                name = text.removeprefix(f"{schema}.").removesuffix("[]")
                array = "[]" if text.endswith("[]") else ""
                return f"{self.object(ObjectName(schema, name))}{array}"
        return text

    def _owned(self, table: TableName, name: str) -> ObjectName:
        target = self.table(table)
        rest = name.removeprefix(f"{table.name}_")
        if rest == name or target.name == table.name:
            return ObjectName(target.schema, self._mapped(table.schema, name)[1])
        return ObjectName(target.schema, _joined(target.name, "_" + _folded(rest, self.capitalization)))

    def _mapped(self, schema: str, name: str) -> tuple[str, str]:
        if (own := self.objects.get((schema, name))) is not None:
            return own
        for rule in self.rules.get(schema, ()):
            if (found := _pattern(rule.pattern).fullmatch(name)) is not None:
                return self.schema(schema), found.expand(rule.name)
        if schema in self.schemas:
            name = _folded(name, self.capitalization)
        return self.schema(schema), name


def _joined(name: str, rest: str) -> str:
    """
    >>> _joined("orders", "_pkey"), len(_joined("o" * 60, "_pkey"))
    ('orders_pkey', 63)
    """
    whole = name + rest
    if len(whole.encode()) <= NAME_BYTES:
        return whole
    # Two long names must not become one.
    digest = hashlib.sha256(whole.encode()).hexdigest()[:6]
    tail = rest.encode()[-(NAME_BYTES // 2) :].decode(errors="ignore")
    room = NAME_BYTES - len(tail.encode()) - len(digest) - 1
    return f"{name.encode()[:room].decode(errors='ignore')}_{digest}{tail}"


@cache
def _pattern(text: str) -> re.Pattern[str]:
    """Asked for every name of a catalogue."""
    return re.compile(text)


def _folded(name: str, capitalization: Capitalization) -> str:
    """
    >>> _folded("Ordérs", "lower"), _folded("orders", "upper"), _folded("Orders", "source")
    ('ordérs', 'ORDERS', 'Orders')
    """
    if capitalization == "source":
        return name
    return name.lower() if capitalization == "lower" else name.upper()
