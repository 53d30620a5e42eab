"""The journal keeps every event, in order and without gaps, and tells the state to whoever reads it."""

import sqlite3
import threading
import uuid
from pathlib import Path

import pytest

from syncwizard.engine.journal import Journal, read_entries, read_state
from syncwizard.engine.journal_layout import NEWEST
from syncwizard.errors import Cancelled, JournalFailed
from syncwizard.task.events import Entry, Noticed, StageFinished, StageStarted
from syncwizard.task.reducer import replay
from syncwizard.task.state import TaskState

ID = uuid.uuid4()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_events_are_numbered_from_one_and_read_back(path: Path) -> None:
    journal = Journal(path)
    started, finished = StageStarted(stage="full"), StageFinished(stage="full", summary="3 tables")
    assert [journal.append(started), journal.append(finished)] == [1, 2]
    assert [entry.event for entry in read_entries(path)] == [started, finished]
    assert [entry.sequence for entry in read_entries(path, after=1)] == [2]
    journal.close()


def test_events_that_are_appended_together_are_kept_together_or_not_at_all(path: Path) -> None:
    journal = Journal(path)
    heard: list[tuple[int, int]] = []
    journal.listen(lambda entry, state: heard.append((entry.sequence, state.sequence)))
    events = [Noticed(level="info", message=str(number)) for number in range(3)]
    assert journal.append(*events) == 3
    assert heard == [(1, 1), (2, 2), (3, 3)]
    assert [entry.event for entry in read_entries(path)] == events
    with sqlite3.connect(path) as other:
        # In the way of the second of the next two.
        other.execute("INSERT INTO events (sequence, at, event) VALUES (5, 0, '{}')")
    with pytest.raises(JournalFailed):
        journal.append(*events[:2])
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT sequence FROM events ORDER BY 1").fetchall() == [(1,), (2,), (3,), (5,)]
    assert journal.state.sequence == 3
    journal.close()


def test_the_next_engine_finds_the_state_of_the_one_before(path: Path) -> None:
    first = Journal(path, ID, "kb")
    first.append(StageStarted(stage="precheck"))
    first.append(StageFinished(stage="precheck"))
    state = first.state
    first.close()
    second = Journal(path, ID, "kb")
    assert second.state == state
    assert second.state.finished("precheck")
    assert second.append(StageStarted(stage="capture")) == 3
    second.close()
    assert replay(read_entries(path), ID, "kb").name == "kb"


def test_a_reader_sees_what_a_living_engine_wrote(path: Path) -> None:
    journal = Journal(path)
    for number in range(5):
        journal.append(Noticed(level="info", message=str(number)))
        assert len(read_entries(path)) == number + 1
    journal.close()


def test_threads_leave_no_gap_and_listeners_hear_in_order(path: Path) -> None:
    journal = Journal(path)
    heard: list[int] = []

    def listener(entry: Entry, state: TaskState) -> None:
        assert state.sequence == entry.sequence
        heard.append(entry.sequence)

    journal.listen(listener)

    def write() -> None:
        for number in range(25):
            journal.append(Noticed(level="info", message=str(number)))

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert heard == list(range(1, 101))
    assert [entry.sequence for entry in read_entries(path)] == heard


def test_events_are_durable_when_append_returns(path: Path) -> None:
    journal = Journal(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert journal._connection.execute("PRAGMA synchronous").fetchone() == (2,)
    connection.close()
    journal.close()


def test_what_is_reported_after_the_end_of_an_engine_is_no_trouble_of_the_journal(path: Path) -> None:
    journal = Journal(path)
    journal.append(StageStarted(stage="full"))
    journal.close()
    with pytest.raises(Cancelled):
        journal.append(StageFinished(stage="full"))
    assert len(read_entries(path)) == 1


def test_no_journal_is_an_empty_one(path: Path) -> None:
    assert read_entries(path) == []
    assert not path.exists()


def test_a_journal_of_a_newer_version_is_refused(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    for use in (Journal, read_entries, read_state):
        with pytest.raises(JournalFailed, match="newer version") as caught:
            use(path)
        assert f"layout 99, and this version knows layouts up to {NEWEST}" in caught.value.detail


def test_a_full_disk_is_reported_with_its_folder_and_the_way_on(path: Path) -> None:
    journal = Journal(path)
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(JournalFailed, match=f"no space left in {path.parent}") as caught:
        journal.append(Noticed(level="info", message="x" * 10_000))
    assert "make room" in str(caught.value.remedy)
    journal._connection.execute("PRAGMA max_page_count = 1000")
    assert journal.append(Noticed(level="info", message="there is room again")) == 1
    journal.close()


def test_a_damaged_journal_is_reported_in_words(path: Path) -> None:
    path.write_bytes(b"nonsense" * 1000)
    for use in (Journal, read_entries):
        with pytest.raises(JournalFailed, match="cannot be used") as caught:
            use(path)
        assert str(path.parent) in str(caught.value.remedy)


@pytest.mark.parametrize(
    "event",
    [b'{"event":"SomethingOfLater"}', b'{"event":"Noti', b'{"event":"Noticed","level":"info","message":"\xff"}'],
    ids=["of a later version", "cut off", "no text"],
)
def test_an_entry_that_cannot_be_read_is_reported_in_words(path: Path, event: bytes) -> None:
    Journal(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO events VALUES (1, 0, ?)", (event,))
    connection.close()
    for use in (Journal, read_entries):
        with pytest.raises(JournalFailed, match="an entry that this version cannot read") as caught:
            use(path)
        assert "the version that wrote it" in str(caught.value.remedy)
