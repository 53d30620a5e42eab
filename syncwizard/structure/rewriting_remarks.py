"""Puts the destination's names into statements that make types and operators, or remark on objects; pure."""

from collections.abc import Callable
from typing import Any

from syncwizard.structure.names import table_name
from syncwizard.structure.rewriting import NOWHERE, Rewriter, Scope
from syncwizard.task.names import ObjectName, TableName

TYPE_WORDS = ("OBJECT_TYPE", "OBJECT_DOMAIN")
RELATION_WORDS = ("OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW", "OBJECT_SEQUENCE")
# What stands in a definition of an aggregate or operator as the name of a function, and of an operator.
FUNCTION_OPTIONS = frozenset(
    {
        *("sfunc", "finalfunc", "combinefunc", "serialfunc", "deserialfunc", "msfunc", "minvfunc", "mfinalfunc"),
        *("procedure", "function", "restrict", "join", "canonical", "subtype_diff"),
    }
)
OPERATOR_OPTIONS = frozenset({"commutator", "negator", "sortop", "subtype_opclass", "collation", "template", "parser"})


class RemarkRewriter(Rewriter):
    """What is not about the tables themselves."""

    def _as_index(self, relation: Any) -> None:
        schema, name = self.names.index(relation.schemaname, relation.relname)
        self.put(relation, "schemaname", schema)
        self.put(relation, "relname", name)

    def _in_schema(self, items: Any) -> None:
        """What is named in the schema of a table, and follows it there."""
        self.qualified(items, self._statistics_name)

    def _statistics_name(self, schema: str, name: str) -> tuple[str, str]:
        return self.names.schema(schema), name

    # Types, operators and the like

    def _type(self, node: Any) -> None:
        self.qualified(node.type_name, self.names.type)

    def _range(self, node: Any) -> None:
        self.qualified(node.type_name, self.names.type)
        for item in node.params:
            element = item.def_elem
            if element.defname == "multirange_type_name":
                self._names_in(element.arg, self._statistics_name)
            else:
                self._option(element)

    def _domain(self, node: Any) -> None:
        self.qualified(node.domainname, self.names.type)
        self.below(node, NOWHERE, ("domainname",))

    def _alter_domain(self, node: Any) -> None:
        self.qualified(node.type_name, self.names.type)
        self.below(node, NOWHERE, ("type_name",))

    def _define(self, node: Any) -> None:
        from postgast import pg_query_pb2 as pb

        rename = {pb.OBJECT_AGGREGATE: self.names.function, pb.OBJECT_TYPE: self.names.type}.get(
            node.kind, self.names.other
        )
        self.qualified(node.defnames, rename)
        for item in node.args:
            self.walk(item)
        for item in node.definition:
            self._option(item.def_elem)

    def _option(self, element: Any) -> None:
        if element.defname in FUNCTION_OPTIONS:
            self._names_in(element.arg, self.names.function)
        elif element.defname in OPERATOR_OPTIONS:
            self._names_in(element.arg, self.names.other)
        else:
            self.walk(element)

    def _names_in(self, argument: Any, rename: Callable[[str, str], tuple[str, str]]) -> None:
        """A name that the parser takes for a type, or for a list."""
        if argument.HasField("type_name"):
            self.qualified(argument.type_name.names, rename)
        elif argument.HasField("list"):
            self.qualified(argument.list.items, rename)

    def _with_arguments(self, given: Any, scope: Scope) -> None:
        self.qualified(given.objname, self._function_or_operator)
        self.below(given, scope, ("objname",))

    def _function_or_operator(self, schema: str, name: str) -> tuple[str, str]:
        found = self.names.function(schema, name)
        return found if found != (schema, name) else self.names.other(schema, name)

    def _operator_class(self, node: Any) -> None:
        self.qualified(node.opclassname, self.names.other)
        self.qualified(node.opfamilyname, self.names.other)
        for item in node.items:
            self.qualified(item.create_op_class_item.order_family, self.names.other)
        self.below(node, NOWHERE, ("opclassname", "opfamilyname"))

    def _operator_family(self, node: Any) -> None:
        self.qualified(node.opfamilyname, self.names.other)
        for item in node.items:
            self.qualified(item.create_op_class_item.order_family, self.names.other)
        self.below(node, NOWHERE, ("opfamilyname",))

    def _configuration(self, node: Any) -> None:
        self.qualified(node.cfgname, self.names.other)
        for item in node.dicts:
            self.qualified(item.list.items, self.names.other)

    # Remarks

    def _comment(self, node: Any) -> None:
        from postgast import pg_query_pb2 as pb

        self._subject(node.object, pb.ObjectType.Name(node.objtype))

    def _subject(self, subject: Any, word: str) -> None:
        """What a comment or an owner is of."""
        if subject.HasField("string"):
            if word == "OBJECT_SCHEMA":
                self.put(subject.string, "sval", self.names.mapping.schema(subject.string.sval))
            return
        if not subject.HasField("list"):
            self.walk(subject)
            return
        items = subject.list.items
        if word == "OBJECT_COLUMN":
            table = TableName(items[-3].string.sval, items[-2].string.sval)
            self.column(items[-1].string, "sval", table)
            self.qualified(items, self.names.relation, beside=1)
        elif word == "OBJECT_TABCONSTRAINT":
            if ObjectName(items[-3].string.sval, items[-1].string.sval) in self.names.indexes:
                index = self.names.index(items[-3].string.sval, items[-1].string.sval)
                self.put(items[-1].string, "sval", index[1])
            self.qualified(items, self.names.relation, beside=1)
        elif word in ("OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY"):
            self.qualified(items, self.names.relation, beside=1)
        elif word == "OBJECT_DOMCONSTRAINT":
            self.walk(subject)
        elif word == "OBJECT_INDEX":
            self.qualified(items, self.names.index)
        elif word == "OBJECT_STATISTIC_EXT":
            self._in_schema(items)
        elif word in RELATION_WORDS:
            self.qualified(items, self.names.relation)
        elif word in TYPE_WORDS:
            self.qualified(items, self.names.type)
        else:
            self.qualified(items, self.names.other)

    def _grant(self, node: Any) -> None:
        from postgast import pg_query_pb2 as pb

        word = pb.ObjectType.Name(node.objtype)
        for item in node.objects:
            if item.HasField("range_var"):
                table = table_name(item.range_var)
                for privilege in node.privileges:
                    self.columns_of(privilege.access_priv.cols, table)
                self.walk(item)
            else:
                self._subject(item, word)

    def _alter_owner(self, node: Any) -> None:
        from postgast import pg_query_pb2 as pb

        if node.HasField("relation"):
            self.walk(node.relation)
        self._subject(node.object, pb.ObjectType.Name(node.object_type))

    def _depends(self, node: Any) -> None:
        from postgast import pg_query_pb2 as pb

        if not node.HasField("relation"):
            self.walk(node.object)
        elif node.object_type == pb.OBJECT_INDEX:
            self._as_index(node.relation)
        else:
            self.walk(node.relation)
