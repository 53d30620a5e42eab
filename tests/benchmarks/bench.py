"""The two servers of a benchmark, and our own task on them, driven by the commands a user has."""

import os
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from syncwizard.client import tasks
from syncwizard.demo.servers import Cluster
from syncwizard.task.events import StageName
from syncwizard.task.specification import PrecheckSettings, SchemaObjects, TaskSpec
from tests.support.commands import report, syncwizard, write_task_file
from tests.support.environment import fresh_home, make_plain, temporary_folder
from tests.support.waiting import until

# Both ends alike, and enough that checkpoints in the middle of a run do not decide it.
SETTINGS = {
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "checkpoint_timeout": "30min",
    "wal_compression": "off",
    "autovacuum": "off",
}


@dataclass
class Bench:
    """Two servers, 16 and 18, and the folder of the run."""

    folder: Path
    source: Cluster
    destination: Cluster
    tasks: "list[Task]" = field(default_factory=list)

    def task(self, source_database: str, destination_database: str, **fields: Any) -> "Task":
        """A task of ours between two databases."""
        given: dict[str, Any] = {
            "name": f"bench-{uuid.uuid4().hex[:6]}",
            "source": self.source.endpoint(source_database),
            "destination": self.destination.endpoint(destination_database),
            "objects": [SchemaObjects(schema="public")],
            "precheck": PrecheckSettings(ignore=["replica-identity"]),
        }
        self.tasks.append(Task(TaskSpec(**{**given, **fields}), self.folder))
        return self.tasks[-1]

    def run(self, cluster: Cluster, program: str, *arguments: str, database: str) -> str:
        """Runs a program of PostgreSQL on a database and returns what it printed."""
        return checked([str(cluster.bin / program), *arguments], self.environment(cluster, database))

    def environment(self, cluster: Cluster, database: str) -> dict[str, str]:
        """libpq's variables for a database."""
        end = cluster.endpoint(database)
        own = {"PGHOST": str(end.host), "PGPORT": str(end.port), "PGUSER": end.user or "", "PGDATABASE": database}
        return {**os.environ, **own}


@dataclass
class Task:
    """One task of ours; every method is a command in a process of its own."""

    spec: TaskSpec
    folder: Path
    file: Path = field(init=False)

    def __post_init__(self) -> None:
        self.file = write_task_file(self.spec, self.folder)

    def start(self, until: str) -> None:
        """Starts the task and returns when it has come that far."""
        syncwizard("start", self.file, "--until", until, timeout=3600)

    def command(self, name: str, *options: str) -> None:
        """pause, resume, release, wait …"""
        syncwizard(name, self.spec.name, *options, timeout=3600)

    def end(self) -> None:
        """Pauses and releases the task."""
        self.command("pause")
        self.command("release", "--yes")

    def status(self) -> dict[str, Any]:
        """What `status --json` reports."""
        found: dict[str, Any] = report("status", self.spec.name)
        return found

    def wait_for_stage(self, stage: StageName) -> None:
        """Returns when the stage is finished: reads the journal, because commands would take from what is measured."""
        stored = tasks.find_task(self.spec.name)
        until(lambda: stored.read_state().finished(stage), 3600, f"the stage {stage} to end")

    def stage_seconds(self, stage: str) -> float:
        """How long a stage took."""
        found = self.status()["stages"][stage]
        return float(found["finished_at"] - found["started_at"])


@contextmanager
def bench() -> Iterator[Bench]:
    """Two fresh servers whose data survive nothing but this run, and state directories of their own."""
    make_plain()
    with temporary_folder(on_disk=True) as folder:
        os.environ.update(fresh_home(folder))
        source = Cluster(folder / "source", 16, settings=SETTINGS)
        destination = Cluster(folder / "destination", 18, settings=SETTINGS)
        with source.create().start(), destination.create().start():
            found = Bench(folder, source, destination)
            try:
                yield found
            finally:
                # After a failure, too, no engine goes on to look for servers that are gone.
                for task in found.tasks:
                    syncwizard("pause", task.spec.name, expect=None)


def checked(command: list[str], environment: dict[str, str]) -> str:
    """Runs a command and returns what it printed; when it fails, its words are the error's."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:]}")
    return done.stdout


def seconds_of(act: Callable[[], object]) -> float:
    """Wall time of a call."""
    started = time.perf_counter()
    act()
    return time.perf_counter() - started


def say(text: str) -> None:
    """One line of progress, on standard error."""
    os.write(2, f"{text}\n".encode())
