"""Definitions of tables whose names, columns, rows or values the task changes are followed, too (rules 19 to 23)."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.errors import ChangeFailed
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.full import stage as full
from syncwizard.task.events import DefinitionFollowed, DefinitionMissing
from syncwizard.task.specification import Advanced, SchemaObjects, TableObject
from tests.support.comparison import assert_equal
from tests.support.copying import copy_again
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath, row_path
from tests.support.waiting import until

pytestmark = pytest.mark.slow

FOLLOWING: dict[str, Any] = {"advanced": Advanced(ddl="follow")}
COLUMNS = "(id int PRIMARY KEY, v text, n int, secret text, held int GENERATED ALWAYS AS (length(secret)) STORED)"
# Named, filtered, transformed, and with operations but for `ddl`.
OBJECTS = [
    SchemaObjects(
        schema="a",
        name="b",
        tables=[
            TableObject(table="t", name="u", columns={"v": "W w"}, exclude_columns=["secret", "held"]),
            TableObject(table="f", where="id < 100"),
            TableObject(table="e", etl="script:e_set(`v`, str_upper(`v`))"),
            TableObject(table="o", operations=["insert", "update", "delete", "truncate"]),
            TableObject(table="c", name="child"),
        ],
    )
]
MADE = f"CREATE SCHEMA a; CREATE TABLE a.t {COLUMNS}; " + "; ".join(
    f"CREATE TABLE a.{each} (id int PRIMARY KEY, v text, n int)" for each in ("f", "e", "o", "c")
)
THERE = 'CREATE SCHEMA b; CREATE TABLE b.u (id int PRIMARY KEY, "W w" text, n int); ' + "; ".join(
    f"CREATE TABLE b.{each} (id int PRIMARY KEY, v text, n int)" for each in ("f", "e", "o", "child")
)
FILL = "; ".join(
    f"INSERT INTO a.{each} (id, v, n) SELECT i, 'v' || i, i FROM generate_series(1, 120) i" for each in "tfeoc"
)
# Each is a transaction.
CHANGES = """
INSERT INTO a.t (id, v, secret) VALUES (201, 'b', 's'); ALTER TABLE a.t ADD extra text DEFAULT 'x';
UPDATE a.t SET extra = 'y', v = 'c' WHERE id IN (1, 201)
---
CREATE INDEX t_v ON a.t (lower(v), extra) WHERE v <> 'q'; CREATE INDEX t_secret ON a.t (secret);
ALTER TABLE a.t ADD CONSTRAINT t_c CHECK (v <> 'z' AND n < 9000), ADD CONSTRAINT t_s CHECK (secret <> 'z');
ALTER TABLE a.t ADD both_ text GENERATED ALWAYS AS (v || n::text) STORED, ADD seen boolean
    GENERATED ALWAYS AS (secret = 'a') STORED;
ALTER TABLE a.t ALTER v SET DEFAULT 'd', ALTER v SET NOT NULL, ALTER secret SET DEFAULT 'hidden';
ALTER TABLE a.t DROP COLUMN held; INSERT INTO a.t (id, n) VALUES (202, 8)
---
ALTER TABLE a.c ADD t_id int REFERENCES a.t (id) ON DELETE CASCADE; UPDATE a.c SET t_id = id WHERE id > 0;
DELETE FROM a.t WHERE id = 7;
CREATE STATISTICS a.some ON v, n FROM a.t; GRANT SELECT (v), UPDATE (secret) ON a.t TO pg_monitor;
ALTER TABLE a.t ALTER v SET STORAGE EXTERNAL
---
ALTER TABLE a.t RENAME v TO x; UPDATE a.t SET x = 'renamed' WHERE id = 9; ALTER TABLE a.t DROP COLUMN n CASCADE
---
INSERT INTO a.f VALUES (300, 'out', 1), (99999, 'out', 2); ALTER TABLE a.f ADD extra int DEFAULT 5;
UPDATE a.f SET id = 98 - 1000 WHERE id = 300; UPDATE a.f SET id = 4000 WHERE id = 4;
UPDATE a.f SET extra = 6 WHERE id < 9
---
ALTER TABLE a.f RENAME v TO w; INSERT INTO a.f VALUES (-5, 'w', 1, 2); CREATE INDEX f_w ON a.f (w)
---
ALTER TABLE a.f DROP COLUMN n; INSERT INTO a.f VALUES (-6, 'w', 3)
---
ALTER TABLE a.e ADD extra text DEFAULT 'e'; INSERT INTO a.e VALUES (401, 'low', 1, 'stays');
UPDATE a.e SET v = 'up' WHERE id = 3
---
ALTER TABLE a.o ALTER v SET DEFAULT 'o'; INSERT INTO a.o (id) VALUES (500)
"""


def rows(session: Session, text: str) -> list[Any]:
    return session.execute(text.encode()).fetchall()


def made(pair: DatabasePair, folder: Path) -> RowPath:
    path = row_path(pair, folder, "SELECT", objects=OBJECTS, **FOLLOWING)
    pair.source.execute((MADE + ";" + FILL).encode())
    pair.destination.execute(THERE.encode())
    path.copy()
    return path


def one_session(path: RowPath) -> None:
    """Waits for the session that follows from here on: what it evaluates is made for what tables are like by then."""
    until(path.consistent.is_set, 60, "the session that follows")
    path.pair.source.execute("INSERT INTO a.c (id) VALUES (-1)")
    there = path.pair.destination
    until(lambda: there.execute("SELECT FROM b.child WHERE id = -1").fetchone() is not None, 60, "its first row")


def assert_alike(pair: DatabasePair) -> None:
    """The rows as they should be, by queries of the two ends."""
    queries = [
        ("SELECT id, x, extra FROM a.t", "SELECT id, x, extra FROM b.u"),
        ("SELECT id, w, extra FROM a.f WHERE id < 100", "SELECT id, w, extra FROM b.f"),
        ("SELECT id, upper(v), n, extra FROM a.e", "SELECT id, v, n, extra FROM b.e"),
        ("SELECT id, coalesce(v, 'o'), n FROM a.o", "SELECT id, coalesce(v, 'o'), n FROM b.o"),
        ("SELECT * FROM a.c", "SELECT * FROM b.child"),
    ]
    for there, here in queries:
        assert sorted(rows(pair.destination, here), key=str) == sorted(rows(pair.source, there), key=str)


def test_tables_that_the_task_changes_have_their_definitions_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = made(pair, tmp_path)
    with path.following():
        one_session(path)
        for text in CHANGES.split("---"):
            pair.source.execute(f"BEGIN; {text}; COMMIT".encode())
            if "a.f" in text:
                path.caught_up(120)
        path.caught_up(120)
    assert path.context().state().aside == ()
    assert_alike(pair)
    columns = rows(
        pair.destination,
        "SELECT attname FROM pg_attribute WHERE attrelid = 'b.u'::regclass AND attnum > 0"
        " AND NOT attisdropped ORDER BY attnum",
    )
    assert columns == [("id",), ("x",), ("extra",)]
    parts = rows(
        pair.destination,
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'b.u'::regclass UNION ALL"
        " SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'b.u'::regclass AND contype = 'c'",
    )
    text = " ".join(part for (part,) in parts)
    assert "u_v ON b.u USING btree (lower(x), extra)" in text and "secret" not in text
    foreign = rows(
        pair.destination,
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'b.child'::regclass AND contype = 'f'",
    )
    assert foreign == [("FOREIGN KEY (t_id) REFERENCES b.u(id) ON DELETE CASCADE",)]
    # Without `ddl` among its operations it keeps its definition.
    assert not [e for e in path.task.events if isinstance(e, DefinitionFollowed) and e.table.name == "o"]
    assert not [e for e in path.task.events if isinstance(e, DefinitionMissing)]


def test_what_changes_more_than_once_before_its_rows_are_evaluated_is_copied_again(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = made(pair, tmp_path)
    with path.following():
        path.caught_up(120)
    pair.source.execute(
        "INSERT INTO a.f VALUES (-1, 'old', 1), (900, 'out', 2); ALTER TABLE a.f ADD passing int DEFAULT 3;"
        " INSERT INTO a.f VALUES (-2, 'with', 1, 2); ALTER TABLE a.f DROP COLUMN passing, ADD extra int DEFAULT 8;"
        " UPDATE a.f SET extra = 9 WHERE id < 5; ALTER TABLE a.f RENAME v TO w; INSERT INTO a.t (id, v)"
        " VALUES (301, 't');"
        " ALTER TABLE a.t RENAME v TO x; ALTER TABLE a.t ADD extra text; ALTER TABLE a.e ADD extra text DEFAULT 'e'"
    )
    with path.following():
        path.caught_up(120)
    copy_again(path, {"f": "rows come as they were before"})
    with path.following():
        path.caught_up(120)
        pair.source.execute("UPDATE a.f SET w = 'again' WHERE id < 50; INSERT INTO a.e VALUES (402, 'low', 1, 'stays')")
        path.caught_up(120)
    assert_alike(pair)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("ALTER TABLE a.t RENAME secret TO known", "exclude_columns"),
        ("ALTER TABLE a.e RENAME v TO w", "script"),
    ],
)
def test_what_would_show_or_lose_what_the_task_treats_stops_it(
    pair: DatabasePair, tmp_path: Path, statement: str, why: str
) -> None:
    path = made(pair, tmp_path)
    with pytest.raises(ChangeFailed, match="cannot be followed") as caught, path.following():
        one_session(path)
        pair.source.execute(statement.encode())
        until(lambda: path.error is not None, 120, "the task to stop")
    path.error = None
    assert why in caught.value.detail


def test_a_table_that_gets_a_column_before_it_is_copied_has_it_first(pair: DatabasePair, tmp_path: Path) -> None:
    made = "CREATE TABLE t (id int PRIMARY KEY, v text); CREATE TABLE u (id int PRIMARY KEY)"
    path = row_path(pair, tmp_path, made, **FOLLOWING)
    pair.source.execute("INSERT INTO t VALUES (1, 'a'); INSERT INTO u VALUES (1)")
    context = path.context()
    capture.run(context)
    pair.source.execute("ALTER TABLE t ADD COLUMN n int DEFAULT 4; INSERT INTO t VALUES (2, 'b', 5)")
    full.run(context)
    context.held.close()
    assert [each.table.name for each in path.context().state().aside] == ["t"]
    with path.following():
        path.caught_up(120)
    assert pair.destination.execute("SELECT id FROM u").fetchall() == [(1,)]
    copy_again(path, {"t": "column n came"})
    with path.following():
        pair.source.execute("UPDATE t SET n = 6 WHERE id = 1")
        path.caught_up(120)
    assert_equal(pair)
