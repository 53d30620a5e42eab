-- What captures changes of definitions: event triggers that write a row for each table that a command touches, with its
-- definition after the command, in the transaction of the command. They never fail the statement that they follow.
CREATE SCHEMA dts_ddl;
COMMENT ON SCHEMA dts_ddl IS 'syncwizard: capture of definitions for synchronization tasks';
CREATE TABLE dts_ddl.tasks (slot_name text PRIMARY KEY);
CREATE SEQUENCE dts_ddl.ordinal;

-- `kind`: 'table', 'index' (that was dropped, `relation` is its OID), or 'failed', with why it could not be captured.
-- `statement`: null where a function ran it whose text is not known.
CREATE TABLE public.dts_ddl_command (
    ordinal     bigint PRIMARY KEY DEFAULT nextval('dts_ddl.ordinal'),
    version     integer NOT NULL DEFAULT 1,
    kind        text NOT NULL,
    tag         text NOT NULL,
    role        text NOT NULL DEFAULT session_user,
    statement   text,
    relation    bigint NOT NULL,
    definition  text,
    executed_at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp()
);
COMMENT ON TABLE public.dts_ddl_command IS 'syncwizard: capture of definitions for synchronization tasks';

CREATE FUNCTION dts_ddl.definition(oid) RETURNS text LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    SET DateStyle = 'ISO, MDY' SET IntervalStyle = 'postgres' SET TimeZone = 'UTC'
    SET extra_float_digits = 3 SET bytea_output = 'hex'
    AS $definition$:definition$definition$;

-- The text of the statement at hand, of which the context is that of the trigger: within functions the innermost one.
CREATE FUNCTION dts_ddl.statement(context text) RETURNS text LANGUAGE sql VOLATILE
    SET search_path = pg_catalog, pg_temp
    AS $statement$
        SELECT left(CASE WHEN position(E'\n' IN context) = 0 THEN current_query()
                         ELSE substring(context FROM E'^[^\n]*\nSQL statement "(.*)"\nPL/pgSQL function ') END, 100000)
    $statement$;

CREATE FUNCTION dts_ddl.note(kind text, tag text, context text, relation bigint, definition text) RETURNS void
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
    AS $note$
        INSERT INTO public.dts_ddl_command (kind, tag, statement, relation, definition)
        VALUES ($1, $2, dts_ddl.statement($3), $4, $5)
    $note$;

CREATE FUNCTION dts_ddl.command_end() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $body$
DECLARE
    context text;
    wanted bigint;
    described text;
BEGIN
    GET DIAGNOSTICS context = PG_CONTEXT;
    FOR wanted IN
        SELECT DISTINCT coalesce(i.indrelid, k.conrelid, d.objid)::bigint
          FROM pg_event_trigger_ddl_commands() d
          LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid
          LEFT JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid
         WHERE d.classid IN ('pg_class'::regclass, 'pg_constraint'::regclass)
           AND d.schema_name IS DISTINCT FROM 'pg_temp'
    LOOP
        described := dts_ddl.definition(wanted::oid);
        IF described IS NOT NULL THEN
            PERFORM dts_ddl.note('table', tg_tag, context, wanted, described);
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

CREATE FUNCTION dts_ddl.sql_drop() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    AS $body$
DECLARE
    context text;
    dropped record;
BEGIN
    GET DIAGNOSTICS context = PG_CONTEXT;
    FOR dropped IN
        SELECT objid::bigint AS relation FROM pg_event_trigger_dropped_objects()
         WHERE original AND object_type = 'index' AND NOT is_temporary
    LOOP
        PERFORM dts_ddl.note('index', tg_tag, context, dropped.relation, NULL);
    END LOOP;
    -- What goes with something else: a column with its type, a default or constraint with its function. What ALTER
    -- TABLE itself drops is seen at its end.
    FOR dropped IN
        SELECT c.oid::bigint AS relation, dts_ddl.definition(c.oid) AS definition
          FROM (SELECT DISTINCT to_regclass(format('%I.%I', d.address_names[1], d.address_names[2]))::oid AS oid
                  FROM pg_event_trigger_dropped_objects() d
                 WHERE d.object_type IN ('table column', 'default value', 'table constraint') AND NOT d.is_temporary
                   AND NOT (d.original AND tg_tag = 'ALTER TABLE')) AS c
         WHERE c.oid IS NOT NULL
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
