"""What is no table under another name: the old one, which only the text of the command has, and views whose columns
have other names or defaults (rule 23). Pure."""

from collections.abc import Sequence
from typing import Any

from syncwizard.structure.following_objects import ObjectDefinition
from syncwizard.structure.sql_trees import parse_sql
from syncwizard.task.names import TableName, quote

# What a command may call each of them.
_WORDS = {
    "view": ("VIEW", "TABLE"),
    "materialized view": ("MATVIEW", "TABLE"),
    "sequence": ("SEQUENCE", "TABLE"),
    "index": ("INDEX", "TABLE"),
    "function": ("FUNCTION", "PROCEDURE", "ROUTINE"),
    "aggregate": ("AGGREGATE", "ROUTINE"),
    "type": ("TYPE",),
    "domain": ("DOMAIN", "TYPE"),
}


def old_name(wanted: ObjectDefinition, statement: str | None) -> TableName | None:
    """What the object was called before the command; None where it has not renamed it. A name without a schema is one
    of the object's own.

    >>> view = ObjectDefinition(kind="view", schema="s", name="b", create=[])
    >>> old_name(view, "ALTER VIEW s.a RENAME TO b; ALTER VIEW s.b RENAME TO c")
    TableName(schema='s', name='a')
    >>> old_name(view, "ALTER VIEW b RENAME COLUMN a TO b")
    >>> kind = ObjectDefinition(kind="type", schema="s", name="b", create=[])
    >>> old_name(kind, 'ALTER TYPE "A" RENAME TO b')
    TableName(schema='s', name='A')
    >>> one = ObjectDefinition(kind="function", schema="s", name="b", create=[], arguments="integer")
    >>> old_name(one, "ALTER FUNCTION s.a(int) RENAME TO b")
    TableName(schema='s', name='a')
    """
    import postgast

    if statement is None or wanted.kind not in _WORDS:
        return None
    try:
        tree: Any = parse_sql(statement)
    except (postgast.PgQueryError, RecursionError):
        # A part of a longer text.
        return None
    for raw in tree.stmts:
        if raw.stmt.WhichOneof("node") != "rename_stmt":
            continue
        node = raw.stmt.rename_stmt
        kinds = node.DESCRIPTOR.fields_by_name["rename_type"].enum_type.values_by_number
        what = kinds[node.rename_type].name.removeprefix("OBJECT_")
        if node.newname == wanted.name and what in _WORDS[wanted.kind] and (parts := _parts(node)):
            schema = parts[-2] if len(parts) > 1 else wanted.schema
            if schema == wanted.schema:
                return TableName(schema, parts[-1])
    return None


def _parts(node: Any) -> list[str]:
    """The qualified name that a RENAME speaks of."""
    if node.HasField("relation"):
        return [part for part in (node.relation.schemaname, node.relation.relname) if part]
    kind = node.object.WhichOneof("node")
    found = node.object.list.items if kind == "list" else ()
    if kind == "object_with_args":
        found = node.object.object_with_args.objname
    elif kind == "type_name":
        found = node.object.type_name.names
    return [item.string.sval for item in found]


def rename_statement(wanted: ObjectDefinition, old: TableName) -> str:
    """What gives the destination's object the new name.

    >>> one = ObjectDefinition(kind="function", schema="s", name="b", create=[], arguments="integer")
    >>> rename_statement(one, TableName("s", "a"))
    'ALTER ROUTINE "s"."a"(integer) RENAME TO "b"'
    """
    name = f"{quote(old.schema)}.{quote(old.name)}"
    if wanted.kind in ("function", "aggregate"):
        return f"ALTER ROUTINE {name}({wanted.arguments or ''}) RENAME TO {quote(wanted.name)}"
    return f"ALTER {wanted.kind.upper()} {name} RENAME TO {quote(wanted.name)}"


def view_statements(wanted: ObjectDefinition, here: Sequence[str]) -> tuple[list[str], list[str]]:
    """What is to be done before and after a view is replaced; `here`: the columns of the destination's.

    >>> view = ObjectDefinition(kind="view", schema="s", name="w", create=[], columns=[("b", "3"), ("c", None)])
    >>> view_statements(view, ["a"])[0]
    ['ALTER VIEW "s"."w" RENAME COLUMN "a" TO "b"']
    >>> view_statements(view, [])[1]
    ['ALTER TABLE "s"."w" ALTER "b" SET DEFAULT 3, ALTER "c" DROP DEFAULT']
    """
    name, columns = f"{quote(wanted.schema)}.{quote(wanted.name)}", wanted.columns or []
    names = {column for column, _ in columns}
    renamed = [
        f"ALTER VIEW {name} RENAME COLUMN {quote(old)} TO {quote(new)}"
        for old, (new, _) in zip(here, columns, strict=False)
        if old != new and new not in here and old not in names
    ]
    actions = [
        f"ALTER {quote(column)} {'DROP DEFAULT' if default is None else f'SET DEFAULT {default}'}"
        for column, default in columns
    ]
    return renamed, [f"ALTER TABLE {name} {', '.join(actions)}"] if actions else []
