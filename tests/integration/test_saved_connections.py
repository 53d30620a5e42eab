"""Saved connections: kept for their owner alone and without secrets, and used by name in task files."""

import json
import stat
from pathlib import Path

import pytest

from syncwizard import paths
from tests.support.commands import report, syncwizard
from tests.support.pair import DatabasePair

pytestmark = pytest.mark.slow

TASK = (
    "version: 1\nname: kb\nsource: {source}\ndestination: {{database: kb, host: /tmp}}\nobjects: [{{schema: public}}]\n"
)


@pytest.fixture
def task_file(state_home: Path, tmp_path: Path) -> Path:
    return tmp_path / "kb.yaml"


def source_of(path: Path, source: str) -> object:
    """The source as a task file with this text in its place has it."""
    path.write_text(TASK.format(source=source))
    return report("preview", path)["specification"]["source"]


def test_what_is_saved_is_listed_and_can_be_removed(state_home: Path) -> None:
    syncwizard("connections", "add", "paris", "--host", "db1", "--host", "db2", "--port", "6543", "--user", "sync")
    syncwizard("connections", "add", "london", "--service", "london", "--password", "env:LONDON")
    syncwizard("connections", "add", "rome", "--host", "db", "--ssh", "me@gate")
    listed = {each["name"]: each for each in report("connections", "list")}
    assert (listed["paris"]["host"], listed["paris"]["port"]) == (["db1", "db2"], 6543)
    assert listed["rome"]["access"]["ssh"] == "me@gate"
    assert (listed["london"]["service"], listed["london"]["password"]) == ("london", "env:LONDON")
    assert "db1,db2:6543" in syncwizard("connections", "list").stdout
    assert report("connections", "remove", "paris") == {"name": "paris", "removed": True}
    assert [each["name"] for each in report("connections", "list")] == ["london", "rome"]
    assert "did you mean `london`?" in syncwizard("connections", "remove", "londn", expect=2).stderr


def test_the_file_is_its_owners_alone_also_when_it_was_made_by_hand(state_home: Path) -> None:
    path = paths.connections_file()
    path.parent.mkdir(mode=0o755)
    path.write_text("by-hand: {host: db}\n")
    path.chmod(0o644)
    syncwizard("connections", "add", "paris", "--host", "db")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert [each["name"] for each in report("connections", "list")] == ["by-hand", "paris"]


def test_a_password_is_refused_and_not_repeated(state_home: Path) -> None:
    done = syncwizard("connections", "add", "paris", "--host", "db", "--password", "swordfish", expect=2)
    assert "where the password is kept" in done.stderr
    assert "swordfish" not in done.stdout + done.stderr
    assert not paths.connections_file().exists()


def test_a_name_that_is_taken_is_kept_unless_it_is_to_be_replaced(state_home: Path) -> None:
    syncwizard("connections", "add", "paris", "--host", "db1")
    assert "--replace" in syncwizard("connections", "add", "paris", "--host", "db2", expect=2).stderr
    syncwizard("connections", "add", "paris", "--host", "db2", "--replace")
    assert [each["host"] for each in report("connections", "list")] == ["db2"]


def test_fields_beside_the_name_come_before_the_saved_ones(task_file: Path) -> None:
    syncwizard("connections", "add", "paris", "--host", "db1", "--port", "6543", "--user", "sync", "--database", "old")
    source = source_of(task_file, "{connection: paris, database: kb, user: other}")
    assert isinstance(source, dict)
    assert source["connection"] is None
    taken = {key: source[key] for key in ("host", "port", "database", "user", "password")}
    assert taken == {"host": "db1", "port": 6543, "database": "kb", "user": "other", "password": "pgpass"}


def test_files_of_a_saved_connection_are_found_from_any_folder(
    task_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    syncwizard("connections", "add", "paris", "--host", "db", "--encryption", "verify-full", "--ca", "ca.pem")
    monkeypatch.chdir(tmp_path)
    source = source_of(task_file, "{connection: paris, database: kb}")
    assert isinstance(source, dict)
    assert source["encryption"]["ca"] == str(elsewhere / "ca.pem")


def test_a_name_that_was_not_saved_is_reported_with_line_and_nearest_name(task_file: Path) -> None:
    syncwizard("connections", "add", "paris", "--host", "db")
    task_file.write_text(TASK.format(source="{connection: pari, database: kb}"))
    done = syncwizard("check", task_file, expect=2)
    assert f"{task_file}:3: source.connection: no saved connection is called `pari`" in done.stderr
    assert "did you mean `paris`?" in done.stderr


def test_one_that_is_damaged_stands_in_the_way_of_its_users_only(task_file: Path) -> None:
    syncwizard("connections", "add", "paris", "--host", "db")
    path = paths.connections_file()
    path.write_text(path.read_text() + "rome: {hots: db}\nold rome: {hots: db}\n")
    source_of(task_file, "{connection: paris, database: kb}")
    task_file.write_text(TASK.format(source="{connection: rome, database: kb}"))
    done = syncwizard("check", task_file, expect=2)
    assert "hots" in done.stderr
    assert "connections remove rome" in done.stderr
    syncwizard("connections", "remove", "rome")
    assert "connections remove 'old rome'" in syncwizard("connections", "list", expect=2).stderr
    syncwizard("connections", "remove", "old rome")
    assert len(report("connections", "list")) == 1


def test_a_task_keeps_the_connection_it_was_started_with(pair: DatabasePair, task_file: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    for name, cluster in (("here", pair.source_cluster), ("there", pair.destination_cluster)):
        syncwizard("connections", "add", name, "--host", cluster.sockets, "--user", "postgres")
    ends = {"source": "here", "destination": "there"}
    text = "".join(f"{end}: {{connection: {name}, database: {pair.database}}}\n" for end, name in ends.items())
    task_file.write_text(f"version: 1\nname: kb\n{text}objects: [{{schema: public}}]\n")
    syncwizard("start", task_file, "--until", "full")
    try:
        assert "connection: here" in task_file.read_text()
        syncwizard("connections", "remove", "here")
        syncwizard("pause", "kb")
        syncwizard("resume", "kb", "--until", "caught-up")
        assert json.loads(syncwizard("status", "kb", "--json").stdout)["state"] == "synchronizing"
    finally:
        syncwizard("pause", "kb", expect=None)
        syncwizard("release", "kb", "--yes")


def test_a_keyring_that_is_not_there_is_reported_before_it_is_needed(
    task_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.fail.Keyring")
    assert "no keyring" in syncwizard("connections", "add", "paris", "--host", "db", "--password", "keyring").stderr
    task_file.write_text(TASK.format(source="{connection: paris, database: kb}"))
    assert "no keyring" in syncwizard("check", task_file).stderr
    done = syncwizard("precheck", task_file, expect=2)
    assert "no keyring" in done.stderr
    assert "env:NAME" in done.stderr
