"""Definitions that change at the source while a task runs, and rows that would differ in silence (v2, v3)."""

import pytest

from tests.field.running import FieldTask, running_task
from tests.support.commands import report, syncwizard
from tests.support.comparison import assert_equal
from tests.support.pair import DatabasePair
from tests.support.waiting import until

pytestmark = pytest.mark.slow

TABLES = """
    CREATE SCHEMA v2; CREATE SCHEMA v3;
    CREATE TABLE v2.t (id int PRIMARY KEY, v text);
    CREATE TABLE v2.constant (id int PRIMARY KEY, v text);
    CREATE TABLE v3.t (id int PRIMARY KEY, v text);
    INSERT INTO v2.t SELECT g, 'a' FROM generate_series(1, 5) g;
    INSERT INTO v2.constant SELECT g, 'a' FROM generate_series(1, 5) g;
    INSERT INTO v3.t SELECT g, 'a' FROM generate_series(1, 5) g;
"""
CONSTANT = "ALTER TABLE v2.constant ADD COLUMN c int DEFAULT 7"
# Each end fills the old rows by itself, and differently.
VOLATILE = "ALTER TABLE v2.t ADD COLUMN token uuid DEFAULT gen_random_uuid(), ADD COLUMN n bigserial"
# The same type, and no change of a row in the stream.
REWRITE = "ALTER TABLE v3.t ALTER v TYPE text USING upper(v)"


def test_rows_that_a_definition_changed_are_copied_again(pair: DatabasePair) -> None:
    pair.source.execute(TABLES)
    with running_task(pair, ["v2", "v3"], "changed") as task:
        syncwizard("wait", task.name, "--until", "indexed", "--timeout", "60")
        a_constant_default_needs_the_column_and_no_more(task)
        pair.source.execute(f"{VOLATILE}; {REWRITE}; INSERT INTO v2.t (id, v) VALUES (100, 'b')".encode())
        found = until(lambda: set_aside(task, 2), 60, "both tables to be set aside")
        assert "column token was added with values" in found["v2.t"] and "column v was rewritten" in found["v3.t"]
        # Done at the destination as well, which looks like the whole remedy, and leaves other values in the old rows.
        pair.destination.execute(VOLATILE)
        pair.source.execute("INSERT INTO v2.constant (id, v) VALUES (101, 'c')")
        syncwizard("wait", task.name, "--until", "caught-up", "--timeout", "60", expect=5)
        assert pair.destination.execute("SELECT v FROM v2.constant WHERE id = 101").fetchone() == ("c",)
        syncwizard("pause", task.name)
        # Without names: exactly what is set aside.
        syncwizard("resync", task.name, "--yes")
        task.caught_up()
        assert_equal(pair)
        assert pair.destination.execute("SELECT v FROM v3.t WHERE id = 1").fetchone() == ("A",)


def a_constant_default_needs_the_column_and_no_more(task: FieldTask) -> None:
    for session in (task.pair.destination, task.pair.source):
        session.execute(CONSTANT)
    task.pair.source.execute("INSERT INTO v2.constant (id, v) VALUES (100, 'b')")
    task.caught_up()
    assert_equal(task.pair)


def set_aside(task: FieldTask, number: int) -> dict[str, str]:
    """Why tables are set aside, by name, once there are so many of them."""
    aside = report("status", task.name)["aside"]
    found = {f"{each['table']['schema']}.{each['table']['name']}": str(each["reason"]) for each in aside}
    return found if len(found) == number else {}
