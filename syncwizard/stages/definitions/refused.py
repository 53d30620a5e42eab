"""What becomes of refused statements: tried again after the others, then listed as missing, or the end of the stage."""

from collections.abc import Callable, Sequence

from syncwizard.postgres.destination.definitions import StatementRefused
from syncwizard.postgres.destination.destination import Destination
from syncwizard.stages.context import Context
from syncwizard.stages.definitions.advice import advise
from syncwizard.stages.definitions.keyless import set_aside_by_keys
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.events import DefinitionMissing
from syncwizard.task.text import listed

Attempt = Callable[[Sequence[PlannedStatement]], list[StatementRefused]]
# Class 42, syntax error or access rule violation, holds all of the undefined-something errors; 55000: a materialized
# view that is read is not filled yet. Any other refusal would end the same way, after the same minutes or hours.
NEEDS_OTHERS = ("42", "55000")


def work_off(statements: Sequence[PlannedStatement], attempt: Attempt) -> list[StatementRefused]:
    """Tries the statements in order, refused ones again after the others while that helps; what stays refused.

    One may need what comes later: the body of a function hides from pg_dump what it uses.
    """
    waiting, final = statements, []
    while waiting:
        refused = attempt(waiting)
        hopeful = [each for each in refused if each.sqlstate.startswith(NEEDS_OTHERS)]
        final += [each for each in refused if each not in hopeful]
        if len(refused) == len(waiting):
            final += hopeful
            break
        waiting = [each.statement for each in hopeful]
    return sorted(final, key=lambda each: each.statement.position)


def settle(context: Context, destination: Destination, refused: Sequence[StatementRefused]) -> None:
    """Lists refused statements as missing, and sets tables aside whose rows do not allow their key. Raises the first
    without which rows can be neither copied nor changed."""
    refused = set_aside_by_keys(context, destination, refused)
    essential = next((each for each in refused if each.statement.essential), None)
    if essential is None:
        for each in refused:
            advice = advise(context, destination, each)
            report_missing(context, [(each.statement, each.words, each.sqlstate)], advice)
        return
    others = [each for each in refused if each.statement.position < essential.statement.position]
    if others:
        before = "; ".join(f"{each.statement.kind} {each.statement.name}: {each.words}" for each in others[:3])
        essential.detail += f"; refused before it: {before}"
    raise essential


def report_missing(context: Context, refused: Sequence[tuple[PlannedStatement, str, str]], advice: str = "") -> None:
    """Definitions that were refused for one reason, each with the server's message and SQLSTATE, as one fact."""
    first, words, sqlstate = refused[0]
    context.record(
        DefinitionMissing(
            kind=first.kind,
            name=listed(statement.name for statement, _, _ in refused),
            reason=f"refused: {words}",
            sqlstate=sqlstate,
            statements=[statement.text for statement, _, _ in refused],
            advice=advice,
        )
    )
