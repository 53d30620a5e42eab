"""Runs the stages that create definitions, and compares what both ends have then."""

import re
from pathlib import Path

from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Context
from syncwizard.stages.definitions import constraints, indexes, keys, schema
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
        context.held.close()
    return context


def assert_same(
    pair: DatabasePair, schemas: list[str], folder: Path, *, ignoring: str = "$^", without: str = "$^"
) -> None:
    """Both ends have the same definitions, but for our own objects, what `ignoring` matches, and matches of `without`
    in them: what the two servers' versions write differently."""
    ours = re.compile(rf"dts_postgres_heartbeat|{ignoring}")
    source, destination = (
        {re.sub(without, "", text) for text in definitions(endpoint, schemas, folder)}
        for endpoint in (pair.source_endpoint, pair.destination_endpoint)
    )
    more = sorted(destination - source)
    less = sorted(text for text in source - destination if not ours.search(text))
    assert not more and not less, f"only at the destination: {more}; only at the source: {less}"
