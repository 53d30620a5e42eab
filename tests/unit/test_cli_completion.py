"""Shells complete tasks, files and items, at once; every command's help ends with examples that are true."""

import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import click
import pytest

from syncwizard.cli.examples import EXAMPLES
from syncwizard.cli.main import COMMANDS, commands
from syncwizard.client.tasks import find_task
from syncwizard.stages.precheck import item_names
from tests.support.commands import syncwizard

FIRST, SECOND, ODD = (uuid.UUID(int=number << 96) for number in (0xAB12CD34, 0xEF56AB78, 0x0DD01234))


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two tasks, and one with a name of two words."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for task_id, name in ((FIRST, "kb-north"), (SECOND, "kb-south"), (ODD, "kb of mine")):
        folder = tmp_path / "syncwizard" / "tasks" / str(task_id)
        folder.mkdir(parents=True)
        (folder / "task.yaml").write_text(
            f"version: 1\nid: {task_id}\nname: {name}\nsource: {{database: a}}\ndestination: {{database: b}}\n"
            "objects: [{schema: public}]\n"
        )


def offered(*words: str) -> list[str]:
    """What a shell is offered for the last word, as `type,value`."""
    environment = {"_SYNCWIZARD_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-m", "syncwizard"],
        env={**os.environ, **environment, "COMP_WORDS": shlex.join(["syncwizard", *words])},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.splitlines()


@pytest.mark.usefixtures("stored")
def test_tasks_are_completed_by_names_that_find_them() -> None:
    found = offered("pause", "kb-")
    assert found == ["plain,kb-north", "plain,kb-south"]
    # A name of two words would be two arguments: the beginning of the id finds the task.
    every = [line.partition(",")[2] for line in offered("status", "kb")]
    assert {find_task(each).spec.name for each in every} == {"kb-north", "kb-south", "kb of mine"}
    assert all(shlex.quote(each) == each for each in every)


@pytest.mark.usefixtures("stored")
def test_files_are_left_to_the_shell() -> None:
    assert offered("check", "k") == ["file,k"]
    assert offered("precheck", "no-task") == ["file,no-task"]
    assert offered("precheck", "kb-n") == ["plain,kb-north"]


def test_items_and_topics_are_completed() -> None:
    found = offered("start", "kb.yaml", "--ignore", "vector")
    assert found == [f"plain,{name}" for name in item_names() if name.startswith("vector")] != []
    assert "plain,failures" in offered("manual", "fa")


@pytest.mark.usefixtures("stored")
def test_a_press_of_tab_loads_neither_driver_nor_screens() -> None:
    heavy = ("psycopg", "textual", "keyring", "postgast", "lark")
    for words in ("syncwizard status kb", "syncwizard start kb", "syncwizard open kb", "syncwizard ver"):
        script = (
            "import sys\nfrom syncwizard.cli.main import run\n"
            "try:\n    run([])\nfinally:\n"
            f"    print([name for name in {heavy} if name in sys.modules], file=sys.stderr)\n"
        )
        environment = {"_SYNCWIZARD_COMPLETE": "bash_complete", "COMP_WORDS": words}
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, **environment, "COMP_CWORD": str(len(words.split()) - 1)},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout and done.stderr.strip() == "[]", words


@pytest.mark.usefixtures("stored")
def test_bash_completes_by_the_script(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    program = tmp_path / "bin" / "syncwizard"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m syncwizard "$@"\n')
    program.chmod(0o755)
    script = syncwizard("completion", "bash").stdout
    script += (
        "COMP_WORDS=(syncwizard pause kb-s); COMP_CWORD=2; _syncwizard_completion syncwizard\n"
        'printf "%s\\n" "${COMPREPLY[@]}"; complete -p syncwizard\n'
    )
    done = subprocess.run(
        [bash, "-c", script],
        env={**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["kb-south", "complete -o nosort -F _syncwizard_completion syncwizard"]


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_each(shell: str) -> None:
    script = syncwizard("completion", shell).stdout
    assert "syncwizard" in script and f"{shell}_complete" in script


def found_commands() -> dict[str, click.Command]:
    context = click.Context(commands)
    found: dict[str, click.Command] = {}
    for name in COMMANDS:
        command = commands.get_command(context, name)
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {each}": below for each, below in command.commands.items()}
    return found


def test_every_help_ends_with_examples_that_the_command_takes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "kb.yaml").write_text("")
    every = found_commands()
    assert set(EXAMPLES) == set(every)
    for name, lines in EXAMPLES.items():
        help_text = every[name].get_help(click.Context(every[name], info_name=name))
        assert help_text.endswith("\n".join(["  Examples:", *(f"    syncwizard {line}" for line in lines)]))
        for line in lines:
            words = shlex.split(line.partition(" | ")[0].partition(" > ")[0])
            given = words[len(name.split()) :]
            assert words[: len(name.split())] == name.split()
            # Refuses options that there are not, and arguments that are missing.
            with contextlib.suppress(click.exceptions.Exit):
                # `check --schema` has done all it does by then.
                every[name].make_context(name, given)
            for at, word in enumerate(given):
                assert word != "--ignore" or given[at + 1] in item_names()
