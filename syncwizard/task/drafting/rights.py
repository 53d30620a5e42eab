"""The rights that the accounts of both ends need, as a script for an administrator, before anything is tested. Pure."""

from collections.abc import Iterable, Sequence

from syncwizard.errors import End
from syncwizard.task.drafting.draft import ENDS, TaskDraft
from syncwizard.task.names import quote
from syncwizard.task.text import one_line

_ACCOUNT, _DATABASE, _OWNER = "sync", "the_database", "the_owner_of_the_tables"


def rights_script(draft: TaskDraft, owners: Sequence[str] = ()) -> str:
    """Statements for psql, by end and by the database they are run in; what is not typed yet has a name that says so.

    `owners`: of the selected tables, once these are known.

    >>> from syncwizard.task.drafting.endpoint_draft import EndpointDraft
    >>> text = rights_script(TaskDraft(source=EndpointDraft(host="db1", database="kb", user="sync")))
    >>> 'GRANT CREATE ON DATABASE kb TO sync;' in text, 'GRANT the_owner_of_the_tables TO sync;' in text
    (True, True)
    >>> 'GRANT app TO sync;' in rights_script(TaskDraft(source=EndpointDraft(user="sync")), ["app", "sync"])
    True
    """
    return "\n\n".join("\n".join(_of_end(draft, end, owners)) for end in ENDS) + "\n"


def _of_end(draft: TaskDraft, end: End, owners: Sequence[str]) -> Iterable[str]:
    given = draft.end(end)
    account, database = _name(given.user or _ACCOUNT), _name(given.database or _DATABASE)
    yield f"-- {end.upper()}  {one_line(given.describe())}: as a superuser, with psql. A superuser needs nothing of it."
    if end == "source":
        yield f"CREATE ROLE {account} LOGIN PASSWORD 'choose one';  -- where there is none yet"
        yield f"ALTER ROLE {account} REPLICATION;"
        yield "ALTER SYSTEM SET wal_level = logical;  -- takes effect after a restart; SHOW wal_level"
        yield f"\\connect {database}"
        for owner in [_name(each) for each in owners if each != given.user] if owners else [_OWNER]:
            yield f"GRANT {owner} TO {account};  -- only an owner may publish a table, and may read it"
        yield f"GRANT CREATE ON DATABASE {database} TO {account};  -- for the publication"
        yield f"GRANT CREATE ON SCHEMA public TO {account};  -- for the table of the heartbeat"
        yield f"GRANT pg_monitor TO {account};  -- optional: shows the size of pg_wal"
        return
    yield f"CREATE ROLE {account} LOGIN PASSWORD 'choose one';  -- where there is none yet"
    yield f"CREATE DATABASE {database};  -- where there is none yet; encoding and locale: as the precheck prints them"
    yield f"GRANT CREATE ON DATABASE {database} TO {account};  -- for schemas, and the task's own"
    yield f"GRANT SET ON PARAMETER session_replication_role TO {account};  -- from 15 on: triggers stay quiet"
    yield f"\\connect {database}"
    yield f"GRANT CREATE ON SCHEMA public TO {account};  -- for tables of that schema"
    yield "CREATE EXTENSION IF NOT EXISTS vector;  -- where tables have vectors"


def _name(name: str) -> str:
    """Quoted where it has to be: it is read by people, too."""
    return name if name.isidentifier() and name == name.lower() and name.isascii() else quote(name)
