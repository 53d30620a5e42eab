"""Tables that are created, dropped, renamed and moved at the source are so at the destination, at their place between
the rows (rule 23)."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from syncwizard.errors import ChangeFailed
from syncwizard.postgres.destination.progress import Ledger
from syncwizard.postgres.source.continuity import compare_publication
from syncwizard.stages.commands import release
from syncwizard.task.events import DefinitionFollowed, ResyncRequested, TableToCopy
from syncwizard.task.names import TableName
from syncwizard.task.specification import Advanced, RenameRule, SchemaObjects, TableObject
from tests.integration.test_ddl import follow
from tests.support.catalogue import everything_in
from tests.support.comparison import assert_equal
from tests.support.copying import copy_again
from tests.support.followed import assert_same_definitions
from tests.support.pair import DatabasePair
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

WHOLE: dict[str, Any] = {"objects": [SchemaObjects(schema="public")]}
DROPPING: dict[str, Any] = {**WHOLE, "advanced": Advanced(ddl="follow", dropped_tables="drop")}
MADE = "CREATE TABLE t (id int PRIMARY KEY, v text)"
FILL = "INSERT INTO t VALUES (1, 'a')"
# Each in one transaction with rows before and after; `{n}` is a name of its own.
CREATIONS = {
    "plain": "CREATE TABLE {n} (id int PRIMARY KEY, v text DEFAULT 'x' NOT NULL, w varchar(5) COLLATE \"C\");"
    " INSERT INTO {n} (id) SELECT generate_series(1, 100); UPDATE {n} SET v = 'y' WHERE id < 5; DELETE FROM {n}"
    " WHERE id = 50",
    "serial": "CREATE TABLE {n} (id serial PRIMARY KEY, b bigserial, v text); INSERT INTO {n} (v) VALUES ('a'), ('b')",
    "identity": "CREATE TABLE {n} (id int GENERATED ALWAYS AS IDENTITY (START 5 INCREMENT 3) PRIMARY KEY, v int,"
    " d int GENERATED ALWAYS AS (v * 2) STORED); INSERT INTO {n} (v) VALUES (1), (2); UPDATE {n} SET v = 7",
    "keyless": "CREATE TABLE {n} (a int, b text); INSERT INTO {n} VALUES (1, 'x'), (1, 'x'), (2, NULL);"
    " UPDATE {n} SET b = 'z' WHERE a = 2; DELETE FROM {n} WHERE ctid = (SELECT min(ctid) FROM {n})",
    "key-later": "CREATE TABLE {n} (a int, b text); INSERT INTO {n} VALUES (1, 'x');"
    " ALTER TABLE {n} ADD PRIMARY KEY (a); UPDATE {n} SET b = 'y'; ALTER TABLE {n} ADD c int DEFAULT 4;"
    " INSERT INTO {n} VALUES (2, 'z', 5)",
    "constraints": "CREATE TABLE {n} (id int PRIMARY KEY, p int REFERENCES t, o int UNIQUE CHECK (o > 0),"
    " s int REFERENCES {n}); CREATE INDEX ON {n} (p) WHERE o > 3; COMMENT ON TABLE {n} IS 'it''s';"
    " COMMENT ON COLUMN {n}.o IS 'o'; INSERT INTO {n} VALUES (1, 1, 5, 1)",
    "like": "CREATE TABLE {n} (LIKE t INCLUDING ALL); INSERT INTO {n} SELECT * FROM t",
    "in-a-block": "DO $do$ BEGIN CREATE TABLE {n} (id int PRIMARY KEY); INSERT INTO {n} VALUES (3); END $do$",
    "rolled-back": "SAVEPOINT s; CREATE TABLE {n} (id text PRIMARY KEY); INSERT INTO {n} VALUES ('no'); ROLLBACK TO s;"
    " CREATE TABLE {n} (id int PRIMARY KEY); INSERT INTO {n} VALUES (1)",
    "as-with-rows": "CREATE TABLE {n} AS SELECT i, repeat('x', i) AS v, NULL::text AS e FROM generate_series(1, 500) i;"
    " UPDATE {n} SET v = 'y' WHERE i = 4; INSERT INTO {n} VALUES (9, 'n')",
    "as-in-a-block": "DO $do$ BEGIN CREATE TABLE {n} AS TABLE t; DELETE FROM {n} WHERE id > 102; END $do$",
    "select-into": "SELECT id, v, ARRAY[id, 2] AS a INTO {n} FROM t; ALTER TABLE {n} ADD PRIMARY KEY (id)",
    "as-without-rows": "CREATE TABLE {n} AS SELECT * FROM t WITH NO DATA; INSERT INTO {n} VALUES (9, 'n')",
}


def kinds(path: RowPath) -> list[tuple[str, str]]:
    found = [event for event in path.task.events if isinstance(event, DefinitionFollowed)]
    return [(event.kind, event.table.name) for event in found]


def transaction(statements: str, at: int) -> bytes:
    before, after = f"INSERT INTO t VALUES ({at}, 'b')", f"UPDATE t SET v = 'c' WHERE id = {at}"
    return f"BEGIN; {before}; {statements}; {after}; COMMIT".encode()


def test_a_table_that_is_created_arrives_with_every_row(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE, FILL, **WHOLE)
    names = {name: f'"{name} Ünï ""q"""' if at % 2 else f"new_{at}" for at, name in enumerate(CREATIONS)}
    with path.following():
        path.caught_up(120)
        for at, (name, text) in enumerate(CREATIONS.items()):
            pair.source.execute(transaction(text.replace("{n}", names[name]), 100 + at))
        path.caught_up(120)
        # Later rows, too.
        pair.source.execute(f"INSERT INTO {names['plain']} (id) VALUES (1000); TRUNCATE {names['like']}".encode())
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert [kind for kind, _ in kinds(path)].count("created") == len(CREATIONS)
    # Another session finds all of it in order.
    with path.following():
        pair.source.execute(
            f"DELETE FROM {names['plain']} WHERE id < 40; UPDATE {names['serial']} SET v = 'q'".encode()
        )
        path.caught_up(120)
    assert_equal(pair)


def test_a_created_table_goes_by_the_rules_of_names(pair: DatabasePair, tmp_path: Path) -> None:
    rule = RenameRule(pattern="^tmp_(.+)$", name=r"stage_\1")
    objects = [SchemaObjects(schema="a", name="b", rename=[rule], exclude=["left"])]
    pair.destination.execute("CREATE SCHEMA b; CREATE TABLE b.t (id int PRIMARY KEY)")
    path = follow(pair, tmp_path, "CREATE SCHEMA a; CREATE TABLE a.t (id int PRIMARY KEY)", "", objects=objects)
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; CREATE TABLE a.tmp_new (id serial PRIMARY KEY, v text); INSERT INTO a.tmp_new (v) VALUES ('x');"
            " CREATE TABLE a.left (id int); INSERT INTO a.left VALUES (1); CREATE TABLE public.other (id int); COMMIT"
        )
        path.caught_up(120)
    assert pair.destination.execute("SELECT * FROM b.stage_new").fetchall() == [(1, "x")]
    assert pair.destination.execute("SELECT pg_get_serial_sequence('b.stage_new', 'id')").fetchone() == (
        "b.stage_new_id_seq",
    )
    assert kinds(path) == [("created", "tmp_new")]


def test_a_table_with_rows_of_its_own_at_the_destination_stops_the_task(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE, FILL, **WHOLE)
    pair.destination.execute("CREATE TABLE n (id int PRIMARY KEY); INSERT INTO n VALUES (7)")
    with pytest.raises(ChangeFailed, match="cannot be followed"), path.following():
        path.caught_up(120)
        pair.source.execute("CREATE TABLE n (id int PRIMARY KEY); INSERT INTO n VALUES (1)")
        until(lambda: path.error is not None, 120, "the task to stop")
    path.error = None
    assert pair.destination.execute("SELECT id FROM n").fetchall() == [(7,)]
    pair.destination.execute("TRUNCATE n")
    with path.following():
        path.caught_up(120)
    assert_equal(pair)


def test_tables_that_come_with_rows_are_set_aside_and_copied(pair: DatabasePair, tmp_path: Path) -> None:
    objects = [SchemaObjects(schema="public"), SchemaObjects(schema="named")]
    path = follow(pair, tmp_path, MADE, FILL, objects=objects)
    pair.source.execute(
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.filled AS SELECT * FROM t;"
        " CREATE SCHEMA later; CREATE TABLE later.other (id int PRIMARY KEY)"
    )
    with path.following():
        path.caught_up(120)
        # More than is written again, one that was filled elsewhere, and one whose schema gets another name.
        pair.source.execute(
            "CREATE TABLE large AS SELECT i, repeat(md5(i::text), 60) AS v FROM generate_series(1, 36000) i;"
            " ALTER TABLE elsewhere.filled SET SCHEMA public; INSERT INTO filled VALUES (2, 'b')"
        )
        pair.source.execute(
            "BEGIN; INSERT INTO later.other VALUES (1); ALTER SCHEMA later RENAME TO named;"
            " INSERT INTO named.other VALUES (2); COMMIT; DELETE FROM large WHERE i > 30000"
        )
        path.caught_up(120)
        pair.source.execute("ALTER TABLE filled ADD COLUMN n int DEFAULT 4; INSERT INTO t VALUES (5, 'e')")
        path.caught_up(120)
    words = "came under the selection with rows"
    copy_again(path, {"large": words, "filled": words, "other": words})
    with path.following():
        pair.source.execute("UPDATE filled SET n = 5; INSERT INTO named.other VALUES (3)")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)


def test_a_table_that_waits_in_the_stream_is_not_copied_beside_it(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE, FILL, **WHOLE)
    # Created while nothing is applied, before another table is copied again.
    pair.source.execute("CREATE TABLE late (id int PRIMARY KEY, v text); INSERT INTO late VALUES (1, 'a')")
    order = ResyncRequested(
        id=uuid.uuid4(), tables=[TableToCopy(table=TableName("public", "t"), rows=1, bytes=0)], whole=False
    )
    path.task.record(order)
    path.copy()
    with path.following():
        pair.source.execute("INSERT INTO late VALUES (2, 'b')")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)


def test_a_dropped_table_stays_and_another_may_come_under_its_name(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + "; CREATE TABLE u (id int PRIMARY KEY)", FILL, **WHOLE)
    with path.following():
        path.caught_up(120)
        pair.source.execute("BEGIN; INSERT INTO u VALUES (1); DROP TABLE u; INSERT INTO t VALUES (2, 'b'); COMMIT")
        path.caught_up(120)
        until(lambda: path.context().state().dropped == (TableName("public", "u"),), 60, "the drop to be said")
    assert pair.destination.execute("SELECT id FROM u").fetchall() == [(1,)]
    pair.destination.execute("DROP TABLE u")
    with path.following():
        pair.source.execute("CREATE TABLE u (id int PRIMARY KEY, w text); INSERT INTO u VALUES (5, 'w')")
        path.caught_up(120)
    assert_equal(pair)
    assert path.context().state().dropped == ()
    assert kinds(path) == [("dropped", "u"), ("created", "u")]


def test_drops_are_followed_where_the_task_says_so(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + "; CREATE TABLE u (id int PRIMARY KEY)", FILL, **DROPPING)
    with path.following():
        path.caught_up(120)
        for at in range(3):
            pair.source.execute(
                f"BEGIN; INSERT INTO u VALUES (1); DROP TABLE u; CREATE TABLE u (id int PRIMARY KEY, c{at} text);"
                f" INSERT INTO u VALUES (2, 'x'); INSERT INTO t VALUES ({10 + at}, 'b'); COMMIT".encode()
            )
            pair.source.execute("INSERT INTO u VALUES (3, 'y')")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert path.context().state().dropped == ()


def test_tables_that_are_renamed_or_moved_keep_their_rows(pair: DatabasePair, tmp_path: Path) -> None:
    made = MADE + "; CREATE TABLE u (id int PRIMARY KEY, v text); CREATE SCHEMA other"
    objects = [SchemaObjects(schema="public"), SchemaObjects(schema="other")]
    path = follow(pair, tmp_path, made, FILL + "; INSERT INTO u VALUES (1, 'u')", objects=objects)
    with path.following():
        path.caught_up(120)
        # Two tables exchange their names.
        pair.source.execute(
            "BEGIN; INSERT INTO t VALUES (2, 't'); ALTER TABLE t RENAME TO x; ALTER TABLE u RENAME TO t;"
            " INSERT INTO t VALUES (2, 'u'); ALTER TABLE x RENAME TO u; INSERT INTO u VALUES (3, 't'); COMMIT"
        )
        pair.source.execute("ALTER TABLE t RENAME COLUMN v TO w; UPDATE t SET w = 'w'; DELETE FROM u WHERE id = 1")
        pair.source.execute("BEGIN; ALTER TABLE t SET SCHEMA other; INSERT INTO other.t VALUES (9, 'n'); COMMIT")
        path.caught_up(120)
    with path.following():
        pair.source.execute("UPDATE other.t SET w = 'again' WHERE id = 9; INSERT INTO u VALUES (10, 'u')")
        path.caught_up(120)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert pair.destination.execute("SELECT * FROM other.t ORDER BY id").fetchall() == [
        (1, "w"),
        (2, "w"),
        (9, "again"),
    ]


def test_a_table_that_leaves_the_selection_is_set_aside_and_may_come_back(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + "; CREATE SCHEMA other", FILL, **WHOLE)
    with path.following():
        path.caught_up(120)
        pair.source.execute("BEGIN; INSERT INTO t VALUES (2, 'b'); ALTER TABLE t SET SCHEMA other; COMMIT")
        pair.source.execute("INSERT INTO other.t VALUES (3, 'c'); CREATE TABLE u (id int PRIMARY KEY)")
        pair.source.execute("INSERT INTO u VALUES (1)")
        path.caught_up(120)
        # The other tables go on, and what came before the command is there.
        assert pair.destination.execute("SELECT id FROM u").fetchall() == [(1,)]
        assert pair.destination.execute("SELECT id FROM t ORDER BY id").fetchall() == [(1,), (2,)]
        pair.source.execute("ALTER TABLE other.t SET SCHEMA public; INSERT INTO t VALUES (4, 'd')")
        path.caught_up(120)
    copy_again(path, {"t": "named other.t now"})
    with path.following():
        pair.source.execute("INSERT INTO t VALUES (5, 'e')")
        path.caught_up(120)
    assert_equal(pair)


def test_a_selected_name_that_another_table_takes_loses_no_row(pair: DatabasePair, tmp_path: Path) -> None:
    made = MADE + "; CREATE TABLE t_new (id int PRIMARY KEY, v text)"
    objects = [SchemaObjects(schema="public", tables=[TableObject(table="t")])]
    path = follow(pair, tmp_path, made, FILL + "; INSERT INTO t_new VALUES (7, 'n')", objects=objects)
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; ALTER TABLE t RENAME TO t_old; ALTER TABLE t_new RENAME TO t; INSERT INTO t VALUES (8, 'n');"
            " INSERT INTO t_old VALUES (9, 'o'); COMMIT"
        )
        path.caught_up(120)
    copy_again(path, {"t": "named public.t_old now"})
    with path.following():
        pair.source.execute("INSERT INTO t VALUES (10, 'n')")
        path.caught_up(120)
    assert pair.destination.execute("SELECT id FROM t ORDER BY id").fetchall() == [(7,), (8,), (10,)]


def test_identities_that_were_given_are_taken_back(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE, FILL, **WHOLE)
    with path.following():
        path.caught_up(120)
        pair.source.execute("CREATE TABLE keyless (a int); ALTER TABLE t DROP CONSTRAINT t_pkey; UPDATE t SET v = 'z'")
        pair.source.execute("INSERT INTO keyless VALUES (1); UPDATE keyless SET a = 2")
        path.caught_up(120)
        assert_equal(pair)
    release.run(path.context())
    identities = pair.source.execute("SELECT relname, relreplident FROM pg_class WHERE relname IN ('t', 'keyless')")
    assert dict(identities.fetchall()) == {"t": "d", "keyless": "d"}
    assert not [each for each in everything_in(pair.source) if "dts_" in str(each)]


def test_a_table_that_comes_and_goes_while_the_publication_is_compared_is_no_stranger(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = follow(pair, tmp_path, MADE, FILL, **WHOLE)
    with pair.destination_cluster.connect(pair.database) as session:
        assert path.task.spec.id is not None
        ledger = Ledger(session, path.task.spec.id)
        progress, members = ledger.read(), ledger.read_members()
        assert progress is not None
    pair.source.execute("CREATE TABLE passing (id int PRIMARY KEY)")
    with pair.source_cluster.connect(pair.database) as comparing, ThreadPoolExecutor() as pool:
        with pair.source.transaction():
            # The comparison has read the publication, and waits for what joined it.
            pair.source.execute("LOCK TABLE dts_ddl.joined")
            found = pool.submit(compare_publication, comparing, progress, members)
            until(lambda: waiting_for_lock(pair), 30, "the comparison to wait")
            pair.source.execute("DROP TABLE passing")
        assert found.result(30).added == ()


def waiting_for_lock(pair: DatabasePair) -> bool:
    row = pair.source.execute(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ).fetchone()
    return row == (1,)


TREE = """CREATE TABLE tree (id int, at int, v text, PRIMARY KEY (id, at)) PARTITION BY RANGE (at);
CREATE INDEX tree_v ON tree (v); CREATE TABLE tree_1 PARTITION OF tree FOR VALUES FROM (0) TO (10)"""


def test_partitions_that_are_created_or_attached_take_their_rows(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE + ";" + TREE, FILL + "; INSERT INTO tree VALUES (1, 1, 'a')", **WHOLE)
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (10) TO (20);"
            " INSERT INTO tree VALUES (2, 12, 'b');"
            ' CREATE TABLE "tree 3" PARTITION OF tree FOR VALUES FROM (20) TO (30) PARTITION BY LIST (at);'
            " CREATE TABLE tree_3_1 PARTITION OF \"tree 3\" DEFAULT; INSERT INTO tree VALUES (3, 22, 'c'); COMMIT"
        )
        # Made first and attached later, as tools for partitions do.
        pair.source.execute("CREATE TABLE tree_4 (LIKE tree INCLUDING ALL); INSERT INTO tree_4 VALUES (4, 32, 'd')")
        pair.source.execute(
            "BEGIN; INSERT INTO tree_4 VALUES (5, 33, 'e');"
            " ALTER TABLE tree ATTACH PARTITION tree_4 FOR VALUES FROM (30)"
            " TO (40); INSERT INTO tree VALUES (6, 34, 'f'); UPDATE tree SET v = 'g' WHERE id = 4; COMMIT"
        )
        pair.source.execute("UPDATE tree SET at = at - 10 WHERE id = 6; ALTER TABLE tree_4 ALTER v SET DEFAULT 'x'")
        path.caught_up(120)
    with path.following():
        pair.source.execute("INSERT INTO tree VALUES (7, 35, 'h'), (8, 25, 'i')")
        path.caught_up(120)
    assert_equal(pair)
    trees = [
        end.execute("SELECT relid::text, parentrelid::text FROM pg_partition_tree('tree') ORDER BY 1").fetchall()
        for end in (pair.source, pair.destination)
    ]
    assert trees[0] == trees[1]


def test_partitions_are_dropped_where_the_task_says_so(pair: DatabasePair, tmp_path: Path) -> None:
    more = "; CREATE TABLE tree_2 PARTITION OF tree FOR VALUES FROM (10) TO (20); CREATE TABLE tree_9 (id int)"
    path = follow(pair, tmp_path, MADE + ";" + TREE + more, FILL + "; INSERT INTO tree VALUES (1, 1, 'a')", **DROPPING)
    with path.following():
        path.caught_up(120)
        pair.source.execute(
            "BEGIN; INSERT INTO tree VALUES (2, 12, 'b'); DROP TABLE tree_1; UPDATE tree SET v = 'c';"
            ' CREATE TABLE "tree 3" PARTITION OF tree FOR VALUES FROM (20) TO (30);'
            " INSERT INTO tree VALUES (3, 22, 'c'); COMMIT"
        )
        pair.source.execute("DROP TABLE \"tree 3\"; INSERT INTO tree VALUES (4, 13, 'd')")
        path.caught_up(120)
        assert_equal(pair)
        left = pair.destination.execute("SELECT relid::text FROM pg_partition_tree('tree') ORDER BY 1").fetchall()
        assert left == [("tree",), ("tree_2",)]
        # With its root.
        pair.source.execute("DROP TABLE tree; DROP TABLE tree_9")
        path.caught_up(120)
    here = pair.destination.execute("SELECT relname FROM pg_class WHERE relname ~ 'tree' AND relkind IN ('r', 'p')")
    assert here.fetchall() == []
    gone = [name for kind, name in kinds(path) if kind == "dropped"]
    assert gone == ["tree_1", "tree 3", "tree", "tree_2", "tree_9"]


def test_a_partition_of_a_table_that_is_plain_here_leaves_its_rows(pair: DatabasePair, tmp_path: Path) -> None:
    pair.destination.execute("CREATE TABLE tree (id int, at int, v text, PRIMARY KEY (id, at))")
    pair.source.execute((MADE + ";" + TREE).encode())
    pair.destination.execute(MADE.encode())
    path = row_path(pair, tmp_path, "", **DROPPING)
    pair.source.execute("INSERT INTO tree VALUES (1, 1, 'a')")
    path.copy()
    with path.following():
        path.caught_up(120)
        pair.source.execute("DROP TABLE tree_1")
        path.caught_up(120)
    assert pair.destination.execute("SELECT id FROM tree").fetchall() == [(1,)]
    [event] = [event for event in path.task.events if isinstance(event, DefinitionFollowed)]
    assert (event.kind, event.table.name, event.statements) == ("dropped", "tree_1", [])


def test_indexes_that_are_made_and_dropped_concurrently_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(pair, tmp_path, MADE, FILL, **WHOLE)
    with path.following():
        path.caught_up(120)
        pair.source.execute("CREATE INDEX CONCURRENTLY t_v ON t (v)")
        pair.source.execute('CREATE UNIQUE INDEX CONCURRENTLY "t U" ON t (v, id)')
        pair.source.execute("CREATE INDEX CONCURRENTLY t_w ON t (lower(v))")
        path.caught_up(120)
        assert_same_definitions(pair)
        # It has another OID from then on.
        pair.source.execute("REINDEX INDEX CONCURRENTLY t_v")
        for index in ("t_v", '"t U"'):
            pair.source.execute(f"DROP INDEX CONCURRENTLY {index}".encode())
        pair.source.execute("INSERT INTO t VALUES (2, 'b')")
        path.caught_up(120)
    assert_same_definitions(pair)
    assert_equal(pair)
