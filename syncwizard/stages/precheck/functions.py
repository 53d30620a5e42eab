"""Items about functions that writing a row runs: checks and generated columns, under an empty search_path."""

import msgspec

from syncwizard.postgres.catalog.foreign_code import server_right
from syncwizard.postgres.source.expressions import (
    CalledExpression,
    evaluate,
    is_not_found,
    other_values,
    read_called_expressions,
    working_path,
)
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, failed, item, passed, warning
from syncwizard.task.names import quote
from syncwizard.task.text import counted

READABLE = ("selected-objects", "source-rights")


@item("function-paths", "Functions of checks and generated columns find what they name", ("source",), READABLE)
def function_paths(checkup: Checkup) -> Finding:
    """Every session of a task has an empty search_path, at the destination too (DESIGN rule 15); so has pg_restore.

    Each expression is evaluated for one row in a read-only transaction.
    """
    if not checkup.synchronizes("schema"):
        return passed("definitions are not synchronized")
    called = read_called_expressions(checkup.source, [table.oid for table in checkup.selection.copied])
    # No role that its session takes keeps a function from going back to the account that logged in.
    foreign = [each for each in called if not each.trusted] if called and server_right(checkup.source) else []
    unknown = [
        f"{each}: not evaluated, because {checkup.source.info.user} is a superuser and the functions are not a "
        "superuser's"
        for each in foreign
    ]
    broken, statements, outdated = [], [], []
    for each in called:
        if each in foreign:
            continue
        error = evaluate(checkup.source, each)
        if error is None:
            if each.kind == "generated column" and (rows := other_values(checkup.source, each)):
                outdated.append(f"{each}: {', '.join(each.signatures)}: {counted(rows, 'row', 'rows')}")
            continue
        words = " ".join((error.diag.message_primary or str(error)).split())
        if not is_not_found(error):
            unknown.append(f"{each}: not determined: {words}")
            continue
        broken.append(f"{each}: {', '.join(each.signatures)}: {words}")
        statements += _repair(checkup, each)
    return _judge(broken, unknown, outdated, statements)


def _repair(checkup: Checkup, called: CalledExpression) -> list[str]:
    """The statements by which the functions find what they name; none when no path that was tried helps."""
    path = working_path(checkup.source, called)
    if not path:
        return []
    # Last, and named at all, temporary objects can take the place of nothing.
    text = ", ".join([*map(quote, path), "pg_temp"])
    return [f"ALTER FUNCTION {signature} SET search_path = {text}" for signature in called.signatures]


def _judge(broken: list[str], unknown: list[str], outdated: list[str], statements: list[str]) -> Finding:
    if broken:
        finding = failed(
            f"{counted(len(broken), 'expression', 'expressions')} cannot be evaluated with an empty search_path, which "
            "the task's sessions have: rows would be refused at the destination",
            "qualify the names in these functions, or set their search_path at the source",
            list(dict.fromkeys(statements)),
        )
    elif outdated:
        finding = warning(
            f"{counted(len(outdated), 'generated column holds', 'generated columns hold')} other values than the "
            "functions give today: the destination computes all rows with the functions as they are",
            "to have both ends equal, store these rows again at the source: UPDATE each of them to the values it has",
        )
    elif unknown:
        finding = warning(
            f"{counted(len(unknown), 'expression was', 'expressions were')} not evaluated with an empty search_path",
            "make sure that their functions qualify what they name, or set their search_path",
        )
    else:
        return passed()
    return msgspec.structs.replace(finding, objects=(*broken, *outdated, *unknown))


ITEMS = (function_paths,)
