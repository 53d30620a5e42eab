"""The time that is left of each stage, where it can be guessed: pure. A range wherever it is a guess."""

from syncwizard.task.figures.rates import Measure, TimeLeft, backlog_bytes, copy_progress, index_fraction, time_left
from syncwizard.task.figures.sample import IndexBuild, Sample
from syncwizard.task.lsn import parse_lsn
from syncwizard.task.stages import StageName, facts_of
from syncwizard.task.state import TaskState


def stages_left(state: TaskState, sample: Sample) -> dict[StageName, TimeLeft]:
    """For each running stage that has an end in sight; `incremental` for its backlog.

    >>> from syncwizard.task.state import StageState
    >>> state = TaskState(stages={"catch-up": StageState(status="running")}, sync_point="0/100")
    >>> stages_left(state, Sample(applied_lsn="0/80", applied_wal_bytes_per_second=12.8))["catch-up"]
    TimeLeft(low_seconds=9.0, high_seconds=11.0)
    """
    found: dict[StageName, TimeLeft | None] = {}
    for name, stage in state.stages.items():
        if stage.status != "running":
            continue
        match facts_of(name).measured:
            case "copy":
                progress = copy_progress(state, sample)
                found[name] = None if progress is None else progress.left
            case "sync point":
                found[name] = catch_up_left(state, sample)
            case "builds":
                found[name] = builds_left(sample)
            case "backlog":
                found[name] = backlog_left(sample)
    return {name: left for name, left in found.items() if left is not None}


def catch_up_left(state: TaskState, sample: Sample) -> TimeLeft | None:
    """Until the stream has passed the sync point, by the WAL in between and the rate at which it is gone through."""
    if state.sync_point is None or sample.applied_lsn is None:
        return None
    left = parse_lsn(state.sync_point) - parse_lsn(sample.applied_lsn)
    return time_left([Measure(left=left, rates=(sample.applied_wal_bytes_per_second,))])


def backlog_left(sample: Sample) -> TimeLeft | None:
    """Until the destination is in step, by the rate at which the backlog shrinks; None while it does not.

    >>> backlog_left(Sample(source_lsn="0/64", applied_lsn="0/0", applied_wal_bytes_per_second=15.0,
    ...     wal_bytes_per_second=5.0))
    TimeLeft(low_seconds=9.0, high_seconds=11.0)
    >>> backlog_left(Sample(source_lsn="0/64", applied_lsn="0/0", applied_wal_bytes_per_second=5.0,
    ...     wal_bytes_per_second=5.0)) is None
    True
    """
    shrinks = backlog_shrinks(sample)
    left = backlog_bytes(sample)
    if shrinks is None or shrinks <= 0 or left is None:
        return None
    return time_left([Measure(left=left, rates=(shrinks,))])


def backlog_shrinks(sample: Sample) -> float | None:
    """WAL by which the backlog shrinks a second, negative where it grows; None while that is not known."""
    if sample.applied_wal_bytes_per_second is None or sample.wal_bytes_per_second is None:
        return None
    return sample.applied_wal_bytes_per_second - sample.wal_bytes_per_second


def builds_left(sample: Sample) -> TimeLeft | None:
    """Of the indexes of this stage: what the phase at work still takes at least, and at most as long again for its
    other phases, and for every index that waits.

    >>> build = IndexBuild(name="i", table="t", phase="building index: loading tuples in tree", tuples_done=50,
    ...     tuples_total=100, done_per_second=0.05)
    >>> builds_left(Sample(index_builds=[build], indexes_waiting=0))
    TimeLeft(low_seconds=9.0, high_seconds=22.0)
    >>> builds_left(Sample(index_builds=[build], indexes_waiting=2))
    TimeLeft(low_seconds=9.0, high_seconds=66.0)
    """
    lefts = [left for build in sample.index_builds or [] if (left := phase_left(build)) is not None]
    if not lefts:
        return None
    phase = max(left for left, _ in lefts)
    whole = max(length for _, length in lefts)
    rest = time_left([Measure(left=phase, rates=(1.0,)), Measure(left=phase + whole / 2, rates=(1.0,))])
    if rest is None:
        return None
    waiting = whole * (sample.indexes_waiting or 0)
    return TimeLeft(low_seconds=rest.low_seconds, high_seconds=round(rest.high_seconds + 1.1 * waiting, 1))


def phase_left(build: IndexBuild) -> tuple[float, float] | None:
    """Seconds that the phase at work still takes, and that all of it takes; None where the server does not count."""
    fraction = index_fraction(build)
    if fraction is None or not build.done_per_second:
        return None
    return (1 - fraction) / build.done_per_second, 1 / build.done_per_second
