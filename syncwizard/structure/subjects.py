"""What a comment, a privilege or a dependency on an extension speaks of, from the tree of PostgreSQL's parser."""

from typing import Any

from syncwizard.structure.names import object_name, strings, table_name, type_text
from syncwizard.structure.statements import Kind, Statement
from syncwizard.task.names import ObjectName, TableName

OF_A_TABLE = ("column", "tabconstraint", "trigger", "rule", "policy")
WITH_ARGUMENTS = ("function", "procedure", "aggregate", "operator")
TYPES = ("type", "domain")


def comment(node: Any, text: str) -> Statement:
    """COMMENT ON; `method` is the kind of what it speaks of, in the parser's words."""
    method = _word(node.objtype)
    subject = node.object
    table: TableName | None = None
    arguments: tuple[str, ...] = ()
    if method in OF_A_TABLE:
        schema, relation, part = strings(subject.list.items)[-3:]
        table, name = TableName(schema, relation), ObjectName(schema, part)
    elif method in WITH_ARGUMENTS:
        name, arguments = _with_arguments(subject.object_with_args)
    elif method in TYPES:
        name = object_name(subject.type_name.names)
    elif method == "domconstraint":
        name = object_name(subject.list.items[0].type_name.names)
    elif method == "schema":
        name = ObjectName("", subject.string.sval)
    else:
        # Access methods come before the schema of operator classes and families.
        name = object_name(subject.list.items)
        table = TableName(name.schema, name.name) if method == "table" else None
    index = name if method == "index" else None
    return Statement(kind="comment", text=text, name=name, arguments=arguments, table=table, index=index, method=method)


def extension_dependency(node: Any, text: str) -> Statement:
    """ALTER … DEPENDS ON EXTENSION; `method` is the kind of what depends, in the parser's words."""
    method = _word(node.object_type)
    kind: Kind = "extension dependency"
    if not node.HasField("relation"):
        name, arguments = _with_arguments(node.object.object_with_args)
        return Statement(kind=kind, text=text, name=name, arguments=arguments, method=method)
    relation = table_name(node.relation)
    if method == "trigger":
        name = ObjectName(relation.schema, strings(node.object.list.items)[-1])
        return Statement(kind=kind, text=text, name=name, table=relation, method=method)
    name = ObjectName(relation.schema, relation.name)
    return Statement(kind=kind, text=text, name=name, index=name if method == "index" else None, method=method)


def privilege(node: Any, text: str) -> Statement:
    """GRANT or REVOKE of one object, as pg_dump writes them; `method` is the kind of the object."""
    method = _word(node.objtype)
    given = node.objects[0] if node.objects else None
    arguments: tuple[str, ...] = ()
    if given is None:
        name = ObjectName("", "")
    elif given.HasField("range_var"):
        table = table_name(given.range_var)
        name = ObjectName(table.schema, table.name)
    elif given.HasField("object_with_args"):
        name, arguments = _with_arguments(given.object_with_args)
    elif given.HasField("list"):
        name = object_name(given.list.items)
    else:
        name = ObjectName("", given.string.sval)
    roles = tuple(each.role_spec.rolename for each in node.grantees if each.role_spec.rolename)
    return Statement(kind="privilege", text=text, name=name, arguments=arguments, method=method, roles=roles)


def _word(objtype: int) -> str:
    from postgast import pg_query_pb2 as pb

    return str(pb.ObjectType.Name(objtype)).removeprefix("OBJECT_").lower()


def _with_arguments(given: Any) -> tuple[ObjectName, tuple[str, ...]]:
    return object_name(given.objname), tuple(type_text(each.type_name) for each in given.objargs)
