"""The item that says what kind of accounts a task has: what a managed service gives them, and what it does not."""

from collections.abc import Mapping, Sequence

from syncwizard.errors import End
from syncwizard.postgres.catalog.rights import read_managed_roles
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, item, passed

# What members of these roles may and may not do, by the documents of the services.
MANAGED: Mapping[str, str] = {
    "rds_superuser": "event triggers and extensions are allowed; to replicate it takes rds_replication",
    "rds_replication": "may replicate",
    "cloudsqlsuperuser": "may not manage objects of others: GRANT owner TO account; to replicate it takes REPLICATION",
    "alloydbsuperuser": "may not manage objects of others: GRANT owner TO account; to replicate it takes REPLICATION",
    "azure_pg_admin": "may not manage objects of others: GRANT owner TO account; extensions must be on the allow list",
    "pg_rds_superuser": "a privileged account: may replicate; objects of others take GRANT owner TO account",
    "pg_polar_superuser": "a privileged account: may replicate; objects of others take GRANT owner TO account",
}


@item("accounts", "What kind of accounts the task has", BOTH)
def accounts(checkup: Checkup) -> Finding:
    """Rights are found missing by the items that need them; this one says which kind of account that is about."""
    return passed("; ".join(describe(end, *read_managed_roles(checkup.session(end), MANAGED)) for end in BOTH))


def describe(end: End, roles: Sequence[str], superuser: bool) -> str:
    """The account of an end in words.

    >>> describe("source", [], True), describe("destination", [], False)
    ('source: a superuser', 'destination: an ordinary account')
    >>> describe("source", ["rds_replication"], False)
    'source: a member of rds_replication (may replicate)'
    """
    if superuser:
        return f"{end}: a superuser"
    if roles:
        return f"{end}: a member of " + ", ".join(f"{role} ({MANAGED[role]})" for role in roles)
    return f"{end}: an ordinary account"


ITEMS = (accounts,)
