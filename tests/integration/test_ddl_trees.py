"""Partitioned tables that are created, altered and divided anew at the source are so at the destination (rule 23)."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.task.specification import Advanced, RenameRule, SchemaObjects, TableObject
from tests.integration.test_ddl import follow
from tests.support.comparison import assert_equal
from tests.support.copying import copy_again
from tests.support.followed import assert_same_definitions, definitions, plain
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import row_path

pytestmark = pytest.mark.slow

WHOLE: dict[str, Any] = {"objects": [SchemaObjects(schema="public")], "advanced": Advanced(ddl="follow")}
MADE = "CREATE TABLE t (id int PRIMARY KEY, v text)"
TREE = """CREATE TABLE tree (id int, at int, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE INDEX tree_v ON tree (v); CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (10);
CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (10) TO (20)"""
FILL = "INSERT INTO tree VALUES (1, 1, 'a'), (2, 12, 'b')"


def trees(session: Session) -> tuple[Any, ...]:
    """Each partition with what it is a part of, and the definitions of the topmost tables."""
    parts = session.execute(
        "SELECT inhrelid::regclass::text, inhparent::regclass::text, pg_get_expr(relpartbound, c.oid) FROM pg_inherits"
        " JOIN pg_class c ON c.oid = inhrelid WHERE relkind IN ('r', 'p') ORDER BY 1"
    ).fetchall()
    roots = {name: plain(each) for name, each in definitions(session, "p").items() if each.is_root}
    return parts, roots


# Each a transaction, on a tree with rows.
CHANGES = r"""
BEGIN; INSERT INTO tree VALUES (3, 3, 'x');
ALTER TABLE tree ADD COLUMN n int, ADD COLUMN c text NOT NULL DEFAULT 'it''s';
UPDATE tree SET n = id; INSERT INTO tree VALUES (4, 13, 'y', 4, 'z'); COMMIT
---
ALTER TABLE tree RENAME COLUMN v TO "V v"; CREATE INDEX "tree n" ON tree (n, "V v"); UPDATE tree SET "V v" = 'w'
---
DO $do$ BEGIN ALTER TABLE tree ALTER n TYPE bigint, ALTER c SET DEFAULT 'd',
ADD CONSTRAINT few CHECK (n < 100) NOT VALID;
INSERT INTO tree VALUES (5, 5, 'q', 50); END $do$
---
ALTER TABLE tree VALIDATE CONSTRAINT few; ALTER TABLE tree DROP COLUMN c; DROP INDEX tree_v;
COMMENT ON TABLE tree IS 'it'
---
BEGIN; CREATE TABLE tree_3 PARTITION OF tree FOR VALUES FROM (20) TO (30); INSERT INTO tree VALUES (6, 22, 'r', 6);
ALTER TABLE tree ADD COLUMN later int DEFAULT 7; UPDATE tree SET later = 8 WHERE id < 3; COMMIT
---
BEGIN; ALTER TABLE tree RENAME TO "big Tree"; INSERT INTO "big Tree" VALUES (7, 7, 's', 7); COMMIT
"""


def test_definitions_of_partitioned_tables_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + ";" + TREE, FILL, **WHOLE)
    with path.following():
        path.caught_up(120)
        for at, statements in enumerate(CHANGES.split("---")):
            pair.source.execute(statements.encode())
            if at == 2:
                path.pool.kill_all()
        path.caught_up(120)
        pair.source.execute('UPDATE "big Tree" SET n = n + 1')
        path.caught_up(120)
    assert_equal(pair)
    assert trees(pair.destination) == trees(pair.source)
    assert path.context().state().aside == ()


CREATED = r"""
BEGIN; INSERT INTO t VALUES (10, 'x');
CREATE TABLE made (id int, at int, v text DEFAULT 'd', PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE INDEX ON made (v); CREATE TABLE made_1 PARTITION OF made FOR VALUES FROM (0) TO (10);
INSERT INTO made VALUES (1, 1, 'a'), (2, 2, DEFAULT); UPDATE made SET v = 'b' WHERE id = 1;
CREATE TABLE "made 2" PARTITION OF made FOR VALUES FROM (10) TO (20) PARTITION BY LIST (id);
CREATE TABLE made_rest PARTITION OF "made 2" DEFAULT; INSERT INTO made VALUES (3, 13, 'c');
UPDATE t SET v = 'y' WHERE id = 10; COMMIT
---
ALTER TABLE made ADD COLUMN n int DEFAULT 3; UPDATE made SET at = 15 WHERE id = 1; DELETE FROM made WHERE id = 2
---
DO $do$ BEGIN CREATE TABLE "late Key" (id int, v text) PARTITION BY HASH (id);
CREATE TABLE late_0 PARTITION OF "late Key" FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE late_1 PARTITION OF "late Key" FOR VALUES WITH (MODULUS 2, REMAINDER 1);
ALTER TABLE "late Key" ADD PRIMARY KEY (id); ALTER TABLE "late Key" ADD w text DEFAULT 'w';
INSERT INTO "late Key" SELECT i, 'r' FROM generate_series(1, 50) i; END $do$
---
BEGIN; SAVEPOINT s; CREATE TABLE gone (id int PRIMARY KEY) PARTITION BY LIST (id); ROLLBACK TO s;
CREATE TABLE gone (id int PRIMARY KEY, x int DEFAULT random()) PARTITION BY LIST (id);
ALTER TABLE gone ADD COLUMN y int DEFAULT 5; CREATE TABLE gone_1 PARTITION OF gone DEFAULT;
INSERT INTO gone VALUES (1); DROP TABLE gone; COMMIT
"""


def test_partitioned_tables_that_are_created_arrive_with_every_row(pair: DatabasePair, tmp_path: Path) -> None:
    following = {**WHOLE, "advanced": Advanced(ddl="follow", dropped_tables="drop")}
    path = follow(pair, tmp_path, MADE, "INSERT INTO t VALUES (1, 'a')", **following)
    with path.following():
        path.caught_up(120)
        for at, statements in enumerate(CREATED.split("---")):
            pair.source.execute(statements.encode())
            if at == 1:
                path.pool.kill_all()
        path.caught_up(120)
    # Another session finds all of it in order.
    with path.following():
        pair.source.execute("""UPDATE made SET v = 'n'; DELETE FROM "late Key" WHERE id = 7; TRUNCATE made_1""")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert trees(pair.destination) == trees(pair.source)
    assert path.context().state().aside == ()


def test_detached_partitions_go_on_as_tables_of_their_own(pair: DatabasePair, tmp_path: Path) -> None:
    filtered = SchemaObjects(schema="public", overrides=[TableObject(table="few", where="id < 10")])
    made = MADE + ";" + TREE + "; CREATE TABLE few (id int PRIMARY KEY, v text)"
    path = follow(pair, tmp_path, made, FILL, **{**WHOLE, "objects": [filtered]})
    with path.following():
        path.caught_up(120)
        # What is altered beside, and is not followed, has nothing to do with it.
        pair.source.execute(
            "BEGIN; ALTER TABLE few ALTER v SET DEFAULT 'x'; INSERT INTO few VALUES (1), (20);"
            " INSERT INTO tree VALUES (3, 13, 'c'); ALTER TABLE tree DETACH PARTITION tree_2;"
            " INSERT INTO tree_2 VALUES (4, 44, 'd'); UPDATE tree_2 SET v = 'e' WHERE id = 2;"
            " INSERT INTO tree VALUES (5, 5, 'f'); COMMIT"
        )
        pair.source.execute("DELETE FROM tree_2 WHERE id = 3; ALTER TABLE tree_2 ADD COLUMN own int DEFAULT 4")
        # Made and detached within the stream.
        pair.source.execute(
            "CREATE TABLE tree_3 PARTITION OF tree FOR VALUES FROM (20) TO (30); INSERT INTO tree VALUES (6, 26, 'g')"
        )
        pair.source.execute("DO $do$ BEGIN ALTER TABLE tree DETACH PARTITION tree_3; DELETE FROM tree_3; END $do$")
        path.caught_up(120)
        path.pool.kill_all()
        pair.source.execute(
            "BEGIN; INSERT INTO tree_3 VALUES (7, 27, 'h');"
            " ALTER TABLE tree ATTACH PARTITION tree_3 FOR VALUES FROM (20) TO (30);"
            " INSERT INTO tree VALUES (8, 28, 'i'); ALTER TABLE tree DETACH PARTITION tree_3; COMMIT"
        )
        path.caught_up(120)
    with path.following():
        pair.source.execute("UPDATE tree_3 SET v = 'j'; UPDATE tree_2 SET own = 5; UPDATE tree SET v = 'k'")
        pair.source.execute("INSERT INTO few VALUES (2), (30)")
        path.caught_up(120)
    assert pair.destination.execute("SELECT id, v FROM few ORDER BY id").fetchall() == [(1, "x"), (2, "x")]
    for end in (pair.source, pair.destination):
        end.execute("DROP TABLE few")
    assert_equal(pair)
    assert_same_definitions(pair)
    assert trees(pair.destination) == trees(pair.source)
    assert (path.context().state().aside, path.context().state().detached) == ((), ())


def test_a_table_that_is_attached_from_elsewhere_comes_with_its_rows(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + ";" + TREE, FILL, **WHOLE)
    pair.source.execute(
        "CREATE SCHEMA aside; CREATE TABLE aside.bare (LIKE tree INCLUDING ALL);"
        " CREATE TABLE aside.filled AS SELECT 9 AS id, 35 AS at, 'f' AS v;"
        " ALTER TABLE aside.filled ALTER id SET NOT NULL, ALTER at SET NOT NULL;"
        " CREATE TABLE other (id int, at int, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at)"
    )
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; ALTER TABLE other ATTACH PARTITION aside.bare FOR VALUES FROM (20) TO (30);"
            " INSERT INTO other VALUES (3, 23, 'c'); COMMIT"
        )
        path.caught_up(120)
        assert path.context().state().aside == ()
        assert pair.destination.execute("SELECT * FROM other").fetchall() == [(3, 23, "c")]
        pair.source.execute(
            "BEGIN; ALTER TABLE tree ATTACH PARTITION aside.filled FOR VALUES FROM (30) TO (40);"
            " INSERT INTO tree VALUES (4, 34, 'd'); COMMIT; INSERT INTO t VALUES (8, 'other')"
        )
        path.caught_up(120)
    assert pair.destination.execute("SELECT id FROM t").fetchall() == [(8,)]
    [aside] = path.context().state().aside
    assert aside.table.name == "tree" and "aside.filled was attached with rows" in aside.reason


def test_a_partition_detached_concurrently_is_copied_again(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + ";" + TREE, FILL, **WHOLE)
    with path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TABLE tree DETACH PARTITION tree_2 CONCURRENTLY")
        pair.source.execute("INSERT INTO tree_2 VALUES (9, 19, 'z')")
        path.caught_up(120)
    copy_again(path, {"tree_2": "CONCURRENTLY"})
    with path.following():
        pair.source.execute("INSERT INTO tree_2 VALUES (10, 11, 'y')")
        path.caught_up(120)
    assert_equal(pair)
    assert trees(pair.destination) == trees(pair.source)


def test_a_detached_partition_that_is_not_selected_leaves_its_tree_alone(pair: DatabasePair, tmp_path: Path) -> None:
    single = {**WHOLE, "objects": [SchemaObjects(schema="public", tables=[TableObject(table="tree")])]}
    path = follow(pair, tmp_path, TREE, FILL, **single)
    with path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TABLE tree DETACH PARTITION tree_2; INSERT INTO tree_2 VALUES (4, 44, 'd')")
        pair.source.execute("INSERT INTO tree VALUES (5, 5, 'f')")
        path.caught_up(120)
    with path.following():
        pair.source.execute("INSERT INTO tree VALUES (6, 6, 'f')")
        path.caught_up(120)
    assert trees(pair.destination) == trees(pair.source)
    assert pair.destination.execute("SELECT id FROM tree ORDER BY id").fetchall() == [(1,), (5,), (6,)]
    assert pair.destination.execute("SELECT id FROM tree_2").fetchall() == [(2,)]


def test_a_tree_that_is_plain_at_the_destination_is_copied_again(pair: DatabasePair, tmp_path: Path) -> None:
    pair.destination.execute("CREATE TABLE tree (id int, at int, v text, PRIMARY KEY (id, at))")
    pair.source.execute(TREE.encode())
    path = row_path(pair, tmp_path, "", **WHOLE)
    pair.source.execute(FILL.encode())
    path.copy()
    with path.following():
        path.caught_up(120)
        pair.source.execute("ALTER TABLE tree ADD COLUMN n int DEFAULT 5; INSERT INTO tree VALUES (3, 3, 'c', 6)")
        path.caught_up(120)
        assert pair.destination.execute("SELECT * FROM tree ORDER BY id").fetchall() == [
            (1, 1, "a", 5),
            (2, 12, "b", 5),
            (3, 3, "c", 6),
        ]
        pair.source.execute("ALTER TABLE tree DETACH PARTITION tree_2; INSERT INTO tree_2 VALUES (4, 44, 'd')")
        path.caught_up(120)
    [aside] = path.context().state().aside
    assert aside.table.name == "tree" and "tree_2 was detached" in aside.reason


def test_trees_under_other_names_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    rule = RenameRule(pattern="^tmp_(.+)$", name=r"Stage \1")
    objects = [SchemaObjects(schema="a", name="b", rename=[rule])]
    pair.destination.execute("CREATE SCHEMA b; CREATE TABLE b.t (id int PRIMARY KEY)")
    made = "CREATE SCHEMA a; CREATE TABLE a.t (id int PRIMARY KEY)"
    path = follow(pair, tmp_path, made, "", **{**WHOLE, "objects": objects})
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; CREATE TABLE a.tmp_tree (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);"
            " CREATE TABLE a.tmp_1 PARTITION OF a.tmp_tree FOR VALUES FROM (0) TO (10);"
            " CREATE TABLE a.plain PARTITION OF a.tmp_tree DEFAULT; INSERT INTO a.tmp_tree VALUES (1, 'a'), (20, 'b');"
            " ALTER TABLE a.tmp_tree ADD COLUMN n int DEFAULT 3; UPDATE a.tmp_tree SET n = 4 WHERE id = 1; COMMIT"
        )
        path.pool.kill_all()
        pair.source.execute(
            "ALTER TABLE a.tmp_tree DETACH PARTITION a.tmp_1; INSERT INTO a.tmp_1 VALUES (5, 'c', 6);"
            " ALTER TABLE a.tmp_1 RENAME TO tmp_old; UPDATE a.tmp_old SET v = 'd' WHERE id = 1"
        )
        path.caught_up(120)
    with path.following():
        pair.source.execute("INSERT INTO a.tmp_old VALUES (6, 'e', 7); DELETE FROM a.tmp_tree")
        path.caught_up(120)
    assert pair.destination.execute('SELECT * FROM b."Stage old" ORDER BY id').fetchall() == [
        (1, "d", 4),
        (5, "c", 6),
        (6, "e", 7),
    ]
    assert pair.destination.execute('SELECT count(*) FROM b."Stage tree"').fetchone() == (0,)
    assert pair.destination.execute("SELECT to_regclass('b.plain') IS NOT NULL").fetchone() == (True,)
    assert path.context().state().aside == ()
