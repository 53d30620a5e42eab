"""An engine exposes its figures: in a file that others may read, and at an address of this machine."""

import stat
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from syncwizard.client import lifecycle, tasks
from syncwizard.client.tasks import StoredTask
from syncwizard.errors import TaskFileError
from syncwizard.task import file
from syncwizard.task.monitoring import Metrics
from tests.support.network import free_port
from tests.support.small_engine import prescribe
from tests.support.small_task import small_task, started
from tests.support.waiting import until


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StoredTask]:
    """A task whose engine has a heartbeat and some rows to tell of."""
    for found in small_task(monkeypatch, request.config.rootpath):
        prescribe(found.folder, incremental="beats")
        yield found


def exposing(task: StoredTask, **settings: object) -> StoredTask:
    metrics = msgspec.convert(settings, Metrics)
    advanced = msgspec.structs.replace(task.spec.advanced, metrics=metrics)
    return tasks.store(msgspec.structs.replace(task.spec, advanced=advanced))


def in_file(path: Path) -> dict[str, float]:
    """The values of the file; nothing before there is one."""
    if not path.exists():
        return {}
    return {sample.name: sample.value for family in parse_text(path.read_text()) for sample in family.samples}


def fetched(address: str, accept: str) -> tuple[str, str]:
    """Type and text of an answer."""
    request = urllib.request.Request(f"http://{address}/metrics", headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=30) as answer:
        return answer.headers["Content-Type"], answer.read().decode()


@pytest.mark.slow
def test_the_file_follows_the_task_to_its_pause(task: StoredTask, tmp_path: Path) -> None:
    folder = tmp_path / "collector"
    folder.mkdir()
    path = folder / "kb.prom"
    started(exposing(task, file=str(path)))
    until(lambda: in_file(path).get("syncwizard_latency_seconds"), what="a latency")
    found = in_file(path)
    assert found["syncwizard_latency_seconds"] == 0.25
    assert found["syncwizard_engine_running"] == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    more = found["syncwizard_transactions_total"]
    until(lambda: in_file(path)["syncwizard_transactions_total"] > more, what="the file is renewed")
    lifecycle.pause(task)
    assert in_file(path)["syncwizard_engine_running"] == 0
    assert 'state="paused"} 1' in path.read_text()
    assert [each.name for each in folder.iterdir()] == ["kb.prom"]


@pytest.mark.slow
def test_the_address_answers_in_the_form_that_is_accepted(task: StoredTask) -> None:
    address = f"127.0.0.1:{free_port()}"
    started(exposing(task, listen=address))
    kind, text = fetched(address, "application/openmetrics-text; version=1.0.0,text/plain;q=0.5")
    assert kind.startswith("application/openmetrics-text")
    families = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    assert "syncwizard_state" in {family.name for family in families}
    kind, text = fetched(address, "text/plain")
    assert kind.startswith("text/plain")
    assert "syncwizard_state" in {family.name for family in parse_text(text)}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(f"http://{address}/", timeout=30)
    lifecycle.pause(task)
    with pytest.raises(urllib.error.URLError, match="refused"):
        fetched(address, "text/plain")


@pytest.mark.slow
def test_a_file_that_cannot_be_written_is_a_warning_and_the_task_goes_on(task: StoredTask, tmp_path: Path) -> None:
    path = tmp_path / "missing" / "kb.prom"
    started(exposing(task, file=str(path)))
    warned = until(lambda: task.read_state().notices, what="a warning")
    assert [notice.message for notice in warned] == [
        f"the metrics cannot be written to {path}: No such file or directory"
    ]
    assert task.read_state().state == "synchronizing"


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ("{file: kb.txt}", "must end with .prom"),
        ("{listen: '9187'}", "must be an address and port such as 127.0.0.1:9187"),
        ("{listen: '0.0.0.0:9187'}", "other machines can reach this address"),
        ("{lisen: '127.0.0.1:9187'}", "did you mean `listen`?"),
    ],
)
def test_what_cannot_be_exposed_is_refused_by_its_path(tmp_path: Path, metrics: str, message: str) -> None:
    path = tmp_path / "kb.yaml"
    path.write_text(
        "version: 1\nname: kb\nsource: {database: a}\ndestination: {database: b}\nobjects: [{schema: public}]\n"
        f"advanced: {{metrics: {metrics}}}\n"
    )
    with pytest.raises(TaskFileError) as refused:
        file.load(path)
    text = f"{refused.value} {refused.value.where} {refused.value.detail} {refused.value.remedy}"
    assert message in text and "advanced.metrics" in text


def test_the_file_is_found_beside_the_task_file(tmp_path: Path) -> None:
    path = tmp_path / "kb.yaml"
    path.write_text(
        "version: 1\nname: kb\nsource: {database: a}\ndestination: {database: b}\nobjects: [{schema: public}]\n"
        "advanced: {metrics: {file: kb.prom}}\n"
    )
    assert file.load(path).advanced.metrics.file == str(tmp_path / "kb.prom")
