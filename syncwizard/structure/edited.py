"""Statements that are run in place of those that follow a change of a definition. Pure."""

from typing import Any

from syncwizard.errors import UsageError
from syncwizard.structure.parse import split_statements, without_leading_comments
from syncwizard.structure.sql_trees import parse_sql

# They would end the transaction that the rows around are in, or change its session for the rows that follow.
_REFUSED = {
    "transaction_stmt": "would end the transaction of the rows around it",
    "variable_set_stmt": "would change the session that applies rows",
    "discard_stmt": "would change the session that applies rows",
}


def edited_statements(text: str) -> list[str]:
    """The statements one by one, all for one transaction with the rows around them.

    Raises UsageError for none and for what cannot be in it, TaskFailed where the text is no SQL.

    >>> edited_statements("-- a remark\\nALTER TABLE a ADD b int; -- another\\n")
    ['ALTER TABLE a ADD b int']
    >>> edited_statements("COMMIT")
    Traceback (most recent call last):
    ...
    syncwizard.errors.UsageError: COMMIT would end the transaction of the rows around it
    """
    found = [without_leading_comments(statement) for statement in split_statements(text)]
    if not found:
        raise UsageError("there is no statement to run", remedy="to run none, use --skip")
    for statement in found:
        tree: Any = parse_sql(statement)
        reason = _REFUSED.get(tree.stmts[0].stmt.WhichOneof("node"))
        if reason:
            raise UsageError(f"{statement} {reason}", remedy="leave it out")
    return found
