"""What the demo prints at its end."""

import doctest

from syncwizard.demo import report
from syncwizard.demo.comparison import (
    Comparison,
    NeighbourComparison,
    SequenceComparison,
    TableComparison,
    TableContent,
)
from syncwizard.demo.report import Outcome, render
from syncwizard.demo.workload import Done
from syncwizard.task.state import StageState, TableState, TaskState


def outcome(
    destination_rows: int = 21,
    equal_neighbours: int = 50,
    latencies: tuple[float, ...] = (),
    different_sequences: tuple[str, ...] = (),
) -> Outcome:
    state = TaskState(
        stages={"full": StageState(status="done", started_at=10.0, finished_at=12.5)},
        tables={
            "kb.passages": TableState(
                pair_lsn="0/1", chunks=1, estimated_rows=20, estimated_bytes=1, binary=True, copied=True, rows=20_000
            )
        },
        changes={"kb.passages": {"insert": 1_234, "delete": 3}},
    )
    passages = TableComparison("passages", TableContent(21, 5), TableContent(destination_rows, 5))
    return Outcome(
        state=state,
        workload=Done(2_000, {"insert": 1_300, "update": 700, "delete": 3}, 20.0),
        comparison=Comparison(
            (passages,),
            SequenceComparison(3, different_sequences),
            NeighbourComparison(50, equal_neighbours, 0.99, 0.98),
        ),
        latencies=latencies,
        seconds=60.0,
    )


def test_the_examples_hold() -> None:
    tried = doctest.testmod(report)
    assert tried.attempted and not tried.failed


def test_the_table_shows_what_was_copied_applied_and_compared() -> None:
    lines = render(outcome(latencies=(0.004, 0.006, 0.050))).splitlines()
    passages = next(line for line in lines if line.startswith("kb.passages"))
    assert passages.split() == ["kb.passages", "20,000", "1,234", "0", "3", "21", "21", "equal"]
    assert "full   2.5 s" in lines
    assert any("p50 6 ms, longest 50 ms, of 3 heartbeats" in line for line in lines)
    assert lines[-1] == "No difference, after 1 min."


def test_a_difference_is_named_in_the_last_line() -> None:
    assert "DIFFERENT" in render(outcome(destination_rows=20))
    assert render(outcome(destination_rows=20)).endswith("DIFFERENCES FOUND: kb.passages.")
    assert render(outcome(different_sequences=("tags_id_seq",))).endswith("FOUND: sequence kb.tags_id_seq.")
    assert render(outcome(equal_neighbours=49)).endswith("DIFFERENCES FOUND: nearest neighbours.")
