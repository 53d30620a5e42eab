"""The command line without a server: usage, task files, exit codes, and what is imported."""

import json
import os
import resource
import shlex
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from syncwizard import __version__
from syncwizard.cli.arguments import table_name
from syncwizard.cli.main import commands
from syncwizard.client.checking import receiver_troubles
from syncwizard.rows import compiled
from syncwizard.task.alerting import Alerts, Email
from syncwizard.task.events import PublicationCreated
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced, Endpoint, TaskSpec
from syncwizard.task.state import TaskState
from tests.support.commands import report, syncwizard
from tests.support.network import ADDRESS

GOOD = """\
version: 1
name: kb
source: {database: kb, host: /tmp, password: env:NO_SUCH_VARIABLE}
destination: {database: kb2}
objects: [{schema: public, exclude: [scratch]}]
"""


@pytest.fixture
def path(tmp_path: Path, state_home: Path) -> Path:
    path = tmp_path / "kb.yaml"
    path.write_text(GOOD)
    return path


def test_a_valid_file_is_called_valid(path: Path) -> None:
    assert "valid" in syncwizard("check", path).stdout
    assert report("check", path) == {"valid": True, "file": str(path), "name": "kb", "id": None, "warnings": []}


def test_what_a_file_names_and_this_machine_does_not_have_is_a_warning(path: Path, tmp_path: Path) -> None:
    alerts = "{email: {ca: not/there.pem}, command: /not/there --team dba, syslog: /not/there}"
    path.write_text(GOOD + f"advanced: {{alerts: {alerts}}}\n")
    assert report("check", path)["warnings"] == [
        f"advanced.alerts.email.ca: {tmp_path / 'not/there.pem'} cannot be read here",
        "advanced.alerts.command: /not/there cannot be run here",
        "advanced.alerts.syslog: /not/there is no socket here",
    ]
    (tmp_path / "not").mkdir()
    (tmp_path / "not" / "there.pem").write_text("")
    path.write_text(GOOD + "advanced: {alerts: {email: {ca: not/there.pem}, command: /bin/sh -c true}}\n")
    assert report("check", path)["warnings"] == []


def test_a_mail_server_that_is_not_there_is_named_by_a_check_of_both_ends() -> None:
    with socket.create_server((ADDRESS, 0)) as listening:
        server = f"{ADDRESS}:{listening.getsockname()[1]}"
        advanced = Advanced(alerts=Alerts(email=Email(to="dba@example.com", server=server)))
        ends = Endpoint(database="a"), Endpoint(database="b")
        spec = TaskSpec(name="kb", source=ends[0], destination=ends[1], objects=[], advanced=advanced)
        assert list(receiver_troubles(spec)) == []
    assert list(receiver_troubles(spec)) == [
        f"advanced.alerts.email.server: {server} cannot be reached: Connection refused"
    ]


def test_a_mistake_is_exit_code_2_with_line_and_nearest_name(path: Path) -> None:
    path.write_text(GOOD.replace("destination:", "destinaton:"))
    for command in ("check", "preview", "start", "precheck"):
        done = syncwizard(command, path, expect=2)
        assert done.stdout == ""
        assert f"{path}:4: destinaton: unknown name `destinaton`" in done.stderr
        assert "did you mean `destination`?" in done.stderr
        assert "Traceback" not in done.stderr


def test_preview_shows_defaults_that_are_a_task_file_again(path: Path) -> None:
    done = syncwizard("preview", path)
    assert "connection_minutes: 720" in done.stdout
    assert f"Equivalent command: syncwizard start {path}" in done.stderr
    again = path.with_name("again.yaml")
    again.write_text(done.stdout)
    assert syncwizard("preview", again).stdout == done.stdout
    assert report("preview", path)["specification"]["name"] == "kb"


def test_a_secret_that_cannot_be_had_leaves_the_file_and_the_machine_as_they_were(path: Path, state_home: Path) -> None:
    done = syncwizard("start", path, expect=2)
    assert "NO_SUCH_VARIABLE is not set" in done.stderr
    assert path.read_text() == GOOD
    assert syncwizard("status").stdout == ""


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("start",),
        ("wait", "kb"),
        ("wait", "kb", "--until", "tomorrow"),
        ("status", "kb"),
        ("pause", "kb"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...], state_home: Path) -> None:
    done = syncwizard(*arguments, expect=2)
    assert done.stdout == ""
    assert done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("seconds", ["nan", "inf", "0", "-1", "1e300"])
def test_a_timeout_that_is_no_time_is_refused(seconds: str, state_home: Path) -> None:
    printed = syncwizard("wait", "kb", "--until", "full", "--timeout", seconds, expect=2).stderr
    assert "from more than 0 to a year" in printed


@pytest.mark.parametrize("name", ["my kb.yaml", "-kb.yaml"])
def test_the_equivalent_command_can_be_pasted(path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    path.rename(path.with_name(name))
    command = report("preview", f"./{name}")["command"]
    assert syncwizard("check", *shlex.split(command)[2:]).stdout.startswith(name)


def test_a_table_of_a_schema_with_a_dot_is_found_by_its_name() -> None:
    table = TableName("my.schema", "notes")
    state = TaskState(publication=PublicationCreated(name="dts_sync_1", oid=1, members=[2], tables=[table]))
    assert table_name("my.schema.notes", state) == table
    assert table_name("other.notes", state) == TableName("other", "notes")


def test_an_item_that_the_precheck_does_not_have_is_refused_with_the_nearest_name(path: Path) -> None:
    for command in ("start", "precheck"):
        printed = syncwizard(command, path, "--ignore", "replica-identty", expect=2).stderr
        assert "no precheck item is called `replica-identty`" in printed
        assert "did you mean `replica-identity`?" in printed
    path.write_text(GOOD + "precheck:\n  ignore: [wal-levels]\n")
    printed = syncwizard("check", path, expect=2).stderr
    assert f"{path}:7: precheck.ignore: no precheck item is called `wal-levels`" in printed
    assert "did you mean `wal-level`?" in printed


def test_a_password_that_cannot_be_asked_for_is_one_error(path: Path) -> None:
    """Without a terminal nothing is read from stdin, where it could be seen."""
    path.write_text(GOOD.replace("env:NO_SUCH_VARIABLE", "prompt"))
    done = subprocess.run(
        [sys.executable, "-m", "syncwizard", "start", path],
        input="secret\n",
        capture_output=True,
        text=True,
        start_new_session=True,
        check=False,
    )
    assert done.returncode == 2
    assert "there is no terminal" in done.stderr
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "title"),
    [
        (("status", "none"), "no task is called `none`"),
        (("wait", "none", "--until", "tomorrow"), "'tomorrow' is not one of"),
        (("check", "/nowhere.yaml"), "the task file cannot be read"),
    ],
)
def test_a_failure_is_json_too_where_json_is_asked_for(
    arguments: tuple[str, ...], title: str, state_home: Path
) -> None:
    done = syncwizard(*arguments, "--json", expect=2)
    failure = json.loads(done.stdout)["failure"]
    assert title in failure["title"]
    assert failure["exit_code"] == 2
    assert title in done.stderr


def test_foreground_is_not_combined_with_a_return(path: Path) -> None:
    assert "leave out --until" in syncwizard("start", path, "--foreground", "--until", "full", expect=2).stderr


def test_no_task_is_an_empty_list(state_home: Path) -> None:
    assert report("status") == []


def test_commands_load_neither_driver_nor_screens() -> None:
    script = (
        "import importlib, json, sys\n"
        "from syncwizard.cli.main import COMMANDS\n"
        "[importlib.import_module(module) for module, _ in COMMANDS.values()]\n"
        "print(json.dumps([name for name in sys.modules if name.split('.')[0] in ('psycopg', 'textual', 'keyring')]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("row_path", ["python", ""])
def test_the_verbose_version_names_the_row_path_that_runs(row_path: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "syncwizard", "--version", "--verbose"],
        env={**os.environ, compiled.VARIABLE: row_path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith(f"syncwizard, version {__version__}\n")
    assert f"row path: {row_path or compiled.described()}\n" in done.stdout


def test_without_a_compiler_the_build_goes_on_without_the_loops() -> None:
    done = subprocess.run(
        [sys.executable, "hatch_build.py"],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "CC": "/nonexistent/cc"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("syncwizard without compiled loops: ")


def test_the_version_comes_quickly() -> None:
    # Of the processor, which a busy machine does not stretch as it does the clock's; the budget of both is 0.2 s.
    assert min(_processor_seconds("--version") for _ in range(3)) < 0.8


def _processor_seconds(*arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    syncwizard(*arguments)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_every_command_has_help() -> None:
    names = [
        line.split()[0] for line in syncwizard("--help").stdout.split("Commands:")[1].splitlines() if line[2:3].strip()
    ]
    assert {"check", "start", "release", "events", "demo"} <= set(names)
    # In one process: starting forty would take longer than all else here.
    for name in names:
        shown = CliRunner().invoke(commands, [name, "--help"], prog_name="syncwizard")
        assert "Usage: syncwizard" in shown.output, name


def test_a_closed_pipe_is_nothing_to_talk_about(path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-m", "syncwizard", "preview", str(path)],
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert done.stderr == ""


@pytest.mark.parametrize("command", ["check", "precheck", "start", "status", "pause"])
def test_names_that_no_file_has_are_refused_in_words(command: str, state_home: Path) -> None:
    for name in ("", "x" * 300):
        printed = syncwizard(command, name, expect=2).stderr
        assert "Traceback" not in printed
        assert "directory" not in printed


def test_an_output_that_takes_nothing_is_reported_on_one_line(path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "syncwizard", "check", path], stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert (done.returncode, done.stderr) == (1, b"syncwizard: No space left on device\n")


def test_a_state_folder_that_cannot_be_made_is_named(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_text(GOOD.replace("env:NO_SUCH_VARIABLE", "pgpass"))
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    printed = syncwizard("start", path, expect=1).stderr
    assert printed.splitlines() == ["syncwizard: /proc/nowhere: No such file or directory"]


def test_an_interrupt_while_the_program_loads_is_quiet() -> None:
    script = (
        "import runpy, signal, sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'click':\n"
        "            signal.raise_signal(signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "runpy.run_module('syncwizard', run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.parametrize(
    ("arguments", "wrong", "meant"),
    [(["stauts"], "stauts", "status"), (["Pause", "kb"], "Pause", "pause"), (["connections", "lst"], "lst", "list")],
    ids=["misspelt", "capital", "in a group"],
)
def test_a_command_that_there_is_not_is_answered_with_the_nearest(arguments: list[str], wrong: str, meant: str) -> None:
    done = syncwizard(*arguments, expect=2)
    assert f"no command is called `{wrong}`" in done.stderr
    assert f"did you mean `{meant}`?" in done.stderr


def test_a_command_like_no_other_is_answered_with_all() -> None:
    assert "the commands are: new, open, serve, check" in syncwizard("zzzzzz", expect=2).stderr


def test_a_defect_is_shown_without_secrets_and_control_characters() -> None:
    script = (
        "from syncwizard.cli import main\n"
        "def fail(arguments):\n"
        "    raise ValueError('\\x1b[2J password=swordfish')\n"
        "main.run = fail\n"
        "main.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "ValueError: \\x1b[2J password=***"
    assert "swordfish" not in done.stderr
