"""What `ddl TASK` shows: each change with both ends' statements, and what stops the task."""

import msgspec

from syncwizard.client.followed import describe_followed, followed_as_data, followed_of
from syncwizard.remedies import to_do
from syncwizard.task.events import DefinitionFollowed, EngineStopped, Entry, Failure
from syncwizard.task.figures.sample import Sample
from syncwizard.task.names import TableName
from syncwizard.task.state import TaskState

ORDERS = TableName("sales", "orders")
CHANGED = DefinitionFollowed(
    number=1,
    lsn="0/1",
    kind="renamed",
    table=ORDERS,
    renamed=TableName("sales", "old"),
    tag="ALTER TABLE",
    role="admin",
    statement="ALTER TABLE orders\nRENAME TO old",
    statements=['ALTER TABLE "sales"."orders" RENAME TO "old"'],
)
DROPPED = DefinitionFollowed(number=2, lsn="0/2", kind="dropped", table=ORDERS, tag="DROP TABLE", statement=None)
REFUSED = Failure(title="ALTER TABLE cannot be followed", detail="it is random", remedy=to_do("copy it again"))


def entries() -> list[Entry]:
    events: tuple[DefinitionFollowed | EngineStopped, ...] = (CHANGED, EngineStopped(reason="paused"), DROPPED)
    return [Entry(sequence=at, at=float(at), event=event) for at, event in enumerate(events, 1)]


def test_each_change_has_what_ran_at_both_ends() -> None:
    lines = describe_followed(followed_of(entries()), TaskState(), "kb", "follow").splitlines()
    assert lines[0] == "kb: 2 changes of definitions followed"
    assert lines[1].endswith("ALTER TABLE on sales.orders → sales.old by admin, committed at 0/1")
    assert lines[2:4] == [
        "    source       ALTER TABLE orders RENAME TO old",
        '    destination  ALTER TABLE "sales"."orders" RENAME TO "old"',
    ]
    assert "a function" in lines[5] and lines[6] == "    destination  the table stays as it is"
    assert len(lines) == 7


def test_what_stops_the_task_is_there_with_its_remedy() -> None:
    state = TaskState(failure=REFUSED)
    *_, stopped, remedy = describe_followed([], state, "kb", "follow").splitlines()
    assert "it is random" in stopped and "copy it again" in remedy
    data = msgspec.to_builtins(followed_as_data(followed_of(entries()), state, Sample()))
    assert data["failure"]["title"] == REFUSED.title
    assert [each["change"]["kind"] for each in data["followed"]] == ["renamed", "dropped"]


def test_a_task_that_does_not_follow_says_so() -> None:
    assert "advanced.ddl is off" in describe_followed([], TaskState(), "kb", "off")
