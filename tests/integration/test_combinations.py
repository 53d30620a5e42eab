"""Tasks that leave out schema or rows, and tasks that copy into tables with rows of their own (DESIGN rule 16)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.errors import EndpointError, PrecheckNotPassed, TaskFailed
from syncwizard.stages import precheck
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import constraints, keys, schema
from syncwizard.stages.full import planning
from syncwizard.stages.full import stage as full
from syncwizard.task.events import Event, PrecheckItemFinished, TableCopied, TablePlanned
from syncwizard.task.specification import SchemaObjects, Synchronization, TaskSpec
from tests.support.inprocess import Killed, TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath

pytestmark = pytest.mark.slow

TABLE = "CREATE TABLE t (id int PRIMARY KEY, x text, body text);"


def combination(pair: DatabasePair, types: list[str], conflicts: str = "report", **fields: Any) -> TaskSpec:
    synchronization = msgspec.convert({"types": types, "conflicts": conflicts}, Synchronization)
    return pair.spec(synchronization=synchronization, **fields)


@pytest.fixture
def finding(tmp_path: Path) -> Iterator[Any]:
    """Runs the precheck of a specification, and answers with one of its items."""

    def find(spec: TaskSpec, name: str) -> PrecheckItemFinished:
        run = TaskRun(spec, tmp_path)
        try:
            precheck.run(run.context())
        except (PrecheckNotPassed, EndpointError):
            pass
        return next(event for event in run.events if isinstance(event, PrecheckItemFinished) and event.item == name)

    yield find


def rows(session: Session, table: str = "t") -> list[tuple[Any, ...]]:
    return session.execute(f"SELECT * FROM {table} ORDER BY 1".encode()).fetchall()


def test_without_schema_rows_and_changes_go_into_tables_that_are_there(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLE + "INSERT INTO t VALUES (1, 'a', 'b')")
    pair.destination.execute(TABLE + "CREATE INDEX own_index ON t (x)")
    path = RowPath(pair, TaskRun(combination(pair, ["full", "incremental"]), tmp_path))
    context = path.context()
    for stage in (precheck, capture, schema, full, keys, constraints):
        stage.run(context)
    with path.following():
        pair.source.execute("UPDATE t SET x = 'changed'; INSERT INTO t VALUES (2, 'new', 'row')")
        path.caught_up()
    assert rows(pair.destination) == rows(pair.source) == [(1, "changed", "b"), (2, "new", "row")]
    assert pair.destination.execute("SELECT to_regclass('own_index') IS NOT NULL").fetchone() == (True,)


@pytest.mark.parametrize("types", [["incremental"], ["schema", "incremental"]])
def test_without_full_only_what_happens_from_now_on_arrives(
    pair: DatabasePair, tmp_path: Path, types: list[str]
) -> None:
    pair.source.execute(TABLE + "INSERT INTO t VALUES (1, 'before', 'b'), (2, 'before', 'b')")
    if "schema" not in types:
        pair.destination.execute(TABLE + "INSERT INTO t VALUES (1, 'there', 'b')")
    path = RowPath(pair, TaskRun(combination(pair, types), tmp_path))
    context = path.context()
    for stage in (precheck, capture, schema, full, keys, constraints):
        stage.run(context)
    assert context.pair is None
    before = rows(pair.destination)
    assert before == ([] if "schema" in types else [(1, "there", "b")])
    with path.following():
        pair.source.execute("INSERT INTO t VALUES (3, 'after', 'b'); DELETE FROM t WHERE id = 1")
        path.caught_up()
    assert rows(pair.destination) == [(3, "after", "b")]


def test_rows_that_were_there_stay_until_they_change_at_the_source(
    pair: DatabasePair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(planning, "CHUNK_BYTES", 8192)
    pair.source.execute(TABLE + "INSERT INTO t SELECT i, 'source', repeat('x', 3000) FROM generate_series(1, 5000) i")
    pair.source.execute("CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh SELECT generate_series(1, 5000)")
    pair.destination.execute(TABLE + "INSERT INTO t VALUES (1, 'there', 'b'), (2, 'there', 'b'), (9000, 'there', 'b')")
    run = TaskRun(combination(pair, ["schema", "full", "incremental"], "ignore"), tmp_path)
    path = RowPath(pair, run)
    context = path.context()
    for stage in (precheck, capture, schema, full, keys, constraints):
        stage.run(context)
    there = [(1, "there"), (2, "there"), (9000, "there")]
    assert pair.destination.execute("SELECT id, x FROM t WHERE x <> 'source' ORDER BY id").fetchall() == there
    assert pair.destination.execute("SELECT count(*) FROM t").fetchone() == (5001,)
    assert rows(pair.destination, "fresh") == rows(pair.source, "fresh")
    chunks = {event.table.name: event.chunks for event in run.events if isinstance(event, TablePlanned)}
    # Part of a copy could not be told from the rows that were there.
    assert chunks["t"] == 1
    assert chunks["fresh"] > 1
    with path.following():
        pair.source.execute("UPDATE t SET x = 'changed' WHERE id IN (1, 7)")
        path.caught_up()
    changed = pair.destination.execute("SELECT id, x FROM t WHERE x <> 'source' ORDER BY id").fetchall()
    assert changed == [(1, "changed"), (2, "there"), (7, "changed"), (9000, "there")]


def test_a_row_whose_unique_value_was_there_comes_when_it_changes(
    pair: DatabasePair, tmp_path: Path, finding: Any
) -> None:
    labelled = "CREATE TABLE t (id int PRIMARY KEY, label text UNIQUE, n int);"
    pair.source.execute(labelled + "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1)")
    pair.destination.execute(labelled + "INSERT INTO t VALUES (9, 'b', 99)")
    spec = combination(pair, ["full", "incremental"], "ignore")
    assert "whose key or other unique value is there is not copied" in finding(spec, "same-named-tables").message
    path = RowPath(pair, TaskRun(spec, tmp_path))
    path.copy()
    assert rows(pair.destination) == [(1, "a", 1), (3, "c", 1), (9, "b", 99)]
    with path.following():
        pair.source.execute("UPDATE t SET label = 'bb' WHERE id = 2")
        path.caught_up()
    assert rows(pair.destination) == [(1, "a", 1), (2, "bb", 1), (3, "c", 1), (9, "b", 99)]


def test_a_copy_that_begins_again_removes_no_row_that_was_there(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(TABLE + "INSERT INTO t VALUES (1, 'source', 'b'), (2, 'source', 'b'), (3, 'source', 'b')")
    pair.source.execute("CREATE TABLE fresh (id int PRIMARY KEY); INSERT INTO fresh VALUES (1)")
    for table in (TABLE, "CREATE TABLE fresh (id int PRIMARY KEY);"):
        pair.destination.execute(table)
    pair.destination.execute("INSERT INTO t VALUES (1, 'there', 'b'), (9, 'there', 'b')")
    run = TaskRun(combination(pair, ["full", "incremental"], "ignore"), tmp_path)
    path = RowPath(pair, run)
    run.stop_after = planned
    context = path.context()
    capture.run(context)
    with pytest.raises(Killed):
        full.run(context)
    run.live_on()
    # Under the next pair, these are the source's rows.
    pair.source.execute("UPDATE t SET x = 'newer' WHERE id = 2; DELETE FROM t WHERE id = 3")
    path.copy()
    assert len({event.pair_lsn for event in run.events if isinstance(event, TablePlanned)}) == 2
    assert rows(pair.destination) == [(1, "there", "b"), (2, "newer", "b"), (9, "there", "b")]
    assert rows(pair.destination, "fresh") == [(1,)]
    with path.following():
        path.caught_up()
    assert rows(pair.destination) == [(1, "there", "b"), (2, "newer", "b"), (9, "there", "b")]


def test_a_copy_that_begins_again_minds_no_foreign_key_of_the_destination(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = """
        CREATE TABLE parent (id int PRIMARY KEY);
        CREATE TABLE child (id int PRIMARY KEY, parent int REFERENCES parent ON DELETE CASCADE);
    """
    pair.source.execute(definitions + "INSERT INTO parent VALUES (1), (2); INSERT INTO child VALUES (1, 1)")
    pair.destination.execute(definitions)
    pair.destination.execute("CREATE TABLE other (parent int REFERENCES parent)")
    run = TaskRun(combination(pair, ["full", "incremental"]), tmp_path)
    path = RowPath(pair, run)
    run.stop_after = lambda event: sum(isinstance(each, TableCopied) for each in run.events) == 2
    context = path.context()
    capture.run(context)
    with pytest.raises(Killed):
        full.run(context)
    run.live_on()
    # The parent's copy begins again; the child's is done, and stays.
    pair.destination.execute(
        "DELETE FROM syncwizard.chunks WHERE table_name = 'parent'; INSERT INTO parent VALUES (77)"
    )
    path.copy()
    assert rows(pair.destination, "parent") == [(1,), (2,)]
    assert rows(pair.destination, "child") == [(1, 1)]


def planned(event: Event) -> bool:
    return isinstance(event, TablePlanned)


def test_columns_keys_and_types_are_compared(pair: DatabasePair, finding: Any) -> None:
    pair.source.execute("""
        CREATE TABLE missing (id int PRIMARY KEY, x int);
        CREATE TABLE more (id int PRIMARY KEY);
        CREATE TABLE generated (id int PRIMARY KEY, x int);
    """)
    pair.destination.execute("""
        CREATE TABLE missing (id int PRIMARY KEY);
        CREATE TABLE more (id int PRIMARY KEY, filled int NOT NULL, free int NOT NULL DEFAULT 1);
        CREATE TABLE generated (id int PRIMARY KEY, x int GENERATED ALWAYS AS (id) STORED);
    """)
    spec = combination(pair, ["full", "incremental"])
    found = finding(spec, "table-shapes")
    assert found.verdict == "failed"
    assert found.message == (
        "rows would not fit: public.generated.x is generated, public.missing.x does not exist, "
        "public.more.filled must be filled and is not at the source"
    )
    for end in (pair.source, pair.destination):
        end.execute("DROP TABLE missing, more, generated")
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY, x int)")
    pair.destination.execute("CREATE TABLE t (id int, x bigint)")
    found = finding(spec, "table-shapes")
    assert found.verdict == "warning"
    assert "public.t.x (integer at the source, bigint at the destination)" in found.message


def test_a_narrower_type_that_would_change_values_in_silence_must_be_accepted(pair: DatabasePair, finding: Any) -> None:
    pair.source.execute("CREATE TABLE t (id bigint PRIMARY KEY, price numeric(10, 4), at timestamptz, name text)")
    pair.destination.execute(
        "CREATE TABLE t (id bigint PRIMARY KEY, price numeric(8, 2), at timestamp(0), name varchar(5))"
    )
    for conflicts in ("report", "ignore"):
        found = finding(combination(pair, ["full", "incremental"], conflicts), "table-shapes")
        assert (found.verdict, found.ignorable) == ("warning", True)
        lost, refused = found.objects
        assert "public.t.price (numeric(10,4) at the source, numeric(8,2) at the destination)" in lost
        assert "public.t.at (timestamp with time zone at the source, timestamp(0) without time zone" in lost
        assert refused.startswith("a value that does not fit stops the task, but for spaces at the end of a text")
        assert "public.t.name (text at the source, character varying(5) at the destination)" in refused
    pair.destination.execute("ALTER TABLE t ALTER price TYPE numeric, ALTER at TYPE timestamptz")
    found = finding(combination(pair, ["full", "incremental"], "ignore"), "table-shapes")
    assert (found.verdict, found.ignorable) == ("warning", False)
    pair.destination.execute("ALTER TABLE t ALTER name TYPE text")
    assert finding(combination(pair, ["full", "incremental"], "ignore"), "table-shapes").verdict == "passed"


def test_tables_with_rows_are_kept_only_where_a_key_tells_them_apart(pair: DatabasePair, finding: Any) -> None:
    definitions = """
        CREATE TABLE keyed (id int PRIMARY KEY);
        CREATE TABLE keyless (id int);
        CREATE TABLE tree (id int PRIMARY KEY) PARTITION BY LIST (id);
        CREATE TABLE leaf PARTITION OF tree DEFAULT;
    """
    pair.source.execute(definitions)
    pair.destination.execute(definitions + "INSERT INTO keyed VALUES (1)")
    spec = combination(pair, ["full", "incremental"], "ignore")
    found = finding(spec, "same-named-tables")
    assert (found.verdict, "public.keyed" in found.message) == ("warning", True)
    assert finding(combination(pair, ["full", "incremental"]), "same-named-tables").verdict == "failed"
    pair.destination.execute("INSERT INTO keyless VALUES (1); INSERT INTO tree VALUES (1)")
    found = finding(spec, "same-named-tables")
    assert found.verdict == "failed"
    assert "public.keyless (no key" in found.message
    assert "public.tree (partitioned)" in found.message
    assert "public.keyed" not in found.message


def test_partitions_with_rows_are_not_copied_into(pair: DatabasePair, tmp_path: Path) -> None:
    definitions = (
        "CREATE TABLE tree (id int PRIMARY KEY) PARTITION BY LIST (id); CREATE TABLE leaf PARTITION OF tree DEFAULT"
    )
    pair.source.execute(definitions)
    pair.destination.execute(definitions + "; INSERT INTO tree VALUES (1)")
    spec = combination(pair, ["full", "incremental"], "ignore", objects=[SchemaObjects(schema="public")])
    with pytest.raises(TaskFailed, match="holds rows at the destination"):
        RowPath(pair, TaskRun(spec, tmp_path)).copy()
    assert rows(pair.destination, "tree") == [(1,)]
