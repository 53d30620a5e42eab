"""What belongs to tables and no row needs, and further objects of schemas, change at the destination, too (rule 23)."""

from pathlib import Path
from typing import Any

import pytest

from syncwizard.postgres.source.ddl import FUNCTIONS, renew_ddl_capture
from syncwizard.task.events import DefinitionMissing
from syncwizard.task.specification import SchemaObjects
from tests.integration.test_ddl import follow
from tests.support.comparison import assert_equal
from tests.support.followed import assert_same_definitions, definitions
from tests.support.pair import DatabasePair, Session
from tests.support.rowpath import RowPath

pytestmark = pytest.mark.slow

WHOLE: dict[str, Any] = {"objects": [SchemaObjects(schema="public")]}
# Each is a transaction; rows follow each.
ATTACHED = r"""
CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := ''fired''; RETURN NEW; END';
CREATE TRIGGER "on Ünsert" BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER off BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION fire(); ALTER TABLE t DISABLE TRIGGER off
---
BEGIN; ALTER TABLE t ADD COLUMN n int; CREATE TRIGGER loud AFTER UPDATE OF n ON t FOR EACH ROW EXECUTE FUNCTION fire();
ALTER TABLE t ENABLE ALWAYS TRIGGER loud; CREATE RULE nothing AS ON DELETE TO t WHERE old.id < 0 DO INSTEAD NOTHING;
INSERT INTO t VALUES (1000, 'b', 2); COMMIT
---
ALTER TRIGGER off ON t RENAME TO off_still; CREATE STATISTICS several ON id, v FROM t;
DO $do$ BEGIN EXECUTE 'GRANT SELECT, UPDATE (v) ON t TO pg_monitor'; GRANT INSERT ON t TO PUBLIC; END $do$
---
BEGIN; SAVEPOINT s; GRANT DELETE ON t TO pg_monitor; REVOKE INSERT ON t FROM PUBLIC; RELEASE s; COMMIT
---
ALTER TABLE t ALTER v SET STORAGE EXTERNAL, ALTER v SET STATISTICS 500, ALTER v SET COMPRESSION pglz,
SET (fillfactor = 70, autovacuum_enabled = false); ALTER TABLE t RESET (fillfactor)
---
BEGIN; CREATE TABLE "made 1" (id int PRIMARY KEY, w text STORAGE MAIN) WITH (fillfactor = 50);
CREATE TRIGGER again BEFORE INSERT ON "made 1" FOR EACH ROW EXECUTE FUNCTION fire();
GRANT SELECT ON "made 1" TO pg_monitor; ALTER TABLE "made 1" RENAME COLUMN w TO v;
INSERT INTO "made 1" VALUES (1, 'x'); COMMIT
---
DROP TRIGGER "on Ünsert" ON t; DROP TRIGGER loud ON t; DROP RULE nothing ON t; DROP STATISTICS several;
CREATE RULE kept AS ON INSERT TO t WHERE new.id < -5 DO INSTEAD NOTHING
---
CREATE POLICY mine ON t USING (id > 0); ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE RULE late AS ON UPDATE TO t WHERE new.id < -9 DO INSTEAD NOTHING
---
CREATE AGGREGATE longest(text) (SFUNC = textcat, STYPE = text, INITCOND = 'it''s', PARALLEL = SAFE);
CREATE AGGREGATE total(int) (SFUNC = int4pl, STYPE = int, COMBINEFUNC = int4pl, MSFUNC = int4pl,
    MINVFUNC = int4mi, MSTYPE = int)
---
CREATE MATERIALIZED VIEW "seen ids" AS SELECT id FROM t; CREATE UNIQUE INDEX seen ON "seen ids" (id);
CREATE MATERIALIZED VIEW passing AS SELECT 1 AS a; DROP MATERIALIZED VIEW passing
---
CREATE VIEW "my View" AS SELECT id, v FROM t; COMMENT ON VIEW "my View" IS 'it''s \ so';
COMMENT ON COLUMN "my View".v IS 'v'; COMMENT ON FUNCTION fire() IS 'fires'; COMMENT ON AGGREGATE longest(text) IS 'l';
CREATE TRIGGER instead INSTEAD OF INSERT ON "my View" FOR EACH ROW EXECUTE FUNCTION fire();
CREATE TRIGGER passing INSTEAD OF DELETE ON "my View" FOR EACH ROW EXECUTE FUNCTION fire();
DROP TRIGGER passing ON "my View"
---
BEGIN; DELETE FROM t WHERE id = 1000; INSERT INTO t (id) VALUES (999); REFRESH MATERIALIZED VIEW "seen ids"; COMMIT;
COMMENT ON FUNCTION fire() IS NULL; COMMENT ON MATERIALIZED VIEW "seen ids" IS 'seen'; CREATE EXTENSION vector
---
BEGIN; CREATE DOMAIN small AS int CONSTRAINT few CHECK (VALUE < 10); CREATE TYPE pair AS (a int, b text);
CREATE TABLE typed (id int PRIMARY KEY, s small, p pair); INSERT INTO typed VALUES (1, 3, '(1,x)');
ALTER DOMAIN small DROP CONSTRAINT few; ALTER DOMAIN small ADD CONSTRAINT more CHECK (VALUE < 100) NOT VALID;
ALTER DOMAIN small SET DEFAULT 7; ALTER TYPE pair ADD ATTRIBUTE c int;
INSERT INTO typed VALUES (2, 50, '(2,y,3)'); COMMIT
---
ALTER DOMAIN small VALIDATE CONSTRAINT more; ALTER DOMAIN small SET NOT NULL;
ALTER TYPE pair RENAME ATTRIBUTE b TO "B b";
ALTER TYPE pair DROP ATTRIBUTE a; INSERT INTO typed VALUES (3, 60, '(z,4)'); DROP AGGREGATE total(int)
"""
LOUD = "loud"


def attached(session: Session) -> dict[str, Any]:
    """What belongs to each table and is carried over; the destination keeps from firing what always fires."""
    found = {}
    for name, definition in definitions(session).items():
        parts = sorted(
            (each.kind, each.name, each.definition, each.enabled)
            for each in definition.attached or ()
            if each.kind not in ("policy", "row security") and not each.on_update
        )
        columns = [(each.name, each.storage, each.compression, each.statistics) for each in definition.columns]
        found[name] = (parts, columns, sorted(definition.options or ()))
    return found


def others(session: Session) -> list[Any]:
    """Aggregates, materialized views with their indexes, domains and composite types."""
    return [
        sorted(session.execute(statement).fetchall())
        for statement in (
            "SELECT aggfnoid::text, aggtransfn::text, agginitval, aggcombinefn::text, aggminvtransfn::text"
            " FROM pg_aggregate JOIN pg_proc p ON p.oid = aggfnoid WHERE pronamespace = 'public'::regnamespace",
            "SELECT matviewname, definition FROM pg_matviews",
            "SELECT indexdef FROM pg_indexes WHERE tablename = 'seen ids'",
            'SELECT id FROM "seen ids"',
            "SELECT tgname, pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = tgrelid"
            " WHERE relkind = 'v'",
            "SELECT extname FROM pg_extension",
            "SELECT relname, objsubid, description FROM pg_description JOIN pg_class c ON c.oid = objoid"
            " AND relnamespace = 'public'::regnamespace AND relname !~ '^dts_'",
            "SELECT proname, description FROM pg_description JOIN pg_proc p ON p.oid = objoid"
            " AND pronamespace = 'public'::regnamespace",
            "SELECT typname, typdefault, typnotnull FROM pg_type WHERE typtype = 'd'"
            " AND typnamespace = 'public'::regnamespace",
            "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE contypid <> 0 AND contype = 'c'"
            " AND connamespace = 'public'::regnamespace",
            "SELECT a.attname, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a JOIN pg_class c"
            " ON c.oid = a.attrelid WHERE c.relkind = 'c' AND NOT attisdropped"
            " AND relnamespace = 'public'::regnamespace",
        )
    ]


def run(path: RowPath, statements: str) -> None:
    """Each transaction by itself, and rows behind it."""
    for text in statements.split("---"):
        path.pair.source.execute(text.encode())
        path.pair.source.execute("INSERT INTO t (id, v) SELECT max(id) + 1, 'r' FROM t; UPDATE t SET v = 'u'")
    path.caught_up(120)


def test_what_belongs_to_tables_and_further_objects_are_followed(pair: DatabasePair, tmp_path: Path) -> None:
    path = follow(
        pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, v text)", "INSERT INTO t VALUES (1, 'a')", **WHOLE
    )
    with path.following():
        path.caught_up(120)
        *most, last = ATTACHED.split("---")
        run(path, "---".join(most[:2]))
        # What would fire while changes are applied is there, and disabled.
        states = pair.destination.execute("SELECT tgname, tgenabled FROM pg_trigger ORDER BY 1").fetchall()
        assert dict(states) == {"loud": "D", "off": "D", "on Ünsert": "O"}
        path.pool.kill_all()
        run(path, "---".join(most[2:]))
        run(path, last)
    assert_equal(pair)
    assert_same_definitions(pair)
    assert attached(pair.destination) == attached(pair.source)
    assert others(pair.destination) == others(pair.source)
    assert pair.destination.execute('SELECT count(*) FROM "seen ids"').fetchone() != (0,)
    # What the schema stage does not carry over is listed here, too.
    missing = {event.name: event.reason for event in path.task.events if isinstance(event, DefinitionMissing)}
    assert missing.keys() == {"mine on public.t", "ENABLE on public.t", "late on public.t"}
    assert "row security" in missing["mine on public.t"] and "ON UPDATE" in missing["late on public.t"]


def test_a_source_with_functions_of_an_earlier_version_gets_those_of_this_one(
    pair: DatabasePair, tmp_path: Path
) -> None:
    path = follow(pair, tmp_path, "CREATE TABLE t (id int PRIMARY KEY, v text)", "", **WHOLE)
    pair.source.execute(
        "DROP FUNCTION dts_ddl.version(); CREATE OR REPLACE FUNCTION dts_ddl.object_definition(class oid, object oid)"
        " RETURNS text LANGUAGE sql AS 'SELECT NULL::text'"
    )
    with path.following():
        path.caught_up(120)
        pair.source.execute("CREATE VIEW w AS SELECT id FROM t")
        path.caught_up(120)
    assert pair.destination.execute("SELECT viewname FROM pg_views WHERE schemaname = 'public'").fetchall() == [("w",)]
    assert pair.source.execute("SELECT dts_ddl.version()").fetchone() == (FUNCTIONS,)
    renew_ddl_capture(pair.source)
