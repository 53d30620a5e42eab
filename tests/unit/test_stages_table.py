"""The table of stages agrees with the pipeline and with the names of events."""

from typing import get_args

from syncwizard.engine.pipeline import default_stages
from syncwizard.task.stages import STAGES, TABLE, StageName


def test_the_table_has_each_name_once_in_the_order_in_which_they_run() -> None:
    assert get_args(StageName) == STAGES
    assert tuple(stage.name for stage in default_stages()) == STAGES


def test_the_last_stage_alone_is_endless_and_none_runs_beside_nothing() -> None:
    assert [stage.name for stage in TABLE if stage.endless] == [STAGES[-1]]
    assert not TABLE[-1].beside
