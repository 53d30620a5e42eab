"""The items of the precheck run side by side, each in a session of its own, and are reported in the declared order."""

import threading
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from syncwizard.errors import Cancelled, PrecheckNotPassed
from syncwizard.postgres.session.connection import scalar
from syncwizard.stages import precheck
from syncwizard.stages.precheck import lanes, topics
from syncwizard.stages.precheck.checkup import Checkup
from syncwizard.stages.precheck.registry import BOTH, CONNECTIVITY, Finding, Item, passed
from syncwizard.task.events import PrecheckItemFinished
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair

KEYED = "CREATE TABLE t (id int PRIMARY KEY)"


def with_items(monkeypatch: pytest.MonkeyPatch, further: Sequence[Item]) -> None:
    monkeypatch.setattr(precheck, "ITEMS", (*topics.ITEMS, *further))


def results(run: TaskRun) -> list[PrecheckItemFinished]:
    return [event for event in run.events if isinstance(event, PrecheckItemFinished)]


def test_an_item_comes_after_those_it_needs() -> None:
    known: set[str] = set()
    for entry in topics.ITEMS:
        assert known.issuperset(entry.needs), entry.name
        known.add(entry.name)
    assert len(known) == len(topics.ITEMS)
    assert known.issuperset(CONNECTIVITY.values())


def test_items_run_at_the_same_time_in_sessions_of_their_own(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.execute(KEYED)
    meeting = threading.Barrier(2, timeout=30)
    sessions: list[tuple[object, object]] = []

    def meet(checkup: Checkup) -> Finding:
        meeting.wait()
        pids = [scalar(checkup.session(end), "SELECT pg_catalog.pg_backend_pid()") for end in BOTH]
        sessions.append((pids[0], pids[1]))
        meeting.wait()
        return passed()

    with_items(monkeypatch, [Item(name=name, title=name, check=meet, ends=BOTH) for name in ("second", "first")])
    run = TaskRun(pair.spec(), tmp_path)
    precheck.run(run.context())
    assert [item.item for item in results(run)][-2:] == ["second", "first"]
    assert len({pid for pids in sessions for pid in pids}) == 4


def test_what_takes_too_long_or_is_refused_is_no_pass(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.execute(KEYED)

    def wait(checkup: Checkup) -> Finding:
        checkup.source.execute("SET statement_timeout = '50ms'; SELECT pg_catalog.pg_sleep(60)")
        return passed()

    def look(checkup: Checkup) -> Finding:
        checkup.source.execute("SELECT * FROM public.nowhere")
        return passed()

    with_items(
        monkeypatch,
        [Item(name="slow", title="Slow", check=wait, ends=BOTH), Item(name="odd", title="Odd", check=look, ends=BOTH)],
    )
    run = TaskRun(pair.spec(), tmp_path)
    with pytest.raises(PrecheckNotPassed):
        precheck.run(run.context())
    slow, odd = results(run)[-2:]
    for item, words in ((slow, "statement timeout"), (odd, "does not exist")):
        assert (item.verdict, item.ignorable, item.blocks) == ("warning", True, True)
        assert item.message.startswith("could not be determined: ") and words in item.message


def test_an_account_that_may_have_few_sessions_is_checked_with_those(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(KEYED)
    role = f"few_{pair.database}"
    # One for the items, and one that is opened for replication.
    pair.source.execute(f"CREATE ROLE {role} LOGIN REPLICATION CONNECTION LIMIT 2; GRANT postgres TO {role}".encode())
    spec = pair.spec(source=msgspec.structs.replace(pair.source_endpoint, user=role))
    run = TaskRun(spec, tmp_path)
    try:
        precheck.run(run.context())
        assert [item.item for item in results(run)] == precheck.item_names()
    finally:
        pair.source.execute(f"DROP OWNED BY {role}; DROP ROLE {role}".encode())


def test_a_defect_of_an_item_ends_the_precheck(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.execute(KEYED)

    def divide(checkup: Checkup) -> Finding:
        return passed(str(1 // 0))

    broken = Item(name="broken", title="Broken", check=divide, ends=BOTH)
    needing = [Item(name=name, title=name, check=divide, ends=BOTH, after=("broken",)) for name in ("a", "b", "c")]
    with_items(monkeypatch, [broken, *needing])
    with pytest.raises(ZeroDivisionError):
        precheck.run(TaskRun(pair.spec(), tmp_path).context())
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("precheck")]


def test_a_pause_ends_what_the_items_wait_for(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair.source.execute(KEYED)
    run = TaskRun(pair.spec(), tmp_path)
    context = run.context()

    def wait(checkup: Checkup) -> Finding:
        threading.Thread(target=context.cancellation.cancel).start()
        checkup.source.execute("SELECT pg_catalog.pg_sleep(600)")
        return passed()

    with_items(monkeypatch, [Item(name="slow", title="Slow", check=wait, ends=BOTH)])
    with pytest.raises(Cancelled):
        precheck.run(context)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("precheck")]
    assert lanes.LANES > 1
