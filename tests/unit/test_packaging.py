"""What stands around the program: the unit of systemd, as the manual shows it, and the pages for `man`."""

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from syncwizard import errors, manual
from syncwizard.cli.main import COMMANDS, INTERRUPTED, commands

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "packaging" / "syncwizard@.service"


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


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the pages for `man`."""
    folder = tmp_path_factory.mktemp("share") / "man1"
    done = subprocess.run(
        [sys.executable, str(ROOT / "packaging" / "man_pages.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


def test_manual_pages_are_written_for_every_command(pages: Path) -> None:
    texts = {path.stem: path.read_text(encoding="utf-8") for path in pages.iterdir()}
    assert {"syncwizard", "syncwizard-connections-add", *(f"syncwizard-{name}" for name in COMMANDS)} <= set(texts)
    for name, text in texts.items():
        # A line that begins like a request is one that was written as such.
        requests = {line.split()[0] for line in text.splitlines() if line.startswith((".", "'"))}
        assert requests <= {".TH", ".SH", ".PP", ".TP", ".B", ".nf", ".fi"}, name
        assert [line for line in text.splitlines() if not line] == [], name
    assert "\\-\\-ignore ITEM" in texts["syncwizard-start"]
    assert "syncwizard start kb.yaml" in texts["syncwizard-start"]


def test_manual_pages_are_read_by_troff_without_a_complaint(pages: Path) -> None:
    groff = shutil.which("groff")
    if groff is None:
        pytest.skip("no groff on this machine")
    for path in pages.iterdir():
        drawn = subprocess.run([groff, "-man", "-Tutf8", "-ww", path], capture_output=True, text=True, check=True)
        assert drawn.stderr == "", path
