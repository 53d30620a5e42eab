"""`status` for people: what it says of a copy, of changes and of index builds, within 80 columns."""

import uuid
from pathlib import Path

import msgspec
import pytest

from syncwizard.client.explain import Liveness, error_of, liveness_of
from syncwizard.client.looking import Seen
from syncwizard.client.showing import as_data, describe
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import EndpointError
from syncwizard.remedies import resync, to_do
from syncwizard.task.events import Entry, Failure, Remainder, SlotMeasured, StageName, StageStarted, TableSetAside
from syncwizard.task.failures import failure_of
from syncwizard.task.figures.retention import of_sample, retention
from syncwizard.task.figures.sample import IndexBuild, Sample
from syncwizard.task.names import TableName
from syncwizard.task.specification import Endpoint, SchemaObjects, TableObject, TaskSpec
from syncwizard.task.state import MissingDefinition, Notice, Retrying, StageState, TableState, TaskState
from syncwizard.task.text import local_time
from syncwizard.tui.monitor.lines import describe_table, table_lines
from syncwizard.tui.trouble import trouble_of

ID = uuid.UUID("0d0e0d0e-0d0e-0d0e-0d0e-0d0e0d0e0d0e")
LONG = "sales.order_lines_of_the_year_2026_november"
NOW = 1000.0

COPYING = Sample(
    copied_rows={LONG: 400_000},
    copied_bytes={LONG: 4_000_000_000},
    copied_rows_per_second=2_000.0,
    copied_bytes_per_second=20_000_000.0,
    mean_copied_rows_per_second=1_000.0,
    mean_copied_bytes_per_second=10_000_000.0,
)
STREAMING = Sample(
    latency_seconds=0.012,
    latency_at=NOW - 20,
    received_lsn="9C/FFFFFFF0",
    applied_lsn="9C/FFFFF000",
    acknowledged_lsn="9C/FFFFE000",
    source_lsn="9D/00000000",
    backlog_bytes=4096,
    slot_retained_bytes=5_000_000_000,
    slot_wal_status="extended",
    slot_safe_bytes=36_000_000_000,
    wal_directory_bytes=9_000_000_000,
    transactions=123_456_789,
    changes={LONG: {"insert": 123_456_789, "update": 123_456_789, "delete": 123_456_789, "truncate": 1}},
    rows_per_second=1234.0,
    bytes_per_second=99_000.0,
    index_builds=[
        IndexBuild(
            name="sales.order_lines_of_the_year_2026_november_idx",
            table=LONG,
            phase="building index: loading tuples in tree",
            tuples_done=45,
            tuples_total=100,
        )
    ],
)


def seen(sample: Sample, *, full: bool) -> Seen:
    table = TableState(
        pair_lsn="0/1", chunks=9, estimated_rows=1_000_000, estimated_bytes=10_000_000_000, binary=True, copied=full
    )
    end = Endpoint(host="127.0.0.1", database="kb")
    spec = TaskSpec(name="kb", id=ID, source=end, destination=end, objects=[SchemaObjects(schema="sales")])
    summary = "1,000,000 rows, 9,536.7 MiB of 1 tables, and a remark that is longer than a line"
    stages = {
        "full": StageState(status="done" if full else "running", started_at=1.0, finished_at=9.0, summary=summary)
    }
    return Seen(
        task=StoredTask(id=ID, spec=spec, label="kb"),
        state=TaskState(id=ID, name="kb", state="initializing", tables={LONG: table}, stages=stages),  # type: ignore[arg-type]
        sample=sample,
        liveness=Liveness(alive=True, pid=4711),
        retention=retention(held, NOW - 1.0, 1_000_000.0) if (held := of_sample(sample)) else None,
    )


def test_a_copy_shows_rows_bytes_rate_and_a_range_of_time() -> None:
    text = describe(seen(COPYING, full=False), NOW)
    assert "400,000 of ~1.00 M rows, 4.0 GB of ~10.0 GB" in text
    assert "2,000 rows/s, 20.0 MB/s" in text
    # 6 GB at 20 or 10 MB/s is 5 to 10 minutes, and the estimate of the size may be a tenth off.
    assert "about 4 min to 10 min" in text
    assert "40 %" in text
    data = as_data(seen(COPYING, full=False), NOW)["copy"]
    assert data["tables"][LONG]["rows"] == 400_000
    assert data["bytes_per_second"] == 20_000_000.0
    assert data["left"] == {"low_seconds": 270.0, "high_seconds": 660.0}


def test_a_task_shows_what_its_tables_are_called_at_the_destination() -> None:
    plain, name = seen(COPYING, full=False), LONG.partition(".")[2]
    assert as_data(plain, NOW)["names"] == {}
    entry = SchemaObjects(schema="sales", name="eu", overrides=[TableObject(table=name, name="short")])
    task = msgspec.structs.replace(plain.task, spec=msgspec.structs.replace(plain.task.spec, objects=[entry]))
    view = msgspec.structs.replace(plain, task=task)
    assert as_data(view, NOW)["names"] == {LONG: "eu.short"}
    assert table_lines(view, 80, "name")[0].cells[0].text == f"{LONG} → eu.short"
    assert ("eu.short" in describe_table(view, LONG), "eu.short" in describe_table(plain, LONG)) == (True, False)
    assert f"at the destination:\n  schema sales → eu\n  {LONG} → eu.short\n" in describe(view, NOW)
    assert "at the destination" not in describe(plain, NOW)


def test_rows_for_which_a_script_failed_are_counted_with_those_of_the_copy() -> None:
    view = seen(msgspec.structs.replace(STREAMING, changes={LONG: {"insert": 5, "dead_letters": 2}}), full=True)
    assert as_data(view, NOW)["dead_letters"] == {LONG: 2}
    table = msgspec.structs.replace(view.state.tables[LONG], dead_letters=3)
    view = msgspec.structs.replace(view, state=msgspec.structs.replace(view.state, tables={LONG: table}))
    assert as_data(view, NOW)["dead_letters"] == {LONG: 5}
    text = describe(view, NOW)
    words = "a script failed for 5 rows: syncwizard.dead_letters at the destination has their keys and the reasons"
    assert f"{words} ({LONG} 5)" in text
    assert text.splitlines()[-1].split()[-1] == "5"
    assert table_lines(view, 120, "name")[0].cells[-2].text == "5"
    trouble = trouble_of(view, NOW)
    assert trouble is not None and trouble.title == "5 rows set aside: a script failed"


def test_a_total_that_is_still_being_counted_is_none() -> None:
    view = seen(COPYING, full=False)
    view = msgspec.structs.replace(view, state=msgspec.structs.replace(view.state, planning=True))
    text = describe(view, NOW)
    assert "400,000 rows, 4.0 GB, 1 table planned so far" in text
    assert "time left" not in text
    assert as_data(view, NOW)["copy"]["planning"] is True


def test_figures_of_another_time_show_their_age() -> None:
    down = msgspec.structs.replace(STREAMING, source_at=NOW - 58)
    view = seen(down, full=True)
    text = describe(msgspec.structs.replace(view, retention=retention(of_sample(down), NOW - 70, None)), NOW)  # type: ignore[arg-type]
    assert "4.1 kB of WAL, 58 s ago" in text
    assert "source 9D/00000000 (58 s ago), received 9C/FFFFFFF0" in text
    assert "5.0 GB of WAL at the source, of 9.0 GB in pg_wal (1 min 10 s ago)" in text
    assert as_data(view, NOW)["source_age_seconds"] == 58.0


def test_a_slot_that_is_gone_holds_nothing() -> None:
    gone = SlotMeasured(exists=False, retained_bytes=0, wal_status="", source_lsn="0/0")
    view = msgspec.structs.replace(seen(STREAMING, full=True), retention=retention(gone, NOW - 1, 5.0))
    text = describe(view, NOW)
    assert "the source does not have it any more" in text
    assert "fill its disk" not in text and "0 B of WAL" not in text


def test_what_has_passed_is_no_alarm_at_the_end() -> None:
    view = seen(STREAMING, full=True)
    notices = (
        Notice(at=NOW, level="warning", message="apply process 7 died; another one takes over"),
        Notice(at=NOW, level="info", message="a batch is applied change by change: violates"),
    )
    text = describe(msgspec.structs.replace(view, state=msgspec.structs.replace(view.state, notices=notices)), NOW)
    assert "noticed so far:" in text and "warning: apply process 7 died; another one takes over" in text
    assert not text.endswith("another one takes over")
    assert "change by change" not in text


def test_the_tables_that_change_most_come_first() -> None:
    sample = Sample(changes={f"public.t{number:02}": {"insert": number} for number in range(40)})
    lines = [line.split()[0] for line in describe(seen(sample, full=True), NOW).splitlines() if "public.t" in line]
    assert lines[:2] == ["public.t39", "public.t38"]


def test_a_finished_copy_has_no_time_left() -> None:
    assert as_data(seen(COPYING, full=True), NOW)["copy"]["left"] is None
    assert "time left" not in describe(seen(COPYING, full=True), NOW)


def test_the_stream_shows_latency_with_its_age_positions_backlog_and_what_the_slot_holds() -> None:
    text = describe(seen(STREAMING, full=True), NOW)
    for expected in (
        "12 ms, 20 s ago",
        "1,234 changes/s, 99.0 kB/s",
        "4.1 kB of WAL",
        "5.0 GB of WAL at the source, of 9.0 GB in pg_wal",
        "lost after 36.0 GB more: about 10 h at a standstill (3.6 GB/h)",
        "source 9D/00000000, received 9C/FFFFFFF0",
        "applied 9C/FFFFF000, acknowledged 9C/FFFFE000",
        "123.46 M",
        "building index: loading tuples in tree  45 %",
    ):
        assert expected in text
    data = as_data(seen(STREAMING, full=True), NOW)
    assert data["latency_age_seconds"] == 20.0
    assert data["sample"]["backlog_bytes"] == 4096
    assert data["sample"]["index_builds"][0]["tuples_done"] == 45


@pytest.mark.parametrize(("sample", "full"), [(COPYING, False), (STREAMING, True)])
def test_status_fits_into_80_columns(sample: Sample, full: bool) -> None:
    assert [line for line in describe(seen(sample, full=full), NOW).splitlines() if len(line) > 80] == []


def test_a_name_with_a_line_break_stays_on_its_line() -> None:
    sample = Sample(changes={"public.two\nlines\x1b[2J": {"insert": 7}})
    line = next(line for line in describe(seen(sample, full=True), NOW).splitlines() if "two" in line)
    assert line.split() == ["public.two\\nlines\\x1b[2J", "7", "0", "0"]


def test_trouble_says_until_when_it_is_retried_and_what_to_do() -> None:
    failure = Failure(title="update on public.t cannot be applied", remedy=to_do("correct the row at the destination"))
    trouble = Retrying(since=NOW, until=NOW + 600, failure=failure)
    shown = seen(STREAMING, full=True)
    state = msgspec.structs.replace(shown.state, state="retrying", retrying=trouble)
    text = describe(msgspec.structs.replace(shown, state=state), NOW)
    assert f"retrying until {local_time(NOW + 600)}: update on public.t cannot be applied; correct the row" in text


def test_an_end_that_is_down_is_named_with_the_next_try() -> None:
    error = EndpointError("lost", end="source", transient=True, detail="…", cause="connection refused")
    trouble = Retrying(since=NOW, until=NOW + 600, failure=failure_of(error))
    shown = seen(msgspec.structs.replace(STREAMING, tries=17, next_try_at=NOW + 12), full=True)
    state = msgspec.structs.replace(shown.state, state="retrying", retrying=trouble)
    shown = msgspec.structs.replace(shown, state=state)
    assert "\nSOURCE DOWN: connection refused, try 17, next in 12 s\n" in describe(shown, NOW)
    trouble_in_monitor = trouble_of(shown, NOW)
    assert trouble_in_monitor is not None
    assert trouble_in_monitor.title == "SOURCE DOWN: connection refused, try 17, next in 12 s"


def test_an_engine_that_died_on_a_full_disk_names_the_disk(tmp_path: Path) -> None:
    state = TaskState(state="synchronizing", engine_pid=4711)
    last = Entry(sequence=1, at=NOW, event=StageStarted(stage="full"))
    explanation = liveness_of(state, None, last, "kb", tmp_path).explanation
    assert f"No space is left in {tmp_path}: make room there, then continue with `syncwizard resume kb`" in explanation


def test_the_command_that_continues_can_be_pasted_whatever_the_name() -> None:
    last = Entry(sequence=1, at=NOW, event=StageStarted(stage="full"))
    died = liveness_of(TaskState(state="synchronizing", engine_pid=4711), None, last, "my $kb")
    assert "continue with `syncwizard resume 'my $kb'`" in died.explanation


def test_a_precheck_that_did_not_pass_is_run_again_without_a_file() -> None:
    error = error_of(TaskState(state="precheck-failed"), Liveness(alive=False), "my $kb")
    assert str(error.remedy) == "correct what its items report, then continue: syncwizard resume 'my $kb'"


def test_a_backlog_says_whether_it_shrinks_and_for_how_long() -> None:
    behind = msgspec.structs.replace(
        STREAMING, applied_lsn="9C/00000000", backlog_bytes=2**32, applied_wal_bytes_per_second=50e6
    )
    shrinking = msgspec.structs.replace(behind, wal_bytes_per_second=10e6)
    assert "4.3 GB of WAL, shrinking by 40.0 MB/s, about 2 min left" in describe(seen(shrinking, full=True), NOW)
    growing = msgspec.structs.replace(behind, wal_bytes_per_second=70e6)
    assert "4.3 GB of WAL, growing by 20.0 MB/s" in describe(seen(growing, full=True), NOW)


def test_each_stage_with_an_end_in_sight_says_how_long_it_takes() -> None:
    building = msgspec.structs.replace(STREAMING.index_builds[0], done_per_second=0.005)  # type: ignore[index]
    sample = msgspec.structs.replace(
        STREAMING, applied_wal_bytes_per_second=1e6, index_builds=[building], indexes_waiting=1
    )
    shown = seen(sample, full=True)
    stages: dict[StageName, StageState] = {
        "catch-up": StageState(status="running", started_at=1.0),
        "indexes": StageState(status="running", started_at=1.0),
    }
    state = msgspec.structs.replace(shown.state, stages=stages, sync_point="9D/10000000")
    shown = msgspec.structs.replace(shown, state=state)
    left = as_data(shown, NOW)["time_left"]
    # 256 MiB at 1 MB/s; 55 % of a phase at 0.5 % a second, its rest, and one index more.
    assert left["catch-up"] == {"low_seconds": 241.6, "high_seconds": 295.3}
    assert left["indexes"] == {"low_seconds": 99.0, "high_seconds": 451.0}
    text = describe(shown, NOW)
    assert "about 4 min to 5 min left" in text
    assert "about 2 min to 8 min left" in text


def test_thousands_of_tables_are_left_to_the_json() -> None:
    sample = Sample(changes={f"public.t{number}": {"insert": 1} for number in range(5000)})
    text = describe(seen(sample, full=True), NOW)
    assert len(text.splitlines()) < 60
    assert "more tables; all of them: --json" in text


def test_what_a_release_left_over_is_listed_to_be_run_by_hand() -> None:
    shown = seen(Sample(), full=True)
    statements = ("SELECT pg_drop_replication_slot('dts_sync_1')", "DROP PUBLICATION dts_sync_1")
    state = msgspec.structs.replace(
        shown.state, state="released", left_over=(Remainder(statements=statements, end="source"),)
    )
    text = describe(msgspec.structs.replace(shown, state=state), NOW)
    assert "\n".join(["left over, to be run by hand:", *(f"{each};  -- source" for each in statements)]) in text


def test_only_a_stage_that_was_begun_is_interrupted() -> None:
    shown = seen(Sample(), full=True)
    stages: dict[StageName, StageState] = {"full": StageState(), "incremental": StageState(started_at=1.0)}
    state = msgspec.structs.replace(shown.state, state="paused", stages=stages)
    lines = describe(msgspec.structs.replace(shown, state=state), NOW).splitlines()
    assert ["full", "waiting"] in map(str.split, lines)
    assert ["incremental", "interrupted"] in map(str.split, lines)


def test_tables_that_are_set_aside_stand_in_the_status_with_what_came_for_them() -> None:
    view = seen(STREAMING, full=True)
    aside = TableSetAside(
        table=TableName("kb", "tags"),
        tables=[TableName("kb", "tags_1")],
        reason="the destination refused primary key tags_pkey",
        detail="Key (id)=(3) is duplicated",
        sqlstate="23505",
        remedy=resync("t", ["kb.tags"], "correct them there"),
    )
    changes = {"kb.tags": {"insert": 5, "held back": 2}, "kb.tags_1": {"held back": 1_000}}
    state = msgspec.structs.replace(view.state, aside=(aside,))
    view = msgspec.structs.replace(
        view, state=state, sample=msgspec.structs.replace(view.sample, changes=changes, transactions=3)
    )
    text = describe(view, NOW)
    assert "1 table is set aside: its changes are not applied:" in text
    assert "tags_pkey (Key (id)=(3) is duplicated, SQLSTATE 23505); 1,002 changes held back" in text
    assert "correct them there, then copy again: syncwizard resync" in text
    assert "5 changes, 3 transactions" in text
    assert as_data(view, NOW)["aside"][0]["table"] == {"schema": "kb", "name": "tags"}


def test_missing_definitions_stand_in_the_status_and_as_data() -> None:
    view = seen(STREAMING, full=True)
    missing = [
        MissingDefinition(kind="view", name=f"public.v{number}", reason="no such column", sqlstate="42703", since=NOW)
        for number in range(12)
    ]
    view = msgspec.structs.replace(view, state=msgspec.structs.replace(view.state, missing_definitions=tuple(missing)))
    text = describe(view, NOW)
    assert "12 definitions are missing at the destination:" in text
    assert "  view public.v0 (no such column, SQLSTATE 42703)" in text
    assert "  and 2 more" in text
    assert as_data(view, NOW)["missing_definitions"][11]["name"] == "public.v11"
