"""A journal is opened from a snapshot of its state: the same state as from all events, however old the journal is."""

import shutil
import sqlite3
import tracemalloc
import uuid
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncwizard.engine import journal as journals
from syncwizard.engine.journal import (
    Journal,
    iterate_entries,
    read_entries,
    read_journal,
    read_last_entries,
    read_state,
)
from syncwizard.engine.journal_layout import FIGURES_SECONDS
from syncwizard.errors import JournalFailed
from syncwizard.task.events import (
    AnyEvent,
    ChangesApplied,
    EngineStarted,
    Entry,
    Event,
    Failure,
    Noticed,
    ReplicaIdentityChanging,
    RetryStarted,
    SlotMeasured,
    StageFinished,
    StageStarted,
    TableCopied,
    TableDropped,
    TablePlanned,
    TableRestarted,
    TaskFailedEvent,
)
from syncwizard.task.layered import PLAIN_ITEMS
from syncwizard.task.names import TableName
from syncwizard.task.reducer import reduce, replay
from syncwizard.task.state import TaskState
from syncwizard.task.state_version import state_version

ID = uuid.uuid4()
TABLES = [TableName("public", f"table_{number}") for number in range(8)]

tables = st.sampled_from(TABLES)
events = st.one_of(
    st.builds(EngineStarted, pid=st.integers(1, 9), version=st.just("1")),
    st.builds(StageStarted, stage=st.sampled_from(["precheck", "full", "incremental"])),
    st.builds(StageFinished, stage=st.sampled_from(["precheck", "full"])),
    st.builds(
        TablePlanned,
        table=tables,
        pair_lsn=st.just("0/1"),
        chunks=st.integers(1, 3),
        estimated_rows=st.integers(0, 9),
        estimated_bytes=st.integers(0, 9),
        binary=st.booleans(),
    ),
    st.builds(TableCopied, table=tables, rows=st.integers(0, 9), bytes=st.just(1), seconds=st.floats(0, 9)),
    st.builds(TableRestarted, table=tables, reason=st.text(max_size=4)),
    st.builds(TableDropped, table=tables),
    st.builds(ReplicaIdentityChanging, table=tables, previous=st.just("d")),
    st.builds(
        ChangesApplied,
        tables=st.dictionaries(tables.map(str), st.dictionaries(st.just("insert"), st.integers(0, 9))),
        transactions=st.integers(0, 9),
        applied_lsn=st.sampled_from(["", "0/5", "0/6"]),
    ),
    st.builds(
        SlotMeasured, retained_bytes=st.integers(0, 9), wal_status=st.just("reserved"), source_lsn=st.just("0/1")
    ),
    st.builds(RetryStarted, failure=st.just(Failure(title="gone")), since=st.just(1.0), until=st.floats(1, 9)),
    st.builds(TaskFailedEvent, failure=st.builds(Failure, title=st.text(max_size=4))),
    st.builds(Noticed, level=st.just("info"), message=st.text(max_size=9)),
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal with a snapshot, of more tables than are kept in one dictionary."""
    assert PLAIN_ITEMS < 400
    path = tmp_path_factory.mktemp("filled") / "journal.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(journals, "_TAIL_BYTES", 1_000)
        journal = Journal(path)
        for number in range(400):
            journal.append(planned(TableName("public", f"table_{number}")))
        journal.close()
    assert len(snapshots(path)) == 1
    return path


def copy_of(journal: Path, folder: Path) -> Path:
    return Path(shutil.copy(journal, folder))


class Clock:
    """Seconds that go on by as much as a test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@settings(max_examples=20)
@given(st.lists(st.tuples(events, st.sampled_from([1.0, 900.0, FIGURES_SECONDS]), st.booleans()), max_size=25))
def test_the_state_of_a_snapshot_and_its_tail_is_that_of_all_events(steps: list[tuple[Event, float, bool]]) -> None:
    clock = Clock()
    reported = []
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # A snapshot after every few events, and tables in layers from the first on.
        patch.setattr(journals, "_TAIL_BYTES", 300)
        patch.setattr("syncwizard.task.layered.PLAIN_ITEMS", 1)
        path = Path(folder) / "journal.db"
        journal = Journal(path, ID, "kb", clock)
        for event, seconds, again in steps:
            clock.now += seconds
            sequence = journal.append(event)
            reported.append(Entry(sequence=sequence, at=clock.now, event=event))  # type: ignore[arg-type]
            if again:
                journal.close()
                journal = Journal(path, ID, "kb", clock)
            assert read_state(path, ID, "kb") == journal.state == replay(reported, ID, "kb")
        journal.close()
        kept = read_entries(path)
        assert replay(kept, ID, "kb") == replay(reported, ID, "kb")
        assert list(iterate_entries(path)) == kept
        assert all(entry in reported for entry in kept)
        # Nothing but figures goes.
        assert [entry for entry in reported if not is_figures(entry)] == [
            entry for entry in kept if not is_figures(entry)
        ]


def is_figures(entry: Entry) -> bool:
    return isinstance(entry.event, ChangesApplied | SlotMeasured)


def test_a_snapshot_is_really_read(filled: Path, tmp_path: Path) -> None:
    path = copy_of(filled, tmp_path)
    spoil_first_event(path)
    assert len(read_state(path).tables) == 400
    assert read_journal(path).last == read_last_entries(path, 1)[0]
    Journal(path).close()


def test_a_snapshot_of_another_code_is_not_used_and_made_anew(
    filled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = copy_of(filled, tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(journals, "_TAIL_BYTES", 1_000)
        patch.setattr(journals, "state_version", lambda: "another")
        Journal(path).close()
        [(_, version)] = snapshots(path)
        assert version == "another"
    assert replay(read_entries(path)) == read_state(path)
    monkeypatch.setattr(journals, "_TAIL_BYTES", 1_000)
    Journal(path).close()
    [(_, version)] = snapshots(path)
    assert version == state_version()
    spoil_first_event(path)
    assert len(read_state(path).tables) == 400


def test_figures_of_an_hour_take_the_place_of_one_another(tmp_path: Path) -> None:
    clock, path = Clock(), tmp_path / "journal.db"
    journal = Journal(path, ID, "kb", clock)
    for hour in (0.0, FIGURES_SECONDS):
        for second in range(3):
            clock.now = hour + second
            journal.append(ChangesApplied(tables={}, transactions=second, applied_lsn="0/5"))
            journal.append(Noticed(level="info", message="a remark"))
    journal.close()
    kept = read_entries(path)
    assert [entry.at for entry in kept if is_figures(entry)] == [2.0, FIGURES_SECONDS + 2.0]
    assert len(kept) == 2 + 6


def test_a_snapshot_stays_until_as_much_has_come_after_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_TAIL_BYTES", 1_000)
    path = tmp_path / "journal.db"
    journal = Journal(path)
    while not snapshots(path):
        journal.append(planned(TABLES[0]))
    made = snapshots(path)
    journal.append(planned(TABLES[0]))
    assert snapshots(path) == made
    journal.close()


def test_a_damaged_snapshot_costs_time_and_nothing_else(filled: Path, tmp_path: Path) -> None:
    path = copy_of(filled, tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE snapshots SET state = ?", (b'{"state":',))
    connection.close()
    assert read_state(path) == replay(read_entries(path))


@pytest.mark.slow
def test_a_journal_of_four_weeks_and_200_tables_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    minutes = 28 * 24 * 60
    expected = write_weeks(path, minutes, 200)
    journal = Journal(path, ID, "kb")
    assert journal.state == expected
    journal.close()
    tracemalloc.start()
    try:
        assert read_state(path, ID, "kb") == expected
        state_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        number = sum(1 for _ in iterate_entries(path))
        events_peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert state_peak < 10_000_000
    assert events_peak < 30_000_000
    assert number == minutes // 60 + 200
    # The disk has it back, too.
    assert path.stat().st_size < 10_000_000


def planned(table: TableName) -> TablePlanned:
    return TablePlanned(table=table, pair_lsn="0/1", chunks=1, estimated_rows=1, estimated_bytes=1, binary=True)


def snapshots(path: Path) -> list[tuple[int, str]]:
    with sqlite3.connect(path) as connection:
        found = connection.execute("SELECT sequence, version FROM snapshots").fetchall()
    connection.close()
    return found


def spoil_first_event(path: Path) -> None:
    """Whoever reads all events fails at the first."""
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE events SET event = '{' WHERE sequence = 1")
    connection.close()
    with pytest.raises(JournalFailed):
        read_entries(path)


def write_weeks(path: Path, minutes: int, tables: int) -> TaskState:
    """A journal as 0.1 left it: figures of all tables each minute, never removed. The state of it."""
    names = [f"public.table_{number}" for number in range(tables)]
    first = [msgspec.json.encode(planned(TableName("public", f"table_{number}"))) for number in range(tables)]
    counts = {name: {"insert": 123_456} for name in names}
    figures = msgspec.json.encode(counts)

    def events() -> Iterator[tuple[int, float, bytes]]:
        for number, text in enumerate(first, 1):
            yield number, 0.0, text
        for minute in range(minutes):
            text = b'{"event":"ChangesApplied","tables":%s,"transactions":%d,"applied_lsn":"0/%X"}'
            yield tables + minute + 1, minute * 60.0, text % (figures, minute, minute + 16)

    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("CREATE TABLE events (sequence INTEGER PRIMARY KEY, at REAL NOT NULL, event BLOB NOT NULL)")
        connection.execute("PRAGMA user_version = 1")
        connection.executemany("INSERT INTO events VALUES (?, ?, ?)", events())
    connection.close()
    last = minutes - 1
    applied = ChangesApplied(tables=counts, transactions=last, applied_lsn=f"0/{last + 16:X}")
    state = replay(
        [Entry(sequence=n, at=0.0, event=msgspec.json.decode(t, type=AnyEvent)) for n, t in enumerate(first, 1)]
    )
    return msgspec.structs.replace(reduce(state, last * 60.0, tables + minutes, applied), id=ID, name="kb")
