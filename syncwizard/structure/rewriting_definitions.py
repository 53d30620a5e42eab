"""Puts the destination's names into statements that make definitions, by the kind of their trees; pure."""

from collections.abc import Callable
from typing import Any

from syncwizard.structure.names import object_name, table_name
from syncwizard.structure.own_names import LeftOutColumn
from syncwizard.structure.rewriting import NOWHERE, Scope
from syncwizard.structure.rewriting_remarks import RemarkRewriter
from syncwizard.structure.statements import Kind
from syncwizard.task.names import TableName

# Subcommands of ALTER TABLE whose `name` is a column.
OF_A_COLUMN = frozenset(
    f"AT_{name}"
    for name in (
        "ColumnDefault",
        "AddIdentity",
        "SetIdentity",
        "SetStatistics",
        "SetStorage",
        "SetCompression",
        "SetOptions",
        "ResetOptions",
        "SetNotNull",
        "DropNotNull",
        "AlterColumnType",
        "SetExpression",
        "DropColumn",
    )
)
# pg_catalog's trigger functions that are given names of columns: which of the arguments.
COLUMN_ARGUMENTS = {"tsvector_update_trigger": (0, 2), "tsvector_update_trigger_column": (0, 1)}


class DefinitionRewriter(RemarkRewriter):
    """Also says what it took out of the statements of tables: kind, name and reason in `removed`."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.removed: list[tuple[Kind, str, str]] = []
        self._statements: dict[str, Callable[[Any], None]] = {
            "create_stmt": self._table,
            "alter_table_stmt": self._alter_table,
            "index_stmt": self._index,
            "view_stmt": self._view,
            "create_table_as_stmt": self._create_as,
            "rule_stmt": self._rule,
            "create_trig_stmt": self._trigger,
            "alter_seq_stmt": self._alter_sequence,
            "create_function_stmt": self._function,
            "define_stmt": self._define,
            "create_enum_stmt": self._type,
            "create_range_stmt": self._range,
            "create_domain_stmt": self._domain,
            "alter_domain_stmt": self._alter_domain,
            "create_stats_stmt": self._statistics,
            "alter_stats_stmt": lambda node: self._in_schema(node.defnames),
            "comment_stmt": self._comment,
            "grant_stmt": self._grant,
            "alter_owner_stmt": self._alter_owner,
            "alter_object_depends_stmt": self._depends,
            "create_op_class_stmt": self._operator_class,
            "create_op_family_stmt": lambda node: self.qualified(node.opfamilyname, self.names.other),
            "alter_op_family_stmt": self._operator_family,
            "alter_tsconfiguration_stmt": self._configuration,
        }
        self._hooks["ObjectWithArgs"] = self._with_arguments

    def statement(self, node: Any) -> None:
        """One statement. Raises LeftOutColumn where all of it needs a column that does not travel."""
        kind = node.WhichOneof("node")
        handler = self._statements.get(kind)
        if handler is not None:
            handler(getattr(node, kind))
        else:
            self.walk(node)

    # Tables

    def _table(self, node: Any) -> None:
        table = table_name(node.relation)
        scope = self._of(table)
        kept = []
        for element in node.table_elts:
            if element.HasField("column_def"):
                if not self.names.travels(table, element.column_def.colname):
                    self.changed = True
                    continue
                self.column(element.column_def, "colname", table)
                self.below(element.column_def, scope)
                kept.append(element)
            elif self._element_kept(element, table, scope):
                kept.append(element)
        if len(kept) < len(node.table_elts):
            copies = [type(element).FromString(element.SerializeToString()) for element in kept]
            del node.table_elts[:]
            node.table_elts.extend(copies)
        self.below(node, scope, ("table_elts", "partbound"))

    def _element_kept(self, element: Any, table: TableName, scope: Scope) -> bool:
        try:
            self._constraint(element.constraint, table, scope)
        except LeftOutColumn as error:
            self.changed = True
            self.removed.append(("check constraint", f"{element.constraint.conname} on {table}", str(error)))
            return False
        return True

    def _constraint(self, constraint: Any, table: TableName, scope: Scope) -> None:
        from postgast import pg_query_pb2 as pb

        if constraint.contype in (pb.CONSTR_PRIMARY, pb.CONSTR_UNIQUE, pb.CONSTR_EXCLUSION) and constraint.conname:
            self.put(constraint, "conname", self.names.index(table.schema, constraint.conname)[1])
        for field in ("keys", "including", "fk_attrs", "fk_del_set_cols"):
            self.columns_of(getattr(constraint, field), table)
        if constraint.HasField("pktable"):
            self.columns_of(constraint.pk_attrs, table_name(constraint.pktable))
        for item in constraint.exclusions:
            element, operator = item.list.items
            self.walk(element, scope)
            self._operator_of(operator)
        self.below(constraint, scope, ("keys", "including", "fk_attrs", "fk_del_set_cols", "pk_attrs", "exclusions"))

    def _operator_of(self, item: Any) -> None:
        """The operator of an exclusion, a list of its own when it is qualified."""
        if item.HasField("list"):
            self.qualified(item.list.items, self.names.other)

    def _alter_table(self, node: Any) -> None:
        from postgast import pg_query_pb2 as pb

        table = table_name(node.relation)
        of_index = node.objtype == pb.OBJECT_INDEX
        for item in node.cmds:
            command = item.alter_table_cmd
            subtype = pb.AlterTableType.Name(command.subtype)
            definition = getattr(command, "def")
            if of_index:
                if definition.HasField("partition_cmd"):
                    self._as_index(definition.partition_cmd.name)
                continue
            if subtype in OF_A_COLUMN:
                self.column(command, "name", table)
            elif subtype == "AT_ClusterOn":
                self.put(command, "name", self.names.index(table.schema, command.name)[1])
            if definition.HasField("constraint"):
                self._constraint(definition.constraint, table, self._of(table))
                self._sequence_option(definition.constraint.options)
            elif definition.HasField("replica_identity_stmt"):
                identity = definition.replica_identity_stmt
                if identity.name:
                    self.put(identity, "name", self.names.index(table.schema, identity.name)[1])
            elif definition.HasField("partition_cmd"):
                self.walk(definition.partition_cmd.name)
            else:
                self.walk(definition, self._of(table))
        if of_index:
            self._as_index(node.relation)
        else:
            self.walk(node.relation)

    def _sequence_option(self, options: Any) -> None:
        for option in options:
            element = option.def_elem
            if element.defname == "sequence_name":
                self.qualified(element.arg.list.items, self.names.relation)

    def _index(self, node: Any) -> None:
        table = table_name(node.relation)
        self.put(node, "idxname", self.names.index(table.schema, node.idxname)[1])
        self.below(node, self._of(table))

    def _statistics(self, node: Any) -> None:
        self._in_schema(node.defnames)
        for item in node.exprs:
            # The parser's printer writes a name that stands alone without its quotes.
            if item.stats_elem.name:
                item.stats_elem.expr.column_ref.fields.add().string.sval = item.stats_elem.name
                item.stats_elem.name = ""
        self.below(node, self._of(table_name(node.relations[0].range_var)), ("defnames",))

    def _alter_sequence(self, node: Any) -> None:
        for option in node.options:
            element = option.def_elem
            if element.defname == "owned_by" and len(element.arg.list.items) >= 3:
                items = element.arg.list.items
                table = TableName(items[-3].string.sval, items[-2].string.sval)
                self.column(items[-1].string, "sval", table)
                self.qualified(items, self.names.relation, beside=1)
        self.walk(node.sequence)

    # Code of tables, views and functions

    def _view(self, node: Any) -> None:
        self.walk(node.query)
        self.below(node, NOWHERE, ("query",))

    def _create_as(self, node: Any) -> None:
        self.walk(node.query)
        self.walk(node.into.rel)

    def _rule(self, node: Any) -> None:
        table = table_name(node.relation)
        scope = Scope(known={"new": table, "old": table})
        self.walk(node.relation)
        self.below(node, scope, ("relation",))

    def _trigger(self, node: Any) -> None:
        table = table_name(node.relation)
        self.columns_of(node.columns, table)
        function = object_name(node.funcname)
        if function.schema == "pg_catalog" and function.name in COLUMN_ARGUMENTS:
            first, others = COLUMN_ARGUMENTS[function.name]
            for at, item in enumerate(node.args):
                if at == first or at >= others:
                    self.column(item.string, "sval", table)
        self.qualified(node.funcname, self.names.function)
        self.below(node, Scope(known={"new": table, "old": table}), ("funcname", "columns", "args"))

    def _function(self, node: Any) -> None:
        self.qualified(node.funcname, self.names.function)
        for option in node.options:
            argument = option.def_elem.arg
            if option.def_elem.defname == "support":
                self.qualified(argument.list.items, self.names.function)
            elif option.def_elem.defname == "set" and argument.variable_set_stmt.name == "search_path":
                for item in argument.variable_set_stmt.args:
                    self.put(item.a_const.sval, "sval", self.names.schema(item.a_const.sval.sval))
        self.below(node, NOWHERE, ("funcname", "options"))

    def _of(self, table: TableName) -> Scope:
        """Expressions of a table's own name its columns alone, and the whole row by the table."""
        called = {table.name: self.names.relation(table.schema, table.name)[1]}
        return Scope(sole=table, called=called)
