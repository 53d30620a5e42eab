"""The item about code: what the source's definitions run at the destination, and with whose rights (DESIGN rule 30)."""

from syncwizard.postgres.catalog.foreign_code import read_foreign_code, read_owners, server_right
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, item, must_be_accepted, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS

LEAST_RIGHTS = (
    "use an account that is not a superuser for the destination: `syncwizard manual preparing` has the statements that "
    "make one"
)


@item("foreign-code", "No code of the source's accounts runs with a superuser's rights", BOTH, OBJECTS)
def foreign_code(checkup: Checkup) -> Finding:
    """Checks, domains, generated columns, indexes and materialized views run as the account that writes.

    No role that its session takes keeps code from going back to the account that logged in (RESET ROLE).
    """
    user = checkup.destination.info.user
    right = server_right(checkup.destination)
    if not right:
        return passed(f"{user} is not a superuser at the destination")
    if not checkup.synchronizes("schema"):
        return passed("definitions are not synchronized")
    found = read_foreign_code(checkup.source, checkup.needs, read_owners(checkup.destination))
    if found:
        return must_be_accepted(
            f"{user} is {right} at the destination, and would run there these functions of accounts that are not "
            # All of them, because all are accepted with the item.
            "superusers at the source: " + "; ".join(map(str, found)),
            LEAST_RIGHTS + "; or read these functions, and accept this item",
        )
    return warning(f"{user} is {right} at the destination, which a task does not need", LEAST_RIGHTS)


ITEMS = (foreign_code,)
