"""Every kind of object that a whole schema can hold arrives, and what cannot is named with the reason."""

import re
from pathlib import Path

import msgspec
import psycopg
import pytest

from syncwizard.errors import TaskFailed
from syncwizard.postgres.database_settings import read_comment
from syncwizard.stages.capture import stage as capture
from syncwizard.stages.definitions import schema
from syncwizard.stages.definitions.phases import create_phase
from syncwizard.structure.planned import PlannedStatement
from syncwizard.task.events import Noticed, StatementSkipped
from syncwizard.task.specification import SchemaObjects, TableObject
from tests.support.inprocess import TaskRun
from tests.support.pair import DatabasePair
from tests.support.stages import assert_same, everything

EVERY_KIND = """
    CREATE SCHEMA shop;
    SET search_path = shop;
    COMMENT ON SCHEMA shop IS 'a shop';
    CREATE EXTENSION vector SCHEMA shop;
    CREATE DOMAIN year AS integer CHECK (value BETWEEN 1901 AND 2155);
    COMMENT ON DOMAIN year IS 'a year';
    COMMENT ON CONSTRAINT year_check ON DOMAIN year IS 'of films';
    CREATE TYPE rating AS ENUM ('G', 'PG', 'R');
    CREATE TYPE money_of AS (amount numeric, currency text);
    COMMENT ON COLUMN money_of.amount IS 'in the currency';
    CREATE TYPE span AS RANGE (subtype = float8, subtype_diff = float8mi);
    CREATE SEQUENCE numbers INCREMENT 5 START 100;
    COMMENT ON SEQUENCE numbers IS 'numbers';
    CREATE COLLATION german (locale = 'C');
    CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = pg_catalog.simple);
    CREATE TEXT SEARCH CONFIGURATION words (COPY = pg_catalog.english);
    ALTER TEXT SEARCH CONFIGURATION words ALTER MAPPING FOR asciiword WITH plain;
    COMMENT ON TEXT SEARCH CONFIGURATION words IS 'words';

    CREATE FUNCTION plus(a money_of, b money_of) RETURNS money_of LANGUAGE sql IMMUTABLE
        AS $$ SELECT ((a).amount + (b).amount, (a).currency)::shop.money_of $$;
    CREATE OPERATOR + (LEFTARG = money_of, RIGHTARG = money_of, FUNCTION = plus, COMMUTATOR = +);
    COMMENT ON OPERATOR + (money_of, money_of) IS 'adds';
    CREATE AGGREGATE total(money_of) (SFUNC = plus, STYPE = money_of);
    COMMENT ON AGGREGATE total(money_of) IS 'sum';
    CREATE FUNCTION first_of(VARIADIC a text[], OUT one text) LANGUAGE sql AS 'SELECT a[1]';
    CREATE PROCEDURE nothing(n int, INOUT m int) LANGUAGE plpgsql AS $$ BEGIN m := n; -- a "body"; with '' quotes
        END $$;
    COMMENT ON PROCEDURE nothing(int, int) IS 'does nothing';

    CREATE TABLE film (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        title text COLLATE german NOT NULL,
        released year DEFAULT 1999,
        rating rating,
        price money_of,
        tags text[],
        near vector(3),
        changed timestamptz DEFAULT now(),
        words tsvector GENERATED ALWAYS AS (to_tsvector('shop.words', title)) STORED
    );
    COMMENT ON COLUMN film.title IS 'a title';
    CREATE INDEX film_words ON film USING gin (words);
    CREATE INDEX film_near ON film USING hnsw (near vector_l2_ops);
    CREATE TABLE log (film bigint, at timestamptz, what text, PRIMARY KEY (film, at)) PARTITION BY RANGE (at);
    CREATE TABLE log_old PARTITION OF log FOR VALUES FROM ('2000-01-01') TO ('2020-01-01');
    CREATE TABLE log_new PARTITION OF log DEFAULT;
    CREATE TABLE base (id int PRIMARY KEY);
    CREATE TABLE heir (note text, PRIMARY KEY (id)) INHERITS (base);

    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN new.changed := now(); RETURN new; END $$;
    CREATE TRIGGER touched BEFORE UPDATE OF title ON film FOR EACH ROW WHEN (old.title <> new.title)
        EXECUTE FUNCTION touch();
    COMMENT ON TRIGGER touched ON film IS 'touches';
    CREATE TRIGGER sleeping AFTER INSERT ON film FOR EACH STATEMENT EXECUTE FUNCTION touch();
    ALTER TABLE film DISABLE TRIGGER sleeping;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON film DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE TRIGGER of_all AFTER INSERT ON log FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE RULE keep AS ON DELETE TO base DO INSTEAD NOTHING;
    COMMENT ON RULE keep ON base IS 'keeps';

    CREATE VIEW films AS SELECT id, title FROM film WHERE released > 1950 WITH LOCAL CHECK OPTION;
    ALTER VIEW films ALTER title SET DEFAULT 'untitled';
    CREATE VIEW titles AS SELECT title, shop.first_of(title, 'x') FROM films;
    CREATE RECURSIVE VIEW counted(n) AS VALUES (1) UNION ALL SELECT n + 1 FROM counted WHERE n < 5;
    COMMENT ON VIEW titles IS 'a view over a view';
    COMMENT ON COLUMN titles.title IS 'the title';
    -- Groups by the key alone: pg_dump writes it behind the key.
    CREATE VIEW grouped AS SELECT f.id, f.title, count(*) FROM film f JOIN log ON log.film = f.id GROUP BY f.id;
    CREATE TRIGGER instead INSTEAD OF INSERT ON titles FOR EACH ROW EXECUTE FUNCTION touch();
    CREATE FUNCTION by_title(t text) RETURNS SETOF films LANGUAGE sql STABLE
        BEGIN ATOMIC SELECT * FROM films WHERE title = t; END;
    CREATE MATERIALIZED VIEW totals AS SELECT rating, shop.total(price) AS price, count(*) FROM film GROUP BY rating;
    CREATE UNIQUE INDEX totals_rating ON totals (rating);
    COMMENT ON INDEX totals_rating IS 'unique';
    CREATE MATERIALIZED VIEW highest AS SELECT max(count) AS count FROM totals;
    CREATE MATERIALIZED VIEW empty AS SELECT * FROM totals WITH NO DATA;
    COMMENT ON MATERIALIZED VIEW empty IS 'not filled';

    GRANT USAGE ON SCHEMA shop TO {role};
    GRANT SELECT, INSERT ON film TO {role};
    GRANT UPDATE (title) ON film TO {role};
    GRANT SELECT ON films, totals TO {role} WITH GRANT OPTION;
    GRANT USAGE ON SEQUENCE numbers TO {role};
    GRANT USAGE ON TYPE rating TO {role};
    REVOKE EXECUTE ON FUNCTION plus FROM PUBLIC;
    GRANT EXECUTE ON FUNCTION plus TO {role};
    INSERT INTO film (title, rating, price) VALUES ('one', 'G', (1, 'EUR')), ('two', 'G', (2, 'EUR'));
    REFRESH MATERIALIZED VIEW totals;
    REFRESH MATERIALIZED VIEW highest;
    RESET search_path;
"""


def missing(run: TaskRun) -> dict[tuple[str, str], str]:
    """What the task's state says is missing, with the reasons."""
    return {(each.kind, each.name): each.reason for each in run.state.missing_definitions}


@pytest.fixture
def role(pair: DatabasePair) -> str:
    """A role of both ends, which goes with the databases."""
    for session in (pair.source, pair.destination):
        session.execute("DO $$ BEGIN CREATE ROLE kinds_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    return "kinds_reader"


def test_a_schema_with_every_kind_of_object_arrives_equal(pair: DatabasePair, tmp_path: Path, role: str) -> None:
    pair.source.execute(EVERY_KIND.replace("{role}", role))
    run = TaskRun(pair.spec([SchemaObjects(schema="shop")]), tmp_path)
    everything(run)
    assert missing(run) == {}
    assert_same(pair, ["shop"], tmp_path, ignoring="REPLICA IDENTITY FULL")
    rows = pair.destination.execute("SELECT matviewname, ispopulated FROM pg_matviews")
    filled: dict[str, bool] = dict(rows.fetchall())
    assert filled == {"totals": True, "highest": True, "empty": False}
    # Materialized views are filled in their order, after the rows: there are none here.
    assert pair.destination.execute("SELECT count FROM shop.highest").fetchall() == [(None,)]


def test_a_schema_of_postgresql_15_arrives_equal(pair15: DatabasePair, tmp_path: Path) -> None:
    without_vectors = re.sub(r"^.*(EXTENSION vector|near).*\n", "", EVERY_KIND, flags=re.MULTILINE)
    for session in (pair15.source, pair15.destination):
        session.execute("DO $$ BEGIN CREATE ROLE kinds_reader; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    pair15.source.execute(without_vectors.replace("{role}", "kinds_reader"))
    run = TaskRun(pair15.spec([SchemaObjects(schema="shop")]), tmp_path)
    everything(run)
    assert missing(run) == {}
    # Servers before 16 qualify every column of a view.
    assert_same(pair15, ["shop"], tmp_path, ignoring="REPLICA IDENTITY FULL", without=r"\b(films?|totals|counted)\.")


def test_functions_over_types_that_only_look_like_arrays_arrive(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE DOMAIN list AS int[];
        CREATE FUNCTION keys_of(int2vector, oidvector, list, int[], point, list[]) RETURNS int
            LANGUAGE sql IMMUTABLE AS 'SELECT 1';
        COMMENT ON FUNCTION keys_of(int2vector, oidvector, list, int[], point, list[]) IS 'keys';
        CREATE TABLE t (id int PRIMARY KEY);
    """)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert missing(run) == {}
    assert_same(pair, ["public"], tmp_path)


def test_what_depends_on_an_extension_goes_with_it_at_the_destination_too(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE EXTENSION vector;
        CREATE TABLE t (id int PRIMARY KEY, n int);
        CREATE INDEX i ON t (n);
        CREATE MATERIALIZED VIEW m AS SELECT n FROM t;
        CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION f();
        ALTER INDEX i DEPENDS ON EXTENSION vector;
        ALTER MATERIALIZED VIEW m DEPENDS ON EXTENSION vector;
        ALTER FUNCTION f() DEPENDS ON EXTENSION vector;
        ALTER TRIGGER g ON t DEPENDS ON EXTENSION vector;
    """)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert missing(run) == {}
    assert_same(pair, ["public"], tmp_path)


@pytest.mark.parametrize("own", [None, "its own"])
def test_the_comment_on_the_database_is_the_sources_where_the_destination_has_none(
    pair: DatabasePair, tmp_path: Path, own: str | None
) -> None:
    pair.source.execute(
        f"CREATE TABLE t (id int PRIMARY KEY); COMMENT ON DATABASE {pair.database} IS 'it''s the \\\\ one'"
    )
    if own is not None:
        pair.destination.execute(f"COMMENT ON DATABASE {pair.database} IS '{own}'")
    everything(TaskRun(pair.spec(), tmp_path))
    assert read_comment(pair.destination) == (own or "it's the \\\\ one")


def test_what_the_dump_does_not_have_is_missing_in_the_state(pair: DatabasePair, tmp_path: Path) -> None:
    # An index that a failed build left behind is the one thing of a table that pg_dump leaves out by itself.
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY, n int); INSERT INTO t VALUES (1, 1), (2, 1)")
    pair.source.execute("CREATE CONVERSION c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8")
    with pytest.raises(psycopg.errors.UniqueViolation):
        pair.source.execute("CREATE UNIQUE INDEX CONCURRENTLY half ON t (n)")
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert missing(run) == {
        ("index", "half on public.t"): "it is invalid at the source",
        ("conversion", "public.c"): "definitions of this kind are not carried over",
    }


def test_a_definition_that_is_refused_is_missing_until_it_is_there(pair: DatabasePair, tmp_path: Path) -> None:
    # A name of the destination's own is in the way of the statistics.
    pair.source.execute("CREATE TABLE t (id int PRIMARY KEY, n int); CREATE STATISTICS s ON id, n FROM t")
    run = TaskRun(pair.spec(), tmp_path)
    pair.destination.execute("CREATE TABLE own (a int, b int); CREATE STATISTICS s ON a, b FROM own")
    context = everything(run)
    found = run.state.missing_definitions
    assert [(each.kind, each.name, each.sqlstate) for each in found] == [("statistics", "s on public.t", "42710")]
    assert "already exists" in found[0].reason
    assert found[0].statements == ("CREATE STATISTICS public.s ON id, n FROM public.t",)
    pair.destination.execute("DROP STATISTICS s")
    pair.destination.execute("DELETE FROM syncwizard.statements")
    plan = schema.read_plan(context)
    assert plan is not None
    again = [statement for statement in plan.statements if statement.kind == "statistics"]
    with context.connect("destination", "test") as session:
        create_phase(context, session, again)
    assert run.state.missing_definitions == ()


def test_constraints_named_like_the_not_null_constraints_of_18_arrive(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, mail text NOT NULL, code int NOT NULL);
        ALTER TABLE users ADD CONSTRAINT users_name_not_null CHECK (name IS NOT NULL) NOT VALID;
        ALTER TABLE users ADD CONSTRAINT users_mail_not_null CHECK (mail IS NOT NULL);
        ALTER TABLE users ADD CONSTRAINT users_code_not_null UNIQUE (code);
        CREATE TABLE parts (id int NOT NULL, n int NOT NULL) PARTITION BY RANGE (id);
        CREATE TABLE part PARTITION OF parts FOR VALUES FROM (0) TO (10);
        ALTER TABLE parts ADD CONSTRAINT parts_n_not_null CHECK (n IS NOT NULL) NOT VALID;
    """)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert missing(run) == {}
    constraints = "SELECT conrelid::regclass::text, conname, contype::text, convalidated FROM pg_constraint"
    ours = f"{constraints} WHERE contype <> 'n' AND connamespace = 'public'::regnamespace ORDER BY 1, 2"
    there = [row for row in pair.destination.execute(ours) if "heartbeat" not in row[0]]
    assert there == [row for row in pair.source.execute(ours) if "heartbeat" not in row[0]]
    not_null = "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attnotnull AND attnum > 0"
    tables = f"{not_null} AND attrelid::regclass::text IN ('users', 'parts', 'part') ORDER BY 1, 2"
    assert pair.destination.execute(tables).fetchall() == pair.source.execute(tables).fetchall()


def test_a_role_that_the_destination_lacks_is_named(pair: DatabasePair, tmp_path: Path) -> None:
    name = f"only_{pair.database}"
    pair.source.execute(f"CREATE TABLE t (id int PRIMARY KEY); CREATE ROLE {name}; GRANT SELECT ON t TO {name}")
    try:
        run = TaskRun(pair.spec(), tmp_path)
        everything(run)
        assert missing(run) == {("privilege", f"for {name}"): f"role {name} does not exist at the destination"}
    finally:
        pair.source.execute(f"DROP OWNED BY {name}; DROP ROLE {name}")


def test_what_needs_something_that_is_not_there_is_left_out_with_the_reason(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE SCHEMA other;
        CREATE TABLE other.hidden (id int);
        CREATE UNLOGGED TABLE quick (id int);
        CREATE TABLE t (id int PRIMARY KEY);
        CREATE TABLE scratch (id int PRIMARY KEY);
        CREATE VIEW fine AS SELECT * FROM t;
        CREATE VIEW over_hidden AS SELECT * FROM other.hidden;
        CREATE VIEW over_view AS SELECT * FROM over_hidden;
        CREATE MATERIALIZED VIEW over_quick AS SELECT * FROM quick;
        CREATE VIEW over_scratch AS SELECT * FROM scratch;
        CREATE FUNCTION of_row(h other.hidden) RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE RULE to_hidden AS ON INSERT TO t DO ALSO INSERT INTO other.hidden VALUES (new.id);
        CREATE RULE on_update AS ON UPDATE TO t DO ALSO NOTHING;
    """)
    run = TaskRun(pair.spec([SchemaObjects(schema="public", exclude=["scratch"])]), tmp_path)
    everything(run)
    hidden = "it needs other.hidden, which is not synchronized"
    assert missing(run) == {
        ("table", "public.quick"): "unlogged: its changes are not in the WAL",
        ("view", "public.over_hidden"): hidden,
        ("view", "public.over_view"): hidden,
        ("materialized view", "public.over_quick"): "it needs public.quick, which is not synchronized",
        ("view", "public.over_scratch"): "it needs public.scratch, which is not synchronized",
        ("function", "public.of_row(other.hidden)"): hidden,
        ("rule", "to_hidden on public.t"): hidden,
        ("rule", "on_update on public.t"): "a rule ON UPDATE of the table would keep changes from being applied",
    }
    relations = {
        name
        for (name,) in pair.destination.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v', 'm')"
        )
    }
    assert relations == {"t", "fine"}


def test_casts_come_before_what_needs_them(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE SCHEMA other;
        CREATE TYPE other.hidden AS ENUM ('a');
        CREATE TYPE mood AS ENUM ('sad', 'glad');
        CREATE TYPE price AS (amount numeric);
        CREATE FUNCTION mood_of(int) RETURNS mood LANGUAGE sql IMMUTABLE AS $$SELECT 'sad'::public.mood$$;
        CREATE FUNCTION price_of(numeric) RETURNS price LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1)::public.price';
        CREATE FUNCTION prices_of(text, int, bool) RETURNS price[] LANGUAGE sql IMMUTABLE
            AS 'SELECT NULL::public.price[]';
        CREATE CAST (int AS mood) WITH FUNCTION mood_of(int) AS ASSIGNMENT;
        CREATE CAST (numeric AS price) WITH FUNCTION price_of(numeric) AS IMPLICIT;
        CREATE CAST (text AS price[]) WITH FUNCTION prices_of(text, int, bool);
        CREATE CAST (text AS mood) WITH INOUT AS IMPLICIT;
        CREATE CAST (mood AS other.hidden) WITH INOUT;
        CREATE TABLE t (id int PRIMARY KEY, m mood DEFAULT (1::mood), p numeric);
        CREATE FUNCTION id_of(t) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1.id';
        CREATE CAST (t AS int) WITH FUNCTION id_of(t);
        CREATE VIEW priced AS SELECT p::price AS price, m = p::text::mood AS sad, t::int AS id FROM t;
    """)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    hidden = "it needs type other.hidden, which is not synchronized"
    assert missing(run) == {("cast", "public.mood as other.hidden"): hidden}
    assert_same(pair, ["public"], tmp_path)
    casts = """
        SELECT castsource::regtype::text, casttarget::regtype::text, castfunc::regprocedure::text, castcontext::text,
               castmethod::text FROM pg_cast WHERE oid >= 16384 ORDER BY 1, 2
    """
    there, here = (session.execute(casts).fetchall() for session in (pair.destination, pair.source))
    assert there == [row for row in here if row[1] != "other.hidden"]


IN_C = """
    CREATE TABLE t (id int PRIMARY KEY, n int);
    CREATE FUNCTION in_c(internal) RETURNS internal LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
    CREATE FUNCTION fire() RETURNS trigger LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
    CREATE TRIGGER calls_c BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
    CREATE FUNCTION number() RETURNS int LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
    CREATE VIEW one AS SELECT number();
    CREATE MATERIALIZED VIEW two AS SELECT number AS n FROM one WITH NO DATA;
    CREATE INDEX two_n ON two (n);
    CREATE FUNCTION over(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n';
    CREATE INDEX t_over ON t (over(n));
"""


def test_functions_of_a_library_that_the_destination_has_arrive(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute(IN_C)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert missing(run) == {}
    assert_same(pair, ["public"], tmp_path)


def test_functions_of_a_library_that_it_lacks_are_missing_with_what_needs_them(
    pair: DatabasePair, tmp_path: Path
) -> None:
    pair.source.execute(f"{IN_C} SET allow_system_table_mods = on")
    pair.source.execute("UPDATE pg_proc SET probin = '$libdir/nowhere' WHERE prolang = 13 AND oid >= 16384")
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    lost = missing(run)
    assert set(lost) == {
        ("function", "public.in_c(pg_catalog.internal)"),
        ("function", "public.fire()"),
        ("trigger", "calls_c on public.t"),
        ("function", "public.number()"),
        ("view", "public.one"),
        ("materialized view", "public.two"),
        ("index", "two_n on public.two"),
    }
    assert "nowhere" in lost["function", "public.number()"]
    assert "does not exist" in lost["view", "public.one"]
    assert pair.destination.execute("SELECT over(1), to_regclass('t_over') IS NOT NULL").fetchone() == (1, True)


def test_triggers_that_would_fire_are_disabled(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE TABLE t (id int PRIMARY KEY);
        CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER usual BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        CREATE TRIGGER always BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        CREATE TRIGGER replica BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        ALTER TABLE t ENABLE ALWAYS TRIGGER always;
        ALTER TABLE t ENABLE REPLICA TRIGGER replica;
    """)
    run = TaskRun(pair.spec(), tmp_path)
    everything(run)
    assert triggers_of(pair) == {"usual": "O", "always": "D", "replica": "D"}
    notices = [event.message for event in run.events if isinstance(event, Noticed) and "disabled" in event.message]
    assert len(notices) == 1
    assert "trigger always on public.t" in notices[0]


def triggers_of(pair: DatabasePair) -> dict[str, str]:
    rows = pair.destination.execute("SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal")
    return dict(rows.fetchall())


def test_a_role_that_cannot_silence_triggers_creates_them_disabled(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE TABLE t (id int PRIMARY KEY, n int);
        CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER usual BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        CREATE RULE also AS ON DELETE TO t DO ALSO NOTHING;
    """)
    pair.destination.execute(f"CREATE ROLE {pair.database} LOGIN")
    pair.destination.execute(f"ALTER DATABASE {pair.database} OWNER TO {pair.database}")
    try:
        endpoint = pair.destination_cluster.endpoint(pair.database, user=pair.database)
        everything(TaskRun(pair.spec(destination=endpoint), tmp_path))
        assert triggers_of(pair) == {"usual": "D"}
        rules = pair.destination.execute("SELECT ev_enabled::text FROM pg_rewrite WHERE rulename = 'also'").fetchall()
        assert rules == [("D",)]
    finally:
        pair.destination.execute(f"REASSIGN OWNED BY {pair.database} TO postgres; DROP OWNED BY {pair.database}")
        pair.destination.execute(f"DROP ROLE {pair.database}")


def test_single_objects_come_with_what_they_need(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("""
        CREATE TABLE t (id int PRIMARY KEY, n int);
        CREATE TABLE unused (id int PRIMARY KEY);
        CREATE FUNCTION fire() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
        CREATE TRIGGER usual BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION fire();
        CREATE FUNCTION twice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 2';
        CREATE FUNCTION thrice(n int) RETURNS int LANGUAGE sql AS 'SELECT n * 3';
        CREATE FUNCTION unused() RETURNS int LANGUAGE sql AS 'SELECT 1';
        CREATE TYPE mood AS ENUM ('sad');
        CREATE TYPE unused_mood AS ENUM ('sad');
        CREATE VIEW inner_view AS SELECT id, twice(n) FROM t;
        CREATE VIEW wanted AS SELECT * FROM inner_view;
        CREATE VIEW unused_view AS SELECT * FROM t;
        CREATE MATERIALIZED VIEW summary AS SELECT count(*) FROM t;
        CREATE SEQUENCE numbers;
    """)
    selected = SchemaObjects(
        schema="public",
        tables=[TableObject(table="t")],
        views=["wanted"],
        materialized_views=["summary"],
        functions=["thrice"],
        types=["mood"],
        sequences=["numbers"],
    )
    everything(TaskRun(pair.spec([selected]), tmp_path))
    assert_same(pair, ["public"], tmp_path, ignoring=r"unused|fire\(\)")


def test_a_statement_that_needs_a_later_one_is_tried_again(pair: DatabasePair, tmp_path: Path) -> None:
    pair.source.execute("CREATE TABLE unrelated (id int PRIMARY KEY)")
    context = TaskRun(pair.spec(), tmp_path).context()
    capture.run(context)
    context.held.close()
    texts = ["CREATE VIEW c AS SELECT * FROM b", "CREATE VIEW b AS SELECT * FROM a", "CREATE TABLE a (id int)"]
    statements = [
        PlannedStatement(position=1000 + number, phase="pre-data", kind="view", name="abc"[2 - number], text=text)
        for number, text in enumerate(texts)
    ]
    pair.destination.execute("SET search_path = public")
    assert create_phase(context, pair.destination, statements) == 3
    assert create_phase(context, pair.destination, statements) == 0
    assert pair.destination.execute("SELECT count(*) FROM c").fetchone() == (0,)


def test_a_statement_that_stays_refused_stops_the_stage_until_it_is_left_out(
    pair: DatabasePair, tmp_path: Path
) -> None:
    # The column is gone since PostgreSQL 17.
    pair.source.execute("""
        CREATE VIEW gone AS SELECT buffers_checkpoint FROM pg_stat_bgwriter;
        CREATE VIEW over_it AS SELECT * FROM gone;
        CREATE MATERIALIZED VIEW stored AS SELECT * FROM gone;
        CREATE INDEX stored_index ON stored (buffers_checkpoint);
        CREATE VIEW z_fine AS SELECT 1 AS one;
        CREATE TABLE t (id int PRIMARY KEY);
    """)
    run = TaskRun(pair.spec(), tmp_path)
    with pytest.raises(TaskFailed) as refused:
        everything(run)
    assert "view public.gone" in refused.value.title
    assert "buffers_checkpoint" in refused.value.detail
    assert "CREATE VIEW public.gone" in str(refused.value.remedy)
    assert f"`exclude` in {tmp_path / 'task.yaml'}" in str(refused.value.remedy)
    assert pair.destination.execute("SELECT one FROM z_fine").fetchone() == (1,)
    without = SchemaObjects(schema="public", exclude=["gone", "over_it", "stored"])
    run.spec = msgspec.structs.replace(run.spec, objects=[without])
    everything(run)
    assert_same(pair, ["public"], tmp_path, ignoring="gone|stored")
    skipped = {event.name for event in run.events if isinstance(event, StatementSkipped)}
    assert skipped == {"public.gone", "public.over_it", "public.stored", "stored_index on public.stored"}
