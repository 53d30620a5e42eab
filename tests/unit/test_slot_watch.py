"""What an engine says, and keeps, of the WAL that its slot holds."""

from syncwizard.engine.slot_watch import KEEP_SECONDS, SlotWatch
from syncwizard.task.events import Noticed, SlotMeasured
from syncwizard.task.figures.sample import Sample

GIGABYTE = 1_000_000_000


def held(gigabytes: int, lsn: str = "0/1") -> Sample:
    return Sample(slot_retained_bytes=gigabytes * GIGABYTE, slot_wal_status="extended", source_lsn=lsn)


def printed(watch: SlotWatch, sample: Sample, now: float) -> list[str]:
    return [event.message for event in watch.events(sample, now) if isinstance(event, Noticed)]


def test_each_step_toward_a_full_disk_is_reported_once() -> None:
    watch = SlotWatch()
    assert printed(watch, held(9), 0.0) == []
    assert "10.0 GB" in printed(watch, held(10), 1.0)[0]
    assert printed(watch, held(11), 2.0) == []
    assert "25.0 GB" in printed(watch, held(25), 3.0)[0]


def test_figures_that_go_up_and_down_are_not_reported_again_and_again() -> None:
    watch = SlotWatch()
    assert printed(watch, held(10), 0.0)
    for moment in range(1, 50):
        assert printed(watch, held(9 + moment % 2), float(moment)) == []
    assert printed(watch, held(1), 100.0) == []
    assert printed(watch, held(1), 100.0 + KEEP_SECONDS) == []
    assert printed(watch, held(10), 101.0 + KEEP_SECONDS)


def test_a_step_is_left_only_by_figures_that_stay_below_it() -> None:
    watch = SlotWatch()
    assert printed(watch, held(10), 0.0)
    assert printed(watch, held(9), 1.0) == []
    assert printed(watch, held(10), 2.0) == []
    assert printed(watch, held(9), 1.0 + KEEP_SECONDS) == []
    assert printed(watch, held(10), 2.0 + KEEP_SECONDS) == []


def test_figures_are_kept_now_and_then_and_at_the_end() -> None:
    watch = SlotWatch()
    kept = [event for event in watch.events(held(1), 0.0) if isinstance(event, SlotMeasured)]
    assert [event.retained_bytes for event in kept] == [GIGABYTE]
    assert watch.events(held(2), 1.0) == []
    assert [type(event) for event in watch.events(held(3), KEEP_SECONDS)] == [SlotMeasured]
    assert watch.last(held(3)) == []
    assert [type(event) for event in watch.last(held(4))] == [SlotMeasured]


def test_nothing_is_reported_before_the_slot_was_looked_at() -> None:
    watch = SlotWatch()
    assert watch.events(Sample(source_lsn="0/1"), 0.0) == []
    assert watch.last(Sample()) == []
