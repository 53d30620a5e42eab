"""What an end lacks for a task, as one script for its administrator; pure."""

from collections.abc import Iterable, Sequence

from syncwizard.errors import End
from syncwizard.remedies import to_do as to_do
from syncwizard.task.events import PrecheckItemFinished
from syncwizard.task.names import quote
from syncwizard.task.specification import Endpoint
from syncwizard.task.text import one_line

# A statement of this kind takes effect after a restart.
SETTING = "ALTER SYSTEM"
# Creates the database itself, so it is not run in it.
DATABASE = "CREATE DATABASE"


def lacks(items: Iterable[PrecheckItemFinished], end: End) -> list[PrecheckItemFinished]:
    """The items whose statements give this end what it lacks."""
    return [item for item in items if item.verdict != "passed" and _belongs(item, end)]


def _belongs(item: PrecheckItemFinished, end: End) -> bool:
    # No session of the task can create its own database.
    at = item.sql_end or ("destination" if item.item == "destination-connectivity" else None)
    return bool(item.remedy.statements) and item.run_by == "administrator" and at == end


def _login(message: str, end: End, endpoint: Endpoint) -> list[str]:
    """What lets the account log in, when these words of the server say that it may not.

    >>> refused = 'FATAL: role "sync" does not exist'
    >>> print(*_login(refused, "source", Endpoint(host="db1", database="kb", user="sync")), sep="\\n")
    CREATE ROLE "sync" LOGIN REPLICATION PASSWORD 'choose one';
    -- Then print the script again: the rest is known once the account can log in.
    """
    if endpoint.user is None or endpoint.database is None:
        return []
    user, database = quote(endpoint.user), quote(endpoint.database)
    replication = " REPLICATION" if end == "source" else ""
    statements = {
        f'role "{endpoint.user}" does not exist': f"CREATE ROLE {user} LOGIN{replication} PASSWORD 'choose one';",
        "is not permitted to log in": f"ALTER ROLE {user} LOGIN{replication};",
        f'permission denied for database "{endpoint.database}"': f"GRANT CONNECT ON DATABASE {database} TO {user};",
    }
    found = [statement for words, statement in statements.items() if words in message]
    return [*found, "-- Then print the script again: the rest is known once the account can log in."] if found else []


def script(items: Sequence[PrecheckItemFinished], end: End, endpoint: Endpoint) -> str:
    """The script: each statement once, under the item that wants it. Everything else in it is a comment.

    >>> item = PrecheckItemFinished(item="source-rights", title="May read", verdict="failed", message="no right",
    ...     remedy=to_do(statements=['GRANT "app" TO "sync"', 'GRANT SELECT ON "a"."b" TO "sync"']), sql_end="source",
    ...     run_by="administrator")
    >>> print(script([item, item], "source", Endpoint(host="db1", database="kb")))
    -- What the source lacks for this task: db1:5432/kb
    -- To be run by a superuser in this database, for instance with psql.
    <BLANKLINE>
    -- source-rights: no right
    GRANT "app" TO "sync";
    GRANT SELECT ON "a"."b" TO "sync";
    <BLANKLINE>
    >>> print(script([], "source", Endpoint(host="db1", database="kb")).splitlines()[-1])
    -- Nothing is missing.
    """
    lines = [f"-- What the {end} lacks for this task: {one_line(endpoint.describe())}"]
    wanted = lacks(items, end)
    unknown = [
        item
        for item in items
        if item.item == f"{end}-connectivity" and item.verdict == "failed" and not item.remedy.statements
    ]
    if not wanted:
        for item in unknown:
            lines.append(f"-- It cannot be used: {one_line(item.message)}")
            login = _login(item.message, end, endpoint)
            lines += login or ["-- What it lacks is known once the account can log in."]
        return "\n".join([*lines, *([] if unknown else ["-- Nothing is missing."]), ""])
    lines.append("-- To be run by a superuser in this database, for instance with psql.")
    done: set[str] = set()
    for item in wanted:
        fresh = [statement for statement in item.remedy.statements if statement not in done]
        done.update(fresh)
        if not fresh:
            continue
        lines += ["", f"-- {item.item}: {one_line(item.message or item.title)}"]
        if any(statement.startswith(SETTING) for statement in fresh):
            lines.append("-- Takes effect after a restart of the server.")
        if any(statement.startswith(DATABASE) for statement in fresh):
            lines.append("-- In any other database; then run the precheck again, which sees what the new one lacks.")
        lines += [f"{statement};" for statement in fresh]
    return "\n".join([*lines, ""])
