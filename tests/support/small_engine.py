"""An engine over small stages whose conduct a test writes into files: everything but the stages is the real thing.

Run as the engine's module: `python -m tests.support.small_engine TASK-ID [--foreground]`.
"""

import itertools
import logging
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from syncwizard.engine import process, supervisor
from syncwizard.engine.pipeline import Stage
from syncwizard.errors import EndpointError, PrecheckNotPassed, TaskFailed
from syncwizard.remedies import to_do
from syncwizard.stages.context import Context
from syncwizard.task.events import Noticed, PrecheckFinished, PrecheckItemFinished, StageName
from syncwizard.task.figures.sample import Sample
from tests.support import echo_child

CONDUCT = "conduct"


def conduct_file(folder: Path, stage: str) -> Path:
    """The file that says what the stage does: one word, read again each time the stage runs; no file: it passes."""
    return folder / f"{CONDUCT}-{stage}"


def prescribe(folder: Path, **conduct: str) -> None:
    """Writes the conduct of stages into the task's folder."""
    for stage, word in conduct.items():
        conduct_file(folder, stage.replace("_", "-")).write_text(word)


def small_stages() -> list[Stage]:
    """Precheck, full, indexes beside incremental, each doing what its file says."""
    return [
        Stage(name="precheck", run=acting("precheck"), patient=False),
        Stage(name="capture", run=acting("capture")),
        Stage(name="full", run=acting("full")),
        Stage(name="indexes", run=acting("indexes"), beside=True),
        Stage(name="incremental", run=acting("incremental"), endless=True),
    ]


def acting(stage: StageName) -> Callable[[Context], object]:
    """A stage's run that acts as its file says."""

    def run(context: Context) -> object:
        path = conduct_file(context.folder, stage)
        word = path.read_text() if path.exists() else ("block" if stage == "incremental" else "pass")
        return _act(stage, word, context)

    return run


def _act(stage: StageName, word: str, context: Context) -> object:
    match word:
        case "pass":
            if stage == "precheck":
                context.record(PrecheckFinished(passed=True))
            return "passed"
        case "refuse":
            item = PrecheckItemFinished(
                item="wal_level", title="WAL level", verdict="failed", message="it is `replica`", remedy=to_do("set it")
            )
            context.record(item)
            context.record(PrecheckFinished(passed=False))
            raise PrecheckNotPassed("the precheck did not pass")
        case "fail":
            raise TaskFailed("it cannot go on", remedy="do something")
        case "crash":
            raise RuntimeError("a defect")
        case "lose":
            raise EndpointError("the source is gone", end="source", transient=True, detail="connection refused")
        case "refused-login":
            raise EndpointError("cannot use the source database", end="source", transient=False, detail="password")
        case "leak":
            logging.getLogger().error("the password is %s", context.secrets.source)
            context.record(Noticed(level="error", message=f"the server repeats {context.secrets.source}"))
        case "child":
            child = context.spawn("echo", echo_child.Assignment(text="hello"))
            (context.folder / "child.pid").write_text(str(child.pid))
        case "stubborn":
            time.sleep(600)
        case "figures":
            context.sample(Sample(applied_lsn="0/20", transactions=3, changes={"a.b": {"insert": 4}}))
        case "beats":
            _beat(context)
        case "late":
            _beat(context, 5.0)
        case "busy":
            _burn(context)
    context.cancellation.wait(600)
    raise AssertionError("it was not cancelled")


def _beat(context: Context, latency_seconds: float = 0.25) -> None:
    """A heartbeat and some rows, often enough to be in every observation, and nothing beside it."""
    for rows in itertools.count(0, 20):
        context.sample(
            Sample(
                latency_seconds=latency_seconds,
                latency_at=time.time(),
                changes={"a.b": {"insert": rows}},
                transactions=rows,
            )
        )
        context.cancellation.wait(0.2)


def _burn(context: Context) -> None:
    """Keeps the interpreter busy, as a stage at its worst."""
    while not context.cancellation.cancelled:
        sum(range(1000))


if __name__ == "__main__":
    # Long enough for a stage that means to stop.
    supervisor.PAUSE_SECONDS = 2.0
    supervisor.KEEP_SECONDS = 1.0
    code = process.main(sys.argv[1:], small_stages, {"echo": "tests.support.echo_child"})
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
