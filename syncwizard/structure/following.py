"""The statements of a plan under the names of the destination; pure.

A statement in which nothing is renamed keeps its own text. One that is changed is written anew from its tree, by the
parser's own printer.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from syncwizard.structure.names import table_name
from syncwizard.structure.own_names import LeftOutColumn, OwnNames
from syncwizard.structure.planned import describe
from syncwizard.structure.rewriting_definitions import DefinitionRewriter
from syncwizard.structure.skipped import SkippedStatement
from syncwizard.structure.sql_trees import parse_sql
from syncwizard.structure.statements import Statement
from syncwizard.task.names import TableName


def followed(kept: Sequence[Statement], names: OwnNames) -> tuple[list[Statement], list[SkippedStatement]]:
    """The statements as the destination takes them, and what needs a column that does not travel.

    Only the texts change: the other fields are names of the source still.
    """
    if names.same:
        return list(kept), []
    columns = _columns(kept)
    found: list[Statement] = []
    left_out: list[SkippedStatement] = []
    for statement in kept:
        rewriter = DefinitionRewriter(names, columns)
        try:
            text = rewritten(statement.text, rewriter)
        except LeftOutColumn as error:
            left_out.append(_skipped(statement.kind, describe(statement), str(error), statement))
            continue
        except _unreadable() as error:
            reason = f"the destination's names cannot be put into its statement: {error}"
            left_out.append(_skipped(statement.kind, describe(statement), reason, statement))
            continue
        left_out += [_skipped(kind, name, reason, statement) for kind, name, reason in rewriter.removed]
        found.append(msgspec.structs.replace(statement, text=text))
    return found, left_out


def rewritten(text: str, rewriter: DefinitionRewriter) -> str:
    """The statements of a text under the destination's names; the text itself where they are the same.

    Raises LeftOutColumn, and what `postgast` raises for a text that is no SQL.
    """
    import postgast

    tree: Any = parse_sql(text)
    for raw in tree.stmts:
        rewriter.statement(raw.stmt)
    if not rewriter.changed:
        return text
    found = postgast.deparse(tree)
    if postgast.deparse(parse_sql(found)) != found:
        raise Misprinted
    return found


class Misprinted(Exception):
    """The parser's printer wrote a statement that means something else, as where it forgets quotes."""

    def __str__(self) -> str:
        return "the printer of statements cannot write it"


def _unreadable() -> tuple[type[Exception], ...]:
    import postgast

    return postgast.PgQueryError, RecursionError, Misprinted


def _columns(statements: Sequence[Statement]) -> dict[TableName, tuple[str, ...]]:
    """The columns of each table that is created, inherited ones first."""
    found: dict[TableName, tuple[str, ...]] = {}
    for statement in statements:
        if statement.kind == "table":
            tree: Any = parse_sql(statement.text)
            node = tree.stmts[0].stmt.create_stmt
            names = [name for item in node.inh_relations for name in found.get(table_name(item.range_var), ())]
            names += [item.column_def.colname for item in node.table_elts if item.HasField("column_def")]
            found[table_name(node.relation)] = tuple(dict.fromkeys(names))
    return found


def _skipped(kind: str, name: str, reason: str, statement: Statement) -> SkippedStatement:
    return SkippedStatement(kind=kind, name=name, reason=reason, texts=(statement.text,))
