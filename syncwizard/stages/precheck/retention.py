"""Items about what the source keeps for a task, and what was kept for others that are gone."""

from syncwizard import paths
from syncwizard.postgres.session.surroundings import (
    AgingDatabase,
    RetentionLimits,
    read_leftover_publications,
    read_leftover_slots,
    read_oldest,
    read_parameters,
    read_physical_slots,
    read_retention_limits,
    read_standbys,
    read_wal_rate,
)
from syncwizard.postgres.source.slot import FAILOVER_SLOTS
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, failed, item, must_be_accepted, naming, passed, warning
from syncwizard.task.specification import SLOT_PREFIX
from syncwizard.task.text import coarse_seconds, counted, describe_bytes, listed

HOUR = 3600.0
# What the source should be able to keep: changes of a day, and of a week where tables are copied first.
HOURS_OF_CHANGES = 24.0
HOURS_OF_A_COPY = 7 * 24.0
# Autovacuum begins to freeze at 200 million by default; servers stop taking writes shortly before two thousand.
OLD_TRANSACTIONS = 1_000_000_000
# The server's default.
LEAST_DECODING_KILOBYTES = 65536


@item("wal-retention", "The source keeps the WAL that the task still needs", ("source",))
def wal_retention(checkup: Checkup) -> Finding:
    """max_slot_wal_keep_size ends a slot that lags, idle_replication_slot_timeout one that no session reads."""
    limits = read_retention_limits(checkup.source)
    return judge_retention(limits, read_wal_rate(checkup.source), copies=checkup.synchronizes("full"))


def judge_retention(limits: RetentionLimits, rate: float | None, *, copies: bool) -> Finding:
    """Whether a task may lag for long enough. `rate`: WAL in bytes a second, None where it is not known.

    >>> unlimited = RetentionLimits(wal_bytes=None, idle_seconds=None, sender_milliseconds=60_000)
    >>> judge_retention(unlimited, 1e6, copies=True).message
    'no limit: about 86.4 GB a day are kept while the task is paused'
    >>> limited = RetentionLimits(wal_bytes=10**9, idle_seconds=None, sender_milliseconds=60_000)
    >>> print(judge_retention(limited, 1e5, copies=False).message)
    max_slot_wal_keep_size is 1.0 GB: at the usual 100.0 kB a second the slot of a stopped task is lost after 2 h 50 min
    >>> judge_retention(limited, 100.0, copies=True).verdict, judge_retention(limited, None, copies=True).verdict
    ('passed', 'warning')
    """
    facts = []
    remedies = []
    if limits.idle_seconds:
        facts.append(
            "idle_replication_slot_timeout ends the slot of a task that is paused for"
            f" {coarse_seconds(limits.idle_seconds)}"
        )
        remedies.append("set idle_replication_slot_timeout = 0 while the task exists, or pause it for a shorter time")
    if limits.wal_bytes is not None and (short := _too_short(limits.wal_bytes, rate, copies=copies)):
        facts.append(short)
        remedies.append("raise max_slot_wal_keep_size as far as the source's disk allows")
    if facts:
        return warning(facts, "; ".join(remedies))
    if limits.wal_bytes is None:
        kept = f": about {describe_bytes(rate * 24 * HOUR)} a day are kept while the task is paused" if rate else ""
        return passed(f"no limit{kept}")
    return passed(f"max_slot_wal_keep_size is {describe_bytes(limits.wal_bytes)}")


def _too_short(limit: int, rate: float | None, *, copies: bool) -> str:
    least = HOURS_OF_A_COPY if copies else HOURS_OF_CHANGES
    allowed = f"max_slot_wal_keep_size is {describe_bytes(limit)}"
    if rate is None:
        return f"{allowed}, and how much WAL the source writes is not known: the slot of a stopped task may be lost"
    if limit / max(rate, 1.0) >= least * HOUR:
        return ""
    return (
        f"{allowed}: at the usual {describe_bytes(rate)} a second the slot of a stopped task is lost after"
        f" {coarse_seconds(limit / rate)}"
    )


@item("leftover-slots", "Nothing of a task that is gone is left at the source", ("source",))
def leftover_slots(checkup: Checkup) -> Finding:
    """A task that was deleted with its machine leaves a slot, which keeps WAL until the disk is full."""
    ours = {*paths.task_ids(), *filter(None, [checkup.spec.id])}
    known = [f"{SLOT_PREFIX}{task_id.hex[:12]}" for task_id in ours]
    slots, publications = read_leftover_slots(checkup.source, known), read_leftover_publications(checkup.source, known)
    if not slots and not publications:
        return passed()
    facts = [
        f"slot {name} keeps {describe_bytes(size)} of WAL, and no session reads it" for name, size in slots.items()
    ]
    facts += [f"publication {name} has no slot" for name in publications]
    return warning(
        facts,
        "it may belong to a task of another machine that is paused, or is just being started; drop it only where that"
        " task is gone",
        [
            *(f"SELECT pg_drop_replication_slot('{name}')" for name in slots),
            *(f"DROP PUBLICATION {name}" for name in publications),
        ],
    )


@item("decoding-memory", "The source has the memory to decode changes", ("source",))
def decoding_memory(checkup: Checkup) -> Finding:
    """A transaction with more changes than logical_decoding_work_mem is written to the source's disk and read again."""
    found = read_parameters(checkup.source, ["logical_decoding_work_mem"]).get("logical_decoding_work_mem")
    if found is None or int(found.setting) >= LEAST_DECODING_KILOBYTES:
        return passed()
    return warning(
        f"logical_decoding_work_mem is {found.shown}: the source writes transactions with more changes to its disk, and"
        " reads them again",
        "set it to 64 MB, the default, or more",
        f"ALTER SYSTEM SET logical_decoding_work_mem = '{LEAST_DECODING_KILOBYTES // 1024}MB'",
    )


@item("failover-slots", "A failover of the source loses nothing", ("source",))
def failover_slots(checkup: Checkup) -> Finding:
    """From 17 on standbys can keep the slot; a promoted one lacks what it has not got before the destination."""
    if checkup.spec.advanced.failover_slot == "off" or checkup.source.info.server_version < FAILOVER_SLOTS:
        return passed()
    standbys = read_standbys(checkup.source)
    held = read_parameters(checkup.source, ["synchronized_standby_slots"]).get("synchronized_standby_slots")
    if held is not None and held.setting:
        return judge_awaited(held.setting, read_physical_slots(checkup.source))
    if not standbys:
        return passed()
    return warning(
        f"{counted(len(standbys), 'standby follows', 'standbys follow')} the source ({listed(standbys)}), and"
        " synchronized_standby_slots is empty: the destination may have changes that a promoted standby lacks",
        "name there the slots of the standbys that may be promoted (primary_slot_name): changes wait for them then",
    )


def judge_awaited(setting: str, slots: dict[str, bool]) -> Finding:
    """Whether a standby is there of each slot that changes wait for. `slots`: those of standbys, each with whether one
    reads it.

    >>> judge_awaited("s1", {"s1": True}).verdict
    'passed'
    >>> judge_awaited("s1, s2", {"s1": False}).message
    'synchronized_standby_slots names s2, which is no physical slot: no change would come'
    >>> judge_awaited("s1", {"s1": False}).acceptance
    True
    """
    awaited = [name.strip().strip('"') for name in setting.split(",") if name.strip()]
    if missing := [name for name in awaited if name not in slots]:
        return failed(
            f"synchronized_standby_slots names {listed(missing)}, which is no physical slot: no change would come",
            "take it out of synchronized_standby_slots and reload the configuration, or set up that standby",
        )
    if down := [name for name in awaited if not slots[name]]:
        return must_be_accepted(
            naming("no change comes until a standby reads what synchronized_standby_slots names: ", down),
            "start that standby, or take its slot out of synchronized_standby_slots and reload the configuration",
        )
    return passed()


@item("transaction-ids", "No database of either server is about to run out of transaction ids", BOTH)
def transaction_ids(checkup: Checkup) -> Finding:
    """A copy writes many rows, and a task keeps old ones at the source for a while: no time for a wraparound."""
    for end in BOTH:
        finding = judge_age(read_oldest(checkup.session(end)), end)
        if finding.verdict != "passed":
            return finding
    return passed()


def judge_age(oldest: AgingDatabase, end: str) -> Finding:
    """Whether the oldest transaction id is young enough.

    >>> judge_age(AgingDatabase("kb", 150_000_000), "source").verdict
    'passed'
    >>> print(judge_age(AgingDatabase("kb", 1_700_000_000), "source").message)
    the oldest id of a transaction in database kb at the source is 1,700 million old, of 2,100 million that can be told
    """
    if oldest.age < OLD_TRANSACTIONS:
        return passed()
    return warning(
        f"the oldest id of a transaction in database {oldest.name} at the {end} is {oldest.age // 1_000_000:,} million"
        " old, of 2,100 million that can be told",
        "find what keeps it old (long transactions, prepared transactions, slots), then VACUUM (FREEZE) that database",
    )


ITEMS = (wal_retention, leftover_slots, decoding_memory, failover_slots, transaction_ids)
