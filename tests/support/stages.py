"""Runs the stages that create definitions, and compares what both ends have then."""

import re
from pathlib import Path

from syncwizard.stages import capture, constraints, indexes, keys, schema
from syncwizard.stages.context import Context
from tests.support.definitions import definitions
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair

STAGES = (capture, schema, keys, constraints, indexes)


def everything(run: TaskRun) -> Context:
    """All stages that create definitions, without rows in between."""
    context = run.context()
    try:
        for stage in STAGES:
            stage.run(context)
    finally:
        if context.pair is not None:
            context.pair.holder.close()
    return context


def assert_same(pair: DatabasePair, schemas: list[str], folder: Path, *, ignoring: str = "$^") -> None:
    """Both ends have the same definitions, but for our own objects and what `ignoring` matches."""
    ours = re.compile(rf"dts_postgres_heartbeat|{ignoring}")
    source = {text for text in definitions(pair.source_endpoint, schemas, folder) if not ours.search(text)}
    destination = definitions(pair.destination_endpoint, schemas, folder)
    assert destination == source
