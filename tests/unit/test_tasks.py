"""Tasks are found by name, label, id prefix or file, and never by guess."""

import uuid
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from syncwizard import paths
from syncwizard.client import lifecycle, probes, tasks
from syncwizard.engine.journal import FILE_NAME, Journal
from syncwizard.errors import TaskFailed, TaskFileError, UsageError
from syncwizard.task import file
from syncwizard.task.events import ResyncRequested, StageFinished, TaskReleased
from syncwizard.task.handover import Handover
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import Encryption, Endpoint, SchemaObjects, TableObject, TaskSpec
from tests.support.commands import report, syncwizard

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


def test_an_unknown_task_is_reported_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="no task is called `111`") as caught:
        tasks.find_task("111")
    assert "kb" in str(caught.value.remedy)


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


@pytest.mark.parametrize("text", [str(TWO), "orders-22222222"])
@pytest.mark.parametrize("slip", ["exclude: [a]\nexclude: [b]\n", "objects: [\n", "nmae: x\n", "version: 99\n"])
def test_a_task_whose_stored_file_has_a_slip_is_known_and_the_slip_is_reported(text: str, slip: str) -> None:
    path = paths.task_folder(TWO) / paths.TASK_FILE
    path.write_text(path.read_text() + slip)
    with pytest.raises(TaskFileError, match="cannot be read") as caught:
        tasks.find_task(text)
    assert caught.value.where.startswith(f"{path}:")
    assert "the task and its slot still exist" in str(caught.value.remedy)


def test_a_name_that_a_damaged_task_has_too_is_not_taken_for_the_other_one() -> None:
    path = paths.task_folder(TWO) / paths.TASK_FILE
    path.write_text(path.read_text() + "objects: [\n")
    assert [task.label for task in tasks.list_tasks()] == ["kb", "orders-22223333"]
    with pytest.raises(UsageError, match="several tasks are called `orders`") as caught:
        tasks.find_task("orders")
    assert f"{TWO}, whose file cannot be read" in caught.value.detail
    assert tasks.find_task("orders-22223333").id == THREE


def test_where_only_a_damaged_task_is_there_none_is_to_be_started(state_home: Path) -> None:
    for task in tasks.list_tasks():
        (task.folder / paths.TASK_FILE).write_text(f"name: {task.spec.name}\nobjects: [\n")
    with pytest.raises(UsageError, match="no task is called `zzz`") as caught:
        tasks.find_task("zzz")
    assert "kb (its file cannot be read)" in str(caught.value.remedy)
    with pytest.raises(UsageError) as caught:
        tasks.find_task("ordres")
    assert str(caught.value.remedy) == "did you mean `orders`?"


def test_an_accepted_warning_is_kept_once_and_with_its_time() -> None:
    spec = tasks.with_ignored(tasks.with_ignored(specification(ONE, "kb"), ["slot"]), ["slot", "encoding"])
    assert [getattr(entry, "item", entry) for entry in spec.precheck.ignore] == ["slot", "encoding"]
    assert all(not isinstance(entry, str) and entry.accepted_at.startswith("20") for entry in spec.precheck.ignore)


def test_a_long_runtime_directory_still_has_room_for_sockets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for length in (1, 60, 200):
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * length)))
        assert all(len(bytes(place)) <= paths.SOCKET_PATH_BYTES for place in paths.socket_places(ONE))


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


def damage(task_id: uuid.UUID) -> None:
    (paths.task_folder(task_id) / FILE_NAME).write_bytes(b"nonsense" * 1000)


def test_a_damaged_journal_hides_no_other_task_and_is_reported_where_its_task_is_asked_for() -> None:
    damage(TWO)
    listed = syncwizard("status")
    assert [line.split()[:2] for line in listed.stdout.splitlines()[1:]] == [
        ["kb", "not-started"],
        ["orders-22222222", "unknown"],
        ["orders-22223333", "not-started"],
    ]
    assert "orders-22222222: " in listed.stderr and "the task's journal cannot be used" in listed.stderr
    assert [bool(task["trouble"]) for task in report("status")] == [False, True, False]
    assert "the task's journal cannot be used" in syncwizard("status", str(TWO), expect=1).stderr


def test_a_file_means_the_task_as_a_start_of_it_would(tmp_path: Path) -> None:
    path = tmp_path / "kb.yaml"
    file.save(specification(ONE, "kb"), path)
    tasks.store(tasks.with_ignored(specification(ONE, "kb"), ["replica-identity"]))
    assert lifecycle.specification_of(str(path))[0].precheck.accepts("replica-identity")
    release(ONE)
    assert not lifecycle.specification_of(str(path))[0].precheck.accepts("replica-identity")


def test_files_that_were_named_from_this_folder_are_found_from_that_of_the_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    encryption = Encryption(mode="verify-ca", ca="ca.pem", certificate="~/c.pem", key="/etc/k.pem")
    source = Endpoint(host="db", database="a", encryption=encryption)
    spec = msgspec.structs.replace(specification(uuid.uuid4(), "new"), id=None, source=source)
    stored = lifecycle.prepare_specification(spec, Handover()).task.spec.source.encryption
    assert (stored.ca, stored.certificate, stored.key) == (
        str(tmp_path / "ca.pem"),
        str(Path.home() / "c.pem"),
        "/etc/k.pem",
    )


def test_what_could_not_be_read_back_is_not_stored(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TaskFileError, match="cannot be read back"):
        tasks.store(msgspec.structs.replace(specification(uuid.uuid4(), "none"), objects=[]))
    monkeypatch.setattr(file, "FILE_BYTES", 1000)
    many = [SchemaObjects(schema="public", tables=[TableObject(table=f"t{number}") for number in range(100)])]
    before = (paths.task_folder(ONE) / paths.TASK_FILE).read_text()
    with pytest.raises(TaskFileError, match="at most") as caught:
        tasks.store(msgspec.structs.replace(specification(ONE, "kb"), objects=many))
    assert "whole schemas" in str(caught.value.remedy)
    assert (paths.task_folder(ONE) / paths.TASK_FILE).read_text() == before


def test_the_command_that_starts_a_file_can_be_pasted(tmp_path: Path) -> None:
    path = tmp_path / "my kb.yaml"
    file.save(specification(uuid.uuid4(), "other"), path)
    with pytest.raises(UsageError) as caught:
        tasks.find_task(str(path))
    assert str(caught.value.remedy) == f"start it: syncwizard start '{path}'"


@pytest.mark.parametrize("quiet", [True, False])
@pytest.mark.parametrize("act", ["describe", "copy", "release", "sequences"])
def test_a_probe_that_ends_by_a_defect_says_so_on_stderr_unless_it_is_to_be_quiet(
    act: str, quiet: bool, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(probes, "PROBE_MODULE", "syncwizard.engine.no_such_module")
    task = tasks.find_task("kb")
    journal = Journal(task.folder / FILE_NAME, ONE)
    for stage in ("precheck", "constraints"):
        journal.append(StageFinished(stage=stage))
    journal.close()
    order = ResyncRequested(id=uuid.uuid4(), tables=[], whole=False)
    acts: dict[str, Callable[[], object]] = {
        "describe": lambda: lifecycle.describe_resync(task, ResyncWish(), Handover(), quiet=quiet),
        "copy": lambda: lifecycle.resync(task, order, Handover(), quiet=quiet),
        "release": lambda: lifecycle.release(task, lambda event: None, Handover(), quiet=quiet),
        "sequences": lambda: lifecycle.set_sequences(task, 0, Handover(), quiet=quiet),
    }
    with pytest.raises(TaskFailed, match="ended with code"):
        acts[act]()
    assert ("no_such_module" in capfd.readouterr().err) != quiet


def test_a_stored_file_that_was_replaced_or_damaged_is_read_again() -> None:
    path = paths.task_folder(ONE) / paths.TASK_FILE
    assert tasks.find_task("kb").id == ONE
    file.save(specification(ONE, "other"), path)
    assert tasks.find_task("other").id == ONE
    path.write_text("version: 1\nname: [\n")
    assert [task.id for task in tasks.list_tasks()] == [TWO, THREE]
    assert len(tasks.unreadable()) == 1
