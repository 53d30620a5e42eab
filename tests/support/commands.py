"""Runs `syncwizard` as a user does, each command a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import yaml

from syncwizard.task.specification import TaskSpec


def write_task_file(spec: TaskSpec, folder: Path) -> Path:
    """The task file of a specification, named after the task."""
    path = folder / f"{spec.name}.yaml"
    path.write_text(yaml.safe_dump(msgspec.to_builtins(spec), sort_keys=False))
    return path


def syncwizard(
    *arguments: str | Path, timeout: float = 120.0, expect: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; fails the test when the exit code is not the expected one (None: any)."""
    done = subprocess.run(
        [sys.executable, "-m", "syncwizard", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    printed = f"syncwizard {' '.join(map(str, arguments))}\n{done.stdout}{done.stderr}"
    assert expect is None or done.returncode == expect, f"exit code {done.returncode}, expected {expect}: {printed}"
    return done


def report(*arguments: str | Path, timeout: float = 120.0) -> Any:
    """What a command reports with --json."""
    return json.loads(syncwizard(*arguments, "--json", timeout=timeout).stdout)


def spawn(*arguments: str | Path) -> "subprocess.Popen[str]":
    """Starts a command and leaves it running, for `start --foreground` and what is to be killed."""
    return subprocess.Popen(
        [sys.executable, "-m", "syncwizard", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
