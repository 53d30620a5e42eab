"""What a connectivity test asks an end after the login: items of the precheck that need no selection of objects."""

from syncwizard.errors import End
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.lanes import find
from syncwizard.stages.precheck.registry import Check, Finding, Item, passed
from syncwizard.stages.precheck.rights import judge_database_right
from syncwizard.stages.precheck.servers import (
    judge_primary,
    judge_version,
    replication_right,
    slots_and_senders,
    wal_level,
)
from syncwizard.task.connectivity import StepName


def look(checkup: Checkup, end: End, step: StepName) -> Finding:
    """What the step `version`, `replication` or `writing` finds at an end: what stands in the way, or what is well.

    Raises EndpointError when the end's connection is lost.
    """
    findings = [find(Item(name=step, title="", check=check, ends=(end,)), checkup) for check in _checks(end, step)]
    for verdict in ("failed", "warning"):
        for finding in findings:
            if finding.verdict == verdict:
                return finding
    return passed("; ".join(finding.message for finding in findings if finding.message))


def _checks(end: End, step: StepName) -> tuple[Check, ...]:
    if step == "version":
        return (lambda checkup: judge_version(checkup.session(end), end),)
    if step == "replication":
        return (_primary(end), wal_level.check, slots_and_senders.check, replication_right.check)
    return (_primary(end), lambda checkup: judge_database_right(checkup.session(end)))


def _primary(end: End) -> Check:
    return lambda checkup: judge_primary(checkup.session(end), end)
