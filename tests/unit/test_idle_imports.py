"""What an engine and its apply child load: they idle for weeks, many on one machine."""

import subprocess
import sys

import pytest

# What commands, screens, the precheck and the schema need, and applying does not.
HEAVY = {"click", "google", "keyring", "numpy", "pgvector", "postgast", "textual"}


@pytest.mark.parametrize(
    ("modules", "unwanted"),
    [
        # An engine that goes on with a task whose definitions are there.
        (
            ["syncwizard.engine.process", "syncwizard.stages.incremental.catch_up"],
            {"syncwizard.stages.precheck", "syncwizard.stages.definitions", "syncwizard.tui", "syncwizard.cli", "http"},
        ),
        (
            ["syncwizard.engine.child", "syncwizard.stages.incremental.child"],
            {"sqlite3", "yaml", "syncwizard.engine.supervisor", "syncwizard.stages.precheck", "syncwizard.task.file"},
        ),
    ],
    ids=["engine", "apply child"],
)
def test_an_idle_engine_loads_nothing_that_only_others_need(modules: list[str], unwanted: set[str]) -> None:
    script = f"import sys, importlib; [importlib.import_module(name) for name in {modules}]; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not (HEAVY | unwanted) & set(done.stdout.split())
