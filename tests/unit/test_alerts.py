"""Which alerts are due, and the shapes that receivers get them in."""

import json
import uuid

import pytest

from syncwizard.engine.alerting.alert import Alert, as_data, in_shape, title
from syncwizard.engine.alerting.rules import RuleName, conditions, decide
from syncwizard.task.alerting import Alerts
from syncwizard.task.events import Failure, SlotMeasured, TableSetAside
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.task.state import Retrying, StageState, TaskState, Verification
from syncwizard.task.verification import TableVerification, VerificationOrder

NOW = 1_000_000.0
DEFAULTS = Alerts()
TABLE = TableName("public", "notes")
FAILURE = Failure(title="lost", where="source", detail="connection refused")
ALERT = Alert(
    rule="latency",
    phase="begins",
    message='late & "odd" <b>\n\x1b[31m',
    since=NOW - 90,
    at=NOW,
    task="kb\nBcc: x@example.com",
    id="0d0e",
    state="synchronizing",
    host="db1",
)


def slot(retained: int, safe: int | None) -> SlotMeasured:
    return SlotMeasured(retained_bytes=retained, wal_status="extended", safe_bytes=safe, source_lsn="0/0")


def found(state: TaskState, rules: Alerts = DEFAULTS, held: SlotMeasured | None = None) -> dict[RuleName, str]:
    return conditions(state, Sample(), held, rules, NOW)


def test_states_are_worth_an_alert() -> None:
    assert found(TaskState(state="failed", failure=FAILURE)) == {
        "failed": "the task failed: source: lost (connection refused)"
    }
    trouble = Retrying(since=NOW, until=NOW + 60, failure=FAILURE)
    assert list(found(TaskState(state="retrying", retrying=trouble))) == ["retrying"]
    assert found(TaskState(state="synchronizing")) == {}


def test_a_full_stage_that_lasts_too_long_is_one() -> None:
    state = TaskState(stages={"full": StageState(status="running", started_at=NOW - 3 * 3600 - 1)})
    assert found(state, Alerts(full_hours=3)) == {"full-stage": "the full stage has run for 3 h, the limit is 3 h"}
    assert found(state, Alerts(full_hours=4)) == {}
    assert found(state, Alerts(full_hours=0)) == {}


def test_a_slot_in_danger_and_wal_above_the_limit_are_two() -> None:
    running = TaskState(state="synchronizing")
    assert list(found(running, held=slot(80, 20))) == ["slot"]
    assert found(running, held=slot(70, 30)) == {}
    assert found(running, Alerts(wal_held_megabytes=5), slot(5_000_001, None)) == {
        "wal-held": "the slot holds 5.0 MB of WAL, the limit is 5.0 MB"
    }
    assert found(TaskState(state="released"), Alerts(wal_held_megabytes=5), slot(5_000_001, None)) == {}


def test_differences_and_tables_set_aside_are_named() -> None:
    order = VerificationOrder(id=uuid.UUID(int=1))
    differs = TableVerification(table=TABLE, verdict="different", changed=2)
    state = TaskState(
        verification=Verification(order=order, total=1, started_at=1.0, tables={"public.notes": differs}),
        aside=(TableSetAside(table=TABLE, reason="its key is broken"),),
    )
    assert found(state) == {
        "tables-aside": "1 table is set aside: its changes are not applied: public.notes",
        "differences": "the verification found differences in 1 table",
    }


def test_nothing_is_sent_while_silenced_and_what_is_due_comes_after_it() -> None:
    rules = Alerts(hold_off_seconds=0)
    alarms, sent = decide({}, {"failed": "x"}, rules, NOW, silenced=True)
    assert sent == []
    alarms, sent = decide(alarms, {"failed": "x"}, rules, NOW + 10)
    assert [(each.phase, each.since) for each in sent] == [("begins", NOW)]
    alarms, sent = decide(alarms, {}, rules, NOW + 20, silenced=True)
    assert sent == [] and "failed" in alarms
    assert [each.phase for each in decide(alarms, {}, rules, NOW + 30)[1]] == ["ends"]


def test_what_comes_and_goes_within_the_hold_off_is_one_alert() -> None:
    rules = Alerts(hold_off_seconds=30, repeat_minutes=0)
    alarms, _ = decide({}, {"retrying": "lost"}, rules, 0)
    phases = []
    for at in range(1, 200):
        wrong: dict[RuleName, str] = {"retrying": "lost"} if at < 150 and at % 20 else {}
        alarms, sent = decide(alarms, wrong, rules, at)
        phases += [each.phase for each in sent]
        if at == 19:
            assert phases == []
    assert phases == []
    alarms, _ = decide({}, {"retrying": "lost"}, rules, 0)
    for at in range(1, 200):
        wrong = {"retrying": "lost"} if at < 150 and (at < 40 or at % 20) else {}
        alarms, sent = decide(alarms, wrong, rules, at)
        phases += [each.phase for each in sent]
    assert phases == ["begins", "ends"]


def test_a_slot_that_a_checkpoint_relieves_for_a_moment_is_still_in_danger() -> None:
    alarms, _ = decide({}, {"slot": "near"}, Alerts(), 0)
    alarms, sent = decide(alarms, {}, Alerts(), 100)
    assert sent == []
    alarms, sent = decide(alarms, {"slot": "near"}, Alerts(), 200)
    assert sent == []


def test_a_subject_is_one_line_whatever_the_name_of_the_task() -> None:
    assert "\n" not in title(ALERT)
    assert title(ALERT).endswith(": latency begins")


def test_every_field_is_in_the_generic_shape() -> None:
    data = in_shape(ALERT, "generic")
    assert data == as_data(ALERT)
    assert data["rule"] == "latency" and data["phase"] == "begins" and data["id"] == "0d0e"
    assert data["since"] == "1970-01-12T13:45:10+00:00"


@pytest.mark.parametrize("shape", ["slack", "teams", "dingtalk", "feishu"])
def test_every_shape_has_the_title_and_the_message_without_control_characters(shape: str) -> None:
    data = in_shape(ALERT, shape)  # type: ignore[arg-type]
    text = json.dumps(data, ensure_ascii=False)
    assert "latency begins" in text and "late &" in text and "\x1b" not in text


def test_the_shapes_are_those_that_the_receivers_document() -> None:
    assert in_shape(ALERT, "slack")["text"].startswith("*syncwizard ")
    assert "late &amp; " in in_shape(ALERT, "slack")["text"] and "&lt;b&gt;" in in_shape(ALERT, "slack")["text"]
    card = in_shape(ALERT, "teams")["attachments"][0]
    assert card["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert card["content"]["type"] == "AdaptiveCard"
    assert in_shape(ALERT, "dingtalk")["msgtype"] == "text" and "content" in in_shape(ALERT, "dingtalk")["text"]
    assert in_shape(ALERT, "feishu")["msg_type"] == "text" and "text" in in_shape(ALERT, "feishu")["content"]
