"""What matters of a PolarDB for PostgreSQL as the source, and of one that is taken for it."""

from syncwizard.postgres.catalog.polardb import PolarFacts, read_polar_facts
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import Finding, item, passed, warning

CONSOLE = "a cluster parameter, in PolarDB's console"


@item("polardb", "A PolarDB source keeps the slot through a failover", ("source",))
def polardb(checkup: Checkup) -> Finding:
    """Its own settings, its privileged account, and what it makes of tables."""
    return judge_polardb(read_polar_facts(checkup.source), expected=checkup.spec.source.type == "polardb-postgresql")


def judge_polardb(facts: PolarFacts, *, expected: bool) -> Finding:
    """What the facts mean; `expected`: the task file calls the source a PolarDB.

    >>> judge_polardb(PolarFacts(), expected=False).verdict, judge_polardb(PolarFacts(), expected=True).verdict
    ('passed', 'warning')
    >>> judge_polardb(PolarFacts(version="11.9.27", failover_slot_mode="sync", privileged=True), expected=True).message
    'PolarDB 11.9.27, slot failover is sync'
    >>> judge_polardb(PolarFacts(version="11.9.27", failover_slot_mode="off", privileged=True), expected=True).verdict
    'warning'
    """
    if facts.version is None:
        if not expected:
            return passed()
        return warning(
            "the task file calls the source a PolarDB, and the server does not say that it is one",
            "correct `source.type`, or give the cluster's primary endpoint: a proxy in between answers for others",
        )
    notes, remedies = [], []
    kept = facts.failover_slot_mode in ("sync", "async") or facts.persisted_slots == "on"
    if not kept:
        state = "is off" if facts.failover_slot_mode == "off" else "is not known to this version"
        notes.append(f"slot failover {state}: after a failover the slot is gone, and all tables are copied again")
        remedies.append(
            f"set polar_failover_slot_mode to sync ({CONSOLE})"
            if facts.failover_slot_mode == "off"
            else "upgrade the cluster to a minor version with polar_failover_slot_mode"
        )
    if facts.privileged is False:
        notes.append("the account is not a privileged one, which publishing takes")
        remedies.append("use a privileged account that owns the database (created in PolarDB's console)")
    if notes:
        return warning("; ".join(notes), "; ".join(remedies))
    mode = facts.failover_slot_mode or "on (slots on shared storage)"
    full = ", tables are created with REPLICA IDENTITY FULL, which stays" if facts.full_identities == "on" else ""
    late = ": a standby may lag behind the slot" if mode == "async" else ""
    return passed(f"PolarDB {facts.version}, slot failover is {mode}{late}{full}")


ITEMS = (polardb,)
