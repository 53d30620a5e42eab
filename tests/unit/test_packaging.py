"""What stands around the program: the unit of systemd, the pages for `man`, the container and the Debian package."""

import configparser
import json
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


def test_the_units_that_look_after_tasks_are_those_that_the_manual_shows() -> None:
    shown = re.findall(r"```ini\n(.*?)```", manual.read("alerts"), re.DOTALL)
    files = [ROOT / "packaging" / f"syncwizard-alerts.{kind}" for kind in ("service", "timer")]
    assert shown == [path.read_text(encoding="utf-8") for path in files]
    words = shlex.split(re.findall("ExecStart=(.*)", shown[0])[0])
    group = commands.get_command(click.Context(commands), words[1])
    assert isinstance(group, click.Group) and words[2] in group.commands


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


def test_the_container_starts_a_command_with_its_state_in_the_volume() -> None:
    lines = (ROOT / "packaging" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line and not line.startswith(("#", " "))]
    found = {word: rest for word, rest in steps if word in ("ENTRYPOINT", "CMD", "ENV", "VOLUME", "USER")}
    assert json.loads(found["ENTRYPOINT"])[-1] == "syncwizard"
    assert json.loads(found["CMD"])[0] in COMMANDS
    # No part of the engine's state is lost with the container, and it does not run as root.
    environment = dict(word.split("=", 1) for word in found["ENV"].split())
    assert environment["XDG_STATE_HOME"].startswith(found["VOLUME"])
    assert environment["XDG_CONFIG_HOME"].startswith(found["VOLUME"])
    assert found["USER"] == "syncwizard"
    copied = [word for step, rest in steps if step == "COPY" for word in rest.split()[:-1]]
    assert copied and [name for name in copied if not (ROOT / name).exists()] == []


@pytest.mark.slow
def test_the_debian_package_has_program_pages_completions_and_unit(tmp_path: Path) -> None:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("no dpkg-deb on this machine")
    command = [sys.executable, str(ROOT / "packaging" / "debian_package.py"), str(tmp_path), "--bare"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "SYNCWIZARD_WITHOUT_COMPILER": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (package,) = tmp_path.glob("*.deb")
    subprocess.run(["dpkg-deb", "--extract", str(package), str(tmp_path / "tree")], check=True)
    tree = tmp_path / "tree"
    launcher = tree / "usr/bin/syncwizard"
    assert os.access(launcher, os.X_OK) and "/opt/syncwizard" in launcher.read_text()
    assert (tree / "opt/syncwizard/syncwizard/manual/commands.md").is_file()
    assert (tree / "usr/share/man/man1/syncwizard-start.1.gz").is_file()
    assert "syncwizard" in (tree / "usr/share/bash-completion/completions/syncwizard").read_text()
    unit = (tree / "usr/lib/systemd/user/syncwizard@.service").read_text()
    assert "ExecStart=/usr/bin/syncwizard resume %i --foreground" in unit
