"""Tasks are found by name, label, id prefix or file, and never by guess."""

import os
import uuid
from pathlib import Path

import pytest

from syncwizard import paths
from syncwizard.client import tasks
from syncwizard.engine.journal import FILE_NAME, Journal
from syncwizard.errors import UsageError
from syncwizard.task import file
from syncwizard.task.events import TaskReleased
from syncwizard.task.specification import Endpoint, SchemaObjects, TaskSpec

ONE = uuid.UUID("11111111-2222-4333-8444-555555555555")
TWO = uuid.UUID("22222222-2222-4333-8444-555555555555")
THREE = uuid.UUID("22223333-2222-4333-8444-555555555555")


def specification(task_id: uuid.UUID, name: str) -> TaskSpec:
    return TaskSpec(
        id=task_id,
        name=name,
        source=Endpoint(database="a"),
        destination=Endpoint(database="b"),
        objects=[SchemaObjects(schema="public")],
    )


@pytest.fixture(autouse=True)
def stored(state_home: Path) -> None:
    tasks.store(specification(ONE, "kb"))
    tasks.store(specification(TWO, "orders"))
    tasks.store(specification(THREE, "orders"))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("kb", ONE),
        ("1111", ONE),
        ("11111111-2222", ONE),
        (str(TWO), TWO),
        ("22222", TWO),
        ("orders-22223333", THREE),
    ],
)
def test_a_task_is_found(text: str, found: uuid.UUID) -> None:
    assert tasks.find_task(text).id == found


@pytest.mark.parametrize("text", ["orders", "2222"])
def test_ambiguity_is_refused_and_the_candidates_are_named(text: str) -> None:
    with pytest.raises(UsageError, match="several tasks") as caught:
        tasks.find_task(text)
    for candidate in ("orders-22222222", "orders-22223333", str(TWO), str(THREE)):
        assert candidate in caught.value.detail
    assert caught.value.exit_code == 2


def test_an_unknown_task_is_told_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no task is called `111`") as caught:
        tasks.find_task("111")
    assert "kb" in caught.value.remedy


def test_a_task_is_found_by_its_file(tmp_path: Path) -> None:
    path = tmp_path / "some.yaml"
    file.save(specification(TWO, "orders"), path)
    assert tasks.find_task(str(path)).id == TWO
    file.save(specification(uuid.uuid4(), "other"), path)
    with pytest.raises(UsageError, match="not started here"):
        tasks.find_task(str(path))


def test_only_a_second_task_of_a_name_gets_a_suffix() -> None:
    assert [task.label for task in tasks.list_tasks()] == ["kb", "orders-22222222", "orders-22223333"]


def test_a_damaged_task_does_not_hide_the_others() -> None:
    (paths.task_folder(TWO) / paths.TASK_FILE).write_text("version: 99\n")
    assert [task.label for task in tasks.list_tasks()] == ["kb", "orders"]
    (error,) = tasks.unreadable()
    assert str(TWO) in error.where


def test_an_accepted_warning_is_kept_once_and_with_its_time() -> None:
    spec = tasks.with_ignored(tasks.with_ignored(specification(ONE, "kb"), ["slot"]), ["slot", "encoding"])
    assert [getattr(entry, "item", entry) for entry in spec.precheck.ignore] == ["slot", "encoding"]
    assert all(not isinstance(entry, str) and entry.accepted_at.startswith("20") for entry in spec.precheck.ignore)


def test_a_long_runtime_directory_still_has_room_for_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for length in (1, 60, 200):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * length)))
        assert len(bytes(paths.control_socket(ONE))) <= paths.SOCKET_PATH_BYTES


def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "mine"
    folder.mkdir(mode=0o755)
    assert paths.ensure_private_folder(folder).stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(os, "getuid", lambda: folder.stat().st_uid + 1)
    with pytest.raises(PermissionError):
        paths.ensure_private_folder(folder)


def release(task_id: uuid.UUID) -> None:
    journal = Journal(paths.task_folder(task_id) / FILE_NAME, task_id)
    journal.append(TaskReleased())
    journal.close()


def test_a_released_task_does_not_make_its_name_ambiguous() -> None:
    release(TWO)
    assert tasks.find_task("orders").id == THREE
    assert tasks.find_task("22222222").id == TWO
    release(THREE)
    with pytest.raises(UsageError, match="several tasks"):
        tasks.find_task("orders")
    release(ONE)
    assert tasks.find_task("kb").id == ONE
