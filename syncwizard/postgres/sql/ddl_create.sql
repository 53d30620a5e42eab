-- What captures changes of definitions: event triggers that write a row for each table that a command touches, with its
-- definition after the command, in the transaction of the command. They never fail the statement that they follow.
CREATE SCHEMA dts_ddl;
COMMENT ON SCHEMA dts_ddl IS 'syncwizard: capture of definitions for synchronization tasks';
CREATE TABLE dts_ddl.tasks (slot_name text PRIMARY KEY);
CREATE SEQUENCE dts_ddl.ordinal;
-- How many commands concerned no task.
CREATE SEQUENCE dts_ddl.passed_over MINVALUE 0;

-- The tables that join the publication of a task when they are created: those of a schema without `names` where it is
-- `whole`, else `names` alone. A task has rows here once its slot is there.
CREATE TABLE dts_ddl.selected (
    slot_name   text NOT NULL,
    schema_name text NOT NULL,
    whole       boolean NOT NULL,
    names       text[] NOT NULL
);
-- The tables that did. `member`: a row of pg_publication_rel.
CREATE TABLE dts_ddl.joined (
    slot_name text NOT NULL,
    relation  bigint NOT NULL,
    member    bigint NOT NULL,
    PRIMARY KEY (slot_name, relation)
);
-- Tables that got REPLICA IDENTITY FULL when they joined, and what they had before.
CREATE TABLE dts_ddl.identities (
    slot_name text NOT NULL,
    relation  bigint NOT NULL,
    previous  text NOT NULL,
    PRIMARY KEY (slot_name, relation)
);

-- `kind`: 'table', 'object' (what is none), 'dropped' (a table), 'dropped object', 'index' (that was dropped, `relation` is its OID), or 'failed', with why it could
-- not be captured; the definition of what was dropped is its schema and name, as JSON. `statement`: null where a function
-- ran it whose text is not known. `joined`: the publications that the table has joined by this command, each with its row
-- there, as JSON.
CREATE TABLE public.dts_ddl_command (
    ordinal     bigint PRIMARY KEY DEFAULT nextval('dts_ddl.ordinal'),
    version     integer NOT NULL DEFAULT 1,
    kind        text NOT NULL,
    tag         text NOT NULL,
    role        text NOT NULL DEFAULT session_user,
    statement   text,
    relation    bigint NOT NULL,
    definition  text,
    executed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    joined      text
);
COMMENT ON TABLE public.dts_ddl_command IS 'syncwizard: capture of definitions for synchronization tasks';

-- In PL/pgSQL, as what follows: a session plans each statement once.
CREATE FUNCTION dts_ddl.definition(oid) RETURNS text LANGUAGE plpgsql VOLATILE
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
CREATE FUNCTION dts_ddl.object_definition(class oid, object oid) RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $definition$
BEGIN
    RETURN (
:object_definition
    );
END
$definition$;

-- Whether a task captures the table or one that it is a partition of, or would if it were created now.
CREATE FUNCTION dts_ddl.concerns(relation oid) RETURNS boolean LANGUAGE plpgsql VOLATILE
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
CREATE FUNCTION dts_ddl.statement(context text) RETURNS text LANGUAGE plpgsql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $statement$
BEGIN
    RETURN left(CASE WHEN position(E'\n' IN context) = 0 THEN current_query()
                     ELSE substring(context FROM E'^[^\n]*\nSQL statement "(.*)"\nPL/pgSQL function ') END, 100000);
END
$statement$;

CREATE FUNCTION dts_ddl.note(
    kind text, tag text, context text, relation bigint, definition text, joined text DEFAULT NULL
) RETURNS void
    LANGUAGE plpgsql VOLATILE SET search_path = pg_catalog, pg_temp
    AS $note$
BEGIN
    INSERT INTO public.dts_ddl_command (kind, tag, statement, relation, definition, joined)
    VALUES ($1, $2, dts_ddl.statement($3), $4, $5, $6);
END
$note$;

-- Whether UPDATE and DELETE of the table can be published as it is.
CREATE FUNCTION dts_ddl.has_identity(relation oid) RETURNS boolean LANGUAGE plpgsql VOLATILE
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

-- Lets a table join the publications of the tasks that select it, before a row can come; which ones, as JSON, null for
-- none. `made_with_rows`: the command made it with them (CREATE TABLE AS), so they are in the stream only when they are
-- written again, which is done for a table of up to 64 MiB. One that holds rows otherwise, or that cannot join, is left
-- to the tasks, which say so.
CREATE FUNCTION dts_ddl.join_tasks(wanted oid, made_with_rows boolean) RETURNS text LANGUAGE plpgsql VOLATILE
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
         WHERE c.oid = wanted AND c.relkind = 'r' AND c.relpersistence = 'p' AND NOT c.relispartition
           AND (pg_relation_size(c.oid) = 0 OR made_with_rows AND pg_table_size(c.oid) <= 67108864)
           AND NOT EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid OR i.inhparent = c.oid)
           AND NOT EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = p.oid AND r.prrelid = c.oid)
         ORDER BY s.slot_name
    LOOP
        IF NOT held AND made_with_rows AND pg_relation_size(wanted) > 0 THEN
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
    -- A table that a task captures and that has lost its key.
    FOR name, slot IN
        SELECT format('%I.%I', n.nspname, c.relname), p.pubname
          FROM pg_publication_rel r
          JOIN pg_publication p ON p.oid = r.prpubid
          JOIN dts_ddl.tasks t ON t.slot_name = p.pubname
          JOIN pg_class c ON c.oid = r.prrelid AND c.relkind = 'r'
          JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE r.prrelid = wanted AND NOT dts_ddl.has_identity(wanted)
    LOOP
        PERFORM dts_ddl.give_identity(wanted, slot, name);
    END LOOP;
    RETURN memberships::text;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END
$join$;

-- Those that `join_tasks` has held back, behind the row that lets tasks create the table.
CREATE FUNCTION dts_ddl.write_rows_again(wanted oid) RETURNS void LANGUAGE plpgsql VOLATILE
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
CREATE FUNCTION dts_ddl.give_identity(wanted oid, slot text, name text) RETURNS void LANGUAGE plpgsql VOLATILE
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

CREATE FUNCTION dts_ddl.command_end() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
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
    GET DIAGNOSTICS context = PG_CONTEXT;
    FOR wanted IN
        SELECT DISTINCT coalesce(i.indrelid, k.conrelid, d.objid)::bigint
          FROM pg_event_trigger_ddl_commands() d
          LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
          LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
         WHERE d.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass)
           AND d.schema_name IS DISTINCT FROM 'pg_temp'
         UNION
        -- A schema that is renamed takes its tables along.
        SELECT r.prrelid::bigint
          FROM pg_event_trigger_ddl_commands() d
          JOIN pg_class c ON c.relnamespace = d.objid
          JOIN pg_publication_rel r ON r.prrelid = c.oid
         WHERE d.classid = 'pg_namespace'::regclass AND d.command_tag = 'ALTER SCHEMA'
         UNION
        -- A captured table that is attached to a partitioned one.
        SELECT r.prrelid::bigint
          FROM pg_event_trigger_ddl_commands() d
          JOIN pg_inherits i ON i.inhparent = d.objid
          JOIN pg_publication_rel r ON r.prrelid = i.inhrelid
         WHERE d.classid = 'pg_class'::regclass AND d.command_tag = 'ALTER TABLE'
    LOOP
        CONTINUE WHEN NOT dts_ddl.concerns(wanted::oid);
        joined := dts_ddl.join_tasks(wanted::oid, tg_tag IN ('CREATE TABLE AS', 'SELECT INTO'));
        described := dts_ddl.definition(wanted::oid);
        IF described IS NOT NULL THEN
            PERFORM dts_ddl.note('table', tg_tag, context, wanted, described, joined);
            noted := true;
        END IF;
        IF joined IS NOT NULL THEN
            PERFORM dts_ddl.write_rows_again(wanted::oid);
        END IF;
    END LOOP;
    FOR class, object IN
        SELECT DISTINCT d.classid, d.objid
          FROM pg_event_trigger_ddl_commands() d
         WHERE d.classid IN ('pg_class'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
           AND d.object_type IN ('function', 'procedure', 'view', 'sequence', 'type') AND NOT d.in_extension
           AND EXISTS (SELECT FROM dts_ddl.selected s WHERE s.schema_name = d.schema_name AND s.whole)
    LOOP
        described := dts_ddl.object_definition(class, object);
        IF described IS NOT NULL THEN
            PERFORM dts_ddl.note('object', tg_tag, context, object::bigint, described);
            noted := true;
        END IF;
    END LOOP;
    IF NOT noted AND EXISTS (
        SELECT FROM pg_event_trigger_ddl_commands() d WHERE d.schema_name IS DISTINCT FROM 'pg_temp') THEN
        PERFORM nextval('dts_ddl.passed_over');
    END IF;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        PERFORM dts_ddl.note('failed', tg_tag, context, 0, sqlerrm);
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'the command was not captured: %', sqlerrm;
    END;
END
$body$;

CREATE FUNCTION dts_ddl.sql_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $body$
DECLARE
    context text;
    dropped record;
BEGIN
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
        SELECT objid::bigint AS object, json_build_object('schema', schema_name, 'kind', object_type,
                                                          'name', object_name, 'identity', object_identity)::text AS name
          FROM pg_event_trigger_dropped_objects() d
         WHERE original AND object_type IN ('function', 'procedure', 'view', 'sequence', 'type') AND NOT is_temporary
           AND EXISTS (SELECT FROM dts_ddl.selected s WHERE s.schema_name = d.schema_name AND s.whole)
    LOOP
        PERFORM dts_ddl.note('dropped object', tg_tag, context, dropped.object, dropped.name);
    END LOOP;
    -- What goes with something else: a column with its type, a default or constraint with its function. What ALTER
    -- TABLE itself drops is seen at its end.
    FOR dropped IN
        SELECT c.oid::bigint AS relation, dts_ddl.definition(c.oid) AS definition
          FROM (SELECT DISTINCT to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))::oid AS oid
                  FROM pg_event_trigger_dropped_objects() d
                 WHERE d.object_type IN ('table column', 'default value', 'table constraint') AND NOT d.is_temporary
                   AND NOT (d.original AND tg_tag = 'ALTER TABLE')) AS c
         WHERE c.oid IS NOT NULL AND dts_ddl.concerns(c.oid)
    LOOP
        IF dropped.definition IS NOT NULL THEN
            PERFORM dts_ddl.note('table', tg_tag, context, dropped.relation, dropped.definition);
        END IF;
    END LOOP;
EXCEPTION WHEN OTHERS THEN
    BEGIN
        PERFORM dts_ddl.note('failed', tg_tag, context, 0, sqlerrm);
    EXCEPTION WHEN OTHERS THEN
        RAISE WARNING 'the command was not captured: %', sqlerrm;
    END;
END
$body$;

CREATE EVENT TRIGGER dts_ddl_command_end ON ddl_command_end EXECUTE FUNCTION dts_ddl.command_end();
CREATE EVENT TRIGGER dts_ddl_sql_drop ON sql_drop EXECUTE FUNCTION dts_ddl.sql_drop();
ALTER EVENT TRIGGER dts_ddl_command_end ENABLE ALWAYS;
ALTER EVENT TRIGGER dts_ddl_sql_drop ENABLE ALWAYS;
