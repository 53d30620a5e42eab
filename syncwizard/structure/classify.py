"""What a statement of a dump is, by the tree of PostgreSQL's own parser."""

from collections.abc import Callable
from typing import Any

from syncwizard.structure.names import object_name, relation_name, strings, table_name, type_text
from syncwizard.structure.statements import Kind, Statement
from syncwizard.structure.subjects import comment, extension_dependency, privilege
from syncwizard.task.names import ObjectName, TableName


def classify(node: Any, text: str) -> Statement:
    """What the statement is, from its tree."""
    kind = node.WhichOneof("node")
    handler = HANDLERS.get(kind)
    if handler is None:
        return Statement(kind="other", text=text, name=ObjectName("", kind))
    return handler(getattr(node, kind), text)


def _always(kind: Kind) -> Callable[[Any, str], Statement]:
    return lambda node, text: Statement(kind=kind, text=text, name=ObjectName("", ""))


def _type(node: Any, text: str) -> Statement:
    return Statement(kind="type", text=text, name=object_name(node.type_name))


def _composite(node: Any, text: str) -> Statement:
    return Statement(kind="type", text=text, name=relation_name(node.typevar))


def _domain(node: Any, text: str) -> Statement:
    return Statement(kind="type", text=text, name=object_name(node.domainname))


def _alter_domain(node: Any, text: str) -> Statement:
    not_valid = getattr(getattr(node, "def").constraint, "skip_validation", False)
    return Statement(kind="domain constraint", text=text, name=object_name(node.type_name), not_valid=not_valid)


def _define(node: Any, text: str) -> Statement:
    from postgast import pg_query_pb2 as pb

    kinds: dict[int, Kind] = {
        pb.OBJECT_TYPE: "type",
        pb.OBJECT_COLLATION: "collation",
        pb.OBJECT_AGGREGATE: "aggregate",
        pb.OBJECT_OPERATOR: "operator",
        pb.OBJECT_TSCONFIGURATION: "text search configuration",
        pb.OBJECT_TSDICTIONARY: "text search dictionary",
    }
    return Statement(kind=kinds.get(node.kind, "other"), text=text, name=object_name(node.defnames))


def _function(node: Any, text: str) -> Statement:
    from postgast import pg_query_pb2 as pb

    results = (pb.FUNC_PARAM_OUT, pb.FUNC_PARAM_TABLE)
    parameters = [item.function_parameter for item in node.parameters]
    return Statement(
        kind="function",
        text=text,
        name=object_name(node.funcname),
        arguments=tuple(type_text(each.arg_type) for each in parameters if each.mode not in results),
    )


def _operator_class(node: Any, text: str) -> Statement:
    return Statement(kind="operator class", text=text, name=object_name(node.opclassname))


def _operator_family(node: Any, text: str) -> Statement:
    return Statement(kind="operator family", text=text, name=object_name(node.opfamilyname))


def _configuration(node: Any, text: str) -> Statement:
    return Statement(kind="text search configuration", text=text, name=object_name(node.cfgname))


def _table(node: Any, text: str) -> Statement:
    return Statement(kind="table", text=text, name=relation_name(node.relation), table=table_name(node.relation))


def _sequence(node: Any, text: str) -> Statement:
    return Statement(kind="sequence", text=text, name=relation_name(node.sequence))


def _alter_sequence(node: Any, text: str) -> Statement:
    for option in node.options:
        element = option.def_elem
        if element.defname == "owned_by":
            parts = strings(element.arg.list.items)
            owner = TableName(parts[-3], parts[-2]) if len(parts) >= 3 else None
            return Statement(kind="sequence owner", text=text, name=relation_name(node.sequence), table=owner)
    return Statement(kind="sequence", text=text, name=relation_name(node.sequence))


def _index(node: Any, text: str) -> Statement:
    table = table_name(node.relation)
    name = ObjectName(table.schema, node.idxname)
    return Statement(
        kind="unique index" if node.unique else "index",
        text=text,
        name=name,
        table=table,
        index=name,
        method=node.access_method,
        only=not node.relation.inh,
    )


def _statistics(node: Any, text: str) -> Statement:
    return Statement(
        kind="statistics", text=text, name=object_name(node.defnames), table=table_name(node.relations[0].range_var)
    )


def _alter_statistics(node: Any, text: str) -> Statement:
    return Statement(kind="statistics", text=text, name=object_name(node.defnames))


def _view(node: Any, text: str) -> Statement:
    return Statement(kind="view", text=text, name=relation_name(node.view))


def _create_as(node: Any, text: str) -> Statement:
    return Statement(kind="materialized view", text=text, name=relation_name(node.into.rel))


def _trigger(node: Any, text: str) -> Statement:
    table = table_name(node.relation)
    return Statement(kind="trigger", text=text, name=ObjectName(table.schema, node.trigname), table=table)


def _rule(node: Any, text: str) -> Statement:
    from postgast import pg_query_pb2 as pb

    table = table_name(node.relation)
    name = ObjectName(table.schema, node.rulename)
    method = "update" if node.event == pb.CMD_UPDATE else ""
    return Statement(kind="rule", text=text, name=name, table=table, method=method)


def _policy(node: Any, text: str) -> Statement:
    table = table_name(node.table)
    return Statement(kind="policy", text=text, name=ObjectName(table.schema, node.policy_name), table=table)


def _alter_table(node: Any, text: str) -> Statement:
    from postgast import pg_query_pb2 as pb

    name = relation_name(node.relation)
    table = table_name(node.relation)
    command = node.cmds[0].alter_table_cmd
    subtype = pb.AlterTableType.Name(command.subtype)
    if node.objtype == pb.OBJECT_INDEX:
        return _alter_index(node, command, subtype, text)
    if subtype == "AT_AddConstraint":
        return _constraint(table, getattr(command, "def").constraint, text, only=not node.relation.inh)
    if subtype == "AT_AttachPartition":
        child = getattr(command, "def").partition_cmd.name
        return Statement(kind="partition", text=text, name=relation_name(child), table=table_name(child), parent=name)
    if subtype == "AT_ReplicaIdentity":
        chosen = getattr(command, "def").replica_identity_stmt.name
        index = ObjectName(table.schema, chosen) if chosen else None
        return Statement(kind="replica identity", text=text, name=name, table=table, index=index)
    if subtype == "AT_ClusterOn":
        index = ObjectName(table.schema, command.name)
        return Statement(kind="cluster", text=text, name=name, table=table, index=index)
    kind = COMMANDS.get(subtype, "table setting")
    if kind in ("trigger", "rule"):
        name = ObjectName(table.schema, command.name)
        return Statement(kind=kind, text=text, name=name, table=table, method=FIRING[subtype])
    sequence = _identity_sequence(getattr(command, "def").constraint) if kind == "identity" else None
    column = command.name if kind in OF_A_COLUMN else ""
    setting = SETTINGS.get(subtype, "") if kind == "column setting" else ""
    return Statement(kind=kind, text=text, name=name, table=table, sequence=sequence, column=column, setting=setting)


def _identity_sequence(constraint: Any) -> ObjectName | None:
    for option in constraint.options:
        if option.def_elem.defname == "sequence_name":
            return object_name(option.def_elem.arg.list.items)
    return None


OF_A_COLUMN: tuple[Kind, ...] = ("default", "identity", "column setting")
COMMANDS: dict[str, Kind] = {
    "AT_ColumnDefault": "default",
    "AT_AddIdentity": "identity",
    "AT_AddInherit": "inheritance",
    "AT_SetStatistics": "column setting",
    "AT_SetStorage": "column setting",
    "AT_SetCompression": "column setting",
    "AT_SetOptions": "column setting",
    "AT_EnableRowSecurity": "row security",
    "AT_ForceRowSecurity": "row security",
    **{f"AT_{how}Trig": "trigger" for how in ("Enable", "EnableAlways", "EnableReplica", "Disable")},
    **{f"AT_{how}Rule": "rule" for how in ("Enable", "EnableAlways", "EnableReplica", "Disable")},
}
# What a column setting sets; options have names of their own.
SETTINGS = {"AT_SetStatistics": "statistics", "AT_SetStorage": "storage", "AT_SetCompression": "compression"}
# When a trigger or rule fires, as the method of the statement that says so.
FIRING = {
    f"AT_{how}{what}": word
    for what in ("Trig", "Rule")
    for how, word in (
        ("Enable", "origin"),
        ("EnableAlways", "always"),
        ("EnableReplica", "replica"),
        ("Disable", "never"),
    )
}


def _alter_index(node: Any, command: Any, subtype: str, text: str) -> Statement:
    name = relation_name(node.relation)
    if subtype == "AT_AttachPartition":
        child = relation_name(getattr(command, "def").partition_cmd.name)
        return Statement(kind="index partition", text=text, name=child, index=child, parent=name)
    return Statement(kind="index setting", text=text, name=name, index=name)


def _constraint(table: TableName, constraint: Any, text: str, *, only: bool) -> Statement:
    from postgast import pg_query_pb2 as pb

    kinds: dict[int, Kind] = {
        pb.CONSTR_PRIMARY: "primary key",
        pb.CONSTR_UNIQUE: "unique constraint",
        pb.CONSTR_EXCLUSION: "exclusion constraint",
        pb.CONSTR_FOREIGN: "foreign key",
        pb.CONSTR_NOTNULL: "not-null constraint",
    }
    kind = kinds.get(constraint.contype, "check constraint")
    name = ObjectName(table.schema, constraint.conname)
    return Statement(
        kind=kind,
        text=text,
        name=name,
        table=table,
        index=name if kind in ("primary key", "unique constraint", "exclusion constraint") else None,
        references=table_name(constraint.pktable) if kind == "foreign key" else None,
        only=only,
        not_valid=constraint.skip_validation,
    )


HANDLERS: dict[str, Callable[[Any, str], Statement]] = {
    "variable_set_stmt": _always("session"),
    "select_stmt": _always("session"),
    "create_schema_stmt": _always("schema"),
    "create_extension_stmt": _always("extension"),
    "create_cast_stmt": _always("cast"),
    "create_enum_stmt": _type,
    "create_range_stmt": _type,
    "composite_type_stmt": _composite,
    "create_domain_stmt": _domain,
    "alter_domain_stmt": _alter_domain,
    "alter_object_depends_stmt": extension_dependency,
    "define_stmt": _define,
    "create_function_stmt": _function,
    "create_op_class_stmt": _operator_class,
    "create_op_family_stmt": _operator_family,
    "alter_op_family_stmt": _operator_family,
    "alter_tsconfiguration_stmt": _configuration,
    "create_stmt": _table,
    "create_seq_stmt": _sequence,
    "alter_seq_stmt": _alter_sequence,
    "alter_table_stmt": _alter_table,
    "index_stmt": _index,
    "create_stats_stmt": _statistics,
    "alter_stats_stmt": _alter_statistics,
    "comment_stmt": comment,
    "grant_stmt": privilege,
    "view_stmt": _view,
    "create_table_as_stmt": _create_as,
    "create_trig_stmt": _trigger,
    "rule_stmt": _rule,
    "create_policy_stmt": _policy,
}
