"""From the text of a script to its tree, by the grammar beside this file."""

import re
from decimal import Decimal
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from syncwizard.rows.etl.tree import Call, Column, Constant, Node, Place, ScriptError, Variable

if TYPE_CHECKING:
    from lark import Lark, Token, Tree

PREFIX = "script:"
# Beyond this a tree is no script of a person's, and a parser's own stack would end first.
DEEPEST = 100
# Read in some two seconds; a script for a table of PostgreSQL's most columns has less.
MOST_CHARACTERS = 100_000

_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", '"': '"', "'": "'"}
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
# Terminals in the words of a reader.
_TERMINALS = {
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "COLUMN": "a column in backticks",
    "NAME": "a function",
    "NUMBER": "a number",
    "TEXT": "a text in quotes",
    "VARIABLE": "a variable such as __TB__",
    "$END": "the end",
}


# One script may be that of thousands of tables.
@lru_cache(maxsize=256)
def parse(script: str) -> Call:
    """The script's tree. Raises ScriptError for what is none.

    >>> print(parse('script:e_drop()').function)
    e_drop
    >>> parse('e_set(`a`, 1')
    Traceback (most recent call last):
    syncwizard.rows.etl.tree.ScriptError: line 1, column 13: the script ends where ) or , is expected
    """
    from lark import exceptions

    if len(script) > MOST_CHARACTERS:
        raise ScriptError(
            f"a script has at most {MOST_CHARACTERS:,} characters, and this one {len(script):,}", Place(1, 1)
        )
    for number, line in enumerate(script.split("\n"), 1):
        if found := _CONTROL.search(line):
            raise ScriptError(f"a control character {found[0]!r}", Place(number, found.start() + 1))
    try:
        tree = _parser().parse(script)
    except exceptions.UnexpectedCharacters as error:
        at = error.pos_in_stream or 0
        character = script[at : at + 1]
        place = Place(error.line, error.column)
        raise ScriptError(_unexpected(character), place, _hint(character)) from error
    except exceptions.UnexpectedToken as error:
        expected = _expected(error.accepts or error.expected)
        if error.token.type == "$END":
            raise ScriptError(f"the script ends where {expected} is expected", _end_of(script)) from error
        place = Place(error.line, error.column)
        raise ScriptError(f"{error.token} stands where {expected} is expected", place) from error
    return _call(tree.children[-1], 1)


@cache
def _parser() -> "Lark":
    # Imported here: most tasks have no script.
    from lark import Lark

    grammar = files("syncwizard.rows.etl").joinpath("grammar.lark").read_text()
    return Lark(grammar, parser="lalr", propagate_positions=True)


def _node(tree: "Tree[Token]", depth: int) -> Node:
    place = _place(tree.meta)
    if depth > DEEPEST:
        raise ScriptError(f"calls are nested more than {DEEPEST} deep", place)
    match tree.data:
        case "call":
            return _call(tree, depth)
        case "column":
            return Column(str(tree.children[0])[1:-1].replace("``", "`"), place)
        case "variable":
            return Variable(str(tree.children[0]), place)
        case kind:
            return Constant(_value(str(kind), str(tree.children[0])), place)


def _call(tree: Any, depth: int) -> Call:
    name, *rest = tree.children
    arguments: list[Node] = []
    named: list[tuple[str, Node]] = []
    for child in rest:
        if child is None:
            continue
        if child.data == "named":
            named.append((str(child.children[0]), _node(child.children[1], depth + 1)))
        elif named:
            raise ScriptError("an argument without a name stands behind one with a name", _place(child.meta))
        else:
            arguments.append(_node(child, depth + 1))
    return Call(str(name), tuple(arguments), tuple(named), Place(name.line, name.column))


def _value(kind: str, text: str) -> int | Decimal | str | bool | None:
    match kind:
        case "number":
            return int(text) if text.lstrip("-").isdigit() else Decimal(text)
        case "text":
            return _unescaped(text[1:-1])
        case "true":
            return True
        case "false":
            return False
    return None


def _unescaped(text: str) -> str:
    r"""The text that was meant; a backslash before another character than these stands for itself, as in patterns.

    >>> _unescaped(r'a\nb \"c\" \d')
    'a\nb "c" \\d'
    """
    found: list[str] = []
    rest = iter(text)
    for character in rest:
        if character == "\\":
            following = next(rest, "")
            found.append(_ESCAPES.get(following, "\\" + following))
        else:
            found.append(character)
    return "".join(found)


def _place(meta: Any) -> Place:
    return Place(meta.line, meta.column)


def _end_of(script: str) -> Place:
    lines = script.rstrip().split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


def _expected(names: Any) -> str:
    known = sorted({_TERMINALS[name] for name in names if name in _TERMINALS}, key=lambda word: (len(word), word))
    return " or ".join(known[:3] if len(known) <= 3 else ["a value"]) or "something else"


def _unexpected(found: str) -> str:
    return f"{found!r} is not expected here" if found else "the script ends too early"


def _hint(found: str) -> str:
    if found == "`":
        return "a column's name ends with a backtick, too"
    if found in ("'", '"'):
        return "a text ends with the quote that it begins with"
    return ""
