"""The capture of definitions at the source: event triggers that write what a command did into a table of ours, which
the stream brings at its place (rule 23). Tasks share it, with a row each; the last one removes it."""

from collections.abc import Iterable

from psycopg import sql

from syncwizard.errors import SourceChanged, TaskFailed
from syncwizard.postgres.captured import DDL_TABLE, Progress
from syncwizard.postgres.dialect import for_server
from syncwizard.postgres.queries import query
from syncwizard.postgres.session.connection import Connection, scalar
from syncwizard.remedies import or_else, to_do
from syncwizard.rows.following import Joining
from syncwizard.task.events import ReplicaIdentityChanging
from syncwizard.task.names import TableName

DDL_MARK = "syncwizard: capture of definitions for synchronization tasks"
TRIGGERS = ("dts_ddl_command_end", "dts_ddl_sql_drop")
# Of the texts of our functions at the source: a source with earlier ones gets these.
FUNCTIONS = 5
# A task reads a command minutes later as a rule; this long a paused one may take.
KEPT_DAYS = 60

# What tasks have of their own.
_KEPT = ("tasks", "selected", "joined", "identities")
_TABLES = ("public.dts_ddl_command", *(f"dts_ddl.{name}" for name in _KEPT))

_LOCK = "SELECT pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('syncwizard ddl'))"


def create_ddl_capture(connection: Connection, slot: str) -> None:
    """Makes what is missing, and adds this task's row. What has our names without our mark is left alone: TaskFailed.

    What is there and does not work any more, as without one of its triggers, is made anew.
    """
    with connection.transaction():
        connection.execute(_LOCK)
        taken = foreign_names(connection)
        if taken:
            raise TaskFailed(
                f"{taken} exists and does not belong to syncwizard",
                where="source",
                remedy=to_do(f"rename or drop {taken}", then="resume"),
            )
        if not is_intact(connection):
            kept = _kept(connection)
            _drop(connection)
            text = "\n".join([query("ddl_create"), _functions(connection), query("ddl_triggers")])
            connection.execute(text.encode())
            for table, rows in kept.items():
                name = sql.Identifier("dts_ddl", table)
                connection.execute(
                    sql.SQL("INSERT INTO {0} SELECT * FROM json_populate_recordset(NULL::{0}, %s::json)").format(name),
                    (rows,),
                )
        connection.execute("INSERT INTO dts_ddl.tasks (slot_name) VALUES (%s) ON CONFLICT DO NOTHING", (slot,))


def renew_ddl_capture(connection: Connection) -> None:
    """Gives what an earlier version has made the functions of this one: they describe more. What captures stays."""
    with connection.transaction():
        connection.execute(_LOCK)
        known = scalar(connection, "SELECT pg_catalog.to_regproc('dts_ddl.version') IS NOT NULL")
        version = scalar(connection, "SELECT dts_ddl.version()") if known else 0
        if version is not None and int(version) < FUNCTIONS:
            connection.execute(_functions(connection).encode())


def _functions(connection: Connection) -> str:
    text = query("ddl_functions").replace(":definition", query("table_definition").replace(":relation", "$1"))
    described = query("object_definition").replace(":class", "class").replace(":object", "object")
    text = text.replace(":object_definition", described).replace(":version", str(FUNCTIONS))
    return for_server(connection, text)


def set_joining(connection: Connection, slot: str, wanted: Iterable[Joining]) -> None:
    """Which tables join the publication when they are created, from here on. Only once the slot is there: the command
    that creates one has to be in its stream."""
    rows = [(each.schema, each.whole, each.names) for each in wanted]
    with connection.transaction():
        connection.execute("DELETE FROM dts_ddl.selected WHERE slot_name = %s", (slot,))
        for schema, whole, names in rows:
            connection.execute(
                "INSERT INTO dts_ddl.selected (slot_name, schema_name, whole, names) VALUES (%s, %s, %s, %s::text[])",
                (slot, schema, whole, names),
            )


def stop_joining(connection: Connection, slot: str) -> None:
    """No table joins the publication from here on."""
    if _exists(connection):
        connection.execute("DELETE FROM dts_ddl.selected WHERE slot_name = %s", (slot,))


def forget_joined(connection: Connection, slot: str) -> None:
    """What has joined so far counts as selected: for a publication that is made anew, before its slot."""
    if _exists(connection):
        connection.execute("DELETE FROM dts_ddl.joined WHERE slot_name = %s", (slot,))


def joined_members(connection: Connection, slot: str) -> set[int]:
    """The members of the publication, by OID of their rows there, that joined when they were created."""
    if not _exists(connection):
        return set()
    rows = connection.execute("SELECT member FROM dts_ddl.joined WHERE slot_name = %s", (slot,))
    return {member for (member,) in rows}


def joined_relations(connection: Connection, slot: str) -> set[int]:
    """The tables, by OID, that joined when they were created."""
    if not _exists(connection):
        return set()
    rows = connection.execute("SELECT relation::bigint FROM dts_ddl.joined WHERE slot_name = %s", (slot,))
    return {relation for (relation,) in rows}


def joined_identities(connection: Connection, slot: str) -> list[ReplicaIdentityChanging]:
    """The tables that got REPLICA IDENTITY FULL when they joined, or when they lost their key, and what they had."""
    if not _exists(connection):
        return []
    rows = connection.execute(
        "SELECT n.nspname, c.relname, i.previous FROM dts_ddl.identities i"
        " JOIN pg_catalog.pg_class c ON c.oid = i.relation::oid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE i.slot_name = %s ORDER BY 1, 2",
        (slot,),
    )
    return [
        ReplicaIdentityChanging(table=TableName(schema, name), previous=previous, index=None)
        for schema, name, previous in rows
    ]


def drop_ddl_capture(connection: Connection, slot: str) -> None:
    """Removes this task's row, and everything with the last one."""
    with connection.transaction():
        connection.execute(_LOCK)
        if foreign_names(connection) or not _exists(connection):
            return
        for table in _KEPT:
            connection.execute(
                sql.SQL("DELETE FROM {} WHERE slot_name = %s").format(sql.Identifier("dts_ddl", table)), (slot,)
            )
        if not scalar(connection, "SELECT EXISTS (SELECT FROM dts_ddl.tasks)"):
            _drop(connection)


def drop_statements(slot: str) -> list[str]:
    """What does the same by hand."""
    triggers = " ".join(f"DROP EVENT TRIGGER IF EXISTS {name};" for name in TRIGGERS)
    return [
        *(f"DELETE FROM dts_ddl.{table} WHERE slot_name = '{slot}'" for table in _KEPT),
        f"DO $$BEGIN IF NOT EXISTS (SELECT FROM dts_ddl.tasks) THEN {triggers} DROP TABLE public.dts_ddl_command;"
        " DROP SCHEMA dts_ddl CASCADE; END IF; END$$",
    ]


def foreign_names(connection: Connection) -> str:
    """What has one of our names and not our mark; empty as a rule."""
    marks = connection.execute(
        "SELECT 'schema dts_ddl', pg_catalog.obj_description(oid, 'pg_namespace') FROM pg_catalog.pg_namespace"
        " WHERE nspname = 'dts_ddl'"
        " UNION ALL SELECT 'public.dts_ddl_command', pg_catalog.obj_description(oid, 'pg_class')"
        " FROM pg_catalog.pg_class WHERE oid = pg_catalog.to_regclass('public.dts_ddl_command')"
    )
    return next((name for name, mark in marks if mark != DDL_MARK), "")


def broken_parts(connection: Connection) -> list[str]:
    """Which parts of the capture are missing, or do not work, in words; none as a rule."""
    if is_intact(connection):
        return []
    rows = connection.execute(
        "SELECT evtname::text, evtenabled = 'A' FROM pg_catalog.pg_event_trigger WHERE evtname = ANY (%s)",
        (list(TRIGGERS),),
    )
    there: dict[str, bool] = dict(rows.fetchall())
    found = [f"event trigger {name} {'is disabled' if name in there else 'is gone'}" for name in TRIGGERS]
    broken = [text for name, text in zip(TRIGGERS, found, strict=True) if not there.get(name)]
    broken += [f"table {table} is gone" for table in _TABLES if not _has(connection, table)]
    return broken or ["the event triggers call other functions"]


def repair_ddl_capture(connection: Connection, slot: str) -> bool:
    """Makes what is missing of the capture; whether the table of commands is another one than before."""
    with connection.transaction():
        connection.execute(_LOCK)
        if is_intact(connection):
            return False
        if all(_has(connection, table) for table in _TABLES) and not foreign_names(connection):
            for name in TRIGGERS:
                connection.execute(sql.SQL("DROP EVENT TRIGGER IF EXISTS {}").format(sql.Identifier(name)))
            connection.execute("\n".join([_functions(connection), query("ddl_triggers")]).encode())
            return False
    create_ddl_capture(connection, slot)
    return True


def is_intact(connection: Connection) -> bool:
    """Whether the triggers are there, enabled for every session, and write into the table that is there."""
    statement = (
        "SELECT count(*) = 2 AND pg_catalog.to_regclass('public.dts_ddl_command') IS NOT NULL"
        " FROM pg_catalog.pg_event_trigger t JOIN pg_catalog.pg_proc p ON p.oid = t.evtfoid"
        " JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace"
        " WHERE t.evtname = ANY (%s) AND t.evtenabled = 'A' AND n.nspname = 'dts_ddl'"
        " AND pg_catalog.to_regclass('dts_ddl.selected') IS NOT NULL"
    )
    return bool(scalar(connection, statement, list(TRIGGERS)))


def may_capture(connection: Connection) -> bool:
    """Whether the account may make event triggers: a superuser, or a role that a managed service gives that right."""
    return bool(
        scalar(
            connection,
            "SELECT rolsuper OR EXISTS (SELECT FROM pg_catalog.pg_roles m WHERE m.rolname = ANY (%s)"
            " AND pg_catalog.pg_has_role(r.oid, m.oid, 'MEMBER'))"
            " FROM pg_catalog.pg_roles r WHERE rolname = current_user",
            ["rds_superuser", "pg_rds_superuser", "cloudsqlsuperuser", "azure_pg_admin"],
        )
    )


def captures(connection: Connection, slot: str) -> bool:
    """Whether commands are captured for the task."""
    if not _exists(connection):
        return False
    return bool(scalar(connection, "SELECT EXISTS (SELECT FROM dts_ddl.tasks WHERE slot_name = %s)", slot))


def check_capture(connection: Connection, progress: Progress) -> None:
    """Raises SourceChanged where definitions are not captured any more."""
    if not is_intact(connection):
        raise SourceChanged(
            "changes of definitions are not captured at the source any more",
            detail="; ".join(broken_parts(connection)),
            where="source",
            remedy=or_else(
                to_do("resume makes them again, and sets aside the tables that changed meanwhile", then="resume"),
                to_do("set advanced.ddl to off in the task file: definitions are not followed then", then="resume"),
            ),
        )


def passed_over(connection: Connection) -> int:
    """How many commands on definitions concerned no task, since the source captures them."""
    return int(
        scalar(connection, "SELECT CASE WHEN is_called THEN last_value + 1 ELSE 0 END FROM dts_ddl.passed_over") or 0
    )


def forget_old_commands(connection: Connection) -> None:
    """Removes commands from long ago, which every task has read or has given up."""
    connection.execute(
        sql.SQL("DELETE FROM public.dts_ddl_command WHERE executed_at < pg_catalog.now() - interval {}").format(
            sql.Literal(f"{KEPT_DAYS} days")
        )
    )


def own_table() -> TableName:
    """The table of captured commands."""
    return TableName(*DDL_TABLE)


def _exists(connection: Connection) -> bool:
    return _has(connection, "dts_ddl.tasks")


def _has(connection: Connection, table: str) -> bool:
    return bool(scalar(connection, "SELECT pg_catalog.to_regclass(%s) IS NOT NULL", table))


def _kept(connection: Connection) -> dict[str, str]:
    """The rows of tasks, as JSON by table."""
    found = {}
    for table in _KEPT:
        name = sql.Identifier("dts_ddl", table)
        if scalar(connection, "SELECT pg_catalog.to_regclass(%s) IS NOT NULL", f"dts_ddl.{table}"):
            row = connection.execute(
                sql.SQL("SELECT coalesce(json_agg(t), '[]')::text FROM {} t").format(name)
            ).fetchone()
            found[table] = row[0] if row is not None else "[]"
    return found


def _drop(connection: Connection) -> None:
    """Event triggers first: they would look at what follows."""
    for name in TRIGGERS:
        connection.execute(sql.SQL("DROP EVENT TRIGGER IF EXISTS {}").format(sql.Identifier(name)))
    connection.execute("DROP TABLE IF EXISTS public.dts_ddl_command")
    connection.execute("DROP SCHEMA IF EXISTS dts_ddl CASCADE")
