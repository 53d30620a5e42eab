"""Items about the rights of the task's accounts. Each names everything that is missing, not the first of it, so that
one script by an administrator is enough."""

from collections.abc import Iterable

from syncwizard.postgres.catalog.rights import (
    may_create_in_database,
    may_create_in_public,
    read_closed_schemas,
    read_writing_rights,
)
from syncwizard.postgres.session.connection import Connection
from syncwizard.postgres.source.identity import why_full
from syncwizard.postgres.source.publication import published_tables, publishing
from syncwizard.postgres.source.rights import TableRights, membership_statements, read_table_rights
from syncwizard.remedies import to_do
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Fact, Finding, failed, item, naming, passed
from syncwizard.stages.precheck.selection import OBJECTS, quoted
from syncwizard.task.names import TableName, quote
from syncwizard.task.text import listed

WRITING = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE"


class _Lack:
    """What is missing, in words and as statements, gathered."""

    def __init__(self) -> None:
        self.messages: list[str | Fact] = []
        self.remedies: list[str] = []
        self.statements: list[str] = []

    def add(self, message: str | Fact, remedy: str, statements: Iterable[str]) -> None:
        self.messages.append(message)
        self.remedies.append(remedy)
        self.statements += statements

    def finding(self) -> Finding:
        """All of it as one failure; passed without any."""
        if not self.messages:
            return passed()
        once = dict.fromkeys
        return failed(self.messages, to_do(*once(self.remedies)), list(once(self.statements)))


@item(
    "source-rights", "The source's account may read the selected tables", ("source",), OBJECTS, run_by="administrator"
)
def source_rights(checkup: Checkup) -> Finding:
    """USAGE of each schema, SELECT on each table, and no row-level policy in the way; pg_dump reads partitioned and
    required tables, too."""
    user = quote(checkup.source.info.user)
    unpublished = _without_owner(checkup)
    required = checkup.needs.required_tables if checkup.synchronizes("schema") else frozenset()
    names = {table.name for table in checkup.selection.tables} | required
    rights = read_table_rights(checkup.source, names)
    lack = _Lack()
    unreadable = [each for each in rights if not (each.uses and each.selects)]
    if unreadable:
        owners = {each.owner for each in unreadable if each.table in unpublished}
        # What a membership brings, which publishing the tables takes anyway, is not granted once more.
        then = [each.with_owner() if each.owner in owners else each for each in unreadable]
        lack.add(
            naming("no right to read ", (each.table for each in unreadable)),
            "grant the account SELECT and USAGE of the schemas",
            [*membership_statements(checkup.source, owners), *_reading(then, user)],
        )
    hidden = [each for each in rights if each.policed]
    if hidden:
        owners = {each.owner for each in hidden if each.table in unpublished}
        still = [each for each in hidden if each.table not in unpublished or each.with_owner().policed]
        lack.add(
            naming("row-level policies would hide rows of ", (each.table for each in hidden)),
            "use the owner of the tables or an account with BYPASSRLS",
            [*membership_statements(checkup.source, owners), *([f"ALTER ROLE {user} BYPASSRLS"] if still else [])],
        )
    return lack.finding()


def _without_owner(checkup: Checkup) -> set[TableName]:
    """The tables that are to be published, or to get REPLICA IDENTITY FULL where nothing is published, and whose
    owner's rights the account does not have."""
    published = set(published_tables(checkup.selection, publishing(checkup.source, checkup.spec)))
    foreign = [table for table in checkup.selection.tables if table.name in published and not table.owned]
    if _publishes_nothing(checkup):
        rules = checkup.rules if foreign else {}
        foreign = [each for each in foreign if each.replica_identity != "f" and why_full(each, rules.get(each.name))]
    return {table.name for table in foreign}


def _publishes_nothing(checkup: Checkup) -> bool:
    return checkup.spec.advanced.decoding == "test_decoding"


def _reading(rights: list[TableRights], user: str) -> list[str]:
    schemas = dict.fromkeys(each.table.schema for each in rights if not each.uses)
    tables: dict[str, list[str]] = {}
    for each in rights:
        if not each.selects:
            tables.setdefault(each.table.schema, []).append(quoted(each.table))
    return [
        *(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {user}" for schema in schemas),
        *(f"GRANT SELECT ON {', '.join(names)} TO {user}" for names in tables.values()),
    ]


@item(
    "publication-rights",
    "The source's account may publish the selected tables",
    ("source",),
    OBJECTS,
    run_by="administrator",
)
def publication_rights(checkup: Checkup) -> Finding:
    """CREATE on the database and in schema public (for the heartbeat), and the rights of each published table's
    owner."""
    source = checkup.source
    user, database = quote(source.info.user), quote(source.info.dbname)
    lack = _Lack()
    if not _publishes_nothing(checkup) and not may_create_in_database(source):
        lack.add(
            "no right to create a publication in the database",
            "grant CREATE on the database",
            [f"GRANT CREATE ON DATABASE {database} TO {user}"],
        )
    if not checkup.captured and not may_create_in_public(source):
        lack.add(
            "no right to create public.dts_postgres_heartbeat, by which latency is measured",
            "grant CREATE on schema public",
            [f"GRANT USAGE, CREATE ON SCHEMA public TO {user}"],
        )
    foreign = read_table_rights(source, _without_owner(checkup))
    if foreign:
        owners = sorted({each.owner for each in foreign})
        superusers = sorted({each.owner for each in foreign if each.owner_is_superuser})
        remedy = "make the account a member of the owning role, which keeps its tables; or use the owner's account"
        if superusers:
            remedy += (
                f"; a member of {listed(superusers)} has all rights of a superuser: better give these tables to a role "
                "of the application first"
            )
        what = "set REPLICA IDENTITY FULL for" if _publishes_nothing(checkup) else "publish"
        lack.add(
            naming(
                f"only an owner may {what} a table, and the account lacks the rights of {listed(owners)}, owner of ",
                (each.table for each in foreign),
            ),
            remedy,
            membership_statements(source, owners),
        )
    return lack.finding()


@item(
    "destination-rights",
    "The destination's account may create what is needed",
    BOTH,
    OBJECTS,
    run_by="administrator",
)
def destination_rights(checkup: Checkup) -> Finding:
    """CREATE on the database and on the schemas; on tables that are there already the rights to write them."""
    connection = checkup.destination
    user = quote(connection.info.user)
    lack = _Lack()
    database = judge_database_right(connection)
    if database.verdict == "failed":
        lack.add(database.message, database.remedy.steps[0], database.remedy.statements)
    if checkup.synchronizes("schema"):
        wanted = {*checkup.needs.schemas, *(extension.schema for extension in checkup.needs.extensions)}
        closed = read_closed_schemas(connection, wanted)
        if closed:
            lack.add(
                naming("no right to create tables in schema ", closed),
                "grant CREATE on the schemas, or make the account the owner of the database",
                [f"GRANT CREATE, USAGE ON SCHEMA {quote(name)} TO {user}" for name in closed],
            )
    _add_table_rights(checkup, lack, user)
    return lack.finding()


def judge_database_right(connection: Connection) -> Finding:
    """Whether the destination's account may create a schema, which every task does."""
    user, database = quote(connection.info.user), quote(connection.info.dbname)
    if not may_create_in_database(connection):
        return failed(
            "no right to create a schema in the destination database",
            "grant CREATE on the database",
            f"GRANT CREATE ON DATABASE {database} TO {user}",
        )
    return passed()


def _add_table_rights(checkup: Checkup, lack: _Lack, user: str) -> None:
    """Of the tables that are there: all rights, and no row-level policy, which would hide rows or refuse them."""
    oids = [table.oid for table in checkup.destination_tables.values()]
    written = not checkup.synchronizes("schema") or checkup.spec.synchronization.conflicts == "ignore"
    rights = read_writing_rights(checkup.destination, oids)
    lacking = [each.table for each in rights if written and not each.writes]
    policed = [each.table for each in rights if each.policed]
    if lacking:
        schemas = dict.fromkeys(table.schema for table in lacking)
        lack.add(
            naming("no right to write all kinds of changes to ", lacking),
            "grant the rights",
            [
                *(f"GRANT USAGE ON SCHEMA {quote(schema)} TO {user}" for schema in schemas),
                *(f"GRANT {WRITING} ON {quoted(table)} TO {user}" for table in lacking),
            ],
        )
    if policed:
        lack.add(
            naming("row-level policies would apply to ", policed),
            "use an account with BYPASSRLS, or the owner of tables without FORCE ROW LEVEL SECURITY",
            [f"ALTER ROLE {user} BYPASSRLS"],
        )


SOURCE_ITEMS = (source_rights, publication_rights)
DESTINATION_ITEMS = (destination_rights,)
