"""Every kind of definition, in every form in which a command can come, brings both ends to the same catalogue."""

import re
from pathlib import Path
from typing import Any

import pytest

from syncwizard.task.events import DefinitionMissing, TableSetAside
from syncwizard.task.specification import Advanced, Endpoint, SchemaObjects
from tests.support.comparison import assert_equal
from tests.support.definitions import definitions
from tests.support.pair import DatabasePair
from tests.support.rowpath import row_path

pytestmark = pytest.mark.slow

# Over a table {t} of its own, in the schema {s}; {c} begins the names of everything else.
TABLE = "CREATE TABLE {t} (id int PRIMARY KEY, v text, n int CONSTRAINT {c}_n CHECK (n < 100000), e vector(3))"
FILL = "INSERT INTO {t} SELECT i, 'v' || i, i, ARRAY[i, 1, 2]::vector FROM generate_series(1, 30) i"
BEFORE = "INSERT INTO {t} (id, v, n) VALUES (101, 'b', 1); UPDATE {t} SET v = 'before' WHERE id = 3"
AFTER = "UPDATE {t} SET v = 'after' WHERE id IN (4, 5); DELETE FROM {t} WHERE id = 6"
KINDS = {
    "like": "CREATE TABLE {s}.{c}_l (LIKE {t} INCLUDING ALL); INSERT INTO {s}.{c}_l SELECT * FROM {t}",
    "as": "CREATE TABLE {s}.{c}_a AS SELECT id, v FROM {t}",
    "identity": "CREATE TABLE {s}.{c}_i (id int GENERATED ALWAYS AS IDENTITY, g int GENERATED ALWAYS AS (a * 2) STORED,"
    " a int DEFAULT 4, b serial); INSERT INTO {s}.{c}_i (a) VALUES (1), (2)",
    "partitioned": "CREATE TABLE {s}.{c}_p (id int PRIMARY KEY, v text) PARTITION BY RANGE (id);"
    " CREATE TABLE {s}.{c}_p1"
    " PARTITION OF {s}.{c}_p FOR VALUES FROM (0) TO (10); INSERT INTO {s}.{c}_p VALUES (1, 'a');"
    " CREATE TABLE {s}.{c}_p2 (LIKE {s}.{c}_p INCLUDING ALL); INSERT INTO {s}.{c}_p2 VALUES (11, 'b');"
    " ALTER TABLE {s}.{c}_p ATTACH PARTITION {s}.{c}_p2 FOR VALUES FROM (10) TO (20); UPDATE {s}.{c}_p SET v = 'x';"
    " ALTER TABLE {s}.{c}_p DETACH PARTITION {s}.{c}_p1",
    "rename": "ALTER TABLE {t} RENAME n TO m; ALTER TABLE {t} RENAME CONSTRAINT {c}_n TO {c}_m;"
    " ALTER TABLE {t} RENAME m TO n",
    "columns": "ALTER TABLE {t} ADD a int DEFAULT 7, ADD b timestamptz DEFAULT now(), DROP COLUMN n",
    "settings": "ALTER TABLE {t} ALTER v SET STATISTICS 300, ALTER v SET STORAGE EXTERNAL, ALTER v SET COMPRESSION"
    " pglz,"
    " SET (fillfactor = 80)",
    "exclude": "ALTER TABLE {t} ADD CONSTRAINT {c}_x EXCLUDE USING btree (id WITH =)",
    "foreign": "CREATE TABLE {s}.{c}_f (id int PRIMARY KEY, t_id int REFERENCES {t} ON DELETE CASCADE);"
    " INSERT INTO {s}.{c}_f VALUES (1, 10); DELETE FROM {t} WHERE id = 10",
    "valid": "ALTER TABLE {t} ADD CONSTRAINT {c}_nn CHECK (v IS NOT NULL) NOT VALID;"
    " ALTER TABLE {t} VALIDATE CONSTRAINT {c}_nn; ALTER TABLE {t} DROP CONSTRAINT {c}_n;"
    " ALTER TABLE {t} ALTER v SET NOT NULL",
    "replica": "ALTER TABLE {t} REPLICA IDENTITY FULL; UPDATE {t} SET n = n + 1;"
    " ALTER TABLE {t} REPLICA IDENTITY DEFAULT",
    "key": "ALTER TABLE {t} DROP CONSTRAINT {c}_pkey; UPDATE {t} SET n = n + 2; ALTER TABLE {t} ADD PRIMARY KEY (id)",
    "vectors": "CREATE INDEX {c}_h ON {t} USING hnsw (e vector_l2_ops) WITH (m = 8, ef_construction = 40);"
    " CREATE INDEX {c}_v ON {t} USING ivfflat (e vector_cosine_ops) WITH (lists = 3);"
    " CREATE INDEX {c}_e ON {t} USING hnsw ((e::halfvec(3)) halfvec_l2_ops)",
    "indexes": "CREATE INDEX {c}_a ON {t} (lower(v)) WHERE n > 3; ALTER INDEX {s}.{c}_a RENAME TO {c}_b;"
    " ALTER INDEX {s}.{c}_b SET (fillfactor = 60); REINDEX INDEX {s}.{c}_b; CREATE INDEX {c}_g ON {t} (n);"
    " DROP INDEX {s}.{c}_g",
    "truncate": "TRUNCATE {t}; INSERT INTO {t} (id) VALUES (1), (4), (5), (6)",
    "enum": "CREATE TYPE {s}.{c}_k AS ENUM ('a', 'b'); ALTER TYPE {s}.{c}_k ADD VALUE 'c' AFTER 'a';"
    " ALTER TABLE {t} ADD k {s}.{c}_k; UPDATE {t} SET k = 'b' WHERE id < 9",
    "domain": "CREATE DOMAIN {s}.{c}_d AS int CHECK (VALUE > 0); ALTER TABLE {t} ADD d {s}.{c}_d;"
    " UPDATE {t} SET d = id;"
    " ALTER DOMAIN {s}.{c}_d ADD CONSTRAINT {c}_more CHECK (VALUE < 900)",
    "sequence": "CREATE SEQUENCE {s}.{c}_q INCREMENT 3; ALTER SEQUENCE {s}.{c}_q MAXVALUE 800;"
    " CREATE SEQUENCE {s}.{c}_r; ALTER SEQUENCE {s}.{c}_r RENAME TO {c}_r2",
    "view": "CREATE VIEW {s}.{c}_w AS SELECT id, v FROM {t};"
    " CREATE OR REPLACE VIEW {s}.{c}_w AS SELECT id, v, n FROM {t};"
    " CREATE VIEW {s}.{c}_old AS SELECT 1 AS a; ALTER VIEW {s}.{c}_old RENAME TO {c}_new;"
    " CREATE VIEW {s}.{c}_gone AS SELECT 1 AS a; DROP VIEW {s}.{c}_gone",
    "viewed": "CREATE VIEW {s}.{c}_w AS SELECT id FROM {t}; ALTER VIEW {s}.{c}_w RENAME COLUMN id TO number;"
    " ALTER VIEW {s}.{c}_w ALTER number SET DEFAULT 3; ALTER VIEW {s}.{c}_w SET (security_barrier = true)",
    "materialized": "CREATE MATERIALIZED VIEW {s}.{c}_m AS SELECT id FROM {t}; CREATE INDEX {c}_mi ON {s}.{c}_m (id);"
    " REFRESH MATERIALIZED VIEW {s}.{c}_m; ALTER MATERIALIZED VIEW {s}.{c}_m RENAME TO {c}_m2",
    "function": "CREATE FUNCTION {s}.{c}_f(int) RETURNS int LANGUAGE sql AS 'SELECT $1';"
    " CREATE FUNCTION {s}.{c}_f(text) RETURNS int LANGUAGE sql AS 'SELECT 2';"
    " ALTER FUNCTION {s}.{c}_f(int) RENAME TO {c}_g; ALTER FUNCTION {s}.{c}_g(int) IMMUTABLE COST 7;"
    " CREATE PROCEDURE {s}.{c}_p() LANGUAGE sql AS 'SELECT 1'; CREATE AGGREGATE {s}.{c}_x(text) (SFUNC = textcat,"
    " STYPE = text); DROP FUNCTION {s}.{c}_f(text)",
    "trigger": "CREATE FUNCTION {s}.{c}_f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW;END';"
    " CREATE TRIGGER {c}_t BEFORE INSERT ON {t} FOR EACH ROW EXECUTE FUNCTION {s}.{c}_f();"
    " CREATE RULE {c}_r AS ON INSERT TO {t} WHERE new.id < -5 DO INSTEAD NOTHING",
    "comments": "COMMENT ON TABLE {t} IS 'it''s'; COMMENT ON COLUMN {t}.v IS 'v';"
    " COMMENT ON CONSTRAINT {c}_n ON {t} IS 'n';"
    " CREATE INDEX {c}_ci ON {t} (n); COMMENT ON INDEX {s}.{c}_ci IS 'i'; CREATE TYPE {s}.{c}_y AS (a int);"
    " COMMENT ON TYPE {s}.{c}_y IS 'y'; COMMENT ON SCHEMA {s} IS 'schema'",
    "granted": "GRANT SELECT, UPDATE (v) ON {t} TO pg_monitor; CREATE SEQUENCE {s}.{c}_gq;"
    " GRANT USAGE ON SEQUENCE {s}.{c}_gq TO pg_monitor; CREATE FUNCTION {s}.{c}_gf() RETURNS int LANGUAGE sql AS"
    " 'SELECT 1'; REVOKE EXECUTE ON FUNCTION {s}.{c}_gf() FROM PUBLIC; GRANT EXECUTE ON FUNCTION {s}.{c}_gf() TO"
    " pg_monitor; CREATE TYPE {s}.{c}_gt AS (a int); REVOKE USAGE ON TYPE {s}.{c}_gt FROM PUBLIC;"
    " GRANT USAGE, CREATE ON SCHEMA {s} TO pg_monitor; CREATE VIEW {s}.{c}_gv AS SELECT 1 AS a;"
    " GRANT SELECT ON {s}.{c}_gv TO pg_monitor",
    "types": "CREATE TYPE {s}.{c}_o AS (a int, b text); ALTER TYPE {s}.{c}_o RENAME TO {c}_o2;"
    " CREATE TYPE {s}.{c}_u AS ENUM ('x'); ALTER TABLE {t} ADD u {s}.{c}_u; UPDATE {t} SET u = 'x' WHERE id = 4;"
    " ALTER TYPE {s}.{c}_u RENAME TO {c}_u2; UPDATE {t} SET u = 'x' WHERE id = 5;"
    " CREATE TYPE {s}.{c}_rg AS RANGE (subtype = int); ALTER TABLE {t} ADD r {s}.{c}_rg;"
    " CREATE TYPE {s}.{c}_go AS (a int);"
    " DROP TYPE {s}.{c}_go; CREATE DOMAIN {s}.{c}_dd AS int; DROP DOMAIN {s}.{c}_dd",
}
# What no transaction may have around it.
ALONE = {
    "concurrently": "CREATE INDEX CONCURRENTLY {c}_a ON {t} (v)---CREATE UNIQUE INDEX CONCURRENTLY {c}_b ON {t} (id, n)"
    "---CREATE INDEX CONCURRENTLY {c}_h ON {t} USING hnsw (e vector_l2_ops) WITH (m = 6)"
    "---REINDEX TABLE CONCURRENTLY {t}---DROP INDEX CONCURRENTLY {s}.{c}_a",
}
KILLED = ("partitioned", "enum", "domain", "trigger", "types")
_NAMED = re.compile(r"CONSTRAINT \S+ NOT NULL")
FOLLOWING: dict[str, Any] = {"advanced": Advanced(ddl="follow", dropped_tables="drop")}
FORMS = ("alone", "mixed", "function", "quoted", "twice")
SCHEMAS = {form: "Qu o\"'té" if form == "quoted" else f"m_{form}" for form in FORMS}


def names(kind: str, form: str, schema: str) -> dict[str, str]:
    own = f"{kind}_{form}"
    quoted = f'"{own} Ü""q"' if form == "quoted" else own
    schema = '"' + schema.replace('"', '""') + '"'
    return {"t": f"{schema}.{quoted}", "s": schema, "c": own}


def commands(kind: str, form: str, schema: str) -> list[str]:
    """What is run at the source, each text by itself."""
    given = names(kind, form, schema)
    if kind in ALONE:
        return [part.format(**given) for part in ALONE[kind].split("---")]
    text, before, after = (each.format(**given) for each in (KINDS[kind], BEFORE, AFTER))
    if form == "quoted":
        text = text.replace(f"{given['c']}_pkey", f'"{kind}_{form} Ü""q_pkey"')
    if form == "mixed":
        return [f"BEGIN; {before}; {text}; {after}; COMMIT"]
    if form == "function":
        body = text.replace("'", "''")
        return [
            f"CREATE FUNCTION pg_temp.f() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN EXECUTE '{body}'; {after}; END"
            " $f$; SELECT pg_temp.f(); DROP FUNCTION pg_temp.f()"
        ]
    return [*text.split("; "), after]


def catalogue(end: Endpoint, schemas: list[str], folder: Path) -> set[str]:
    """What pg_dump says of the schemas, but for replica identities, which a task gives at the source alone, and"
    " names of
    of NOT NULL constraints, which only newer servers have."""
    found = {_NAMED.sub("NOT NULL", text) for text in definitions(end, schemas, folder)}
    return {text for text in found if not text.endswith("REPLICA IDENTITY FULL")}


def brought_alike(pair: DatabasePair, folder: Path, cases: list[tuple[str, str]]) -> None:
    schemas = {form: SCHEMAS[form] for _, form in cases}
    made = ["CREATE EXTENSION IF NOT EXISTS vector"]
    made += [f"CREATE SCHEMA {names('', form, schema)['s']}" for form, schema in schemas.items()]
    made += [TABLE.format(**names(kind, form, schemas[form])) for kind, form in cases]
    objects = [SchemaObjects(schema=schema) for schema in schemas.values()]
    path = row_path(pair, folder, "; ".join(made), objects=objects, **FOLLOWING)
    pair.source.execute("; ".join(FILL.format(**names(kind, form, schemas[form])) for kind, form in cases).encode())
    path.copy()
    with path.following():
        path.caught_up(240)
        for kind, form in cases:
            for text in commands(kind, form, schemas[form]):
                pair.source.execute(text.encode())
            if kind in KILLED and form in ("twice", "mixed"):
                path.pool.kill_all()
        path.caught_up(240)
    assert not [event for event in path.task.events if isinstance(event, DefinitionMissing | TableSetAside)]
    assert_equal(pair)
    source, destination = (
        catalogue(end, list(schemas.values()), folder) for end in (pair.source_endpoint, pair.destination_endpoint)
    )
    assert destination == source


def test_every_kind_brings_both_ends_to_the_same(pair: DatabasePair, tmp_path: Path) -> None:
    others = [form for form in FORMS if form != "mixed"]
    cases = [(kind, "mixed") for kind in KINDS]
    cases += [(kind, others[at % len(others)]) for at, kind in enumerate(KINDS)]
    cases += [(kind, "quoted") for kind in ALONE]
    brought_alike(pair, tmp_path, cases)


@pytest.mark.marathon
def test_every_kind_in_every_form_brings_both_ends_to_the_same(pair: DatabasePair, tmp_path: Path) -> None:
    cases = [(kind, form) for form in FORMS for kind in KINDS]
    brought_alike(pair, tmp_path, cases + [(kind, form) for kind in ALONE for form in ("alone", "quoted", "twice")])
