"""The item that compares the settings of both servers: what was tuned for an application at the source."""

from collections.abc import Mapping

from syncwizard.postgres.session.surroundings import Parameter, read_parameters
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, Finding, item, passed, warning
from syncwizard.task.text import counted

# By topic, in the order in which they are reported. Those that a session of ours sets for itself are not among them.
TOPICS: Mapping[str, tuple[str, ...]] = {
    "memory": (
        "shared_buffers",
        "effective_cache_size",
        "work_mem",
        "hash_mem_multiplier",
        "maintenance_work_mem",
        "autovacuum_work_mem",
        "temp_buffers",
    ),
    "WAL": ("max_wal_size", "checkpoint_timeout", "wal_buffers", "wal_compression", "full_page_writes", "fsync"),
    "autovacuum": (
        "autovacuum",
        "autovacuum_max_workers",
        "autovacuum_naptime",
        "autovacuum_vacuum_scale_factor",
        "autovacuum_vacuum_cost_limit",
        "autovacuum_vacuum_cost_delay",
        "autovacuum_freeze_max_age",
    ),
    "parallelism": (
        "max_connections",
        "max_worker_processes",
        "max_parallel_workers",
        "max_parallel_workers_per_gather",
        "max_parallel_maintenance_workers",
    ),
    "planner": ("random_page_cost", "effective_io_concurrency", "default_statistics_target"),
    "extensions": ("shared_preload_libraries", "session_preload_libraries"),
}


@item("parameters", "What is set at the source's server is set at the destination's", BOTH)
def parameters(checkup: Checkup) -> Finding:
    """Only what was chosen at the source: defaults differ between versions for good reasons."""
    names = [name for topic in TOPICS.values() for name in topic]
    return judge_parameters(*(read_parameters(checkup.session(end), names) for end in BOTH))


def judge_parameters(source: Mapping[str, Parameter], destination: Mapping[str, Parameter]) -> Finding:
    """Those that differ, a line each with its topic and whether a restart is needed.

    >>> ours = {"work_mem": Parameter("work_mem", "64MB", "65536", True, False)}
    >>> theirs = {"work_mem": Parameter("work_mem", "4MB", "4096", False, False)}
    >>> print(judge_parameters(ours, theirs).message)
    1 parameter differs: work_mem is 64MB at the source and 4MB at the destination (memory, reload)
    >>> judge_parameters(ours, ours).verdict, judge_parameters(theirs, ours).verdict
    ('passed', 'passed')
    """
    lines = [
        f"{name} is {_shown(source[name])} at the source and {_shown(destination[name])} at the destination"
        f" ({topic}, {'restart' if destination[name].restart else 'reload'})"
        for topic, names in TOPICS.items()
        for name in names
        if name in source
        and name in destination
        and source[name].chosen
        and source[name].setting != destination[name].setting
    ]
    if not lines:
        return passed()
    return warning(
        f"{counted(len(lines), 'parameter differs', 'parameters differ')}: {lines[0]}" if len(lines) == 1 else lines,
        "set at the destination what the application was tuned with, as far as that server has the means for it",
    )


def _shown(parameter: Parameter) -> str:
    return parameter.shown or "empty"


ITEMS = (parameters,)
