"""A table's `where`: read by PostgreSQL's own parser, held to what decides about one row by itself, and written again
over the columns of a projection.

Which functions are immutable only a catalogue knows; `postgres.catalog.conditions` asks both ends.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from syncwizard.rows.etl.steps import reference
from syncwizard.rows.etl.tree import Place, ScriptError
from syncwizard.rows.type_names import TypeName
from syncwizard.structure.sql_trees import parse_sql
from syncwizard.task.names import TableName
from syncwizard.task.text import did_you_mean

_BEFORE = "SELECT WHERE ("

# Of the parser's nodes: what decides about a row by its own values alone.
_ALLOWED = frozenset(
    (
        "a_array_expr",
        "a_const",
        "a_expr",
        "a_indices",
        "a_indirection",
        "bool_expr",
        "boolean_test",
        "case_expr",
        "case_when",
        "coalesce_expr",
        "collate_clause",
        "column_ref",
        "func_call",
        "list",
        "min_max_expr",
        "null_test",
        "row_expr",
        "type_cast",
    )
)
_REFUSED = {
    "sub_link": ("a sub-query sees other rows than those of its change", "compare columns of the table itself"),
    "sqlvalue_function": (
        "the current time and user are others at every evaluation: a row would stay or go by when it is looked at",
        "compare with a constant",
    ),
    "param_ref": ("there are no parameters here", "write the value"),
    "set_to_default": ("DEFAULT is no value here", "write the value"),
    "grouping_func": ("GROUPING is for aggregates", ""),
}
# Known by their names to depend on the moment, the session or chance; the catalogue finds the rest.
_CHANGING = frozenset(
    (
        "now",
        "random",
        "clock_timestamp",
        "statement_timestamp",
        "transaction_timestamp",
        "timeofday",
        "gen_random_uuid",
        "uuidv4",
        "uuidv7",
        "nextval",
        "currval",
        "lastval",
        "setseed",
        "pg_sleep",
        "current_setting",
        "txid_current",
        "pg_current_xact_id",
        "inet_client_addr",
        "version",
    )
)
# Fields of the parser's nodes that hold names, and messages that hold a value.
_NAMES = ("name", "funcname", "fields", "type_name", "collname")
_VALUES = ("Integer", "Float", "Boolean", "String", "BitString")
_AGGREGATES = frozenset(
    ("count", "sum", "avg", "min", "max", "array_agg", "string_agg", "bool_and", "bool_or", "every")
)


class Names(msgspec.Struct, frozen=True):
    """The schemas of what extensions bring, by the unqualified names of functions, operators and types; `moved`: users'
    types that have another name at this end than at the source."""

    functions: Mapping[str, str] = {}
    operators: Mapping[str, str] = {}
    types: Mapping[str, str] = {}
    moved: Mapping[TypeName, TypeName] = {}


class Used(msgspec.Struct, frozen=True):
    """The unqualified names in a condition, for the catalogue to be asked for; `qualified`: functions of other schemas
    than pg_catalog, with these; `named`: such types."""

    functions: frozenset[str] = frozenset()
    operators: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    qualified: frozenset[tuple[str, str]] = frozenset()
    named: frozenset[TypeName] = frozenset()


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """A condition as the parser reads it. `tree`: its nodes; `reads`: columns of the table."""

    text: str
    tree: Any
    reads: frozenset[str]
    used: Used

    def sql(self, columns: Mapping[str, str], names: Names) -> str:
        """Over the columns of a projection's levels; `columns`: the table's, with their types by name."""
        for schema, name in sorted(self.used.qualified):
            if names.functions.get(name) != schema:
                raise ScriptError(
                    f"{schema}.{name} is neither of pg_catalog nor of an extension",
                    Place(1, 1),
                    "functions of users need not be at the other end, nor do the same there",
                )
        tree: Any = type(self.tree)()
        tree.CopyFrom(self.tree)
        places = {name: ("l", reference(at)) for at, name in enumerate(columns)}
        for kind, node in _walk(_where(tree)):
            if kind == "a_expr":
                _qualify_operator(node, columns, names)
            elif kind == "func_call" and len(node.funcname) == 1:
                _qualify(node.funcname, names.functions)
            elif kind == "type_cast" and len(node.type_name.names) == 1:
                _qualify(node.type_name.names, names.types)
            elif kind == "type_cast":
                _move(node.type_name.names, names.moved)
        return _written(tree, places)

    def over(self, places: Mapping[str, Sequence[str]]) -> str:
        """With each of its columns at a place: the parts of a name, qualified or not."""
        tree: Any = type(self.tree)()
        tree.CopyFrom(self.tree)
        return _written(tree, places)


def _written(tree: Any, places: Mapping[str, Sequence[str]]) -> str:
    """The tree's condition as text, with its columns elsewhere."""
    import postgast

    for kind, node in _walk(_where(tree)):
        if kind == "column_ref":
            name = node.fields[-1].string.sval
            del node.fields[:]
            for part in places[name]:
                node.fields.add().string.sval = part
    text: str = postgast.deparse(tree)
    return text.removeprefix("SELECT WHERE ")


def check_syntax(text: str) -> None:
    """Whether the parser takes the text as one condition. Raises ScriptError."""
    _read(text)


def named_columns(text: str) -> frozenset[str]:
    """The columns that a condition names, whatever table it is for. Raises ScriptError.

    >>> sorted(named_columns("region = 'us' AND id > 5"))
    ['id', 'region']
    """
    _, tree = _read(text)
    return frozenset(
        node.fields[-1].string.sval
        for kind, node in _walk(_where(tree))
        if kind == "column_ref" and node.fields[-1].HasField("string")
    )


def parse_where(text: str, table: TableName, columns: Mapping[str, str]) -> Condition:
    """Reads a condition over the table's columns. Raises ScriptError with its place.

    >>> sorted(parse_where("region = 'us' AND id > 5;", TableName("s", "t"), {"id": "bigint", "region": "text"}).reads)
    ['id', 'region']
    """
    text, tree = _read(text)
    reads: set[str] = set()
    functions: set[str] = set()
    operators: set[str] = set()
    types: set[str] = set()
    qualified: set[tuple[str, str]] = set()
    named: set[TypeName] = set()
    for kind, node in _walk(_where(tree)):
        place = _place(node, text)
        if kind not in _ALLOWED:
            message, remedy = _REFUSED.get(kind, (f"{kind.replace('_', ' ')} cannot stand in a condition", ""))
            raise ScriptError(message, place, remedy)
        match kind:
            case "column_ref":
                reads.add(_column(node, table, columns, place))
            case "func_call":
                functions |= _function(node, place)
                if len(node.funcname) > 1 and (schema := node.funcname[0].string.sval) != "pg_catalog":
                    qualified.add((schema, node.funcname[-1].string.sval))
            case "a_expr" if _compares_now(node, columns):
                raise ScriptError("'now' and 'today' are other times at every evaluation", place, "write the date")
            case "a_expr" if len(node.name) == 1 and node.name[0].HasField("string"):
                operators.add(node.name[0].string.sval)
            case "type_cast" if _is_now(node.arg) and _is_moment(node.type_name.names[-1].string.sval):
                raise ScriptError("'now' and 'today' are other times at every evaluation", place, "write the date")
            case "type_cast" if len(node.type_name.names) == 1:
                types.add(node.type_name.names[0].string.sval)
            case "type_cast" if (name := _type_name(node.type_name.names)).schema != "pg_catalog":
                named.add(name)
    used = Used(frozenset(functions), frozenset(operators), frozenset(types), frozenset(qualified), frozenset(named))
    return Condition(text=text, tree=tree, reads=frozenset(reads), used=used)


def _type_name(names: Any) -> TypeName:
    return TypeName(names[-2].string.sval, names[-1].string.sval)


def _move(names: Any, moved: Mapping[TypeName, TypeName]) -> None:
    if (target := moved.get(_type_name(names))) is not None:
        names[-2].string.sval, names[-1].string.sval = target


def _read(text: str) -> tuple[str, Any]:
    """The condition without a semicolon, and the parser's tree of it."""
    import postgast

    text = text.strip().removesuffix(";").rstrip()
    if not text:
        raise ScriptError("the condition is empty", Place(1, 1))
    source = f"{_BEFORE}{text}\n)"
    try:
        tree: Any = parse_sql(source)
    except postgast.PgQueryError as error:
        raise _syntax(error, text) from error
    if len(tree.stmts) != 1 or not tree.stmts[0].stmt.HasField("select_stmt") or not _is_alone(tree):
        raise ScriptError("this is more than one condition", Place(1, 1), "write what stands behind WHERE, alone")
    return text, tree


def _where(tree: Any) -> Any:
    return tree.stmts[0].stmt.select_stmt.where_clause


def _is_alone(tree: Any) -> bool:
    """Whether the statement is nothing but its condition."""
    return {field.name for field, _ in tree.stmts[0].stmt.select_stmt.ListFields()} <= {
        "where_clause",
        "limit_option",
        "op",
    }


def _walk(node: Any) -> Iterator[tuple[str, Any]]:
    """Each expression at and below a Node of the parser, with its kind; names and texts are no expressions.

    Not by recursion: a condition may be some thousand levels deep.
    """
    waiting = [node]
    while waiting:
        message = waiting.pop()
        is_node = message.DESCRIPTOR.name == "Node"
        if is_node:
            kind = message.WhichOneof("node")
            if kind is None:
                continue
            message = getattr(message, kind)
            yield kind, message
        waiting += reversed(list(_parts_of(message, expression=is_node)))


def _parts_of(message: Any, *, expression: bool) -> Iterator[Any]:
    """What may hold expressions: of a part that is none itself the Nodes alone."""
    for field, value in message.ListFields():
        if field.message_type is None or (expression and field.name in _NAMES):
            continue
        for each in value if _is_repeated(value) else [value]:
            kind = each.DESCRIPTOR.name
            if kind == "Node" or (expression and kind not in _VALUES):
                yield each


def _is_repeated(value: Any) -> bool:
    return not hasattr(value, "DESCRIPTOR")


def _is_now(node: Any) -> bool:
    """A text that a server reads as the moment at which it reads it."""
    return node.WhichOneof("node") == "a_const" and node.a_const.sval.sval.strip().lower() in (
        "now",
        "today",
        "tomorrow",
        "yesterday",
    )


def _is_moment(kind: str) -> bool:
    return kind.startswith(("date", "time"))


def _compares_now(node: Any, columns: Mapping[str, str]) -> bool:
    """Whether such a text stands beside a column of a date or time."""
    operands = [getattr(node, side) for side in ("lexpr", "rexpr") if node.HasField(side)]
    every = [item for each in operands for item in (each.list.items if each.WhichOneof("node") == "list" else [each])]
    names = [each.column_ref.fields[-1].string.sval for each in every if each.WhichOneof("node") == "column_ref"]
    return any(map(_is_now, every)) and any(_is_moment(columns.get(name, "")) for name in names)


def _column(node: Any, table: TableName, columns: Mapping[str, str], place: Place) -> str:
    if any(not field.HasField("string") for field in node.fields):
        raise ScriptError("* stands for all columns: a condition compares single ones", place)
    *before, name = [field.string.sval for field in node.fields]
    if before not in ([], [table.name], [table.schema, table.name]):
        raise ScriptError(
            f"{'.'.join([*before, name])} is no column of {table}", place, "compare columns of the table itself"
        )
    if name not in columns:
        near = did_you_mean(name, columns)
        if not near and name.lower() in {each.lower() for each in columns}:
            near = "names with capitals are written in double quotes"
        raise ScriptError(f"column {name} is not in {table}", place, near)
    return str(name)


def _function(node: Any, place: Place) -> set[str]:
    *schema, name = [part.string.sval for part in node.funcname]
    if node.over.ByteSize() or node.agg_star or node.agg_distinct or node.agg_order or node.HasField("agg_filter"):
        raise ScriptError(f"{name} sees more rows than one", place, "compare columns of the row itself")
    if name in _AGGREGATES and schema in ([], ["pg_catalog"]):
        raise ScriptError(f"{name} sees more rows than one", place, "compare columns of the row itself")
    if name in _CHANGING and schema in ([], ["pg_catalog"]):
        raise ScriptError(
            f"{name}() gives another value at every evaluation: a row would stay or go by when it is looked at",
            place,
            "compare with a constant",
        )
    return set() if schema else {name}


def _qualify(parts: Any, schemas: Mapping[str, str]) -> None:
    """Puts the schema before a name that is an extension's."""
    name = parts[0].string.sval
    if name in schemas:
        del parts[:]
        for part in (schemas[name], name):
            parts.add().string.sval = part


def _qualify_operator(node: Any, columns: Mapping[str, str], names: Names) -> None:
    """An operator is an extension's where an operand is of one of its types; pg_catalog may have one of the name."""
    if len(node.name) != 1 or node.name[0].string.sval not in names.operators:
        return
    operands = [getattr(node, side) for side in ("lexpr", "rexpr") if node.HasField(side)]
    if any(_is_extension_value(operand, columns, names) for operand in operands):
        _qualify(node.name, names.operators)


def _is_extension_value(node: Any, columns: Mapping[str, str], names: Names) -> bool:
    kind = node.WhichOneof("node")
    inner = getattr(node, kind)
    if kind == "column_ref":
        return columns[inner.fields[-1].string.sval].rpartition(".")[2] in names.types
    if kind == "type_cast":
        return bool(inner.type_name.names[-1].string.sval in names.types)
    return False


def _place(node: Any, text: str) -> Place:
    location = getattr(node, "location", 0)
    return _at(location - len(_BEFORE), text)


def _at(offset: int, text: str) -> Place:
    """Line and column of an offset in bytes."""
    before = text.encode()[: max(offset, 0)].decode(errors="replace").split("\n")
    return Place(len(before), len(before[-1]) + 1)


def _syntax(error: Exception, text: str) -> ScriptError:
    message = str(error).partition("\n")[0]
    cursor = getattr(error, "cursorpos", None) or getattr(error, "cursor_position", None) or 0
    place = _at(cursor - 1 - len(_BEFORE), text)
    return ScriptError(f"PostgreSQL's parser does not take it: {message}", place)
