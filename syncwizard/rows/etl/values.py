"""Checks the expressions of a script, and writes each as SQL over the columns of the level below it (`l`)."""

import re
from collections.abc import Iterable, Mapping

import msgspec

from syncwizard.rows.etl.catalogue import functions
from syncwizard.rows.etl.catalogue.function import Argument, Function, Given, Refused, literal, quoted
from syncwizard.rows.etl.tree import Call, Column, Constant, Node, Place, ScriptError, Variable
from syncwizard.rows.etl.types import BOOLEAN, KIND_WORDS, TEXT, TIMESTAMPTZ, Type, accepts, comparable
from syncwizard.task.text import did_you_mean

OPERATION = "__OPERATION__"
COMMIT_TIMESTAMP = "__COMMIT_TIMESTAMP__"
# What a change brings beside the columns of its table.
STAMPS: dict[str, Type] = {OPERATION: TEXT, COMMIT_TIMESTAMP: TIMESTAMPTZ}
OPERATIONS = {"__OP_INSERT__": "INSERT", "__OP_UPDATE__": "UPDATE", "__OP_DELETE__": "DELETE"}

# Texts that a server reads as the moment at which it reads them.
_NOW = frozenset(("now", "today", "tomorrow", "yesterday"))
_SIMPLE = re.compile(r"\w+\.\w+(::\w+)?|NULL|true|false|-?\d+(::\w+)?")


class Expression(msgspec.Struct, frozen=True, kw_only=True):
    """A checked expression. `reads`: the source's columns, and stamps, that its value depends on; `value`: of a
    constant. `stable`: it depends on when it is evaluated. `secrets`: the forms of those in it."""

    sql: str
    type: Type
    reads: frozenset[str] = frozenset()
    constant: bool = False
    value: object = None
    stable: bool = False
    secrets: frozenset[str] = frozenset()


class Scope(msgspec.Struct, kw_only=True):
    """What a script's names mean at some place in it: columns, and variables that are constants of the table."""

    columns: dict[str, Expression]
    constants: Mapping[str, str]
    table: str


TRUE = Expression(sql="true", type=BOOLEAN, constant=True, value=True)
FALSE = Expression(sql="false", type=BOOLEAN, constant=True, value=False)


def check(node: Node, scope: Scope) -> Expression:
    """The expression that the node is. Raises ScriptError."""
    match node:
        case Constant(value):
            sql, type_ = literal(value)
            return Expression(sql=sql, type=type_, constant=True, value=value)
        case Column(name, place):
            return _column(name, place, scope)
        case Variable(name, place):
            return _variable(name, place, scope)
        case Call():
            return _call(node, scope)


def condition(node: Node, scope: Scope) -> Expression:
    """An expression that holds or not; NULL does not. Raises ScriptError."""
    found = check(node, scope)
    if not accepts("boolean", found.type):
        raise ScriptError(f"{words(found)} is no condition", node.place, "write op_eq(…), op_gt(…) or the like")
    if found.constant:
        return TRUE if found.value is True else FALSE
    return msgspec.structs.replace(found, sql=f"({found.sql}) IS TRUE")


def nearest(name: str, names: Iterable[str], otherwise: str = "") -> str:
    """The remedy for a name that is not known."""
    return did_you_mean(name, list(names)) or otherwise


def _column(name: str, place: Place, scope: Scope) -> Expression:
    found = scope.columns.get(name)
    if found is None:
        columns = [known for known in scope.columns if known not in STAMPS]
        raise ScriptError(
            f"column {name} is not in {scope.table}", place, nearest(name, columns, f"it has {', '.join(columns[:10])}")
        )
    return found


def _variable(name: str, place: Place, scope: Scope) -> Expression:
    constant = scope.constants.get(name, OPERATIONS.get(name))
    if constant is not None:
        return Expression(sql=f"{quoted(constant)}::text", type=TEXT, constant=True, value=constant)
    if name in STAMPS:
        return scope.columns[name]
    known = [*scope.constants, *STAMPS, *OPERATIONS]
    raise ScriptError(f"there is no variable {name}", place, nearest(name, known, ", ".join(dict.fromkeys(known))))


def _call(node: Call, scope: Scope) -> Expression:
    function = functions().get(node.function)
    if function is None:
        if node.function.startswith("e_"):
            raise ScriptError(f"{node.function} changes a row and gives no value", node.place)
        remedy = nearest(node.function, functions(), "the manual has all of them: syncwizard manual rows")
        raise ScriptError(f"there is no function {node.function}", node.place, remedy)
    if node.named:
        raise ScriptError(f"{function.name} has no arguments with names", node.named[0][1].place, function.signature)
    arguments = _arguments(function, node)
    if function.name in ("op_and", "op_or"):
        return _joined(node, scope, function, stops=function.name == "op_or")
    given = [check(each, scope) for each in node.arguments]
    given = _alike(arguments, given, node)
    for number, (argument, value) in enumerate(zip(arguments, given, strict=True)):
        _compare(function, number, argument, value, node)
    folded = _folded(function.name, given)
    return folded if folded is not None else _built(function, arguments, given, node)


def _joined(node: Call, scope: Scope, function: Function, *, stops: bool) -> Expression:
    """AND, OR: what comes behind a constant that decides is not looked at, so that `__TB__` can protect it."""
    kept: list[Expression] = []
    for number, each in enumerate(node.arguments):
        value = check(each, scope)
        _compare(function, number, function.arguments[0], value, node)
        if value.constant and value.value is stops:
            return TRUE if stops else FALSE
        if not (value.constant and isinstance(value.value, bool)):
            kept.append(value)
    if not kept:
        return FALSE if stops else TRUE
    return _built(function, [function.arguments[0]] * len(kept), kept, node)


def _arguments(function: Function, node: Call) -> list[Argument]:
    """The declared argument of each that is given."""
    declared = function.arguments
    number = len(node.arguments)
    fixed = [each for each in declared if not each.many]
    many = declared[-1] if declared and declared[-1].many else None
    least = len([each for each in fixed if not each.optional]) + (many.least if many else 0)
    if number < least or (many is None and number > len(declared)):
        most = "" if many is None else " or more"
        wanted = f"{least}{most}" if many or least == len(declared) else f"{least} to {len(declared)}"
        raise ScriptError(
            f"{function.name} takes {wanted} argument{'' if wanted == '1' else 's'}, and {number} are given",
            node.place,
            function.signature,
        )
    found = list(fixed[:number])
    if many is not None:
        found += [many] * (number - len(fixed))
    return found


def _compare(function: Function, number: int, argument: Argument, value: Expression, node: Call) -> None:
    place = node.arguments[number].place
    what = f"argument {number + 1} of {function.name}"
    if argument.constant and not value.constant:
        raise ScriptError(f"{what} has to be written as a constant", place, function.signature)
    if not accepts(argument.kind, value.type):
        raise ScriptError(
            f"{what} is {words(value)}, and {KIND_WORDS[argument.kind]} is needed", place, _cast_hint(argument, value)
        )


def _alike(arguments: list[Argument], given: list[Expression], node: Call) -> list[Expression]:
    """The arguments, those that are compared in types that can be; a text that is a constant becomes the other's."""
    compared = [at for at, argument in enumerate(arguments) if argument.same or (at == 0 and _leads(arguments))]
    if not compared:
        return given
    leading = next((at for at in compared if not given[at].constant), compared[0])
    kind = given[leading].type
    found = list(given)
    for at in compared:
        value = given[at]
        if value.constant and value.type.family == "text" and kind.family not in ("text", "null"):
            found[at] = as_type(value, kind, node.arguments[at].place)
        elif not comparable(kind, value.type):
            raise ScriptError(
                f"{words(value)} does not go together with {words(given[leading])}",
                node.arguments[at].place,
                "cast one of them with ct_int, ct_str or the like",
            )
    return found


def _leads(arguments: list[Argument]) -> bool:
    """Whether the first argument is what the others are compared with."""
    return arguments[0].kind == "any" and any(argument.same for argument in arguments[1:])


def as_type(value: Expression, kind: Type, place: Place) -> Expression:
    """A constant text as a value of another type, which the server reads it as."""
    text = str(value.value)
    if kind.family in ("integer", "decimal", "float", "boolean", "json", "vector", "halfvec", "array"):
        raise ScriptError(
            f'the text "{text}" does not go together with {kind.name}', place, "write it without quotes, or cast it"
        )
    if kind.family in ("date", "time", "timestamp", "timestamptz") and text.strip().lower() in _NOW:
        raise ScriptError(f'"{text}" is another time at every evaluation', place, "write dt_now() or dt_today()")
    return msgspec.structs.replace(value, sql=f"{quoted(text)}::{kind.name}", type=kind)


def _built(function: Function, arguments: list[Argument], given: list[Expression], node: Call) -> Expression:
    values = [_given(argument, value) for argument, value in zip(arguments, given, strict=True)]
    # First with names in place of the arguments, which shows how often each is used.
    names = [msgspec.structs.replace(value, sql=f"\x01{at}\x01") for at, value in enumerate(values)]
    try:
        sql, type_ = function.build(names)
    except Refused as refused:
        place = node.arguments[refused.argument].place if refused.argument < len(node.arguments) else node.place
        raise ScriptError(f"{function.name}: {refused.message}", place, function.signature) from refused
    bound = []
    for at, value in enumerate(values):
        mark = f"\x01{at}\x01"
        if sql.count(mark) > 1 and not _SIMPLE.fullmatch(value.sql):
            # Evaluated once, and written once: nested calls would double their text at each level.
            sql = sql.replace(mark, f"v.a{at}")
            bound.append(f"{value.sql} AS a{at}")
        else:
            sql = sql.replace(mark, value.sql)
    if bound:
        sql = f"SELECT {sql} FROM (SELECT {', '.join(bound)} OFFSET 0) AS v"
    forms = frozenset({str(given[0].value)}) if function.name == "secret" else frozenset[str]()
    return Expression(
        sql=f"({sql})",
        type=type_,
        reads=frozenset().union(*(value.reads for value in given)),
        stable=function.stable or any(value.stable for value in given),
        secrets=forms.union(*(value.secrets for value in given)),
    )


def _given(argument: Argument, value: Expression) -> Given:
    """The argument in the form that the function's SQL is written for."""
    sql, family = value.sql, value.type.family
    if family == "null":
        name = {
            "number": "numeric",
            "integer": "bigint",
            "boolean": "boolean",
            "json": "jsonb",
            "moment": "timestamptz",
        }.get(argument.kind, "text")
        return Given(f"NULL::{name}", value.type, constant=True, value=None)
    if argument.kind == "text" and value.type.name != "text":
        sql = f"{sql}::text"
    elif argument.kind in ("integer", "number") and family == "integer" and value.type.name != "bigint":
        sql = f"{sql}::bigint"
    elif family == "float" and value.type.name != "double precision":
        sql = f"{sql}::double precision"
    elif argument.kind == "json" and value.type.name != "jsonb":
        sql = f"{sql}::jsonb"
    return Given(sql, value.type, constant=value.constant, value=value.value)


def _folded(name: str, given: list[Expression]) -> Expression | None:
    """What is known without a row: comparisons of `__TB__` and the like."""
    if not all(each.constant and each.value is not None for each in given):
        return None
    values = [each.value for each in given]
    # Only equal kinds: what a server makes of 1 = 1.0 is its own affair.
    if len({type(value) for value in values}) > 1:
        return None
    match name:
        case "op_eq":
            return TRUE if values[0] == values[1] else FALSE
        case "op_ne":
            return FALSE if values[0] == values[1] else TRUE
        case "op_in":
            return TRUE if values[0] in values[1:] else FALSE
        case "op_not_in":
            return FALSE if values[0] in values[1:] else TRUE
        case "op_not":
            return FALSE if values[0] is True else TRUE
    return None


def words(value: Expression) -> str:
    if value.type.family == "salt":
        return "a secret"
    if value.constant:
        return "NULL" if value.value is None else f"the constant {value.value!r}"
    return value.type.name


def _cast_hint(argument: Argument, value: Expression) -> str:
    if value.type.family == "salt":
        return "a secret is a salt for md5 and sha256 alone"
    cast = {
        "number": "ct_numeric",
        "integer": "ct_int",
        "text": "ct_str",
        "boolean": "ct_bool",
        "moment": "ct_timestamptz",
        "json": "json_parse" if value.type.family == "text" else "ct_json",
    }.get(argument.kind)
    return f"cast it with {cast}(…)" if cast else ""
