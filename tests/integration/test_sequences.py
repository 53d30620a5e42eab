"""Values of sequences: set after the rows, set again by the command, never set back."""

from pathlib import Path

import msgspec
import pytest

from syncwizard.stages.definitions import constraints
from syncwizard.stages.definitions.sequences import copy_sequences
from syncwizard.task.events import SequencesSet
from syncwizard.task.specification import Synchronization
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.stages import everything

SEQUENCES = """
    CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, n serial);
    INSERT INTO t SELECT FROM generate_series(1, 7);
    CREATE SEQUENCE free START 100 INCREMENT 10;
    SELECT nextval('free'), nextval('free');
    CREATE SEQUENCE untouched START 5;
    CREATE SEQUENCE down INCREMENT -1 MAXVALUE 1000 START 1000;
    SELECT nextval('down'), nextval('down'), nextval('down');
    CREATE SEQUENCE turning MAXVALUE 3 CYCLE;
    SELECT nextval('turning');
    CREATE SEQUENCE not_called;
    SELECT setval('not_called', 42, false);
    CREATE SEQUENCE "Odd ""x"" name";
    SELECT nextval('"Odd ""x"" name"');
    CREATE SEQUENCE cached CACHE 1000;
    SELECT nextval('cached');
    CREATE SEQUENCE at_the_end START 9223372036854775806;
    SELECT nextval('at_the_end'), nextval('at_the_end');
    CREATE SEQUENCE small AS smallint MINVALUE -32768 INCREMENT -1 START -32767 CYCLE;
    SELECT nextval('small'), nextval('small'), nextval('small');
"""


def values(session: Session) -> dict[str, tuple[int, bool]]:
    names = session.execute(
        "SELECT quote_ident(relname) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"
    ).fetchall()
    found = {}
    for (name,) in names:
        row = session.execute(f"SELECT last_value, is_called FROM public.{name}".encode()).fetchone()
        assert row is not None
        found[name] = (row[0], row[1])
    return found


def test_values_are_set_after_the_rows_and_never_back(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(SEQUENCES)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert values(pair.destination) == values(pair.source)
    assert [event.count for event in run.events if isinstance(event, SequencesSet)] == [10]

    pair.destination.execute("SELECT nextval('free'), nextval('down'), nextval('turning')")
    pair.source.execute("INSERT INTO t SELECT FROM generate_series(1, 3)")
    again = copy_sequences(run.context())
    # Two of the table and the one that turns.
    assert again.count == 3
    assert again.problems == []
    after = values(pair.destination)
    assert (after["free"], after["down"]) == ((120, True), (997, True))
    assert (after["t_id_seq"], after["turning"]) == ((10, True), (1, True))
    assert {str(each.sequence): (each.source, each.destination) for each in again.values}["public.free"] == (110, 120)


def test_an_offset_leaves_room(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(SEQUENCES)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    copy_sequences(run.context(), 1000)
    after = values(pair.destination)
    assert (after["t_id_seq"], after["down"]) == ((1007, True), (-2, True))
    assert after["turning"] == (3, True)
    next_id = pair.destination.execute("INSERT INTO t DEFAULT VALUES RETURNING id").fetchone()
    assert next_id == (1008,)


def test_what_cannot_be_set_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(SEQUENCES)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    pair.destination.execute("DROP SEQUENCE free")
    assert copy_sequences(run.context()).problems == ["public.free (not at the destination)"]


@pytest.mark.parametrize(("part", "expected"), [("schema", (100, False)), ("full", (110, True))])
def test_values_belong_to_the_rows(pair: DatabasePair, tmp_path: Path, part: str, expected: tuple[int, bool]) -> None:
    pair.source.execute(SEQUENCES)
    if part != "schema":
        pair.destination.execute(SEQUENCES.replace("nextval('free'), nextval('free')", "1"))
    synchronization = msgspec.convert({"types": [part, "incremental"]}, Synchronization)
    everything(TaskRun(pair.spec(synchronization=synchronization), tmp_path))
    assert values(pair.destination)["free"] == expected


def test_without_any_sequence_nothing_happens(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY)")
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert constraints.run(run.context()).endswith("0 sequences set")
