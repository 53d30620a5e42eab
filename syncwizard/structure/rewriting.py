"""Puts the destination's names into expressions and queries, in the trees of PostgreSQL's parser; pure.

A query goes on with the source's names of its columns where it can: a table that it reads gets an alias with them, so
that nothing in the query, and no column of a view, has another name than before. What cannot have an alias (the target
of an INSERT, NEW and OLD, an expression of a table's own) gets the destination's names one by one.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from syncwizard.structure.own_names import OwnNames
from syncwizard.task.names import TableName, quote


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What a name of a column means where it stands.

    `sole`: the table whose columns are named alone; `known`: the tables by the names before a dot; `called`: other
    names for these, where the relation's own is used.
    """

    sole: TableName | None = None
    known: Mapping[str, TableName] = {}
    called: Mapping[str, str] = {}


NOWHERE = Scope()
# Constants of these types are names, of what the word says.
NAMING = {
    "regclass": "relation",
    "regtype": "type",
    "regproc": "function",
    "regprocedure": "function",
    "regconfig": "other",
    "regdictionary": "other",
    "regcollation": "other",
    "regoper": "other",
    "regoperator": "other",
    "regnamespace": "schema",
}


class Rewriter:
    """Changes trees in place. `columns` gives the columns of the tables, by the source's names and in its order."""

    def __init__(self, names: OwnNames, columns: Mapping[TableName, tuple[str, ...]]) -> None:
        self.names = names
        self.columns = columns
        self.changed = False
        self._hooks: dict[str, Callable[[Any, Scope], None]] = {
            "RangeVar": self._range_var,
            "TypeName": self._type_name,
            "FuncCall": self._func_call,
            "TypeCast": self._type_cast,
            "ColumnRef": self._column_ref,
            "A_Expr": self._operators("name"),
            "SubLink": self._operators("oper_name"),
            "SortBy": self._operators("use_op"),
            "CollateClause": self._operators("collname"),
            "IndexElem": self._index_elem,
            "PartitionElem": self._index_elem,
            "StatsElem": self._index_elem,
            "SelectStmt": self._select,
            "InsertStmt": self._insert,
            "UpdateStmt": self._update,
            "DeleteStmt": self._delete,
            "MergeStmt": self._merge,
        }

    # What all trees have

    def walk(self, message: Any, scope: Scope = NOWHERE) -> None:
        """The message and all below it."""
        hook = self._hooks.get(message.DESCRIPTOR.name)
        if hook is not None:
            hook(message, scope)
        else:
            self.below(message, scope)

    def below(self, message: Any, scope: Scope, without: Iterable[str] = ()) -> None:
        """All below the message, but for these fields."""
        for field, value in message.ListFields():
            if field.message_type is None or field.name in without:
                continue
            if hasattr(value, "ListFields"):
                self.walk(value, scope)
            else:
                for each in value:
                    self.walk(each, scope)

    def put(self, holder: Any, field: str, value: str) -> None:
        """Another text in a field."""
        if getattr(holder, field) != value:
            setattr(holder, field, value)
            self.changed = True

    def qualified(self, items: Any, rename: Callable[[str, str], tuple[str, str]], beside: int = 0) -> None:
        """A name as a list of parts, schema and name last but for `beside` parts behind them."""
        end = len(items) - beside
        if end < 2 or not (items[end - 2].HasField("string") and items[end - 1].HasField("string")):
            return
        schema, name = rename(items[end - 2].string.sval, items[end - 1].string.sval)
        self.put(items[end - 2].string, "sval", schema)
        self.put(items[end - 1].string, "sval", name)

    def column(self, holder: Any, field: str, table: TableName) -> None:
        """The name of a column in a field; raises LeftOutColumn."""
        if getattr(holder, field):
            self.put(holder, field, self.names.column(table, getattr(holder, field)))

    def columns_of(self, items: Any, table: TableName) -> None:
        """Names of columns as a list of strings."""
        for item in items:
            if item.HasField("string"):
                self.column(item.string, "sval", table)

    # Names

    def _range_var(self, relation: Any, scope: Scope) -> None:
        schema, name = self.names.relation(relation.schemaname, relation.relname)
        self.put(relation, "schemaname", schema)
        self.put(relation, "relname", name)

    def _type_name(self, type_name: Any, scope: Scope) -> None:
        if type_name.pct_type:
            self.qualified(type_name.names, self.names.relation, beside=1)
        else:
            self.qualified(type_name.names, self.names.type)
        self.below(type_name, scope, ("names",))

    def _func_call(self, call: Any, scope: Scope) -> None:
        self.qualified(call.funcname, self.names.function)
        self.below(call, scope, ("funcname",))

    def _operators(self, field: str) -> Callable[[Any, Scope], None]:
        def rewrite(message: Any, scope: Scope) -> None:
            self.qualified(getattr(message, field), self.names.other)
            self.below(message, scope, (field,))

        return rewrite

    def _type_cast(self, cast: Any, scope: Scope) -> None:
        kind = NAMING.get(cast.type_name.names[-1].string.sval) if cast.type_name.names else None
        constant = cast.arg.a_const if cast.arg.HasField("a_const") else None
        if kind is not None and constant is not None and constant.HasField("sval"):
            self._constant(constant.sval, kind)
            return
        self.below(cast, scope)

    def _constant(self, text: Any, kind: str) -> None:
        """A name in a constant, with the types of the arguments behind it where it is a function or operator."""
        name, bracket, arguments = text.sval.partition("(")
        parts = _parts(name)
        if kind == "schema":
            renamed = tuple(map(self.names.schema, parts))
        elif len(parts) == 2:
            find = {"type": self.names.type, "function": self.names.function, "other": self.names.other}
            renamed = find.get(kind, self._relation_or_index)(*parts)
        else:
            return
        if renamed != parts:
            self.put(text, "sval", ".".join(map(quote, renamed)) + bracket + arguments)

    def _relation_or_index(self, schema: str, name: str) -> tuple[str, str]:
        found = self.names.relation(schema, name)
        return found if found != (schema, name) else self.names.index(schema, name)

    def _index_elem(self, element: Any, scope: Scope) -> None:
        if scope.sole is not None:
            self.column(element, "name", scope.sole)
        for field in ("collation", "opclass"):
            if field in element.DESCRIPTOR.fields_by_name:
                self.qualified(getattr(element, field), self.names.other)
        self.below(element, scope, ("collation", "opclass"))

    def _column_ref(self, ref: Any, scope: Scope) -> None:
        fields = ref.fields
        if not fields[0].HasField("string"):
            return
        if len(fields) == 1:
            if scope.sole is not None:
                self.column(fields[0].string, "sval", scope.sole)
            return
        before = fields[0].string.sval
        table = scope.known.get(before)
        if table is not None and fields[1].HasField("string"):
            self.column(fields[1].string, "sval", table)
        if before in scope.called:
            self.put(fields[0].string, "sval", scope.called[before])

    # Queries

    def _select(self, query: Any, scope: Scope) -> None:
        names = {name for item in query.from_clause for name in _known_as(item)}
        inner = Scope(
            known={name: table for name, table in scope.known.items() if name not in names}, called=scope.called
        )
        for item in query.from_clause:
            self._source(item, inner)
        self.below(query, inner, ("from_clause",))

    def _source(self, item: Any, scope: Scope) -> None:
        """An item of FROM, whose names and columns stay what they were for the query."""
        kind = item.WhichOneof("node")
        if kind == "range_var":
            self._aliased(item.range_var, columns=True)
        elif kind == "join_expr":
            join = item.join_expr
            self._source(join.larg, scope)
            self._source(join.rarg, scope)
            self.below(join, scope, ("larg", "rarg"))
        elif kind == "range_table_sample":
            self._source(item.range_table_sample.relation, scope)
            self.below(item.range_table_sample, scope, ("relation",))
        else:
            self.walk(item, scope)

    def _aliased(self, relation: Any, *, columns: bool) -> str:
        """The relation under the destination's name, known as before; that name."""
        table = TableName(relation.schemaname, relation.relname)
        known = str(relation.alias.aliasname) if relation.HasField("alias") else table.name
        self._range_var(relation, NOWHERE)
        order = None
        if columns and table in self.columns:
            order = self.names.in_order(table, self.columns[table])
        if relation.relname != known and not relation.HasField("alias"):
            relation.alias.aliasname = known
        if order is not None:
            given = [item.string.sval for item in relation.alias.colnames]
            # A list in the query names the first columns, in the source's order.
            called = dict(zip(self.columns[table], given, strict=False))
            relation.alias.aliasname = known
            del relation.alias.colnames[:]
            for name in order:
                relation.alias.colnames.add().string.sval = called.get(name, name)
            self.changed = True
        return known

    def _target(self, relation: Any, scope: Scope) -> tuple[TableName, Scope]:
        """The table that a statement writes, and what its expressions know it as."""
        table = TableName(relation.schemaname, relation.relname)
        known = self._aliased(relation, columns=False)
        return table, Scope(known={**scope.known, known: table}, called=scope.called)

    def _insert(self, statement: Any, scope: Scope) -> None:
        table, inner = self._target(statement.relation, scope)
        self._written(statement.cols, table)
        conflict = statement.on_conflict_clause
        alone = msgspec.structs.replace(inner, sole=table, known={**inner.known, "excluded": table})
        if statement.HasField("on_conflict_clause"):
            self._written(conflict.target_list, table)
            self.walk(conflict.infer, alone)
            for item in conflict.target_list:
                self.walk(item, alone)
            self.walk(conflict.where_clause, alone)
        self._returning(statement, alone)
        self.below(statement, scope, ("relation", "cols", "on_conflict_clause", "returning_clause"))

    def _update(self, statement: Any, scope: Scope) -> None:
        table, inner = self._target(statement.relation, scope)
        if not statement.from_clause:
            inner = msgspec.structs.replace(inner, sole=table)
        self._written(statement.target_list, table)
        for item in statement.from_clause:
            self._source(item, inner)
        self._returning(statement, inner)
        self.below(statement, inner, ("relation", "from_clause", "returning_clause"))

    def _delete(self, statement: Any, scope: Scope) -> None:
        table, inner = self._target(statement.relation, scope)
        if not statement.using_clause:
            inner = msgspec.structs.replace(inner, sole=table)
        for item in statement.using_clause:
            self._source(item, inner)
        self._returning(statement, inner)
        self.below(statement, inner, ("relation", "using_clause", "returning_clause"))

    def _merge(self, statement: Any, scope: Scope) -> None:
        table, inner = self._target(statement.relation, scope)
        self._source(statement.source_relation, inner)
        for item in statement.merge_when_clauses:
            self._written(item.merge_when_clause.target_list, table)
        self._returning(statement, inner)
        self.below(statement, inner, ("relation", "source_relation", "returning_clause"))

    def _written(self, targets: Any, table: TableName) -> None:
        """The columns that a statement writes."""
        for item in targets:
            if item.HasField("res_target"):
                self.column(item.res_target, "name", table)

    def _returning(self, statement: Any, scope: Scope) -> None:
        """What is returned keeps the name it had."""
        if not statement.HasField("returning_clause"):
            return
        for item in statement.returning_clause.exprs:
            target = item.res_target
            last = target.val.column_ref.fields[-1:] if target.val.HasField("column_ref") else ()
            before = last[0].string.sval if last and last[0].HasField("string") else ""
            self.walk(item, scope)
            if before and not target.name and target.val.column_ref.fields[-1].string.sval != before:
                target.name = before


def _known_as(item: Any) -> list[str]:
    """The names that an item of FROM brings."""
    kind = item.WhichOneof("node")
    if kind == "join_expr":
        own = [item.join_expr.alias.aliasname] if item.join_expr.HasField("alias") else []
        return [*own, *_known_as(item.join_expr.larg), *_known_as(item.join_expr.rarg)]
    if kind == "range_table_sample":
        return _known_as(item.range_table_sample.relation)
    if kind == "range_var" and not item.range_var.HasField("alias"):
        return [item.range_var.relname]
    alias = getattr(getattr(item, kind), "alias", None) if kind else None
    return [alias.aliasname] if alias is not None and alias.aliasname else []


def _parts(text: str) -> tuple[str, ...]:
    r"""The parts of a qualified name as PostgreSQL writes it.

    >>> _parts('public."Or""ders"'), _parts("a.b"), _parts("orders")
    (('public', 'Or"ders'), ('a', 'b'), ('orders',))
    """
    found, rest = [], text
    while rest:
        if rest.startswith('"'):
            end = 1
            while end < len(rest) and (rest[end] != '"' or rest[end + 1 : end + 2] == '"'):
                end += 1 if rest[end] != '"' else 2
            found.append(rest[1:end].replace('""', '"'))
            rest = rest[end + 1 :]
        else:
            name, dot, tail = rest.partition(".")
            found.append(name)
            rest = dot + tail
        if rest and not rest.startswith("."):
            return ()
        rest = rest[1:]
    return tuple(found)
