"""What stands around the program: the unit of systemd does what the manual says, with codes that the engine gives."""

import configparser
import re
import shlex
from pathlib import Path

import click

from syncwizard import errors, manual
from syncwizard.cli.main import INTERRUPTED, commands

UNIT = Path(__file__).parents[2] / "packaging" / "syncwizard@.service"


def test_the_unit_is_the_one_that_the_manual_shows() -> None:
    shown = re.findall(r"```ini\n(.*?)```", manual.read("first-steps"), re.DOTALL)
    assert shown == [UNIT.read_text(encoding="utf-8")]


def test_the_unit_runs_a_command_that_there_is_and_knows_its_exit_codes() -> None:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment, method-assign]
    unit.read(UNIT)
    service = unit["Service"]
    program, name, *arguments = shlex.split(service["ExecStart"].replace("%i", "kb"))
    assert program.endswith("/syncwizard")
    command = commands.get_command(click.Context(commands), name)
    assert command is not None
    assert command.make_context(name, arguments).params["foreground"]
    final = {errors.TaskFailed.exit_code, errors.UsageError.exit_code, errors.PrecheckNotPassed.exit_code}
    assert {int(code) for code in service["RestartPreventExitStatus"].split()} == final
    assert service["SuccessExitStatus"] == str(INTERRUPTED)
