"""README tells the truth about task files, commands and exit codes."""

import re
from pathlib import Path

import pytest

from syncwizard import errors
from syncwizard.cli.main import COMMANDS
from syncwizard.stages.precheck import item_names
from syncwizard.task import file

README = Path(__file__).parents[2] / "README.md"
TEXT = README.read_text(encoding="utf-8")


@pytest.mark.parametrize("block", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL), ids=["short", "whole"])
def test_every_task_file_of_readme_is_valid(block: str) -> None:
    assert file.parse(block, README).objects


def test_the_commands_of_readme_are_those_there_are() -> None:
    assert re.findall(r"^\| `([a-z]+) ", TEXT, re.MULTILINE) == list(COMMANDS)


def test_the_exit_codes_of_readme_are_those_of_the_errors() -> None:
    table = TEXT.split("| exit code | meaning |")[1].split("\n\n")[0]
    told = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    codes = {
        kind.exit_code
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.SyncwizardError)
    }
    assert told == codes | {0, 130}


def test_the_precheck_item_that_the_demo_accepts_exists() -> None:
    from syncwizard.demo.preparation import ACCEPTED

    assert ACCEPTED in item_names()
