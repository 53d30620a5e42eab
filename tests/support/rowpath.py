"""Runs the stages of the row path in the test's process, with real children, over tables made by the test."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from syncwizard.engine.children import ChildPool
from syncwizard.errors import Cancelled, SyncwizardError
from syncwizard.postgres.source.heartbeat import beat
from syncwizard.postgres.source.slot import current_lsn
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.context import Context
from syncwizard.stages.full import stage as full
from syncwizard.stages.incremental import catch_up
from syncwizard.stages.incremental import stage as incremental
from syncwizard.task.lsn import parse_lsn
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.waiting import until


class RowPath:
    """A task whose definitions exist at both ends: copies, catches up, follows."""

    def __init__(self, pair: DatabasePair, run: TaskRun) -> None:
        self.pair = pair
        self.task = run
        self.pool = ChildPool()
        self.error: BaseException | None = None
        # Set once the sync point is passed: from then on one session follows the changes.
        self.consistent = threading.Event()

    def context(self) -> Context:
        """A context whose children are real processes."""
        return msgspec.structs.replace(self.task.context(), spawn=self.pool.spawn)

    def copy(self, context: Context | None = None) -> Context:
        """Capture and full copy."""
        context = context or self.context()
        capture.run(context)
        full.run(context)
        return context

    @contextmanager
    def following(self) -> Iterator["RowPath"]:
        """Catches up and follows changes while the block runs; raises the stage's error at its end."""
        context = self.context()
        self.consistent.clear()
        self.error = None

        def body() -> None:
            try:
                catch_up.run(context)
                self.consistent.set()
                incremental.run(context)
            except Cancelled:
                pass
            except SyncwizardError as error:
                self.error = error

        thread = threading.Thread(target=body)
        thread.start()
        try:
            yield self
        finally:
            context.cancellation.cancel()
            thread.join()
            self.pool.kill_all()
        if self.error is not None:
            raise self.error

    def caught_up(self, timeout: float = 30) -> None:
        """Waits until everything committed at the source so far is durable at the destination."""
        target = parse_lsn(current_lsn(self.pair.source))
        beat(self.pair.source, self.task.spec.slot)

        def reached() -> bool:
            if self.error is not None:
                raise self.error
            row = self.pair.destination.execute(
                "SELECT applied_lsn::text FROM syncwizard.progress WHERE task_id = %s", (self.task.spec.id,)
            ).fetchone()
            return row is not None and parse_lsn(row[0]) >= target

        until(reached, timeout, "changes to be applied")


def row_path(pair: DatabasePair, folder: Path, definitions: str, **fields: Any) -> RowPath:
    """Creates the definitions at both ends and a task over schema `public`; `fields` are those of its specification."""
    pair.source.execute(definitions)
    pair.destination.execute(definitions)
    return RowPath(pair, TaskRun(pair.spec(**fields), folder))
