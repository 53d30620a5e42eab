"""What the steps of a script take, checked: each complaint has its place and the way the step is written."""

from syncwizard.rows.etl.catalogue.steps import STEPS
from syncwizard.rows.etl.tree import Call, Column, Node, ScriptError
from syncwizard.rows.etl.values import TRUE, Expression, Scope, condition


def in_pairs(node: Call, what: str) -> list[tuple[Node, Node]]:
    """The arguments, two by two; `what` they are. Raises ScriptError, as all here."""
    if not node.arguments or len(node.arguments) % 2:
        raise ScriptError(f"{node.function} takes {what} in pairs", node.place, signature(node))
    return list(zip(node.arguments[::2], node.arguments[1::2], strict=True))


def expect(node: Call, number: int) -> None:
    """Fails unless it has so many arguments."""
    if len(node.arguments) != number:
        given = len(node.arguments)
        raise ScriptError(
            f"{node.function} takes {number} arguments, and {given} are given", node.place, signature(node)
        )


def optional_condition(node: Call, scope: Scope) -> Expression:
    """Its only argument as a condition; true without one."""
    if len(node.arguments) > 1:
        expect(node, 1)
    return condition(node.arguments[0], scope) if node.arguments else TRUE


def column_name(node: Node, function: str) -> str:
    """The name of a column, which a value of another kind is not."""
    if not isinstance(node, Column):
        raise ScriptError(f"{function} needs the name of a column here", node.place, "write it in backticks: `name`")
    return node.name


def for_all(node: Call, guard: Expression | None) -> None:
    """Fails where a step that changes the columns of all rows stands under a condition, or names none."""
    if guard is not None:
        raise ScriptError(
            f"{node.function} is for all rows of a table: they have the same columns",
            node.place,
            "take it out of the condition",
        )
    if not node.arguments:
        raise ScriptError(f"{node.function} needs columns", node.place, signature(node))


def signature(node: Call) -> str:
    """How the step is written."""
    return next((step.signature for step in STEPS if step.name == node.function), "")
