"""Tables whose rows the destination does not take are set aside while they are copied, and the others go on."""

from pathlib import Path

import pytest

from syncwizard.errors import TaskFailed
from syncwizard.stages.commands import resync
from syncwizard.task.events import TableCopied
from syncwizard.task.figures.rates import copy_progress
from syncwizard.task.figures.sample import Sample
from syncwizard.task.resync import ResyncWish
from syncwizard.task.specification import SchemaObjects, TableObject
from tests.support.comparison import assert_equal, content
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
CREATE TABLE good (id int PRIMARY KEY, v text);
CREATE TABLE also_good (id int PRIMARY KEY);
CREATE TABLE checked (id int PRIMARY KEY, n int NOT NULL, more text);
CREATE TABLE tree (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
CREATE TABLE tree_low PARTITION OF tree FOR VALUES FROM (0) TO (100);
CREATE TABLE tree_high PARTITION OF tree FOR VALUES FROM (100) TO (200) PARTITION BY RANGE (id);
CREATE TABLE tree_highest PARTITION OF tree_high FOR VALUES FROM (100) TO (200);
CREATE TABLE typed (id int PRIMARY KEY, n text);
"""
FILL = """
INSERT INTO good SELECT i, 'v' FROM generate_series(1, 500) i;
INSERT INTO also_good SELECT generate_series(1, 500);
INSERT INTO checked SELECT i, i - 5, repeat('x', 2000) FROM generate_series(1, 5000) i;
INSERT INTO tree SELECT i, i % 3 FROM generate_series(1, 180) i;
INSERT INTO typed VALUES (1, '1'), (2, 'two');
"""
# Not a key of the whole, which the copy would see as ours.
STRICTER = """
ALTER TABLE checked ADD CONSTRAINT positive CHECK (n > 0);
ALTER TABLE tree_highest ADD CONSTRAINT once UNIQUE (n);
ALTER TABLE typed ALTER n TYPE int USING n::int;
"""
AS_THE_SOURCE = """
ALTER TABLE checked DROP CONSTRAINT positive;
ALTER TABLE tree_highest DROP CONSTRAINT once;
ALTER TABLE typed ALTER n TYPE text;
"""
CHANGES = """
UPDATE good SET v = 'changed' WHERE id % 2 = 0; DELETE FROM also_good WHERE id < 10;
INSERT INTO checked VALUES (9000, 1, 'y'); UPDATE tree SET id = 190 WHERE id = 20;
INSERT INTO tree VALUES (199, 7); DELETE FROM typed WHERE id = 1
"""


def test_rows_that_the_destination_refuses_cost_their_table_alone(pair: DatabasePair, tmp_path: Path) -> None:
    path = row_path(pair, tmp_path, TABLES)
    pair.source.execute(FILL.encode())
    pair.destination.execute(STRICTER.encode())
    context = path.copy()
    aside = {each.table.name: each for each in context.state().aside}
    assert {name: each.sqlstate for name, each in aside.items()} == {
        "checked": "23514",
        "tree": "23505",
        "typed": "22P02",
    }
    assert [name.name for name in aside["tree"].tables] == ["tree_high", "tree_highest", "tree_low"]
    assert "violates check constraint" in aside["checked"].detail
    assert "resync test --table public.tree" in str(aside["tree"].remedy)
    copied = {event.table.name for event in path.task.events if isinstance(event, TableCopied)}
    assert {"good", "also_good"} <= copied and not copied & {"checked", "tree_highest", "typed"}
    progress = copy_progress(context.state(), Sample())
    assert progress is not None and progress.left is None
    # Another run of the stage leaves them as they are, and so does one that was killed before it was over.
    path.copy()
    assert {each.table.name for each in path.task.state.aside} == aside.keys()
    with path.following():
        pair.source.execute(CHANGES.encode())
        path.caught_up()
    for name in ("good", "also_good"):
        assert content(pair.destination, "public", name) == content(pair.source, "public", name)
    pair.destination.execute(AS_THE_SOURCE.encode())
    path.task.record(resync.describe(path.context(), ResyncWish()))
    path.copy()
    with path.following():
        until(path.consistent.is_set, 30, "the session that follows")
        pair.source.execute("INSERT INTO checked VALUES (9001, -1, 'z'); UPDATE tree SET id = 191 WHERE id = 21")
        path.caught_up()
    assert not path.task.state.aside
    assert_equal(pair)


@pytest.mark.parametrize(
    ("script", "there"),
    [
        ("ct_int(`v`)", ""),
        ("str_mask(`v`, 0, 0, '*')", "CREATE TYPE m AS ENUM ('x'); ALTER TABLE good ALTER v TYPE m USING v::m"),
    ],
    ids=["at the source", "at the destination"],
)
def test_a_script_that_fails_is_for_the_task_file_to_decide(
    pair: DatabasePair, tmp_path: Path, script: str, there: str
) -> None:
    """`etl_errors: stop`, the default: a row for which a script fails, or what comes of it, ends the copy."""
    objects = SchemaObjects(schema="public", tables=[TableObject(table="good", etl=f"script:e_set(`v`, {script})")])
    path = row_path(pair, tmp_path, "CREATE TABLE good (id int PRIMARY KEY, v text)", objects=[objects])
    pair.source.execute("INSERT INTO good VALUES (1, 'x')")
    pair.destination.execute(there.encode())
    with pytest.raises(TaskFailed) as caught:
        path.copy()
    assert caught.value.sqlstate.startswith("22")
    assert (caught.value.where == "destination") == bool(there)
    assert not path.task.state.aside
