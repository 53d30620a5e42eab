"""Whole tasks of the field's cases: real engines over databases that the cases of a module share."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.client import tasks
from syncwizard.client.waiting import wait_for_end
from syncwizard.task.specification import SchemaObjects
from tests.support.commands import report, syncwizard, write_task_file
from tests.support.environment import fresh_home, temporary_folder
from tests.support.pair import DatabasePair


class FieldTask:
    """One task that runs over all cases of a module."""

    def __init__(self, pair: DatabasePair, name: str) -> None:
        self.pair = pair
        self.name = name

    def missing(self) -> dict[tuple[str, str], dict[str, Any]]:
        """What the destination lacks, as `definitions` reports it."""
        done = syncwizard("definitions", self.name, "--json", expect=None)
        return {(each["kind"], each["name"]): each for each in msgspec.json.decode(done.stdout)["missing"]}

    def caught_up(self) -> None:
        """Waits until all that is committed at the source is at the destination."""
        syncwizard("wait", self.name, "--until", "caught-up", "--timeout", "60")

    def state(self) -> str:
        """The state that `status` shows."""
        return str(report("status", self.name)["state"])


@contextmanager
def running_task(pair: DatabasePair, schemas: list[str], name: str) -> Iterator[FieldTask]:
    """Starts a task over the schemas and waits until its definitions are there or listed; ends its engine."""
    with pytest.MonkeyPatch.context() as patch, temporary_folder() as home:
        for key, value in fresh_home(home).items():
            patch.setenv(key, value)
        spec = pair.spec([SchemaObjects(schema=each) for each in schemas], name=name)
        file = write_task_file(spec, Path(home))
        syncwizard("start", file)
        try:
            yield FieldTask(pair, name)
        finally:
            for task in tasks.list_tasks():
                if (holder := task.find_engine()) is not None:
                    os.kill(holder.pid, signal.SIGKILL)
                    wait_for_end(task)
                syncwizard("release", str(task.id), "--yes", expect=None)
