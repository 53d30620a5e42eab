"""Alerts of a real engine at real receivers: each once, and the engine goes on whatever they do."""

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.client import launch, lifecycle, tasks
from syncwizard.client.credentials import other_forms
from syncwizard.client.tasks import StoredTask
from syncwizard.client.waiting import wait_for_end
from syncwizard.engine.alerting import book
from syncwizard.errors import TaskFileError
from syncwizard.task import file
from syncwizard.task.alerting import Alerts
from tests.support import searching
from tests.support.certificates import Authority
from tests.support.commands import report, syncwizard
from tests.support.network import free_port
from tests.support.receivers import ACCOUNT, PASSWORD, Hook, mailbox, program, syslog
from tests.support.small_engine import prescribe
from tests.support.small_task import MODULE, kill, small_task, started
from tests.support.waiting import until

PATH = "/services/T0815/B4711/halibut-2323"
CORE = "halibut-2323"


@pytest.fixture
def task(state_home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[StoredTask]:
    yield from small_task(monkeypatch, request.config.rootpath)


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    with Hook() as found:
        monkeypatch.setenv("TEST_HOOK", found.url(PATH))
        yield found


def alerting(task: StoredTask, **settings: Any) -> StoredTask:
    """The task with these alerts, each at once, and by webhook where nothing else is given."""
    if not settings.keys() & {"email", "webhook", "command", "syslog"}:
        settings["webhook"] = {"url": "env:TEST_HOOK"}
    alerts = msgspec.convert({"hold_off_seconds": 0, **settings}, Alerts)
    advanced = msgspec.structs.replace(task.spec.advanced, alerts=alerts)
    return tasks.store(msgspec.structs.replace(task.spec, advanced=advanced))


def run(task: StoredTask) -> int:
    """Starts the engine with the secrets of the environment; its process id."""
    launch.start_engine(task.spec, launch.collect_secrets(task.spec), MODULE)
    holder = task.find_engine()
    assert holder is not None
    return holder.pid


@pytest.mark.slow
def test_every_receiver_gets_an_alert_once_when_it_begins_and_once_when_it_ends(
    task: StoredTask, hook: Hook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_SMTP_PASSWORD", PASSWORD)
    authority = Authority(tmp_path)
    output, log = tmp_path / "alerts.jsonl", tmp_path / "log"
    with mailbox(authority.issue("mail", address="127.0.0.1")) as mails, syslog(log) as lines:
        email = {
            "to": "dba@example.com, night@example.com",
            "sender": "sync@example.com",
            "server": mails.address,
            "ca": str(authority.certificate),
            "user": ACCOUNT,
            "password": "env:TEST_SMTP_PASSWORD",
        }
        task = alerting(
            task,
            email=email,
            webhook={"url": "env:TEST_HOOK"},
            command=str(program(tmp_path / "page", output)),
            syslog=str(log),
        )
        prescribe(task.folder, incremental="lose")
        pid = run(task)
        until(lambda: hook.phases(), what="the alert at the webhook")
        environment = Path(f"/proc/{pid}/environ").read_bytes() + Path(f"/proc/{pid}/cmdline").read_bytes()
        assert CORE.encode() not in environment and PASSWORD.encode() not in environment
        prescribe(task.folder, incremental="beats")
        until(lambda: len(hook.posts) > 1, what="its end at the webhook")
        lifecycle.pause(task)
        expected = [("retrying", "begins"), ("retrying", "ends")]
        assert hook.phases() == expected
        assert "the source is gone" in hook.posts[0]["message"] and hook.posts[0]["task"] == "kb"
        assert [mail["Subject"] for mail in mails.mails] == [
            "syncwizard kb: retrying begins",
            "syncwizard kb: retrying ends",
        ]
        assert mails.recipients == ["dba@example.com", "night@example.com"]
        written = [json.loads(line) for line in output.read_text().splitlines()]
        assert [(each["rule"], each["phase"]) for each in written] == expected
        first, second = lines.recv(4096).decode(), lines.recv(4096).decode()
        assert first.startswith("<28>syncwizard[") and "retrying begins" in first
        assert second.startswith("<29>syncwizard[") and "retrying ends" in second
    assert searching.in_files([task.folder], [CORE, PASSWORD]) == []


@pytest.mark.slow
def test_a_failure_is_sent_before_the_engine_ends_and_its_end_by_the_next(task: StoredTask, hook: Hook) -> None:
    task = alerting(task)
    prescribe(task.folder, full="fail")
    run(task)
    wait_for_end(task)
    assert hook.phases() == [("failed", "begins")]
    assert "it cannot go on" in hook.posts[0]["message"] and hook.posts[0]["state"] == "failed"
    prescribe(task.folder, full="pass", incremental="beats")
    run(task)
    until(lambda: len(hook.posts) == 2, what="the end of the alert")
    assert hook.phases()[1] == ("failed", "ends")


@pytest.mark.slow
def test_a_latency_above_its_limit_is_an_alert_and_repeated_by_the_next_engine_only_when_due(
    task: StoredTask, hook: Hook
) -> None:
    task = alerting(task, latency_seconds=2, latency_for_seconds=0)
    prescribe(task.folder, incremental="late")
    pid = run(task)
    until(lambda: hook.phases(), what="the alert")
    assert hook.posts[0]["message"] == "the latency is 5.0 s, the limit 2 s"
    # What the disk does not know to be delivered is delivered again.
    until(lambda: not book.read_book(task.folder).undelivered, what="it is known to be delivered")
    kill(task, pid)
    run(task)
    until(lambda: ("engine", "ends") in hook.phases(), what="the alert of the engine")
    assert hook.phases() == [("latency", "begins"), ("engine", "begins"), ("engine", "ends")]


@pytest.mark.slow
def test_what_cannot_be_delivered_is_an_event_and_comes_later(
    task: StoredTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = free_port()
    monkeypatch.setenv("TEST_HOOK", f"http://127.0.0.1:{port}{PATH}")
    task = alerting(task)
    prescribe(task.folder, incremental="lose")
    run(task)
    trouble = (
        "alerts cannot be delivered by webhook, and are tried again: the webhook cannot be reached: Connection refused"
    )
    until(lambda: trouble in [each.message for each in task.read_state().notices], what="the event")
    with Hook(port) as hook:
        until(lambda: hook.phases(), timeout=60, what="the alert")
        assert hook.phases() == [("retrying", "begins")]
        until(
            lambda: "alerts are delivered by webhook again" in [each.message for each in task.read_state().notices],
            what="the event of the delivery",
        )


@pytest.mark.slow
def test_a_receiver_that_does_not_answer_holds_nothing_up(task: StoredTask, tmp_path: Path, hook: Hook) -> None:
    """The command never ends; the webhook has its alert, and the pause is not later than a pause may be."""
    hanging = tmp_path / "hang"
    hanging.write_text("#!/bin/sh\nexec sleep 600\n")
    hanging.chmod(0o700)
    task = alerting(task, command=str(hanging), webhook={"url": "env:TEST_HOOK"})
    prescribe(task.folder, incremental="lose")
    run(task)
    until(lambda: hook.phases(), what="the alert")
    assert report("status", "kb")["state"] == "retrying"
    lifecycle.pause(task)
    left = book.read_book(task.folder).undelivered
    assert [each.phase for each in left["command"]][:1] == ["begins"] and "webhook" not in left


@pytest.mark.slow
def test_an_engine_that_dies_is_an_alert_of_the_check_once(task: StoredTask, hook: Hook) -> None:
    task = alerting(task)
    prescribe(task.folder, incremental="beats")
    kill(task, started(task))
    checked = report("alerts", "check")
    assert [list(each["wrong"]) for each in checked["tasks"]] == [["engine"]]
    syncwizard("alerts", "check")
    assert hook.phases() == [("engine", "begins")]
    assert "the engine ended without being asked to" in hook.posts[0]["message"]
    run(task)
    until(lambda: len(hook.posts) == 2, what="the end of the alert")
    assert hook.phases()[1] == ("engine", "ends")
    assert report("alerts", "check")["tasks"] == []


@pytest.mark.slow
def test_the_next_client_that_meets_a_dead_engine_has_the_alert_sent(task: StoredTask, hook: Hook) -> None:
    task = alerting(task)
    kill(task, started(task))
    syncwizard("status")
    until(lambda: hook.phases() == [("engine", "begins")], what="the alert")
    until(lambda: "engine" in book.read_book(task.folder).alarms, what="it is remembered")
    syncwizard("status", "kb")
    assert hook.phases() == [("engine", "begins")]


@pytest.mark.slow
def test_a_silenced_task_sends_what_is_still_wrong_at_the_end_of_it(task: StoredTask, hook: Hook) -> None:
    task = alerting(task)
    kill(task, started(task))
    assert "no alerts until" in syncwizard("alerts", "silence", "kb", "--for", "2h").stdout
    syncwizard("alerts", "check")
    assert hook.posts == []
    shown = report("alerts", "show", "kb")
    assert list(shown["alarms"]) == ["engine"] and shown["silenced_until"] > time.time() + 7000
    syncwizard("alerts", "silence", "kb", "--off")
    syncwizard("alerts", "check")
    assert hook.phases() == [("engine", "begins")]


@pytest.mark.parametrize(
    ("shape", "status", "answer", "expected"),
    [
        ("generic", 200, "", "webhook: delivered"),
        ("slack", 200, "ok", "webhook: delivered"),
        ("teams", 200, "", "webhook: delivered"),
        ("dingtalk", 200, '{"errcode": 0, "errmsg": "ok"}', "webhook: delivered"),
        ("feishu", 200, '{"code": 0, "msg": "success"}', "webhook: delivered"),
        ("feishu", 200, '{"StatusCode": 0}', "webhook: delivered"),
        ("slack", 404, f"no_service {PATH}", "webhook: the webhook answers 404 Not Found no_service …"),
        ("slack", 302, "", "webhook: the webhook answers 302 Found"),
        (
            "dingtalk",
            200,
            '{"errcode": 310000, "errmsg": "keywords not in content"}',
            "webhook: the webhook refuses it: 310000 keywords not in content",
        ),
        ("feishu", 200, "<html>", "webhook: the webhook refuses it: the answer is no JSON"),
    ],
)
def test_a_test_is_delivered_or_says_why_not(
    task: StoredTask, hook: Hook, shape: str, status: int, answer: str, expected: str
) -> None:
    alerting(task, webhook={"url": "env:TEST_HOOK", "shape": shape})
    hook.status, hook.answer = status, answer
    done = syncwizard("alerts", "test", "kb", expect=0 if expected.endswith("delivered") else 4)
    assert done.stdout.strip() == expected
    assert CORE not in done.stdout + done.stderr
    if status == 200:
        assert "test begins" in json.dumps(hook.posts)


def test_a_mail_server_with_tls_a_wrong_password_and_an_unknown_authority(
    task: StoredTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    with mailbox(authority.issue("mail", address="127.0.0.1"), implicit=True) as mails:
        email = {"to": "dba@example.com", "server": mails.address, "security": "tls", "user": ACCOUNT}
        email |= {"password": "env:TEST_SMTP_PASSWORD", "ca": str(authority.certificate)}
        alerting(task, email=email)
        monkeypatch.setenv("TEST_SMTP_PASSWORD", "wrong-word-0815")
        refused = syncwizard("alerts", "test", "kb", expect=4)
        assert "e-mail: the mail server answers 535" in refused.stdout and "wrong-word-0815" not in refused.stdout
        monkeypatch.setenv("TEST_SMTP_PASSWORD", PASSWORD)
        assert syncwizard("alerts", "test", "kb").stdout == "e-mail: delivered\n"
        assert "alerts of this task arrive here" in mails.mails[0].get_content()
        alerting(task, email={**email, "ca": None})
        assert "certificate" in syncwizard("alerts", "test", "kb", expect=4).stdout
        assert len(mails.mails) == 1


def test_a_program_that_fails_and_a_socket_that_is_not_there_are_named(task: StoredTask, tmp_path: Path) -> None:
    failing = tmp_path / "fail"
    failing.write_text("#!/bin/sh\necho 'no network' >&2\nexit 3\n")
    failing.chmod(0o700)
    alerting(task, command=f"{failing} --team dba", syslog=str(tmp_path / "nothing"))
    assert syncwizard("alerts", "test", "kb", expect=4).stdout.splitlines() == [
        f"command: {failing} ended with 3: no network",
        f"syslog: syslog at {tmp_path / 'nothing'}: No such file or directory",
    ]


def test_a_task_without_a_receiver_has_nothing_to_test(task: StoredTask) -> None:
    assert "sends its alerts nowhere" in syncwizard("alerts", "test", "kb", expect=2).stderr


def test_a_secret_that_is_not_there_keeps_no_other_task_from_its_check(
    task: StoredTask, hook: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = alerting(task)
    assert other_forms(stored.spec) == ["env:TEST_HOOK"]
    prescribe(stored.folder, full="fail")
    kept = os.environ["TEST_HOOK"]
    launch.start_engine(stored.spec, launch.collect_secrets(stored.spec), MODULE)
    wait_for_end(stored)
    monkeypatch.delenv("TEST_HOOK")
    # What is due next can be sent by none.
    remembered = book.read_book(stored.folder)
    alarm = msgspec.structs.replace(remembered.alarms["failed"], sent_at=0.0)
    book.write_book(stored.folder, msgspec.structs.replace(remembered, alarms={"failed": alarm}))
    assert "TEST_HOOK is not set" in syncwizard("alerts", "check", expect=4).stderr
    monkeypatch.setenv("TEST_HOOK", kept)
    syncwizard("alerts", "check")
    assert hook.phases() == [("failed", "begins"), ("failed", "goes on")]


@pytest.mark.parametrize(
    ("alerts", "message"),
    [
        ("{webhook: {url: 'https://hooks.example.com/halibut-2323'}}", "says where the secret is kept"),
        ("{email: {to: nobody}}", "must be addresses such as dba@example.com"),
        ("{email: {server: smtp.example.com}}", "must be a host and port"),
        ("{email: {to: a@example.com, user: me, security: none}}", "sends no password in the clear"),
        ("{command: page}", "must begin with an absolute path"),
        ("{syslog: local}", "must be a socket such as /dev/log"),
        ("{latency_seconds: -1}", "must be from 0 to 86400 seconds"),
        ("{webhok: {}}", "did you mean `webhook`?"),
    ],
)
def test_what_cannot_be_sent_is_refused_by_its_path(tmp_path: Path, alerts: str, message: str) -> None:
    path = tmp_path / "kb.yaml"
    path.write_text(
        "version: 1\nname: kb\nsource: {database: a}\ndestination: {database: b}\nobjects: [{schema: public}]\n"
        f"advanced: {{alerts: {alerts}}}\n"
    )
    with pytest.raises(TaskFileError) as refused:
        file.load(path)
    text = f"{refused.value} {refused.value.where} {refused.value.detail} {refused.value.remedy}"
    assert message in text and "advanced.alerts" in text and CORE not in text
