"""`doctor` on machines in a bad state: each is named with what to do, and nothing is left behind."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from syncwizard import paths
from syncwizard.client.doctor import places, programs
from syncwizard.postgres.dump import find_programs
from tests.support.commands import report, syncwizard


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A home of an account that never ran the program, with a name short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="sw") as folder:
        home = Path(folder)
        for name in ("STATE", "CONFIG"):
            monkeypatch.setenv(f"XDG_{name}_HOME", str(home / "home" / name.lower()))
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(home / "run"))
        monkeypatch.setenv("TERM", "xterm-256color")
        monkeypatch.delenv("TMUX", raising=False)
        yield home


def program(folder: Path, name: str, *lines: str) -> Path:
    """A program of the user's that prints these lines."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text("#!/bin/sh\n" + "".join(f"echo '{line}'\n" for line in lines))
    path.chmod(0o755)
    return path


def found(**expected: str) -> dict[str, dict[str, Any]]:
    """The findings of the command by name, whose levels are as expected."""
    findings = {each["name"]: each for each in report("doctor")["findings"]}
    assert {name: findings[name]["level"] for name in expected} == expected
    return findings


def test_a_fresh_account_passes_and_keeps_no_trace(home: Path) -> None:
    findings = found(state="ok", configuration="ok", sockets="ok", colours="ok", python="ok", textual="ok")
    assert "free" in findings["state"]["message"]
    assert findings["psycopg"]["message"].count(".") >= 3
    assert list(home.iterdir()) == []


def test_a_folder_that_cannot_be_written_fails_with_exit_code_3(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by its rights, which do not hold for root: a file in its place."""
    (home / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(home / "file"))
    monkeypatch.setenv("XDG_CONFIG_HOME", "/proc/none")
    done = syncwizard("doctor", expect=3)
    lines = done.stdout.splitlines()
    at = next(index for index, line in enumerate(lines) if line.startswith("failed   state"))
    assert str(home / "file") in lines[at]
    assert lines[at + 1].strip() == "make the folder writable for this account, or set XDG_STATE_HOME"
    assert any(line.startswith("warning  configuration") for line in lines)
    assert "1 failure" in done.stderr


def test_a_folder_behind_a_link_that_another_user_may_have_made_is_no_place(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    (shared / "state").symlink_to(tmp_path)
    finding = places.of_state(shared / "state" / "tasks")
    assert finding.level == "failed" and "link" in finding.message
    assert paths.trouble_with(tmp_path / "tasks") == ""


def test_a_pg_dump_that_is_no_program_is_not_counted(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = find_programs()
    broken = program(home / "bin", "pg_dump", "no version")
    monkeypatch.setenv("PATH", str(broken.parent))
    assert broken not in [each.path for each in find_programs()]
    finding = programs.of_dump_programs([], [])
    assert finding.level == "failed" and "postgresql-client-" in str(finding.remedy)
    assert before == [] or programs.of_dump_programs(before[:1], []).message.endswith("none over TLS")


def test_logind_that_kills_engines_is_named_with_the_command_that_keeps_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = program(home / "bin", "loginctl", "KillUserProcesses=yes").parent
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    monkeypatch.setenv("LOGNAME", "no-such-account")
    finding = found(logout="warning")["logout"]
    assert finding["remedy"] == "keep them alive: loginctl enable-linger no-such-account"
    program(folder, "loginctl", "KillUserProcesses=no")
    found(logout="ok")


def test_a_terminal_that_cannot_show_the_screens_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("SYNCWIZARD_ROW_PATH", "python")
    findings = found(colours="warning", **{"row path": "warning"})
    assert "TERM" in findings["colours"]["remedy"]
    assert "SYNCWIZARD_ROW_PATH" in findings["row path"]["remedy"]
