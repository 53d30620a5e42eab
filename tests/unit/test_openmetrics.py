"""What monitoring systems read, by the parsers that they read it with."""

import re
import uuid

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from syncwizard import manual
from syncwizard.task.events import Failure, TableSetAside
from syncwizard.task.figures.openmetrics import METRICS, PREFIX, Figures, markdown_table, render
from syncwizard.task.figures.sample import IndexBuild, Sample
from syncwizard.task.names import TableName
from syncwizard.task.state import MissingDefinition, Retrying, StageState, TableState, TaskState, Verification
from syncwizard.task.verification import TableVerification, VerificationOrder

NAME = 'kb "to"\\frankfurt'
TABLE = TableName("public", "t")
FOUND = TableVerification(table=TABLE, verdict="different", changed=2, only_source=1)
# Everything that can be known.
FULL = Figures(
    state=TaskState(
        state="retrying",
        stages={"incremental": StageState(status="running", started_at=100.0), "full": StageState(status="done")},
        tables={
            "public.t": TableState(
                pair_lsn="0/1",
                chunks=1,
                estimated_rows=9,
                estimated_bytes=90,
                binary=True,
                copied=True,
                rows=7,
                bytes=70,
            )
        },
        retrying=Retrying(since=1.0, until=2.0, failure=Failure(title="lost")),
        missing_definitions=(MissingDefinition(kind="view", name="v", reason="no", since=1.0),),
        aside=(TableSetAside(table=TABLE, reason="its key is broken"),),
        verification=Verification(
            order=VerificationOrder(id=uuid.UUID(int=1)),
            total=1,
            started_at=1.0,
            ended_at=5.0,
            tables={"public.t": FOUND},
        ),
    ),
    sample=Sample(
        latency_seconds=0.25,
        latency_at=1700000000.5,
        backlog_bytes=32,
        slot_exists=True,
        slot_retained_bytes=4096,
        slot_wal_status="extended",
        slot_safe_bytes=-5,
        wal_directory_bytes=8192,
        wal_bytes_per_second=1.5,
        applied_wal_bytes_per_second=1e-7,
        transactions=3,
        changes={"public.t": {"insert": 4, "held back": 1}, "public.u": {"insert": 1}},
        index_builds=[IndexBuild(name="i", table="t", phase="sorting")],
        indexes_waiting=2,
        tries=17,
    ),
    at=1700000001.0,
    version="1.0",
)
EACH_FORM = pytest.mark.parametrize("openmetrics", [True, False], ids=["openmetrics", "text"])


def parsed(figures: Figures, *, openmetrics: bool) -> dict[tuple[str, tuple[str, ...]], float]:
    """The values by name and labels beside those of every metric, as a parser of each form reads them."""
    text = render(figures, NAME, "0d0e", openmetrics=openmetrics)
    found = {}
    for family in (parse_openmetrics if openmetrics else parse_text)(text):
        for sample in family.samples:
            labels = dict(sample.labels)
            assert (labels.pop("task"), labels.pop("id")) == (NAME, "0d0e")
            found[sample.name, tuple(labels.values())] = sample.value
    return found


@EACH_FORM
def test_a_parser_reads_every_metric_with_its_type_unit_and_words(openmetrics: bool) -> None:
    families = list(
        (parse_openmetrics if openmetrics else parse_text)(render(FULL, NAME, "0d0e", openmetrics=openmetrics))
    )
    kinds = {each.series: each.kind if openmetrics or each.kind != "info" else "gauge" for each in METRICS}
    assert {sample.name: family.type for family in families for sample in family.samples} == kinds
    words = {each.series: each.help for each in METRICS}
    assert {sample.name: family.documentation for family in families for sample in family.samples} == words
    if openmetrics:
        assert {family.name: family.unit for family in families} == {f"{PREFIX}_{m.name}": m.unit for m in METRICS}


@EACH_FORM
def test_the_values_are_those_of_the_task(openmetrics: bool) -> None:
    found = parsed(FULL, openmetrics=openmetrics)
    assert found["syncwizard_latency_seconds", ()] == 0.25
    assert found["syncwizard_wal_held_bytes", ()] == 4096
    assert found["syncwizard_wal_safe_bytes", ()] == -5
    assert found["syncwizard_applied_wal_bytes_per_second", ()] == 1e-7
    assert found["syncwizard_transactions_total", ()] == 3
    assert found["syncwizard_changes_total", ("insert",)] == 5
    assert found["syncwizard_changes_total", ("held back",)] == 1
    assert found["syncwizard_changes_total", ("delete",)] == 0
    assert [labels for (name, labels), value in found.items() if name == "syncwizard_state" and value] == [
        ("retrying",)
    ]
    assert found["syncwizard_stage_started_timestamp_seconds", ("incremental",)] == 100.0
    assert found["syncwizard_copied_rows", ()] == 7
    assert found["syncwizard_retry_tries", ()] == 17
    assert found["syncwizard_verification_tables", ("different",)] == 1
    assert found["syncwizard_verification_differing_rows", ()] == 3
    assert found["syncwizard_slot_wal_status", ("extended",)] == 1


@EACH_FORM
def test_what_is_not_known_is_left_out(openmetrics: bool) -> None:
    found = parsed(Figures(state=TaskState(), sample=Sample(), at=1.0, version="1.0"), openmetrics=openmetrics)
    names = {name for name, _ in found}
    assert "syncwizard_state" in names
    assert names.isdisjoint(
        {"syncwizard_latency_seconds", "syncwizard_wal_held_bytes", "syncwizard_verification_tables"}
    )


def test_an_engine_that_ended_measures_no_latency() -> None:
    ended = Figures(state=FULL.state, sample=FULL.sample, at=1.0, version="1.0", running=False)
    found = parsed(ended, openmetrics=True)
    assert found["syncwizard_engine_running", ()] == 0
    assert ("syncwizard_latency_seconds", ()) not in found
    assert found["syncwizard_wal_held_bytes", ()] == 4096


def test_the_manual_has_every_metric_and_its_rules_ask_for_no_others() -> None:
    text = manual.read("monitoring")
    assert markdown_table() in text
    assert set(re.findall(r"syncwizard_[a-z_]+", text)) == {each.series for each in METRICS}
