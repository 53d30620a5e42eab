-- What is no table, as its catalogue has it, as JSON; :class and :object are OIDs. Names are qualified as the session's
-- search_path demands: it is pg_catalog alone.
SELECT json_build_object(
           'kind', 'function', 'schema', n.nspname, 'name', p.proname,
           'create', json_build_array(pg_catalog.pg_get_functiondef(p.oid)))::text
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE :class = 'pg_catalog.pg_proc'::regclass AND p.oid = :object AND p.prokind <> 'a'
 UNION ALL
SELECT json_build_object(
           'kind', 'view', 'schema', n.nspname, 'name', c.relname,
           'create', json_build_array(format('CREATE OR REPLACE VIEW %I.%I%s AS %s', n.nspname, c.relname,
               ' WITH (' || array_to_string(c.reloptions, ', ') || ')', pg_catalog.pg_get_viewdef(c.oid))))::text
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE :class = 'pg_catalog.pg_class'::regclass AND c.oid = :object AND c.relkind = 'v' AND c.relpersistence <> 't'
 UNION ALL
SELECT json_build_object(
           'kind', 'sequence', 'schema', n.nspname, 'name', c.relname,
           'create', (SELECT json_agg(format('%s %I.%I AS %s INCREMENT BY %s MINVALUE %s MAXVALUE %s START WITH %s'
                                         ' CACHE %s %s', verb, n.nspname, c.relname, q.seqtypid::regtype,
                                         q.seqincrement, q.seqmin, q.seqmax, q.seqstart, q.seqcache,
                                         CASE WHEN q.seqcycle THEN 'CYCLE' ELSE 'NO CYCLE' END) ORDER BY at)
                        FROM (VALUES (1, 'CREATE SEQUENCE IF NOT EXISTS'), (2, 'ALTER SEQUENCE')) AS v (at, verb)))::text
  FROM pg_catalog.pg_class c
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
 WHERE :class = 'pg_catalog.pg_class'::regclass AND c.oid = :object AND c.relkind = 'S' AND c.relpersistence = 'p'
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
                    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                      AND d.refobjsubid > 0)
 UNION ALL
SELECT json_build_object(
           'kind', CASE t.typtype WHEN 'd' THEN 'domain' ELSE 'type' END, 'schema', n.nspname, 'name', t.typname,
           'labels', CASE WHEN t.typtype = 'e' THEN (
               SELECT coalesce(json_agg(e.enumlabel ORDER BY e.enumsortorder), '[]')
                 FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid) END,
           'create', json_build_array(CASE t.typtype
               WHEN 'e' THEN format('CREATE TYPE %I.%I AS ENUM (%s)', n.nspname, t.typname, (
                   SELECT string_agg(quote_literal(e.enumlabel), ', ' ORDER BY e.enumsortorder)
                     FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid))
               WHEN 'c' THEN format('CREATE TYPE %I.%I AS (%s)', n.nspname, t.typname, (
                   SELECT string_agg(format('%I %s%s', a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
                              CASE WHEN a.attcollation <> y.typcollation
                                   THEN ' COLLATE ' || a.attcollation::regcollation END), ', ' ORDER BY a.attnum)
                     FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type y ON y.oid = a.atttypid
                    WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped))
               ELSE format('CREATE DOMAIN %I.%I AS %s%s%s%s%s', n.nspname, t.typname,
                   pg_catalog.format_type(t.typbasetype, t.typtypmod),
                   CASE WHEN t.typcollation <> b.typcollation THEN ' COLLATE ' || t.typcollation::regcollation END,
                   ' DEFAULT ' || t.typdefault,
                   CASE WHEN t.typnotnull THEN ' NOT NULL' END, (
                       SELECT ' ' || string_agg(
                                  format('CONSTRAINT %I %s', k.conname, pg_catalog.pg_get_constraintdef(k.oid)), ' '
                                  ORDER BY k.conname)
                         FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c')) END))::text
  FROM pg_catalog.pg_type t
  JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
  LEFT JOIN pg_catalog.pg_type b ON b.oid = t.typbasetype
  LEFT JOIN pg_catalog.pg_class r ON r.oid = t.typrelid
 WHERE :class = 'pg_catalog.pg_type'::regclass AND t.oid = :object
   AND (t.typtype IN ('d', 'e') OR t.typtype = 'c' AND r.relkind = 'c')
