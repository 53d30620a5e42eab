"""Without event triggers definitions are followed as far as the stream's descriptions of tables show them (rule 23)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from syncwizard.errors import ChangeFailed
from syncwizard.stages.commands import release
from syncwizard.task.ddl import DefinitionBlocked, DefinitionDecided
from syncwizard.task.events import DefinitionFollowed
from syncwizard.task.specification import Advanced, SchemaObjects
from tests.integration.test_precheck import outcome
from tests.support.catalogue import everything_in
from tests.support.comparison import assert_equal
from tests.support.copying import copy_again
from tests.support.followed import assert_same_definitions
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

MADE = """CREATE TABLE t (id int PRIMARY KEY, "a B" text, n int, g int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE u (id int PRIMARY KEY, v text);
CREATE TABLE tree (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);
CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (100)"""
FILL = (
    """INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2); INSERT INTO u VALUES (1, 'u'); INSERT INTO tree VALUES (1, 'x')"""
)


@pytest.fixture
def path(pair: DatabasePair, tmp_path: Path) -> Iterator[RowPath]:
    """A task that follows definitions as an account that is no superuser, copied."""
    role = f"describer_{pair.database}"
    pair.source.execute(
        f"CREATE ROLE {role} LOGIN REPLICATION; GRANT CREATE ON DATABASE {pair.database} TO {role};"
        f" GRANT CREATE ON SCHEMA public TO {role}".encode()
    )
    fields: dict[str, Any] = {
        "objects": [SchemaObjects(schema="public")],
        "advanced": Advanced(ddl="follow"),
        "source": msgspec.structs.replace(pair.source_endpoint, user=role),
    }
    path = row_path(pair, tmp_path, MADE, **fields)
    pair.source.execute(FILL.encode())
    for table in ("t", "u", "tree", "tree_1"):
        pair.source.execute(f"ALTER TABLE {table} OWNER TO {role}".encode())
    path.copy()
    yield path
    pair.source.execute(f"DROP OWNED BY {role} CASCADE; DROP ROLE {role}".encode())


# Each by itself, with rows of the table behind it.
SHOWN = """
ALTER TABLE t ADD COLUMN "x Y" text; INSERT INTO t (id, "x Y") VALUES (10, 'y')
---
BEGIN; INSERT INTO t (id, n) VALUES (11, 5); ALTER TABLE t ADD COLUMN d int NOT NULL DEFAULT 4, DROP COLUMN "x Y";
UPDATE t SET n = n + 1 WHERE id = 11; COMMIT
---
ALTER TABLE t RENAME COLUMN "a B" TO c; ALTER TABLE t RENAME COLUMN c TO "C c"; UPDATE t SET "C c" = 'z'
---
ALTER TABLE u ADD COLUMN one text; ALTER TABLE u ADD COLUMN two int; INSERT INTO u VALUES (2, 'v', 'w', 3)
---
BEGIN; ALTER TABLE u ADD COLUMN three text; UPDATE u SET three = 'r'; ALTER TABLE u ADD COLUMN four text;
UPDATE u SET four = 's' WHERE id = 2; COMMIT
---
ALTER TABLE tree ADD COLUMN w text; INSERT INTO tree VALUES (2, 'y', 'z')
---
BEGIN; ALTER TABLE u RENAME TO "named U"; DELETE FROM "named U" WHERE id = 1; COMMIT
"""


def test_columns_and_names_are_followed_as_rows_show_them(path: RowPath) -> None:
    pair = path.pair
    with path.following():
        path.caught_up(120)
        for at, statements in enumerate(SHOWN.split("---")):
            pair.source.execute(statements.encode())
            if at in (1, 4):
                path.pool.kill_all()
            path.caught_up(120)
    # A later session knows all of it.
    with path.following():
        pair.source.execute(
            "INSERT INTO \"named U\" (id, v) VALUES (7, 'q'); UPDATE t SET n = 9; UPDATE tree SET w = v"
        )
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert path.context().state().aside == ()
    assert [event.kind for event in path.task.events if isinstance(event, DefinitionFollowed)].count("renamed") == 1


def test_what_can_have_come_about_in_two_ways_is_shown_from_both_sides(path: RowPath) -> None:
    pair = path.pair
    with pytest.raises(ChangeFailed, match="cannot be followed") as caught, path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; ALTER TABLE u ADD COLUMN passing text; INSERT INTO u VALUES (3, 'c', 'p');"
            " ALTER TABLE u DROP COLUMN passing, ADD COLUMN kept int; INSERT INTO u VALUES (4, 'd', 5); COMMIT"
        )
        until(lambda: path.error is not None, 120, "the task to stop")
    path.error = None
    assert "column passing is in no definition" in caught.value.detail
    assert "public.u (id integer NOT NULL, v text)" in caught.value.detail
    assert "public.u (id integer NOT NULL, v text, kept integer)" in caught.value.detail
    assert 'ALTER TABLE "public"."u" ADD COLUMN "kept" integer' in caught.value.detail
    assert isinstance(caught.value, DefinitionBlocked) and caught.value.definition is not None
    blocked = caught.value.definition
    path.task.record(
        DefinitionDecided(
            ordinal=blocked.ordinal,
            lsn=blocked.lsn,
            tag=blocked.tag,
            table=blocked.table,
            action="run",
            statements=("ALTER TABLE public.u ADD COLUMN passing text",),
        )
    )
    with path.following():
        path.caught_up(120)
    rows = pair.destination.execute("SELECT id, kept FROM u ORDER BY id").fetchall()
    assert rows == [(1, None), (3, None), (4, 5)]


def test_what_no_description_shows_sets_its_table_aside(path: RowPath) -> None:
    pair = path.pair
    with path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TABLE u ADD COLUMN r float DEFAULT random(); INSERT INTO u (id) VALUES (5)")
        pair.source.execute("INSERT INTO t (id) VALUES (40)")
        path.caught_up(120)
        until(lambda: bool(path.context().state().aside), 60, "the table to be set aside")
    pair.destination.execute("ALTER TABLE u ADD COLUMN IF NOT EXISTS r float DEFAULT random()")
    copy_again(path, {"u": "column r was added"})
    with path.following():
        # Others are followed still.
        pair.source.execute("ALTER TABLE t ADD COLUMN last int; UPDATE t SET last = 3")
        path.caught_up(120)
    assert_equal(pair)


def test_the_precheck_says_which_way_it_is_and_a_release_leaves_nothing(path: RowPath, tmp_path: Path) -> None:
    findings = outcome(path.task.spec, tmp_path / "precheck")
    assert "may not create event triggers" in str(findings["definition-changes"])
    release.run(path.context())
    assert not [each for each in everything_in(path.pair.source) if "dts_" in str(each)]
