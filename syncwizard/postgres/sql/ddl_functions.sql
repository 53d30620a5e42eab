-- The functions of the capture; their texts are those of this version, and take the place of earlier ones.
CREATE OR REPLACE FUNCTION dts_ddl.version() RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT :version';

-- In PL/pgSQL, as what follows: a session plans each statement once.
CREATE OR REPLACE FUNCTION dts_ddl.definition(oid) RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
    SET extra_float_digits = 3 SET bytea_output = 'hex'
    AS $definition$
BEGIN
    RETURN (
:definition
    );
END
$definition$;

-- Of what is no table and no part of one; null for a kind that is not followed.
CREATE OR REPLACE FUNCTION dts_ddl.object_definition(class oid, object oid) RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $definition$
BEGIN
    RETURN (
:object_definition
    );
END
$definition$;

-- Whether a task captures the table or one that it is a partition of, or would if it were created now.
CREATE OR REPLACE FUNCTION dts_ddl.concerns(relation oid) RETURNS boolean LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $concerns$
BEGIN
    RETURN EXISTS (SELECT FROM pg_class c
                     JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN dts_ddl.selected s ON s.schema_name = n.nspname AND s.whole <> (c.relname = ANY (s.names))
                    WHERE c.oid = relation)
        OR EXISTS (SELECT FROM pg_publication_rel r
                     JOIN pg_publication p ON p.oid = r.prpubid
                     JOIN dts_ddl.tasks t ON t.slot_name = p.pubname
                    WHERE r.prrelid = relation OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(relation)));
END
$concerns$;

-- The text of the statement at hand, of which the context is that of the trigger: within functions the innermost one.
CREATE OR REPLACE FUNCTION dts_ddl.statement(context text) RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $statement$
BEGIN
    RETURN left(CASE WHEN position(E'\n' IN context) = 0 THEN current_query()
                     ELSE substring(context FROM E'^[^\n]*\nSQL statement "(.*)"\nPL/pgSQL function ') END, 100000);
END
$statement$;

CREATE OR REPLACE FUNCTION dts_ddl.note(
    kind text, tag text, context text, relation bigint, definition text, joined text DEFAULT NULL
) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
    AS $note$
BEGIN
    INSERT INTO public.dts_ddl_command (kind, tag, statement, relation, definition, joined)
    VALUES ($1, $2, dts_ddl.statement($3), $4, $5, $6);
END
$note$;

-- What could not be captured is a row that says so; never an error of the user's statement.
CREATE OR REPLACE FUNCTION dts_ddl.note_failure(tag text, context text, message text) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
    AS $failure$
BEGIN
    PERFORM dts_ddl.note('failed', $1, $2, 0, $3);
EXCEPTION WHEN OTHERS THEN
    RAISE WARNING 'the command was not captured: %', sqlerrm;
END
$failure$;

-- Whether UPDATE and DELETE of the table can be published as it is.
CREATE OR REPLACE FUNCTION dts_ddl.has_identity(relation oid) RETURNS boolean LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $identity$
BEGIN
    RETURN (
        SELECT c.relreplident = 'f' OR EXISTS (
                   SELECT FROM pg_index i
                    WHERE i.indrelid = c.oid AND i.indimmediate AND i.indisvalid
                      AND CASE c.relreplident WHEN 'd' THEN i.indisprimary WHEN 'i' THEN i.indisreplident END
                      AND NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
                                         AND a.attgenerated <> ''))
          FROM pg_class c WHERE c.oid = relation);
END
$identity$;

-- Whether the table, or a partition of it, holds rows.
CREATE OR REPLACE FUNCTION dts_ddl.holds_rows(relation oid) RETURNS boolean LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $rows$
BEGIN
    RETURN pg_relation_size(relation) > 0 OR EXISTS (
        SELECT FROM pg_partition_tree(relation) AS m WHERE m.isleaf AND pg_relation_size(m.relid) > 0);
END
$rows$;

-- Lets a table join the publications of the tasks that select it, before a row can come; which ones, as JSON, null for
-- none. `made_with_rows`: the command made it with them (CREATE TABLE AS), so they are in the stream only when they are
-- written again, which is done for a table of up to 64 MiB. A partitioned table stands for its partitions, which have
-- identities by its primary key; without one it does not join. One that cannot join is left to the tasks, which say so.
CREATE OR REPLACE FUNCTION dts_ddl.join_tasks(wanted oid, made_with_rows boolean) RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp SET lock_timeout = '5s'
    AS $join$
DECLARE
    name text;
    slot text;
    memberships jsonb;
    held boolean := false;
BEGIN
    FOR name, slot IN
        SELECT format('%I.%I', n.nspname, c.relname), s.slot_name
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN dts_ddl.selected s ON s.schema_name = n.nspname
                                 AND s.whole <> (c.relname = ANY (s.names))
          JOIN pg_publication p ON p.pubname = s.slot_name
         WHERE c.oid = wanted AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND NOT c.relispartition
           AND (c.relkind = 'p' AND dts_ddl.has_identity(c.oid) OR c.relkind = 'r' AND NOT EXISTS (
                SELECT FROM pg_inherits i WHERE i.inhparent = c.oid))
           AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid)
           AND NOT EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid)
         ORDER BY s.slot_name
    LOOP
        IF NOT held AND made_with_rows AND pg_relation_size(wanted) > 0 AND pg_table_size(wanted) <= 67108864 THEN
            EXECUTE format('CREATE TEMPORARY TABLE dts_ddl_rows AS TABLE ONLY %s', name);
            EXECUTE format('TRUNCATE ONLY %s', name);
            held := true;
        END IF;
        EXECUTE format('ALTER PUBLICATION %I ADD TABLE ONLY %s', slot, name);
        INSERT INTO dts_ddl.joined (slot_name, relation, member)
        SELECT slot, wanted::bigint, r.oid::bigint
          FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
         WHERE p.pubname = slot AND r.prrelid = wanted
            ON CONFLICT (slot_name, relation) DO UPDATE SET member = excluded.member
        RETURNING coalesce(memberships, '{}') || jsonb_build_object(slot_name, dts_ddl.joined.member) INTO memberships;
        PERFORM dts_ddl.give_identity(wanted, slot, name);
    END LOOP;
    -- A table that a task captures and that has lost its key, a partition with its tree.
    FOR wanted, name, slot IN
        SELECT c.oid, format('%I.%I', n.nspname, c.relname), p.pubname
          FROM pg_class c
          JOIN pg_namespace n ON n.oid = c.relnamespace
          JOIN pg_publication p ON EXISTS (
               SELECT FROM pg_publication_rel r
                WHERE r.prpubid = p.oid
                  AND (r.prrelid = c.oid OR r.prrelid IN (SELECT relid FROM pg_partition_ancestors(c.oid))))
          JOIN dts_ddl.tasks t ON t.slot_name = p.pubname
         WHERE (c.oid = wanted OR c.oid IN (SELECT m.relid FROM pg_partition_tree(wanted) AS m))
           AND c.relkind = 'r' AND NOT dts_ddl.has_identity(c.oid)
    LOOP
        PERFORM dts_ddl.give_identity(wanted, slot, name);
    END LOOP;
    RETURN memberships::text;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$join$;

-- Those that `join_tasks` has held back, behind the row that lets tasks create the table.
CREATE OR REPLACE FUNCTION dts_ddl.write_rows_again(wanted oid) RETURNS void LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $rows$
BEGIN
    IF to_regclass('pg_temp.dts_ddl_rows') IS NOT NULL THEN
        EXECUTE format('INSERT INTO %s SELECT * FROM pg_temp.dts_ddl_rows', wanted::regclass);
        DROP TABLE pg_temp.dts_ddl_rows;
    END IF;
END
$rows$;

-- REPLICA IDENTITY FULL where the user's own UPDATE would fail without.
CREATE OR REPLACE FUNCTION dts_ddl.give_identity(wanted oid, slot text, name text) RETURNS void LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $identity$
BEGIN
    IF NOT dts_ddl.has_identity(wanted) THEN
        INSERT INTO dts_ddl.identities (slot_name, relation, previous)
        SELECT slot, wanted::bigint, relreplident::text FROM pg_class WHERE oid = wanted
            ON CONFLICT DO NOTHING;
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', name);
    ELSE
        -- Another task has given it before.
        INSERT INTO dts_ddl.identities (slot_name, relation, previous)
        SELECT slot, relation, previous FROM dts_ddl.identities WHERE relation = wanted LIMIT 1
            ON CONFLICT DO NOTHING;
    END IF;
END
$identity$;

-- What the command did to objects beside their definitions, each as statements: comments, contents of materialized
-- views, triggers of views, extensions.
CREATE OR REPLACE FUNCTION dts_ddl.further_objects(tag text, OUT class oid, OUT object oid, OUT definition text)
    RETURNS SETOF record LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
    AS $further$
BEGIN
    IF $1 NOT IN ('COMMENT', 'REFRESH MATERIALIZED VIEW', 'CREATE TRIGGER', 'ALTER TRIGGER', 'CREATE EXTENSION',
                  'ALTER EXTENSION') THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT d.classid, d.objid, json_build_object(
                   'kind', f.kind, 'schema', coalesce(d.schema_name, n.nspname, own.nspname),
                   'name', regexp_replace(d.object_identity,
                                          '^' || coalesce(quote_ident(d.schema_name), '') || '[.]', ''),
                   'create', f.create)::text
          FROM pg_event_trigger_ddl_commands() d
          LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
          LEFT JOIN pg_class c ON c.oid = g.tgrelid
          LEFT JOIN pg_extension x ON d.classid = 'pg_extension'::regclass AND x.oid = d.objid
          LEFT JOIN pg_namespace n ON n.oid = coalesce(c.relnamespace, x.extnamespace)
          LEFT JOIN pg_namespace own ON d.classid = 'pg_namespace'::regclass AND own.oid = d.objid
         CROSS JOIN LATERAL (
            SELECT 'comment' AS kind, json_build_array(format('COMMENT ON %s %s IS %s',
                       CASE d.object_type WHEN 'view column' THEN 'COLUMN' WHEN 'composite type' THEN 'TYPE'
                                          WHEN 'table constraint' THEN 'CONSTRAINT'
                                          ELSE upper(d.object_type) END, d.object_identity,
                       coalesce(quote_literal(CASE WHEN d.objsubid > 0 THEN col_description(d.objid, d.objsubid)
                                                   ELSE obj_description(d.objid, d.classid::regclass::text::name) END),
                                'NULL'))) AS create
             WHERE $1 = 'COMMENT' AND d.object_type IN (
                       'function', 'procedure', 'aggregate', 'view', 'view column', 'type', 'composite type', 'domain',
                       'sequence', 'materialized view', 'table constraint', 'index', 'trigger', 'schema')
             UNION ALL
            SELECT 'contents', json_build_array(format('REFRESH MATERIALIZED VIEW %s%s', d.object_identity, (
                       SELECT ' WITH NO DATA' FROM pg_class m WHERE m.oid = d.objid AND NOT m.relispopulated)))
             WHERE $1 = 'REFRESH MATERIALIZED VIEW'
             UNION ALL
            SELECT 'trigger', json_build_array(format('DROP TRIGGER IF EXISTS %s', d.object_identity),
                                               pg_get_triggerdef(g.oid))
             WHERE c.relkind = 'v'
             UNION ALL
            SELECT 'extension', json_build_array(CASE $1
                       WHEN 'CREATE EXTENSION' THEN format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I',
                                                           x.extname, n.nspname)
                       ELSE format('ALTER EXTENSION %I UPDATE', x.extname) END)
             WHERE x.oid IS NOT NULL) AS f
         WHERE NOT d.in_extension
           AND EXISTS (SELECT FROM dts_ddl.selected s
                        WHERE s.whole AND s.schema_name = coalesce(d.schema_name, n.nspname, own.nspname));
END
$further$;

-- Who may do what with objects that are no tables, of those that this transaction has written: GRANT says of nothing
-- which it was, and what is created may have default privileges.
CREATE OR REPLACE FUNCTION dts_ddl.privileges(tag text, OUT object oid, OUT definition text)
    RETURNS SETOF record LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
    AS $privileges$
BEGIN
    IF NOT ($1 IN ('GRANT', 'REVOKE') OR $1 ~ '^CREATE (AGGREGATE|DOMAIN|FUNCTION|MATERIALIZED VIEW|PROCEDURE|SCHEMA|SEQUENCE|TYPE|VIEW)$'
                                         AND EXISTS (SELECT FROM pg_default_acl)) THEN
        RETURN;
    END IF;
    RETURN QUERY
        SELECT o.oid, json_build_object(
                   'schema', o.schema, 'name', o.name, 'of', o.of, 'identity', o.identity, 'grants', (
                   SELECT coalesce(json_agg(json_build_array(
                              CASE l.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(l.grantee) END,
                              l.privilege_type, l.is_grantable) ORDER BY l.grantee, l.is_grantable, l.privilege_type), '[]')
                     FROM aclexplode(coalesce(o.acl, acldefault(o.letter::"char", o.owner))) AS l
                    WHERE l.grantee <> o.owner))::text
          FROM (
        SELECT p.oid, n.nspname AS schema, p.proname AS name, 'ROUTINE' AS of, p.oid::regprocedure::text AS identity,
               p.proacl AS acl, p.proowner AS owner, 'f' AS letter, p.xmin
          FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
         UNION ALL
        SELECT c.oid, n.nspname, c.relname, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END,
               format('%I.%I', n.nspname, c.relname), c.relacl, c.relowner, CASE c.relkind WHEN 'S' THEN 's' ELSE 'r' END,
               c.xmin
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('v', 'm', 'S')
         UNION ALL
        SELECT t.oid, n.nspname, t.typname, 'TYPE', format('%I.%I', n.nspname, t.typname), t.typacl, t.typowner, 'T', t.xmin
          FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
          LEFT JOIN pg_class r ON r.oid = t.typrelid
         WHERE t.typtype IN ('d', 'e', 'r') OR r.relkind = 'c'
         UNION ALL
        SELECT n.oid, n.nspname, n.nspname, 'SCHEMA', quote_ident(n.nspname), n.nspacl, n.nspowner, 'n', n.xmin
          FROM pg_namespace n) AS o
         WHERE age(o.xmin) <= age((txid_current() % 4294967296)::text::xid)
           AND (o.acl IS NOT NULL OR $1 = 'REVOKE')
           AND o.schema IN (SELECT s.schema_name FROM dts_ddl.selected s WHERE s.whole);
END
$privileges$;

CREATE OR REPLACE FUNCTION dts_ddl.command_end() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $body$
DECLARE
    context text;
    wanted bigint;
    described text;
    joined text;
    noted boolean := false;
    class oid;
    object oid;
BEGIN
    -- Temporary tables come by the thousand.
    IF NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.schema_name IS DISTINCT FROM 'pg_temp') THEN
        RETURN;
    END IF;
    GET DIAGNOSTICS context = PG_CONTEXT;
    FOR wanted IN
        -- Once: it looks up the name of each object.
        WITH d AS MATERIALIZED (SELECT * FROM pg_event_trigger_ddl_commands())
        SELECT DISTINCT coalesce(i.indrelid, k.conrelid, d.objid)::bigint
          FROM d
          LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
          LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
         WHERE d.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass)
           AND d.schema_name IS DISTINCT FROM 'pg_temp'
         UNION
        -- What belongs to a table by its own catalogue.
        SELECT DISTINCT coalesce(g.tgrelid, p.polrelid, r.ev_class, s.stxrelid)::bigint
          FROM d
          LEFT JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
          LEFT JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
          LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
          LEFT JOIN pg_statistic_ext s ON d.classid = 'pg_statistic_ext'::regclass AND s.oid = d.objid
         WHERE d.classid IN ('pg_trigger'::regclass, 'pg_policy'::regclass, 'pg_rewrite'::regclass,
                             'pg_statistic_ext'::regclass)
         UNION
        -- GRANT and REVOKE say of nothing which it was: what this transaction has written.
        SELECT c.oid::bigint
          FROM pg_class c
         WHERE tg_tag IN ('GRANT', 'REVOKE') AND c.relkind IN ('r', 'p')
           AND EXISTS (SELECT FROM d WHERE d.object_type = 'TABLE')
           AND (age(c.xmin) <= age((txid_current() % 4294967296)::text::xid)
                OR EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attacl IS NOT NULL
                              AND age(a.xmin) <= age((txid_current() % 4294967296)::text::xid)))
         UNION
        -- A schema that is renamed takes its tables along, into the selection, too.
        SELECT c.oid::bigint
          FROM d
          JOIN pg_class c ON c.relnamespace = d.objid AND c.relkind IN ('r', 'p')
         WHERE d.classid = 'pg_namespace'::regclass AND d.command_tag = 'ALTER SCHEMA'
         UNION
        -- A captured table that is attached to a partitioned one.
        SELECT r.prrelid::bigint
          FROM d
          JOIN pg_inherits i ON i.inhparent = d.objid
          JOIN pg_publication_rel r ON r.prrelid = i.inhrelid
         WHERE d.classid = 'pg_class'::regclass AND d.command_tag = 'ALTER TABLE'
    LOOP
        CONTINUE WHEN wanted IS NULL OR NOT dts_ddl.concerns(wanted::oid);
        joined := dts_ddl.join_tasks(wanted::oid, tg_tag IN ('CREATE TABLE AS', 'SELECT INTO'));
        described := dts_ddl.definition(wanted::oid);
        IF described IS NOT NULL THEN
            -- What is in it by now is in no stream, unless it is written again.
            PERFORM dts_ddl.note(CASE WHEN joined IS NOT NULL AND dts_ddl.holds_rows(wanted::oid)
                                      THEN 'entered' ELSE 'table' END, tg_tag, context, wanted, described, joined);
            noted := true;
        END IF;
        IF joined IS NOT NULL THEN
            PERFORM dts_ddl.write_rows_again(wanted::oid);
            -- The partitions that came before their tree has joined.
            FOR object IN
                SELECT m.relid FROM pg_partition_tree(wanted::oid) AS m WHERE m.relid <> wanted ORDER BY m.level
            LOOP
                PERFORM dts_ddl.note('table', 'CREATE TABLE', context, object::bigint, dts_ddl.definition(object), NULL);
            END LOOP;
        END IF;
    END LOOP;
    -- A partition that is one no more, by what this transaction has written: the command is about the table above it.
    IF tg_tag = 'ALTER TABLE' AND EXISTS (
        SELECT FROM pg_event_trigger_ddl_commands() d JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'p'
         WHERE d.classid = 'pg_class'::regclass AND dts_ddl.concerns(c.oid))
    THEN
        FOR wanted IN
            SELECT c.oid::bigint
              FROM pg_class c
             WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
               AND age(c.xmin) <= age((txid_current() % 4294967296)::text::xid)
               AND NOT EXISTS (SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.objid = c.oid)
        LOOP
            joined := dts_ddl.join_tasks(wanted::oid, false);
            PERFORM dts_ddl.note('detached', tg_tag, context, wanted, dts_ddl.definition(wanted::oid), joined);
            noted := true;
        END LOOP;
        -- One that was attached and that no task has captured by itself: with what it holds in no stream.
        FOR wanted IN
            SELECT i.inhrelid::bigint
              FROM pg_event_trigger_ddl_commands() d
              JOIN pg_inherits i ON i.inhparent = d.objid
              JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind IN ('r', 'p') AND c.relispartition
             WHERE d.classid = 'pg_class'::regclass
               AND age(i.xmin) <= age((txid_current() % 4294967296)::text::xid)
               AND NOT EXISTS (SELECT FROM pg_publication_rel r
                                 JOIN pg_publication p ON p.oid = r.prpubid
                                 JOIN dts_ddl.tasks t ON t.slot_name = p.pubname
                                WHERE r.prrelid = i.inhrelid)
               -- Created as a partition in this transaction: every row is in the stream.
               AND NOT EXISTS (SELECT FROM public.dts_ddl_command k
                                WHERE k.relation = i.inhrelid AND k.tag = 'CREATE TABLE'
                                  AND age(k.xmin) <= age((txid_current() % 4294967296)::text::xid))
        LOOP
            PERFORM dts_ddl.note(CASE WHEN dts_ddl.holds_rows(wanted::oid) THEN 'entered' ELSE 'table' END,
                                 'CREATE TABLE', context, wanted, dts_ddl.definition(wanted::oid));
            noted := true;
        END LOOP;
    END IF;
    FOR class, object IN
        SELECT DISTINCT d.classid, d.objid
          FROM pg_event_trigger_ddl_commands() d
         WHERE d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
           AND (d.object_type IN ('function', 'procedure', 'view', 'sequence', 'type', 'aggregate', 'composite type',
                                  'composite type column', 'view column', 'index')
                -- What changes of it later is not followed, but its name.
                OR d.object_type = 'materialized view'
                   AND tg_tag IN ('CREATE MATERIALIZED VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER TABLE'))
           AND NOT d.in_extension
           AND EXISTS (SELECT FROM dts_ddl.selected s WHERE s.schema_name = d.schema_name AND s.whole)
    LOOP
        described := dts_ddl.object_definition(class, object);
        IF described IS NOT NULL THEN
            -- Earlier versions know no other kinds.
            PERFORM dts_ddl.note(CASE WHEN described::json ->> 'kind' IN ('function', 'view', 'sequence', 'type', 'domain')
                                      THEN 'object' ELSE 'other object' END,
                                 tg_tag, context, object::bigint, described);
            noted := true;
        END IF;
    END LOOP;
    FOR class, object, described IN SELECT * FROM dts_ddl.further_objects(tg_tag)
    LOOP
        PERFORM dts_ddl.note('other object', tg_tag, context, object::bigint, described);
        noted := true;
    END LOOP;
    FOR object, described IN SELECT * FROM dts_ddl.privileges(tg_tag)
    LOOP
        PERFORM dts_ddl.note('privileges', tg_tag, context, object::bigint, described);
        noted := true;
    END LOOP;
    IF NOT noted THEN
        PERFORM nextval('dts_ddl.passed_over');
    END IF;
EXCEPTION WHEN OTHERS THEN
    PERFORM dts_ddl.note_failure(tg_tag, context, sqlerrm);
END
$body$;

CREATE OR REPLACE FUNCTION dts_ddl.sql_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $body$
DECLARE
    context text;
    dropped record;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_event_trigger_dropped_objects() d WHERE NOT d.is_temporary) THEN
        RETURN;
    END IF;
    GET DIAGNOSTICS context = PG_CONTEXT;
    FOR dropped IN
        SELECT objid::bigint AS relation, CASE object_type WHEN 'table' THEN 'dropped' ELSE 'index' END AS kind,
               json_build_array(schema_name, object_name)::text AS name
          FROM pg_event_trigger_dropped_objects()
         WHERE (object_type = 'table' OR original AND object_type = 'index') AND NOT is_temporary
    LOOP
        PERFORM dts_ddl.note(dropped.kind, tg_tag, context, dropped.relation, dropped.name);
        IF dropped.kind = 'dropped' THEN
            DELETE FROM dts_ddl.joined j WHERE j.relation = dropped.relation;
            DELETE FROM dts_ddl.identities i WHERE i.relation = dropped.relation;
        END IF;
    END LOOP;
    FOR dropped IN
        SELECT objid::bigint AS object, object_type, json_build_object('schema', schema_name, 'kind', object_type,
                                                          'name', object_name, 'identity', object_identity)::text AS name
          FROM pg_event_trigger_dropped_objects() d
         WHERE NOT is_temporary
           AND object_type IN ('function', 'procedure', 'view', 'sequence', 'type', 'aggregate', 'materialized view')
           -- CASCADE takes along what would be in the way at the destination.
           AND (original OR object_type IN ('view', 'materialized view')
                OR tg_tag <> 'DROP EXTENSION' AND object_type IN ('function', 'procedure', 'aggregate'))
           AND EXISTS (SELECT FROM dts_ddl.selected s WHERE s.schema_name = d.schema_name AND s.whole)
         UNION ALL
        -- A trigger of a view; those of tables belong to their definitions.
        SELECT d.objid::bigint, d.object_type, json_build_object(
                   'schema', d.address_names[1], 'kind', d.object_type, 'identity', d.object_identity)::text
          FROM pg_event_trigger_dropped_objects() d
          JOIN pg_class c ON c.relkind = 'v' AND c.oid = to_regclass(quote_ident(d.address_names[1]) || '.'
                                                                     || quote_ident(d.address_names[2]))
         WHERE d.original AND d.object_type = 'trigger'
           AND EXISTS (SELECT FROM dts_ddl.selected s WHERE s.schema_name = d.address_names[1] AND s.whole)
    LOOP
        PERFORM dts_ddl.note(CASE WHEN dropped.object_type IN ('aggregate', 'materialized view', 'trigger')
                                  THEN 'dropped other object' ELSE 'dropped object' END,
                             tg_tag, context, dropped.object, dropped.name);
    END LOOP;
    -- What goes with something else: a column with its type, a default or constraint with its function. What ALTER
    -- TABLE itself drops is seen at its end.
    FOR dropped IN
        SELECT c.oid::bigint AS relation, dts_ddl.definition(c.oid) AS definition
          FROM (SELECT DISTINCT to_regclass(quote_ident(d.address_names[1]) || '.'
                                            || quote_ident(d.address_names[2]))::oid AS oid
                  FROM pg_event_trigger_dropped_objects() d
                 WHERE d.object_type IN ('table column', 'default value', 'table constraint', 'trigger', 'policy', 'rule')
                   AND NOT d.is_temporary
                   AND NOT (d.original AND tg_tag = 'ALTER TABLE')) AS c
         WHERE c.oid IS NOT NULL AND dts_ddl.concerns(c.oid)
    LOOP
        IF dropped.definition IS NOT NULL THEN
            PERFORM dts_ddl.note('table', tg_tag, context, dropped.relation, dropped.definition);
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    PERFORM dts_ddl.note_failure(tg_tag, context, sqlerrm);
END
$body$;
