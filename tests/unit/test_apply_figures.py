"""The figures of the apply child: often enough while it works, and never kept back when it gets quiet."""

import time
from typing import Any

import msgspec
import pytest

from syncwizard.postgres.source.receiver import Positions
from syncwizard.rows.changes import Piece
from syncwizard.rows.inbox import Inbox
from syncwizard.stages.incremental.figures import SAMPLE_SECONDS, Reporter, Totals
from syncwizard.stages.incremental.frames import Figures


class Sent:
    """A channel that keeps what was sent."""

    def __init__(self) -> None:
        self.frames: list[Any] = []

    def send(self, frame: msgspec.Struct) -> None:
        self.frames.append(frame)

    def receive(self, timeout: float | None) -> Any | None:
        return None

    @property
    def applied(self) -> list[str | None]:
        return [frame.sample.applied_lsn for frame in self.frames if isinstance(frame, Figures)]


def piece(end_lsn: int, beats: tuple[float, float] | None = None) -> Piece:
    return Piece(
        first=True,
        changes=[],
        weight=0,
        final_lsn=end_lsn - 1,
        commit_time=0.0,
        ends=[(0, end_lsn - 1, end_lsn, 0)],
        end_lsn=end_lsn,
        beats=beats,
    )


def in_step() -> Positions:
    """Of a source whose clock is ours."""
    positions = Positions(0)
    positions.set_clock(time.time)
    return positions


def test_what_is_applied_right_after_a_sample_is_reported_soon_and_not_with_the_next_change() -> None:
    sent = Sent()
    reporter = Reporter(sent, Totals(), in_step())
    assert reporter.due_seconds is None
    reporter.applied([piece(10)])
    assert reporter.due_seconds is None
    reporter.applied([piece(20)])
    assert sent.applied == ["0/A"]
    due = reporter.due_seconds
    assert due is not None and due <= SAMPLE_SECONDS

    begun = time.monotonic()
    assert Inbox().take(1, lambda commit_time: 0.0, due) == []
    assert time.monotonic() - begun >= due
    reporter.report()
    assert sent.applied == ["0/A", "0/14"]
    assert reporter.due_seconds is None


def test_the_longest_latency_of_a_standstill_is_reported_beside_the_last_one() -> None:
    sent = Sent()
    reporter = Reporter(sent, Totals(), in_step())
    now = time.time()
    reporter.applied([piece(10, (now - 9.0, now - 5.0)), piece(20, (now - 4.0, now - 1.0))])
    reporter.applied([piece(30, (now - 0.5, now - 0.5))])
    reporter.report()
    first, second = (frame.sample for frame in sent.frames)
    assert first.latency_seconds is not None and first.longest_latency_seconds is not None
    assert first.longest_latency_seconds - first.latency_seconds == pytest.approx(8.0)
    assert second.longest_latency_seconds == pytest.approx(second.latency_seconds, abs=0.1)


def test_what_comes_between_two_samples_counts_for_the_longest_latency() -> None:
    sent = Sent()
    reporter = Reporter(sent, Totals(), in_step())
    now = time.time()
    reporter.applied([piece(10)])
    reporter.applied([piece(20, (now - 7.0, now - 7.0))])
    reporter.applied([piece(30, (now - 1.0, now - 1.0))])
    reporter.report()
    longest = sent.frames[-1].sample.longest_latency_seconds
    assert longest is not None and longest >= 7.0
    reporter.report()
    assert sent.frames[-1].sample.longest_latency_seconds is None
