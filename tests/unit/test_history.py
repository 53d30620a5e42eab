"""The past of a task's figures: fine and coarse, bounded, without invented lines and without lost spikes."""

import random
from pathlib import Path

import msgspec
import pytest

from syncwizard.engine.history import FILE_NAME, Recorder, read_history
from syncwizard.task.figures.history import (
    RINGS,
    Bucket,
    Figures,
    History,
    Observation,
    Ring,
    Spread,
    add,
    began,
    merge,
    observe,
    single,
    stretches,
)
from syncwizard.task.figures.sample import Sample

# A moment that begins a bucket in every ring.
START = 1_773_500_400.0
DAY = 86_400.0


def late(at: float, seconds: float) -> Observation:
    return Observation(at=at, figures=Figures(latency_seconds=single(seconds)))


def after(*observations: Observation, history: History | None = None) -> History:
    history = history or History()
    for each in observations:
        history = add(history, each)
    return history


def spreads(history: History, ring: int) -> list[Spread]:
    return [each for bucket in history.rings[ring].buckets if (each := bucket.figures.latency_seconds) is not None]


def test_a_spike_stays_at_its_height_in_every_resolution_and_the_mean_beside_it() -> None:
    history = after(*(late(START + second, 9.0 if second == 700 else 0.001) for second in range(900)))
    for ring in range(len(RINGS)):
        assert max(each.peak for each in spreads(history, ring)) == 9.0
    (quarter,) = spreads(history, 2)
    assert quarter.mean == pytest.approx((9.0 + 899 * 0.001) / 900)
    assert quarter.count == 900


def test_a_month_needs_no_more_memory_or_disk_than_a_day_and_keeps_all_of_it() -> None:
    history = History()
    steps = random.Random(7)
    end = START + 40 * DAY
    # As if every second had been measured, without taking as long: each bucket is met.
    for first, last, step in ((START, end - DAY, 900), (end - DAY, end - 3600, 60), (end - 3600, end, 5)):
        for at in range(int(first), int(last), step):
            value = steps.random()
            figures = Figures(single(value), single(1e4 * value), single(1e6 * value), single(1e9 * value))
            history = add(history, Observation(at=float(at), figures=figures))
    counts = [len(ring.buckets) for ring in history.rings]
    assert sum(counts) <= sum(ring.keep for ring in RINGS) < 4000
    assert began(history) == START
    assert history.rings[2].width_seconds == 3600
    assert len(msgspec.json.encode(history)) < 400_000


def test_a_mean_of_many_measurements_does_not_get_stuck() -> None:
    history = after(*(late(START + second, 1.0) for second in range(450)))
    history = after(*(late(START + 450.0 + second, 1.002) for second in range(450)), history=history)
    assert spreads(history, 2)[0].mean == pytest.approx(1.001, abs=1e-5)


def test_nothing_measured_is_a_gap_and_not_a_zero() -> None:
    history = after(late(START, 1.0), late(START + 60.0, 1.0))
    quiet = add(history, Observation(at=START + 120.0, figures=Figures()))
    assert quiet == history
    starts = [stretch.start - START for stretch in stretches(history, START, START + 120.0)]
    assert starts == [0.0, 60.0]


def test_a_clock_that_is_put_back_forgets_what_is_later_than_now() -> None:
    history = after(late(START, 1.0), late(START + 7200.0, 2.0), late(START + 60.0, 3.0))
    assert [each.peak for each in spreads(history, 1)] == [1.0, 3.0]
    assert began(history) == START


def test_a_clock_that_was_decades_ahead_leaves_the_rings_as_narrow_as_they_were() -> None:
    history = after(late(START, 1.0), late(START + 9000 * DAY, 2.0), late(START + 60.0, 3.0))
    assert [ring.width_seconds for ring in history.rings] == [ring.width_seconds for ring in RINGS]
    assert [each.peak for each in spreads(history, 2)] == [3.0]


def test_far_back_is_reported_coarsely_and_lately_finely() -> None:
    history = after(*(late(START + 60.0 * minute, 1.0) for minute in range(2 * 1440)))
    now = START + 2 * DAY - 1.0
    for seconds, width in ((300.0, 5.0), (3600.0, 5.0), (DAY, 60.0), (2 * DAY, 900.0)):
        found = list(stretches(history, now - seconds, now))
        assert {stretch.end - stretch.start for stretch in found} == {width}
        assert found[0].start <= now - seconds + 60.0
        assert found[-1].end >= now - 60.0


def test_what_either_side_knows_is_merged_and_the_fuller_bucket_wins() -> None:
    shared = [late(START + second, 1.0) for second in range(20)]
    # The one was written a while ago, the other has watched to the end, and missed the beginning.
    written, watched = after(*shared[:12]), after(*shared[5:])
    for both in (merge(written, watched), merge(watched, written)):
        assert [each.count for each in spreads(both, 0)] == [5, 5, 5, 5]
        assert spreads(both, 2)[0].count == 15
    assert merge(History(), written) == merge(written, History()) == written


def test_a_history_that_grew_wider_is_merged_with_a_young_one() -> None:
    old = after(*(late(START + DAY * day, 1.0) for day in range(30)))
    young = after(late(START + 30 * DAY, 2.0))
    assert young.rings[2].width_seconds < old.rings[2].width_seconds
    for both in (merge(old, young), merge(young, old)):
        assert both.rings[2].width_seconds == old.rings[2].width_seconds
        assert [each.peak for each in spreads(both, 2)] == [1.0] * 30 + [2.0]


def test_rings_of_another_version_are_used_as_they_come() -> None:
    other = History((Ring(width_seconds=7, keep=100, buckets=(Bucket(3, Figures(single(1.0))),)),))
    assert merge(History(), other) == other
    assert [len(ring.buckets) for ring in add(other, late(70.0, 1.0)).rings] == [2]


def test_a_latency_is_at_least_as_long_as_no_heartbeat_came() -> None:
    sample = Sample(latency_seconds=0.01, latency_at=START)
    assert observe(sample, START + 2.0).figures.latency_seconds is None
    assert observe(sample, START + 40.0).figures.latency_seconds == Spread(40.0, 40.0)


def test_rows_of_a_copy_and_of_the_stream_are_rows_at_the_destination() -> None:
    figures = observe(Sample(copied_rows_per_second=100.0, rows_per_second=5.0), START).figures
    assert figures.rows_per_second == Spread(105.0, 105.0)
    assert observe(Sample(), START).figures == Figures()


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def test_each_heartbeat_counts_once_and_the_longest_of_several_is_the_peak(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(tmp_path, clock)
    beat = Sample(latency_seconds=0.5, latency_at=START, longest_latency_seconds=8.0)
    recorder.note(beat)
    recorder.note(beat)
    recorder.note(Sample(latency_seconds=0.1, latency_at=START + 0.5))
    recorder.observe(Sample(latency_seconds=0.1, latency_at=START + 0.5))
    clock.now += 1.0
    recorder.observe(Sample(latency_seconds=0.1, latency_at=START + 0.5))
    (spread,) = spreads(recorder.history, 0)
    assert (spread.peak, spread.count) == (8.0, 2)
    assert spread.mean == pytest.approx(0.3)


def test_the_next_engine_goes_on_with_what_was_kept(tmp_path: Path) -> None:
    clock = Clock()
    recorder = Recorder(tmp_path, clock)
    recorder.note(Sample(latency_seconds=0.5, latency_at=START))
    recorder.observe(Sample())
    recorder.keep()
    assert (tmp_path / FILE_NAME).stat().st_mode & 0o777 == 0o600
    clock.now += 30.0
    successor = Recorder(tmp_path, clock)
    successor.note(Sample(latency_seconds=0.25, latency_at=START + 30.0))
    successor.observe(Sample())
    assert [each.peak for each in spreads(successor.history, 0)] == [0.5, 0.25]
    assert successor.history.rings[0].buckets[1].number - successor.history.rings[0].buckets[0].number == 6


@pytest.mark.parametrize("content", [b"", b"{", b'{"rings": [{"width_seconds": "x"}]}', b"[1]", b"\xff"])
def test_a_damaged_file_is_an_empty_history(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    assert read_history(tmp_path) == History()


def test_an_engine_that_measured_nothing_leaves_no_file(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    recorder.observe(Sample())
    recorder.keep()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_takes_nothing_is_reported_once_and_harms_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recorder = Recorder(tmp_path / "gone")
    recorder.observe(Sample(rows_per_second=1.0))
    recorder.keep()
    recorder.keep()
    assert len(caplog.records) == 1 and "cannot be kept" in caplog.text
    assert not recorder.history.empty
