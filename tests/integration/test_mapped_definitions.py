"""Definitions follow the names that a task gives its objects at the destination (DESIGN rule 19).

PostgreSQL's own ALTER … RENAME of the same schema says what is right.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from syncwizard.task.specification import RenameRule, SchemaObjects, Synchronization, TableObject
from tests.integration.test_object_kinds import EVERY_KIND, missing, role
from tests.support.definitions import definitions
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair, Session
from tests.support.stages import everything

__all__ = ["role"]

HERE, THERE = "shop", 'Shop "EU"; --'
# The extension stays where it is: its names are not the task's.
KINDS = (
    EVERY_KIND.replace("EXTENSION vector SCHEMA shop", "EXTENSION vector SCHEMA public")
    .replace("near vector(3)", "near public.vector(3)")
    .replace("near vector_l2_ops", "near public.vector_l2_ops")
)
MORE = """
    SET search_path = shop;
    ALTER TABLE log ADD FOREIGN KEY (film) REFERENCES film;
    ALTER TABLE film ADD CONSTRAINT price CHECK (released IS NOT NULL OR title <> 'x' AND film.* IS NOT NULL);
    CREATE STATISTICS pairs ON title, released FROM film;
    CREATE INDEX expressions ON film (lower(title), id) INCLUDE (released) WHERE title IS NOT NULL;
    ALTER TABLE film ADD CONSTRAINT no_twins EXCLUDE USING btree (title WITH =) WHERE (id > 7);
    CREATE SEQUENCE film_serial OWNED BY film.released;
    ALTER TABLE film ALTER released SET DEFAULT nextval('film_serial'::regclass);
    CREATE RULE noted AS ON INSERT TO film WHERE new.title <> '' DO ALSO
        INSERT INTO base (id) SELECT new.id FROM film f WHERE f.id = new.id AND f.title = new.title;
    CREATE TRIGGER searchable BEFORE INSERT ON film FOR EACH ROW
        EXECUTE FUNCTION tsvector_update_trigger('words', 'pg_catalog.english', 'title');
    CREATE FUNCTION renamed(n bigint) RETURNS TABLE (id bigint, title text) LANGUAGE sql BEGIN ATOMIC
        INSERT INTO base (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING base.id;
        UPDATE film SET title = 'x' || film.title WHERE film.id = n;
        DELETE FROM log USING film f WHERE log.film = f.id AND f.title IS NULL;
        SELECT f.id, f.title FROM film f WHERE EXISTS (SELECT FROM log WHERE log.film = f.id); END;
    CREATE VIEW joined AS SELECT * FROM film JOIN (SELECT film AS id, at FROM log) l USING (id);
    CREATE VIEW row_of AS SELECT film FROM film;
    ALTER TABLE film ALTER title SET STATISTICS 77;
    COMMENT ON CONSTRAINT film_pkey ON film IS 'the key';
    COMMENT ON COLUMN log.at IS 'when';
    RESET search_path;
"""
SHOP = SchemaObjects(
    schema=HERE,
    name=THERE,
    overrides=[
        TableObject(table="film", name="Filme", columns={"id": "Nr", "title": 'ti"tel', "words": "wörter"}),
        TableObject(table="log", name="journal", columns={"film": "film_nr", "at": "um"}),
        TableObject(table="base", columns={"id": "nr"}),
        TableObject(table="heir", columns={"id": "nr"}),
    ],
    rename=[RenameRule(pattern="^log_(.+)$", name=r"journal_\1"), RenameRule(pattern="films", name="alle Filme")],
)
BY_POSTGRESQL = """
    ALTER TABLE shop.film RENAME COLUMN id TO "Nr";
    ALTER TABLE shop.film RENAME COLUMN title TO "ti""tel";
    ALTER TABLE shop.film RENAME COLUMN words TO "wörter";
    ALTER TABLE shop.log RENAME COLUMN film TO film_nr;
    ALTER TABLE shop.log RENAME COLUMN at TO um;
    ALTER TABLE shop.base RENAME COLUMN id TO nr;
    ALTER TABLE shop.film RENAME TO "Filme";
    ALTER TABLE shop.log RENAME TO journal;
    ALTER TABLE shop.log_old RENAME TO journal_old;
    ALTER TABLE shop.log_new RENAME TO journal_new;
    ALTER VIEW shop.films RENAME TO "alle Filme";
    ALTER SEQUENCE shop.film_id_seq RENAME TO "Filme_id_seq";
    ALTER SEQUENCE shop.film_serial RENAME TO "Filme_serial";
    ALTER INDEX shop.film_pkey RENAME TO "Filme_pkey";
    ALTER INDEX shop.film_words RENAME TO "Filme_words";
    ALTER INDEX shop.film_near RENAME TO "Filme_near";
    ALTER INDEX shop.log_pkey RENAME TO journal_pkey;
    ALTER INDEX shop.log_old_pkey RENAME TO journal_old_pkey;
    ALTER INDEX shop.log_new_pkey RENAME TO journal_new_pkey;
    DROP TRIGGER searchable ON shop."Filme";
    CREATE TRIGGER searchable BEFORE INSERT ON shop."Filme" FOR EACH ROW
        EXECUTE FUNCTION tsvector_update_trigger('wörter', 'pg_catalog.english', 'ti"tel');
    ALTER SCHEMA shop RENAME TO "Shop ""EU""; --";
"""
# Queries keep the source's names by aliases, where ALTER … RENAME writes new ones: these are compared by what they do.
QUERY = re.compile(r"CREATE (OR REPLACE )?(MATERIALIZED )?VIEW|CREATE RULE|.*BEGIN ATOMIC", re.DOTALL)
# PostgreSQL 18 calls them after the table that was.
NOT_NULL = re.compile(r"\n    CONSTRAINT \w+ NOT NULL nr,| CONSTRAINT \w+(?= NOT NULL)")


@pytest.fixture
def by_postgresql(pair: DatabasePair) -> Iterator[str]:
    """A database of the destination's server in which PostgreSQL itself renamed everything."""
    name = f"{pair.database}_renamed"
    pair.destination_cluster.create_database(name)
    yield name
    pair.destination_cluster.drop_database(name)


def columns(session: Session) -> list[tuple[object, ...]]:
    """The columns of all relations of the schema, with their types."""
    return session.execute(
        "SELECT c.relkind, c.relname, a.attnum, a.attname, format_type(a.atttypid, a.atttypmod)"
        " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c')"
        " AND c.relnamespace = %s::regnamespace AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, 2, 3",
        ('"Shop ""EU""; --"',),
    ).fetchall()


def test_a_schema_with_every_kind_of_object_arrives_as_if_postgresql_had_renamed_it(
    pair: DatabasePair, tmp_path: Path, role: str, by_postgresql: str
) -> None:
    kinds = KINDS.replace("{role}", role)
    for statements in (kinds, MORE):
        pair.source.execute(statements)
    run = TaskRun(pair.spec([SHOP]), tmp_path)
    everything(run)
    assert missing(run) == {}
    with pair.destination_cluster.connect(by_postgresql) as expected:
        for statements in (kinds, MORE, BY_POSTGRESQL):
            expected.execute(statements)
        assert columns(pair.destination) == columns(expected)
    ends = (pair.destination_endpoint, pair.destination_cluster.endpoint(by_postgresql))
    found, right = (
        {NOT_NULL.sub("", text) for text in definitions(end, [THERE], tmp_path) if not QUERY.match(text)}
        for end in ends
    )
    more, less = sorted(found - right), sorted(text for text in right - found if "REPLICA IDENTITY FULL" not in text)
    assert (more, less) == ([], [])


@pytest.mark.parametrize("capitalization", ["lower", "upper"])
def test_what_has_no_name_of_its_own_is_capitalized_as_the_task_says(
    pair: DatabasePair, tmp_path: Path, capitalization: str
) -> None:
    pair.source.execute(
        'CREATE SCHEMA "Mixed"; CREATE TABLE "Mixed"."Orders" ("Id" serial PRIMARY KEY, "Total" numeric, x int);'
        'CREATE INDEX "Orders_Total_idx" ON "Mixed"."Orders" ("Total") WHERE x > 0;'
        'CREATE VIEW "Mixed"."Sums" AS SELECT sum("Total") AS "Sum" FROM "Mixed"."Orders";'
        'CREATE TABLE "Mixed"."Items" ("No" bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);'
        'CREATE STATISTICS "Mixed"."Pairs" ON "Total", x FROM "Mixed"."Orders";'
        'ALTER TABLE "Mixed"."Orders" ALTER "Total" SET STATISTICS 55;'
        'COMMENT ON COLUMN "Mixed"."Orders"."Total" IS $$what it costs$$;'
        'GRANT SELECT ("Total") ON "Mixed"."Orders" TO PUBLIC;'
        'CREATE FUNCTION "Mixed"."Worth"("Mixed"."Orders", "Mixed"."Items"[]) RETURNS SETOF "Mixed"."Orders"'
        " LANGUAGE sql AS 'SELECT ($1).*';"
        'CREATE FUNCTION "Mixed"."Stamp"() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RETURN new; END$$;'
        'CREATE TRIGGER "Stamped" BEFORE UPDATE OF "Total" ON "Mixed"."Orders" FOR EACH ROW'
        ' WHEN (new."Total" > 1) EXECUTE FUNCTION "Mixed"."Stamp"()'
    )
    synchronization = msgspec.convert({"capitalization": capitalization}, Synchronization)
    run = TaskRun(pair.spec([SchemaObjects(schema="Mixed")], synchronization=synchronization), tmp_path)
    everything(run)
    assert missing(run) == {}
    names = {"mixed", "orders", "orders_id_seq", "orders_pkey", "orders_total_idx", "sums"}
    names |= {"items", "items_no_seq", "items_pkey"}
    expected = names if capitalization == "lower" else {name.upper() for name in names}
    relations = pair.destination.execute(
        "SELECT nspname, relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE nspname ILIKE 'mixed'"
    ).fetchall()
    assert {name for row in relations for name in row} == expected
    changed = str.lower if capitalization == "lower" else str.upper
    named = {name: changed(name) for name in ("Orders", "Orders_Id_seq", "Items", "Items_No_seq", "Id", "No", "Total")}
    named["x"] = changed("x")
    # Functions, triggers and statistics keep their names.
    right = {tuple(named.get(part, part) for part in row) for row in dependents(pair.source)}
    found = set(dependents(pair.destination))
    assert (found - right, right - found) == (set(), set())


def dependents(session: Session) -> list[tuple[str, ...]]:
    """What hangs on tables and columns: sequences, statistics, triggers, comments, privileges, signatures."""
    return session.execute("""
        SELECT 'sequence', s.relname, c.relname, a.attname || '' FROM pg_depend d
          JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S' JOIN pg_class c ON c.oid = d.refobjid
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
         WHERE c.relnamespace::regnamespace::text ILIKE '%mixed%'
        UNION ALL
        SELECT 'column', a.attname, coalesce(a.attstattarget, -1)::text || a.attidentity::text,
               coalesce(col_description(c.oid, a.attnum), '') || coalesce((SELECT string_agg(privilege_type, ',')
                        FROM aclexplode(a.attacl)), '')
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
         WHERE c.relkind = 'r' AND c.relnamespace::regnamespace::text ILIKE '%mixed%'
        UNION ALL
        SELECT 'statistics', e.stxname, c.relname, e.stxkeys::text FROM pg_statistic_ext e
          JOIN pg_class c ON c.oid = e.stxrelid
        UNION ALL
        SELECT 'trigger', t.tgname, c.relname, p.proname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
          JOIN pg_proc p ON p.oid = t.tgfoid WHERE NOT t.tgisinternal
        UNION ALL
        SELECT 'argument', p.proname, c.relname, t.typcategory::text FROM pg_proc p, unnest(p.proargtypes) AS u (oid)
          JOIN pg_type t ON t.oid = u.oid LEFT JOIN pg_type e ON e.oid = t.typelem
          JOIN pg_class c ON c.oid IN (t.typrelid, e.typrelid)
         WHERE p.pronamespace::regnamespace::text ILIKE '%mixed%'
    """).fetchall()
