"""Items about the database around the selected objects: what it sets for its sessions."""

from syncwizard.postgres.catalog.database_settings import DatabaseSetting, read_database_settings, set_statement
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, item, naming, passed, warning
from syncwizard.stages.precheck.selection import OBJECTS
from syncwizard.task.text import listed


@item("database-settings", "What the source's database sets for its sessions is set at the destination", BOTH, OBJECTS)
def database_settings(checkup: Checkup) -> Finding:
    """ALTER DATABASE SET and ALTER ROLE IN DATABASE SET: with another search_path an application reads other tables."""
    if not checkup.synchronizes("schema") or not any(entry.whole for entry in checkup.spec.objects):
        return passed("not part of this task")
    here, there = read_database_settings(checkup.source), read_database_settings(checkup.destination)
    missing = sorted(set(here) - set(there))
    differing = sorted(setting for setting in set(here) & set(there) if here[setting] != there[setting])
    if not missing and not differing:
        return passed()
    roles = checkup.there.database.read_roles()
    # Values of these stay unseen: the precheck is kept in the journal.
    by_hand = [setting for setting in missing if setting.custom or (setting.role and setting.role not in roles)]
    found = []
    if missing:
        found.append(naming("set at the source only: ", missing))
    if differing:
        found.append(naming("other values at the destination: ", [_values(each, here, there) for each in differing]))
    remedy = "set them at the destination before an application uses it"
    if by_hand:
        names = listed(list(map(str, by_hand)))
        remedy += f"; by hand, because they are an application's own or their role is missing: {names}"
    database = checkup.destination.info.dbname
    statements = [set_statement(database, each, here[each]) for each in missing if each not in by_hand]
    return warning(found, remedy, statements)


def _values(setting: DatabaseSetting, here: dict[DatabaseSetting, str], there: dict[DatabaseSetting, str]) -> str:
    if setting.custom:
        return str(setting)
    return f"{setting} ({here[setting]} at the source, {there[setting]} at the destination)"


ITEMS = (database_settings,)
